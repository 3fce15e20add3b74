"""SQS, and SSM's parameter store, on a port of this machine, as far as the client calls them."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType

TAGS = {"mailbus:stage": "prod", "mailbus:jobs-bucket": "jobs", "mailbus:ledger-table": "ledger"}
REGION = "eu-west-1"


class FakeSqs:
    """Keeps the jobs that are sent to its queues."""

    def __init__(self) -> None:
        self.jobs: list[dict[str, Any]] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                body = json.dumps(owner.answer(self.headers["X-Amz-Target"].partition(".")[2], call)).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                """Stay silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def queue_url(self) -> str:
        return f"https://sqs.{REGION}.amazonaws.com/210987654321/mailbus-prod-send"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._server.server_port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "NO_PROXY": "127.0.0.1",
        }

    def answer(self, operation: str, call: dict[str, Any]) -> dict[str, Any]:
        if operation == "SendMessage":
            return self._take(call["MessageBody"])
        if operation == "SendMessageBatch":
            return {
                "Successful": [{"Id": one["Id"], **self._take(one["MessageBody"])} for one in call["Entries"]]
            }
        if operation == "GetParameter":
            return {"Parameter": {"Name": call["Name"], "Value": self.queue_url}}
        assert operation == "ListQueueTags"
        return {"Tags": TAGS}

    def _take(self, body: str) -> dict[str, str]:
        self.jobs.append(json.loads(body))
        return {"MessageId": f"message-{len(self.jobs)}"}
