"""The services that the functions call, in a process of their own: each answers as if all went well.

For what is measured in processor time: the work of the services is not this process's.
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from multiprocessing.connection import Connection

_NUMBERS: Final = itertools.count()
_MICROSECONDS: Final = 1_000_000
_SES_PATH: Final = "/v2/email/outbound-emails"


def _accepted(_: Any) -> object:  # noqa: ANN401 - the request, as below
    return {"MessageId": f"0102019a7c0f7f11-{next(_NUMBERS):012}-000000"}


def _rate(_: Any) -> object:  # noqa: ANN401
    """Return the item of a rate that nobody has to wait for: asked for just now, taken up to now."""
    now = str(round(time.time() * _MICROSECONDS))
    numbers = {"max_send_rate": "100000", "quota_left": "1000000000000", "taken": "0"}
    numbers |= dict.fromkeys(("read_at", "asked_at", "taken_until", "bulk_taken_until"), now)
    item = {name: {"N": number} for name, number in numbers.items()}
    return {"Item": item, "Attributes": item}


def _inserted(request: Any) -> object:  # noqa: ANN401
    return {"Responses": [{} for _ in request["Statements"]]}


def _published(request: Any) -> object:  # noqa: ANN401
    return {"FailedEntryCount": 0, "Entries": [{"EventId": "8f6d5c1e"} for _ in request["Entries"]]}


#: The answer to a request, by the operation, or by the path of what has none in a header.
_ANSWERS: Final[Mapping[str, Callable[[Any], object]]] = {
    _SES_PATH: _accepted,
    "AWSEvents.PutEvents": _published,
    "DynamoDB_20120810.BatchExecuteStatement": _inserted,
    "DynamoDB_20120810.PutItem": lambda _: {},
    "DynamoDB_20120810.BatchGetItem": lambda _: {"Responses": {}, "UnprocessedKeys": {}},
    "DynamoDB_20120810.BatchWriteItem": lambda _: {"UnprocessedItems": {}},
    "DynamoDB_20120810.GetItem": _rate,
    "DynamoDB_20120810.UpdateItem": _rate,
}


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    # an answer of two writes would wait for the acknowledgement of the first
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        request = msgspec.json.decode(self.rfile.read(int(self.headers["Content-Length"])))
        content = msgspec.json.encode(_ANSWERS[self.headers.get("X-Amz-Target", self.path)](request))
        if self.path == _SES_PATH:
            time.sleep(self.server.ses_seconds)
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Write no log."""


class _Server(ThreadingHTTPServer):
    # as many connections as a worker may open at the same moment
    request_queue_size = 128

    def __init__(self, ses_seconds: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.ses_seconds = ses_seconds


def _serve(port: Connection, ses_seconds: float) -> None:
    with _Server(ses_seconds) as server:
        port.send(server.server_port)
        server.serve_forever()


@contextlib.contextmanager
def serving(*, ses_seconds: float = 0.0) -> Iterator[str]:
    """Run the services, which answer at once but for SES, which does after `ses_seconds`; yield their URL."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, ses_seconds), daemon=True)
    process.start()
    # so that a process that ends early is noticed
    theirs.close()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.kill()
        process.join()
