"""The entry of the console script `mailbus`, and of `python -m mailbus_cli`.

Exit codes: 0, 1 after an error, 2 if the command line is wrong, 130 after Ctrl-C.
"""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

EXTRA: Final = frozenset({"typer", "rich", "platformdirs"})
ERROR: Final = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, by default that of `sys.argv`. Return the exit code."""
    try:
        from mailbus_cli import frame  # noqa: PLC0415 - needs the extra
    except ModuleNotFoundError as error:
        if error.name not in EXTRA:
            raise
        sys.stderr.write(
            f"mailbus: the command line needs the extra cli ({error.name} is missing)\n"
            "hint: install mailbus[cli], or mailbus[local] with everything, from where mailbus came from\n"
        )
        return ERROR
    if isinstance(sys.stdout, io.TextIOWrapper):
        # a name in letters that the terminal's encoding lacks must not end a command
        sys.stdout.reconfigure(errors="backslashreplace")
    return frame.run(sys.argv[1:] if arguments is None else arguments)
