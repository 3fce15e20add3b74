from __future__ import annotations

from typing import TYPE_CHECKING

from mailbus_cli.progress import Progress

if TYPE_CHECKING:
    import pytest


def test_where_it_is_no_terminal_there_are_at_most_ten_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("enqueued", 2500) as progress:
        for _ in range(250):
            progress.advance(10)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 10
    assert (lines[0], lines[-1]) == ("enqueued: 250 of 2,500", "enqueued: 2,500 of 2,500")


def test_it_can_be_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("enqueued", 1, shown=False) as progress:
        progress.advance(1)
    with Progress("enqueued", 0) as progress:
        progress.advance(0)
    assert capsys.readouterr() == ("", "")
