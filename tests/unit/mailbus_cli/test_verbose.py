from __future__ import annotations

import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError

from mailbus_cli import frame, verbose

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTENT = "what the mail says"


class _Sqs(BaseHTTPRequestHandler):
    """Answers a call of SQS; the first one of `failing` with an error that is tried again."""

    failing = False
    refusing = False

    def do_POST(self) -> None:
        kind = type(self)
        self.rfile.read(int(self.headers["Content-Length"]))
        status, body = 200, b'{"MessageId": "1"}'
        if kind.refusing:
            status, body = 400, b'{"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "no"}'
        elif kind.failing:
            kind.failing = False
            status, body = 503, b"{}"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Sqs)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    _Sqs.failing = _Sqs.refusing = False
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def enabled() -> Iterator[None]:
    verbose.enable()
    yield
    verbose.disable()


def _client(url: str) -> Any:
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="eu-west-1")
    verbose.observe(session)
    config = Config(proxies={}, retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=1)
    return session.client("sqs", endpoint_url=url, config=config)


def _send(client: Any, url: str) -> None:
    client.send_message(QueueUrl=f"{url}/1/q", MessageBody=CONTENT)


@pytest.mark.usefixtures("enabled")
def test_a_call_is_a_line_without_what_it_sends(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    _send(_client(url), url)
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"sqs\.SendMessage \d+ ms 200\n", err)


@pytest.mark.usefixtures("enabled")
def test_an_error_of_aws_is_in_the_line(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    _Sqs.refusing = True
    with pytest.raises(ClientError):
        _send(_client(url), url)
    assert re.fullmatch(r"sqs\.SendMessage \d+ ms 400 \S*QueueDoesNotExist\n", capsys.readouterr().err)


@pytest.mark.usefixtures("enabled")
def test_retries_are_in_the_line(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    _Sqs.failing = True
    _send(_client(url), url)
    assert re.fullmatch(r"sqs\.SendMessage \d+ ms 200 after a retry\n", capsys.readouterr().err)


@pytest.mark.usefixtures("enabled")
def test_a_call_without_an_answer_is_a_line_with_the_errors_name(capsys: pytest.CaptureFixture[str]) -> None:
    server = HTTPServer(("127.0.0.1", 0), _Sqs)
    url = f"http://127.0.0.1:{server.server_port}"
    server.server_close()
    with pytest.raises(Exception, match="Could not connect"):
        _send(_client(url), url)
    assert re.fullmatch(r"sqs\.SendMessage \d+ ms EndpointConnectionError\n", capsys.readouterr().err)


@pytest.mark.usefixtures("enabled")
def test_what_never_becomes_a_call_is_no_line(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ParamValidationError):
        _client(url).send_message(QueueUrl=7, MessageBody=CONTENT)
    assert capsys.readouterr().err == ""


def test_without_it_nothing_is_printed(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    _send(_client(url), url)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("arguments", [["--verbose", "act"], ["act", "--verbose"]])
def test_the_option_stands_anywhere_and_holds_for_one_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    def act() -> None:
        """Act."""
        raise LookupError(str(verbose.is_enabled()))

    monkeypatch.setattr(frame, "found", lambda: {"act": act})
    assert frame.run(arguments) == 1
    err = capsys.readouterr().err
    assert err.startswith("Traceback (most recent call last):\n")
    assert err.endswith(
        "mailbus: an error in Mailbus: LookupError: True\nhint: --verbose shows where it happened\n"
    )
    assert frame.run(["act"]) == 1
    assert capsys.readouterr().err.startswith("mailbus: an error in Mailbus: LookupError: False\n")
