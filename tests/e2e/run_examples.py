"""Runs Python examples, each in a process of its own, forked after the imports that most of them share.

Reads a JSON object of code by name from the standard input, and writes what went wrong by name, if anything.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile
import traceback
from pathlib import Path

import boto3  # noqa: F401 - once for all examples, instead of a second for each
import django.core.mail  # noqa: F401 - as above

import mailbus.client
import mailbus.events  # noqa: F401 - as above


def run(name: str, code: str, errors: Path) -> str:
    """Run one example in a process of its own; return the traceback, or nothing."""
    child = os.fork()
    if not child:
        status = 1
        with errors.open("w") as written:
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    exec(compile(code, name, "exec"), {"__name__": "__main__"})  # noqa: S102 - the project's own
                status = 0
            except BaseException:  # noqa: BLE001 - an exit is wrong too
                traceback.print_exc(file=written)
        os._exit(status)
    _, status = os.waitpid(child, 0)
    return "" if status == 0 else errors.read_text() or f"ended with {status}"


def main() -> None:
    examples: dict[str, str] = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as directory:
        errors = Path(directory) / "errors"
        json.dump({name: run(name, code, errors) for name, code in examples.items()}, sys.stdout)


if __name__ == "__main__":
    main()
