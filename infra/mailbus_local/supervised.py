"""Runs the system for the process that started this one, until its end of standard input is closed.

The operating system closes it even if that process is killed, so that no system outlives its user.
"""

from __future__ import annotations

import argparse
import sys
import threading
from pathlib import Path

from mailbus.errors import MailbusError
from mailbus_local.directory import READY
from mailbus_local.embedded import EmbeddedAws
from mailbus_local.stop_signals import StopRequest


def main() -> int:
    """Start, print `ready`, wait for the end of standard input, end everything. Return 1 after an error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path, required=True)
    directory = parser.parse_args().directory
    stop = StopRequest()
    stop.listen()
    threading.Thread(target=_request_at_end_of_input, args=(stop,), daemon=True).start()
    try:
        with EmbeddedAws(directory=directory, progress=_print, stop=stop) as aws:
            _print(READY)
            while aws.running and not stop.wait(1):
                pass
    except MailbusError as error:
        _print(str(error))
        return 1
    return 0


def _request_at_end_of_input(stop: StopRequest) -> None:
    sys.stdin.buffer.read()
    stop.request()


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the other process reads it


if __name__ == "__main__":
    sys.exit(main())
