"""What functions log: its bytes are counted, and its errors."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Log(io.StringIO):
    """A stream of lines of JSON: `bytes` is how much was written, `error_lines` how many errors."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0
        self.error_lines = 0

    def write(self, text: str) -> int:
        """Count a line, or the line break that follows it; nothing is kept."""
        self.bytes += len(text.encode())
        self.error_lines += '"level":"ERROR"' in text
        return len(text)

    def print_of(self, write: Callable[[], object]) -> None:
        """Count what a function prints, as metrics are."""
        with contextlib.redirect_stdout(self):
            write()
