"""`make local`: runs the embedded AWS in the foreground until SIGINT or SIGTERM."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from mailbus.errors import MailbusError
from mailbus_local.embedded import DIRECTORY, OUTPUTS, EmbeddedAws
from mailbus_local.ports import Ports
from mailbus_local.stop_signals import StopRequest

LAST_PORT: Final = 65_535


def main() -> int:
    """Start, print `ready`, wait for a signal, end everything. Return 1 after an error."""
    parser = argparse.ArgumentParser(prog="make local ARGS='…'", description=__doc__)
    parser.add_argument(
        "--port", type=_port, default=0, help="port of the embedded AWS (default: a free one)"
    )
    parser.add_argument("--ses-port", type=_port, default=0, help="port of the simulated SES")
    parser.add_argument("--smtp-port", type=_port, default=0, help="SMTP port for incoming mail")
    parser.add_argument("--sns-port", type=_port, default=0, help="port of SNS over HTTPS")
    parser.add_argument("--directory", type=Path, default=DIRECTORY, help=f"directory for {OUTPUTS} and logs")
    options = parser.parse_args()
    ports = Ports(aws=options.port, ses=options.ses_port, smtp=options.smtp_port, sns=options.sns_port)
    stop = StopRequest()
    stop.listen()
    try:
        with EmbeddedAws(directory=options.directory, ports=ports, progress=_print, stop=stop) as aws:
            _print(f"the outputs are in {options.directory / OUTPUTS}")
            _print("ready")
            while aws.running and not stop.wait(1):
                pass
            if not stop.number:
                _print(f"MiniStack exited; see {options.directory}/ministack.log")
                return 1
            _print("stopping")
    except MailbusError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the command's output
        return 128 + stop.number if stop.number else 1
    return 0


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > LAST_PORT:
        reason = f"{text!r} is not a port: use 0 (a free one) to {LAST_PORT}"
        raise argparse.ArgumentTypeError(reason)
    return int(text)


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the command's output


if __name__ == "__main__":
    sys.exit(main())
