"""Answers of DNS for the judgement of checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailbus_cli.dns import Answer, Outcome

if TYPE_CHECKING:
    from mailbus_cli.dns import Type


def answer(
    record_type: Type, *values: str, name: str = "x.example.com", failed: Outcome | None = None
) -> Answer:
    """Return an answer with values, without any, or that of servers that failed."""
    outcome = failed or (Outcome.FOUND if values else Outcome.NO_RECORD)
    return Answer(name=name, type=record_type, outcome=outcome, values=values)
