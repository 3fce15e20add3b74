from __future__ import annotations

import contextlib
import json
import socket
import threading
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.stub import Stubber

from mailbus.aws import sessions
from mailbus.aws.connections import Connections
from sender.ses.client import MailService
from sender.ses.errors import Fault
from sender.ses.send_bulk_email import BulkRequest
from sender.ses.send_email import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Services = Callable[[str], MailService]

REQUEST = Request(
    params={
        "FromEmailAddress": "hello@example.com",
        "Destination": {"ToAddresses": ["ann@example.org"]},
        "Content": {"Raw": {"Data": b"Subject: Welcome\r\n\r\nHello"}},
    }
)
BULK = BulkRequest(
    params={
        "FromEmailAddress": "hello@example.com",
        "DefaultContent": {"Template": {"TemplateName": "welcome", "TemplateData": "{}"}},
    },
    entries=tuple({"Destination": {"ToAddresses": [f"c{n}@example.org"]}} for n in range(4)),
)


class FakeServer:
    """A server that accepts one connection, answers one request with fixed bytes, and closes it."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.answer: bytes | None = b""
        self.request = b""
        self._thread: threading.Thread | None = None
        self._held: socket.socket | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def start(self, answer: bytes | None) -> None:
        """Answer the next request; with None leave it unanswered and the connection open."""
        self.answer = answer
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self.socket.accept()
        connection.settimeout(10)
        with connection.makefile("rb") as reading:
            length = 0
            while (line := reading.readline()) not in {b"\r\n", b""}:
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            self.request = reading.read(length)
        if self.answer is None:
            self._held = connection
            return
        connection.sendall(self.answer)
        connection.close()

    def stop(self) -> None:
        if self._thread is not None:
            self._thread.join()
        if self._held is not None:
            self._held.close()
        self.socket.close()


@pytest.fixture
def fake_server() -> Iterator[FakeServer]:
    fake = FakeServer()
    yield fake
    fake.stop()


@pytest.fixture
def service() -> Iterator[Services]:
    with contextlib.closing(Connections()) as connections:

        def made(url: str) -> MailService:
            client = sessions.open_function_session(connections).client(
                "sesv2",
                endpoint_url=url,
                region_name="us-east-1",
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=sessions.config(max_attempts=1, connect_timeout=5, read_timeout=0.5),
            )
            return MailService(client)

        yield made


def answer(body: bytes, status: str = "200 OK", *headers: str, length: int | None = None) -> bytes:
    lines = [
        f"HTTP/1.1 {status}",
        "Content-Type: application/json",
        f"Content-Length: {len(body) if length is None else length}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def test_an_accepted_mail_has_sess_message_id(fake_server: FakeServer, service: Services) -> None:
    fake_server.start(answer(b'{"MessageId": "0100018b-1"}'))
    assert service(fake_server.url).send(REQUEST) == "0100018b-1"
    assert json.loads(fake_server.request)["Destination"] == {"ToAddresses": ["ann@example.org"]}


REFUSED = [
    (b'{"message": "Daily message quota exceeded."}', "429 Too Many", "TooManyRequestsException", "quota"),
    (b'{"message": "Email address is not verified."}', "400 Bad Request", "MessageRejected", "rejected"),
    (b'{"message": "Missing"}', "404 Not Found", "NotFoundException", "failed"),
    (b'{"message": "Internal."}', "500 Error", "InternalServiceErrorException", "unanswered"),
]


@pytest.mark.parametrize("refused", REFUSED)
def test_a_refusal_is_classified_by_its_code(
    fake_server: FakeServer, refused: tuple[bytes, str, str, str], service: Services
) -> None:
    body, status, code, kind = refused
    fake_server.start(answer(body, status, f"x-amzn-errortype: {code}"))
    fault = service(fake_server.url).send(REQUEST)
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.error.code) == (kind, code)


UNREADABLE = {
    "nothing at all": b"",
    "half a status line": b"HTTP/1.1 2",
    "not HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "no body": answer(b""),
    "half a body": answer(b'{"MessageId": "0100', length=60),
    "not JSON": answer(b'{"MessageId": "0100'),
    "not text": answer(b"\xff\xfe\x00"),
    "null": answer(b"null"),
    "an array": answer(b"[1]"),
    "no id": answer(b"{}"),
    "an empty id": answer(b'{"MessageId": "", "BulkEmailEntryResults": []}'),
    "an id of another type": answer(b'{"MessageId": {"a": 1}, "BulkEmailEntryResults": {"a": 1}}'),
    "a gateway timeout": answer(b"<html>Gateway Timeout</html>", "504 Gateway Timeout"),
    "an empty server error": answer(b"", "503 Service Unavailable"),
    "an error that is not a JSON object": answer(b"[]", "500 Error"),
}


@pytest.mark.parametrize("unreadable", UNREADABLE)
def test_an_unreadable_answer_counts_as_unanswered(
    fake_server: FakeServer, unreadable: str, service: Services
) -> None:
    fake_server.start(UNREADABLE[unreadable])
    fault = service(fake_server.url).send(REQUEST)
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.error.retryable) == ("unanswered", True)


@pytest.mark.parametrize("unreadable", UNREADABLE)
def test_an_unreadable_bulk_answer_is_unanswered_for_all_entries(
    fake_server: FakeServer, unreadable: str, service: Services
) -> None:
    fake_server.start(UNREADABLE[unreadable])
    fault = service(fake_server.url).send_bulk(BULK, [0, 1])
    assert isinstance(fault, Fault)
    assert fault.kind == "unanswered"


def test_a_timeout_after_the_request_counts_as_unanswered(fake_server: FakeServer, service: Services) -> None:
    fake_server.start(None)
    fault = service(fake_server.url).send(REQUEST)
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.error.code) == ("unanswered", "ReadTimeoutError")


def test_a_connection_that_is_never_made_is_a_retry(service: Services) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    fault = service(url).send(REQUEST)
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.error.code) == ("retry", "EndpointConnectionError")


def test_invalid_parameters_are_not_sent_and_not_in_the_error(fake_server: FakeServer) -> None:
    wrong = Request(params={**REQUEST.params, "ConfigurationSetName": {"secret": "hush"}})
    checking = boto3.client("sesv2", region_name="us-east-1", endpoint_url=fake_server.url)
    fault = MailService(checking).send(wrong)
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.error.code) == ("failed", "ParamValidationError")
    assert "hush" not in str(fault.error)


def test_without_credentials_nothing_is_sent(
    fake_server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    bare = boto3.session.Session().client("sesv2", region_name="us-east-1", endpoint_url=fake_server.url)
    fault = MailService(bare).send(REQUEST)
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.error.code) == ("retry", "NoCredentialsError")


def test_each_entry_of_a_bulk_call_has_its_own_answer(fake_server: FakeServer, service: Services) -> None:
    results = [
        {"Status": "SUCCESS", "MessageId": "0100018b-0"},
        {"Status": "MESSAGE_REJECTED", "Error": "Address is not verified."},
        {"Status": "SUCCESS"},
        {"Status": "ACCOUNT_THROTTLED"},
    ]
    fake_server.start(answer(json.dumps({"BulkEmailEntryResults": results}).encode()))
    answers = service(fake_server.url).send_bulk(BULK, [3, 2, 1, 0])
    assert isinstance(answers, tuple)
    assert [found if isinstance(found, str) else found.kind for found in answers] == [
        "0100018b-0",
        "rejected",
        "unanswered",
        "throttled",
    ]
    entries = json.loads(fake_server.request)["BulkEmailEntries"]
    assert [entry["Destination"]["ToAddresses"][0][:2] for entry in entries] == ["c3", "c2", "c1", "c0"]


def test_only_the_given_entries_are_sent(fake_server: FakeServer, service: Services) -> None:
    fake_server.start(
        answer(b'{"BulkEmailEntryResults": [{"Status": "SUCCESS", "MessageId": "0100018b-2"}]}')
    )
    assert service(fake_server.url).send_bulk(BULK, [2]) == ("0100018b-2",)
    [entry] = json.loads(fake_server.request)["BulkEmailEntries"]
    assert entry["Destination"] == {"ToAddresses": ["c2@example.org"]}


def test_fewer_results_than_entries_are_unanswered_for_all_entries(
    fake_server: FakeServer, service: Services
) -> None:
    fake_server.start(
        answer(b'{"BulkEmailEntryResults": [{"Status": "SUCCESS", "MessageId": "0100018b-2"}]}')
    )
    fault = service(fake_server.url).send_bulk(BULK, [0, 1])
    assert isinstance(fault, Fault)
    assert fault.kind == "unanswered"
    assert str(fault.error) == (
        "UnreadableAnswer: 1 results for 2 entries: "
        "SES may have accepted the mail; the job waits for SES's events"
    )


@pytest.mark.parametrize("refused", REFUSED)
def test_a_refused_bulk_call_is_one_fault_for_all_entries(
    fake_server: FakeServer, refused: tuple[bytes, str, str, str], service: Services
) -> None:
    body, status, code, kind = refused
    fake_server.start(answer(body, status, f"x-amzn-errortype: {code}"))
    fault = service(fake_server.url).send_bulk(BULK, [0, 1])
    assert isinstance(fault, Fault)
    assert fault.kind == kind


@pytest.mark.parametrize(
    ("code", "status"), [("AccessDenied", 403), ("Throttling", 400), ("InternalFailure", 500)]
)
def test_a_role_that_cannot_be_assumed_is_a_retry(code: str, status: int) -> None:
    sts = boto3.client("sts", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    session = sessions.open_remote_session(
        sts, role_arn="arn:aws:iam::444455556666:role/send-mail", region="eu-west-1"
    )
    with Stubber(sts) as stub:
        reason = "not authorized to perform: sts:AssumeRole"
        stub.add_client_error("assume_role", code, reason, http_status_code=status)
        sent = MailService(session.client("sesv2", config=sessions.config(max_attempts=1))).send(REQUEST)
    assert isinstance(sent, Fault)
    assert (sent.kind, sent.error.code) == ("retry", "CredentialRetrievalError")
    assert "sts:AssumeRole" in sent.error.reason
    assert "session_params.role_arn" in sent.error.reason
