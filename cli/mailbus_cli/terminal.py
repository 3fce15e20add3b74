"""Shows the steps of a long command: on a terminal with their times, otherwise as plain lines."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any, Final, Self

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from rich.status import Status

#: Set by the Makefile: a checkout has no command `mailbus`.
ENV_COMMAND: Final = "MAILBUS_ENV_COMMAND"


class Steps:
    """Called with each step when it begins; the one before it has ended then."""

    def __init__(self) -> None:
        # a path is not cut at the terminal's width, and nothing in a text is markup
        self._console = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
        self._status: Status | None = None
        self._step = ""
        self._began = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(done=kind is None)

    def __call__(self, step: str) -> None:
        """Begin a step."""
        self._end(done=True)
        if not self._console.is_terminal:
            self._print(step)
            return
        self._step, self._began = step, time.monotonic()
        self._status = self._console.status(Text(step))
        self._status.start()

    def warn(self, text: str) -> None:
        """Show what is wrong in the system."""
        self._console.print(Text(text, style="red"))
        sys.stdout.flush()

    def ready(self, outputs: Mapping[str, Any], directory: Path, room: str) -> None:
        """Show where the system is, and its mail room."""
        self._end(done=True)
        if not self._console.is_terminal:
            self._print(f"the outputs are in {directory / 'outputs.json'}")
            self._print(f"the mail room is at {room}")
            self._print("ready")
            return
        rows = {
            "room": room,
            "AWS": outputs["endpoint_url"],
            "SES": outputs["ses_endpoint_url"],
            "SMTP": f"{outputs['smtp_host']}:{outputs['smtp_port']}",
            "logs": directory,
        }
        lines = "".join(f"  {name:6}{value}\n" for name, value in rows.items())
        command = os.environ.get(ENV_COMMAND) or "mailbus env --local"
        self._print(
            f"\nMailbus is ready.\n\n{lines}\nIn another terminal, for every tool and snippet:\n\n"
            f'  eval "$({command})"\n\nCtrl-C ends it.\n'
        )

    def _end(self, *, done: bool) -> None:
        status, self._status = self._status, None
        if status is None:
            return
        status.stop()
        seconds = time.monotonic() - self._began
        mark = ("✓ ", "green") if done else ("✗ ", "red")
        self._console.print(Text.assemble(mark, self._step, (f"  {seconds:.1f} s", "dim")))

    def _print(self, text: str) -> None:
        self._console.print(Text(text))
        sys.stdout.flush()
