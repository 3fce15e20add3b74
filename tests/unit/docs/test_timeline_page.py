"""The page on the timeline has the table of the code."""

from __future__ import annotations

from typing import Final

from mailbus.timeline.status import KINDS, STATUSES, TABLE
from tests.unit.docs.pages import page

LABELS: Final = {"bounced_late": "late", "not_sent": "not sent"}


def label(name: str) -> str:
    return LABELS.get(name, name)


def written() -> str:
    """The table of statuses as Markdown."""
    lines = [
        f"| | {' | '.join(label(kind) for kind in KINDS)} |",
        f"| --- |{' --- |' * len(KINDS)}",
    ]
    for status in STATUSES:
        cells = [TABLE[status][kind] for kind in KINDS]
        drawn = ("·" if after == status else label(after) for after in cells)
        lines.append(f"| **{label(status)}** | {' | '.join(drawn)} |")
    return "\n".join(lines)


def test_the_page_draws_the_whole_table() -> None:
    assert written() in page("timeline.md")
