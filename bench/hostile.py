"""`python -m bench.hostile`: mails made to hurt, read by each of three parsers in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Final

import msgspec
from rich.console import Console
from rich.table import Table

from bench.parsers import READERS
from bench.support import fresh_process

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS: Final = 25
MB: Final = 1_000_000
PARSERS: Final = ("here", "fast-mail-parser's tree, split as here", "standard library, split as here")
MIXED: Final = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
EMPTY_PART: Final = b"--b\r\n\r\nx\r\n"
ATTACHED: Final = b"Content-Type: message/rfc822\r\n\r\n"


def nested(depth: int) -> bytes:
    """Make a text in `depth` multiparts, each with its own boundary."""
    opened = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
        for level in range(depth)
    )
    closed = b"".join(b"--b%d--\r\n" % level for level in reversed(range(depth)))
    return opened + b"\r\nhello\r\n" + closed


MAILS: Final[dict[str, Callable[[], bytes]]] = {
    "100 multiparts in each other": lambda: nested(100),
    "300 multiparts in each other": lambda: nested(300),
    "20,000 multiparts in each other": lambda: nested(20_000),
    "300 messages in each other": lambda: ATTACHED * 300 + b"Subject: x\r\n\r\nhello",
    "100,000 messages in each other": lambda: ATTACHED * 100_000 + b"Subject: x\r\n\r\nhello",
    "1,000 parts": lambda: MIXED + EMPTY_PART * 1_000 + b"--b--",
    "3 million parts": lambda: MIXED + EMPTY_PART * 3_000_000 + b"--b--",
    "a parameter of 10 MB": lambda: b'Content-Type: text/plain; a="' + b"x;=" * 3_300_000 + b'"\r\n\r\nx',
    "2 million parameters": lambda: b"Content-Type: text/plain" + b"; a=1" * 2_000_000 + b"\r\n\r\nx",
    "900,000 addresses": lambda: b"To: " + b'"a" <b@c>, ' * 900_000 + b"\r\n\r\nx",
    "700,000 encoded words": lambda: b"Subject: " + b"=?utf-8?q?x?= " * 700_000 + b"\r\n\r\nx",
    "a subject of a million blanks": lambda: b"Subject: a" + (b"\r\n" + b" " * 900) * 1_100 + b"b\r\n\r\nx",
    "5 million header fields": lambda: b"A: b\r\n" * 5_000_000 + b"\r\nx",
    "base64 of nothing but padding": lambda: (
        b"Content-Transfer-Encoding: base64\r\n\r\n" + b"=A!" * 10_000_000
    ),
    "an attachment cut off in its base64": lambda: (
        MIXED
        + b"--b\r\n\r\nhello\r\n--b\r\nContent-Type: application/pdf\r\n"
        + b"Content-Transfer-Encoding: base64\r\n\r\nAAAAA\r\n--b--"
    ),
    "NULs": lambda: b"Subject: a\0b\r\n\r\nx\0y",
    "no header": lambda: b"hello\r\nworld\r\n",
    "nothing": lambda: b"",
}


def outcome(parser: str, mail: str) -> str:
    """Say how long a parser took, how much memory, and what it raised."""
    command = [sys.executable, "-W", "ignore", "-m", "bench.hostile", parser, mail]
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=True)  # noqa: S603 - our own words
    except subprocess.TimeoutExpired:
        return f"over {SECONDS} s"
    except subprocess.CalledProcessError as error:
        return f"died of {error.returncode}"
    cost = msgspec.json.decode(done.stdout, type=fresh_process.Cost)
    raised = done.stderr.decode().strip()
    return f"{cost.seconds:.2f} s, {(cost.peak_bytes - cost.before_bytes) / MB:.0f} MB {raised}".rstrip()


def _read(parser: str, raw: bytes) -> None:
    try:
        READERS[parser](raw, lambda content: str(len(content)))
    except Exception as error:  # noqa: BLE001 - that is an outcome
        sys.stderr.write(type(error).__name__)


def main() -> None:
    """Print a row for each mail."""
    table = Table("mail", *PARSERS)
    for mail in MAILS:
        table.add_row(mail, *(outcome(parser, mail) for parser in PARSERS))
    Console(width=160).print(table)


if __name__ == "__main__":
    if sys.argv[1:]:
        made = MAILS[sys.argv[2]]()
        fresh_process.report(lambda: _read(sys.argv[1], made))
    else:
        main()
