"""The stacks of examples/, deployed beside Mailbus together, since a deployment takes long."""

from __future__ import annotations

import json
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from examples.support_desk.desk import answer, open_ticket
from mailbus.events import parse
from tests.e2e.synthesis import synthesize
from tests.e2e.system import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from aws_cdk import App

    from tests.e2e.system import System

Outputs = dict[str, dict[str, str]]


class Partner:
    """An endpoint on loopback that keeps what is posted to it. EventBridge itself takes only HTTPS."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], dict[str, Any]]] = []
        partner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                partner.requests.append((headers, json.loads(body)))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                """Write no log."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/mail-events"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def requests_about(self, job_id: str) -> list[tuple[dict[str, str], dict[str, Any]]]:
        return [request for request in self.requests if request[1]["job_id"] == job_id]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class SubscriptionStack:
    """The deployed example of subscriptions."""

    def __init__(self, system: System, outputs: dict[str, str], partner: Partner) -> None:
        self.outputs = outputs
        self.partner = partner
        self._dynamodb = system.client("dynamodb")
        self._sqs = system.client("sqs")
        self._queued: list[dict[str, Any]] = []

    def notes(self, about: str) -> list[str]:
        """Return the notes in the consumer's table about an address or a job."""
        answer = self._dynamodb.query(
            TableName=self.outputs["NotesTableName"],
            KeyConditionExpression="about = :about",
            ExpressionAttributeValues={":about": {"S": about}},
        )
        return [item["what"]["S"] for item in answer["Items"]]

    def queued(self, job_id: str) -> list[dict[str, Any]]:
        """Take the messages from the queue; return the events of a job so far."""
        answer = self._sqs.receive_message(QueueUrl=self.outputs["QueueUrl"], MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            self._sqs.delete_message(
                QueueUrl=self.outputs["QueueUrl"], ReceiptHandle=message["ReceiptHandle"]
            )
            self._queued.append(json.loads(message["Body"])["detail"])
        return [detail for detail in self._queued if detail["job_id"] == job_id]


class DeskStack:
    """The deployed example of a support desk."""

    def __init__(self, system: System, outputs: dict[str, str]) -> None:
        self._system = system
        self._lambda = system.client("lambda")
        self._function = outputs["FunctionName"]

    def receive(self, raw: bytes, recipient: str, *, sender: str = "ada@example.org") -> dict[str, Any]:
        """Let a mail arrive; return its event."""
        message_id = self._system.receive(raw, recipient, sender=sender)
        (event,) = self._system.wait(1, message_id=message_id)
        return event

    def invoke(self, event: dict[str, Any]) -> str:
        """Invoke the function with an event once more; return the outcome."""
        answered = self._lambda.invoke(FunctionName=self._function, Payload=json.dumps(event))
        outcome = json.loads(answered["Payload"].read())
        assert isinstance(outcome, str), outcome
        return outcome

    def answered(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the answers to a mail that SES accepted."""
        return self._system.sent_for(job_id_of(event))

    def wait_for_answer(self, event: dict[str, Any]) -> EmailMessage:
        return read_mail(eventually(lambda: self.answered(event), "an answer to the mail")[0])


def job_id_of(event: dict[str, Any]) -> str:
    ticket = open_ticket(parse(event))
    assert ticket is not None
    return str(answer(ticket).job_id)


def raw_of(sent: dict[str, Any]) -> bytes:
    raw: str = sent["raw"]
    return raw.encode()


def read_mail(sent: dict[str, Any]) -> EmailMessage:
    read = message_from_bytes(raw_of(sent), policy=policy.default)
    assert isinstance(read, EmailMessage)
    return read


def deploy(system: System, directory: Path, endpoint: str) -> Outputs:
    """Synthesize and deploy both examples; return the outputs by stack."""
    from examples.subscriptions.stack import Subscriptions  # noqa: PLC0415 - it imports aws_cdk
    from examples.support_desk.stack import SupportDesk  # noqa: PLC0415 - as above

    def add_examples(app: App) -> None:
        bus = system.outputs["EventBusName"]
        Subscriptions(app, "mail-subscriptions", bus_name=bus, endpoint=endpoint, architecture="host")
        SupportDesk(app, "support-desk", stage="local", architecture="host")

    outputs = directory / "out.json"
    system.deploy(synthesize(directory, add_examples), outputs)
    deployed: Outputs = json.loads(outputs.read_text())
    return deployed
