from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from mailbus_local.queue_ages import oldest_sent

if TYPE_CHECKING:
    from collections.abc import Iterator

URL = "http://127.0.0.1:4566/000000000000/bulk"


@pytest.fixture
def answers() -> dict[str, Any]:
    """Have the answers by queue."""
    return {}


@pytest.fixture
def ministack(answers: dict[str, Any]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            (queue,) = parse_qs(urlsplit(self.path).query)["QueueUrl"]
            body = answers.get(queue, b"no")
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def messages(*sent: int) -> bytes:
    found = [{"MessageId": "m", "Body": "{}", "SentTimestamp": at, "IsVisible": True} for at in sent]
    return json.dumps({"messages": {"000000000000": {"us-east-1": {URL: found}}}}).encode()


def test_the_oldest_message_is_found_in_any_order(ministack: str, answers: dict[str, Any]) -> None:
    answers[URL] = messages(1_795_947_190, 1_795_947_184, 1_795_947_186)
    assert oldest_sent(ministack, URL) == 1_795_947_184


def test_an_empty_queue_has_none(ministack: str, answers: dict[str, Any]) -> None:
    answers[URL] = messages()
    assert oldest_sent(ministack, URL) is None


def test_an_answer_of_another_kind_is_an_error(ministack: str) -> None:
    with pytest.raises(OSError, match="did not show the messages"):
        oldest_sent(ministack, URL)
