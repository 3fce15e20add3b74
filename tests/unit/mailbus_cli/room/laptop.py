"""A laptop's deployment with messages in a stand-in for the simulated SES's control API, and a timeline."""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from mailbus.timeline.mails import Page, ReceivedPage
from mailbus_cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mailbus.timeline.mails import ReceivedMail, TimelineEvent, TimelineMail

DESTINATION: dict[str, Any] = {"Enabled": True, "MatchingEventTypes": ["SEND", "OPEN", "CLICK"]}


class FakeDeployment:
    """A deployment whose clients answer what they are given; errors are raised."""

    option = "--local"
    stage = "local"
    region = "us-east-1"
    profile = None

    def __init__(self, simulator_url: str | None = None, **answers: Any) -> None:
        self.simulator_url = simulator_url
        self.is_local = simulator_url is not None
        self.outputs: dict[str, str] = {"InboundBucketName": "inbound"}
        self.name = self.stage
        self._answers = answers

    def output(self, name: str) -> str:
        if name not in self.outputs:
            raise CommandError(name, hint="deploy")
        return self.outputs[name]

    def client(self, _service: str) -> FakeDeployment:
        return self

    def __getattr__(self, name: str) -> Any:
        def call(**_arguments: object) -> Any:
            answer = self._answers[name]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


class FakeTimeline:
    """A timeline of these mails and events."""

    def __init__(
        self,
        mails: Sequence[TimelineMail] = (),
        events: Sequence[TimelineEvent] = (),
        received: Sequence[ReceivedMail] = (),
    ) -> None:
        self._mails, self._events, self._received = mails, events, received

    def by_message(self, message_id: str) -> tuple[TimelineMail, ...]:
        return tuple(mail for mail in self._mails if mail.message_id == message_id)

    def by_job(self, job_id: str) -> tuple[TimelineMail, ...]:
        return tuple(mail for mail in self._mails if mail.job_id == job_id)

    def by_recipient(self, address: str) -> tuple[TimelineMail, ...]:
        return tuple(mail for mail in self._mails if mail.recipient == address)

    def newest(self, before: str | None = None, limit: int = 50) -> Page:
        return Page(mails=() if before else tuple(self._mails)[:limit])

    def events(self, mail: TimelineMail) -> tuple[TimelineEvent, ...]:
        return tuple(
            event
            for event in self._events
            if f"message#{event.entry['detail']['message_id']}" == mail.group
            and event.recipient == mail.recipient
        )

    def received(self, before: str | None = None, limit: int = 50) -> ReceivedPage:
        return ReceivedPage(mails=() if before else tuple(self._received)[:limit])

    def received_by_message(self, message_id: str) -> ReceivedMail | None:
        return next((mail for mail in self._received if mail.message_id == message_id), None)


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "AnOperation")


@contextmanager
def simulator(messages: dict[str, bytes], published: list[Any] | None = None) -> Iterator[str]:
    """Serve these messages as the simulated SES does; `published` gets the events that are made."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            message_id = self.path.rpartition("/")[2]
            raw = messages.get(message_id)
            found = {
                "message_id": message_id,
                "accepted_at": 0.0,
                "recipients": ["jane@example.net"],
                "configuration_set": "mailbus-local",
                "overrides": {},
                "tags": {"mailbus-job-id": "invoice-1"},
                "content": b64encode(raw or b"").decode(),
            }
            self._answer(404, {"error": "no"}) if raw is None else self._answer(200, found)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if published is not None:
                published.append((self.path, body))
            self._answer(200, {})

        def _answer(self, status: int, value: object) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/_simulator"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
