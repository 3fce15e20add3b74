"""A service of AWS with the JSON protocol, such as SQS or EventBridge, that refuses each call."""

from __future__ import annotations

import contextlib
import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# how often the server looks whether it is to stop
POLL_SECONDS = 0.05


class Refusing(ThreadingHTTPServer):
    """Answers with the error code `code`, which may change."""

    daemon_threads = True

    def __init__(self, code: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.code = code
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Refusing

    def do_POST(self) -> None:  # http.server's name
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"__type": self.server.code, "message": "refused"}).encode()
        self.send_response(HTTPStatus.BAD_REQUEST)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Write nothing."""


@contextlib.contextmanager
def refusing(code: str) -> Iterator[Refusing]:
    """Serve until the end of the block."""
    with Refusing(code) as server:
        threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), daemon=True).start()
        yield server
        server.shutdown()
