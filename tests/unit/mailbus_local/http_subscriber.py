"""A subscriber over HTTP that requires credentials."""

from __future__ import annotations

import base64
import http.server
import queue
import threading

SECONDS = 60
PASSWORD = "cY3rnQ0tFJ"  # noqa: S105 - not a secret


class HttpSubscriber:
    """Answers 401 without credentials, and with them the `planned` statuses, then 200."""

    def __init__(self) -> None:
        self.requests: queue.SimpleQueue[tuple[dict[str, str], bytes]] = queue.SimpleQueue()
        self.planned: list[int] = []
        self.header = "WWW-Authenticate"
        subscriber = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                expected = base64.b64encode(f"sns:{PASSWORD}".encode()).decode()
                if headers.get("authorization") != f"Basic {expected}":
                    self.send_response(401)
                    self.send_header(subscriber.header, 'Basic realm="test"')
                else:
                    self.send_response(subscriber.planned.pop(0) if subscriber.planned else 200)
                self.send_header("Content-Length", "0")
                # before the answer, after which the next request may be in another thread
                subscriber.requests.put((headers, body))
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://sns:{PASSWORD}@{self.address}/tracking"

    def wait(self, count: int) -> list[tuple[dict[str, str], bytes]]:
        """Wait for this number of requests. Return their headers and bodies."""
        return [self.requests.get(timeout=SECONDS) for _ in range(count)]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
