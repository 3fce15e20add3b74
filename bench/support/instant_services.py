"""The services that the functions call, in a process of their own: each answers at once, as if all went well.

For what is measured in processor time: the work of the services is not this process's, and none of it waits.
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
    "/v2/email/outbound-emails": _accepted,
    "AWSEvents.PutEvents": _published,
    "DynamoDB_20120810.BatchExecuteStatement": _inserted,
    "DynamoDB_20120810.PutItem": lambda _: {},
    "DynamoDB_20120810.BatchGetItem": lambda _: {"Responses": {}, "UnprocessedKeys": {}},
    "DynamoDB_20120810.BatchWriteItem": lambda _: {"UnprocessedItems": {}},
    "DynamoDB_20120810.GetItem": _rate,
    "DynamoDB_20120810.UpdateItem": _rate,
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # an answer of two writes would wait for the acknowledgement of the first
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        request = msgspec.json.decode(self.rfile.read(int(self.headers["Content-Length"])))
        content = msgspec.json.encode(_ANSWERS[self.headers.get("X-Amz-Target", self.path)](request))
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


def _serve(port: Connection) -> None:
    with _Server(("127.0.0.1", 0), _Handler) as server:
        port.send(server.server_port)
        server.serve_forever()


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """Run the services; return their URL."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    # so that a process that ends early is noticed
    theirs.close()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.kill()
        process.join()
