from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from mailbus_cli import frame, options

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return what a command gets for `--local` and `--stage`."""

    def act(*, stage: options.Stage = None, local: options.Local = False) -> None:
        """Act."""
        typer.echo(f"{local} {stage}")

    monkeypatch.setattr(frame, "found", lambda: {"act": act, "other": act})

    def run(*arguments: str, **environment: str) -> str:
        result = CliRunner().invoke(frame.application(), ["act", *arguments], env=environment)
        assert result.exit_code == 0, result.output
        return result.output.strip()

    return run


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "False prod"),
        (("--local",), "True None"),
        (("--stage", "dev"), "False dev"),
        (("--local", "--stage", "dev"), "True dev"),
    ],
)
def test_the_stage_of_the_environment_is_a_default(
    chosen: Callable[..., str], arguments: tuple[str, ...], expected: str
) -> None:
    assert chosen(*arguments, MAILBUS_STAGE="prod") == expected
