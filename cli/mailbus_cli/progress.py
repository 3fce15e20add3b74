"""The progress of a long command on stderr: a bar on a terminal, otherwise a line now and then."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from types import TracebackType

    from rich.progress import Progress as Bar

# how many lines there are at most
LINES: Final = 10


class Progress:
    """Shows how many of `total` are done."""

    def __init__(self, doing: str, total: int, *, shown: bool = True) -> None:
        self._doing = doing
        self._total = total
        self._done = 0
        self._shown = shown
        self._bar: Bar | None = None

    def __enter__(self) -> Self:
        if self._shown and sys.stderr.isatty():
            from rich import progress  # noqa: PLC0415 - only on a terminal

            from mailbus_cli.output import console  # noqa: PLC0415 - as above

            self._bar = progress.Progress(
                progress.TextColumn("{task.description}"),
                progress.BarColumn(),
                progress.MofNCompleteColumn(),
                progress.TimeRemainingColumn(),
                console=console(stderr=True),
                transient=True,
            )
            self._bar.add_task(self._doing, total=self._total)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, count: int) -> None:
        """Count what is done."""
        before, self._done = self._done, self._done + count
        if self._bar is not None:
            self._bar.advance(self._bar.task_ids[0], count)
        elif self._shown and self._lines(before) < self._lines(self._done):
            sys.stderr.write(f"{self._doing}: {self._done:,} of {self._total:,}\n")

    def _lines(self, done: int) -> int:
        """Return how many lines there are by then."""
        return done * LINES // max(self._total, 1)
