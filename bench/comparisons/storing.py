"""A mail of 40 MB with 1, 20 and 100 attachments, received over HTTP from an S3 with latency.

Each runs in a process of its own, through boto3 as in the function; the baseline has one upload at a time.
`python -m bench.comparisons.storing 2000` measures other numbers of attachments.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final

from rich.console import Console

from bench.results import paired
from bench.support import fresh_process, mails
from inbound.uploads import WORKERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.results import Result

ATTACHMENTS: Final = (1, 20, 100)
ROUNDS: Final = 3
PUT_SECONDS: Final = 0.03
MB: Final = 1_000_000


class _S3(ThreadingHTTPServer):
    """An S3 that returns one mail for every key, and discards what is put after a delay."""

    def __init__(self, raw: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.raw = raw


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _S3

    def do_GET(self) -> None:
        self._answer(self.server.raw)

    def do_PUT(self) -> None:
        left = int(self.headers["Content-Length"])
        while left and (piece := self.rfile.read(min(left, 65_536))):
            left -= len(piece)
        time.sleep(PUT_SECONDS)
        self._answer(b"")

    def _answer(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Write no log."""


@contextlib.contextmanager
def _s3(raw: bytes) -> Iterator[str]:
    with _S3(raw) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def measure(attachments: Sequence[int] = ATTACHMENTS, rounds: int = ROUNDS) -> Iterator[Result]:
    """Compare time, with the memory in the notes."""
    for number in attachments:
        with _s3(mails.mail(mails.LARGEST, [1 / number] * number)) as url:
            pairs = [
                tuple(
                    fresh_process.run("bench.workers.storing_mailbus", url, str(workers))
                    for workers in (WORKERS, 1)
                )
                for _ in range(rounds)
            ]
        measured, baseline = zip(*pairs, strict=True)
        yield paired(
            f"{mails.LARGEST / MB:.0f} MB in {number} parts, an S3 of {1000 * PUT_SECONDS:.0f} ms",
            (f"receive: {WORKERS} uploads at a time", [1000 * cost.seconds for cost in measured]),
            ("one at a time", [1000 * cost.seconds for cost in baseline]),
            unit="ms",
            notes=(f"{_most(measured)}; one at a time {_most(baseline)}",),
        )


def _most(costs: Sequence[fresh_process.Cost]) -> str:
    peak, before = max(cost.peak_bytes for cost in costs), max(cost.before_bytes for cost in costs)
    return f"at most {peak / MB:.0f} MB of memory, {before / MB:.0f} of them before the mail"


if __name__ == "__main__":
    for result in measure([int(number) for number in sys.argv[1:]] or ATTACHMENTS, rounds=1):
        Console(soft_wrap=True).print(
            f"{result.title}: {result.value:.0f} ms, {result.baseline_value:.0f} ms {result.baseline}; "
            + result.notes[0]
        )
