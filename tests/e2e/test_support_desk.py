"""The example of a support desk, deployed beside Mailbus: answers to mail in its thread, and no loop."""

from __future__ import annotations

import json
import sys
import time
import uuid
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from examples.support_desk.desk import answer, open_ticket
from mailbus.events import parse
from mailbus_local import assembly

if TYPE_CHECKING:
    from conftest import System

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 30.0
POLL_SECONDS = 0.1
SUPPORT = "support@inbound.example.com"
SALES = "sales@inbound.example.com"


class Desk:
    """The example's stack, and what it did."""

    def __init__(self, system: System, outputs: dict[str, str]) -> None:
        self._system = system
        self._lambda = system.client("lambda")
        self._function = outputs["FunctionName"]

    def receives(self, raw: bytes, recipient: str, *, sender: str = "ada@example.org") -> dict[str, Any]:
        """Let a mail arrive; returns its event."""
        message_id = self._system.receive(raw, recipient, sender=sender)
        (event,) = self._system.wait(1, message_id=message_id)
        return event

    def says(self, event: dict[str, Any]) -> str:
        """Give the function an event once more, by itself, and wait for what it does."""
        answered = self._lambda.invoke(FunctionName=self._function, Payload=json.dumps(event))
        said = json.loads(answered["Payload"].read())
        assert isinstance(said, str), said
        return said

    def answered(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        """What SES was given as answers to a mail."""
        return self._system.sent_for(_job_id(event))

    def waits_for_answer(self, event: dict[str, Any]) -> EmailMessage:
        deadline = time.monotonic() + SECONDS
        while not (sent := self.answered(event)):
            assert time.monotonic() < deadline, "the mail is never answered"
            time.sleep(POLL_SECONDS)
        return _read(sent[0])


def _job_id(event: dict[str, Any]) -> str:
    ticket = open_ticket(parse(event))
    assert ticket is not None
    return str(answer(ticket).job_id)


def _raw(sent: dict[str, Any]) -> bytes:
    raw: str = sent["raw"]
    return raw.encode()


def _read(sent: dict[str, Any]) -> EmailMessage:
    read = message_from_bytes(_raw(sent), policy=policy.default)
    assert isinstance(read, EmailMessage)
    return read


def _mail(sender: str, recipient: str, **headers: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = recipient
    mail["Subject"] = "Lieferung für Köln"
    mail["Message-ID"] = f"<{uuid.uuid4().hex}@example.org>"
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content("Wann kommt das Paket?\n\nGrüße\nAda\n")
    return mail


@pytest.fixture(scope="module")
def desk(system: System, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    directory = tmp_path_factory.mktemp("support-desk")
    synthesized, adapted, outputs = directory / "synthesized", directory / "adapted", directory / "out.json"
    system.cdk(
        directory,
        "synth",
        *("--quiet", "--output", str(synthesized)),
        *("--app", f"{sys.executable} -m examples.support_desk"),
        *("--context", f"bus={system.outputs['EventBusName']}"),
        *("--context", f"queue={system.outputs['SendQueueUrl']}"),
        *("--context", "architecture=host"),
    )
    assembly.adapt(synthesized, adapted)
    system.cdk(
        directory,
        "deploy",
        *("--app", str(adapted), "--all", "--require-approval", "never", "--method", "direct"),
        *("--outputs-file", str(outputs)),
    )
    return Desk(system, json.loads(outputs.read_text())["support-desk"])


def test_a_mail_is_answered_in_its_thread_from_the_address_that_it_came_to_with_a_label(desk: Desk) -> None:
    mail = _mail(
        "Ada <ada@example.org>",
        SUPPORT,
        In_Reply_To="<2@example.org>",
        References="<1@example.org> <2@example.org>",
    )

    event = desk.receives(mail.as_bytes(), SUPPORT)
    sent = desk.waits_for_answer(event)

    assert sent["In-Reply-To"] == mail["Message-ID"]
    assert sent["References"].split() == ["<1@example.org>", "<2@example.org>", mail["Message-ID"]]
    assert sent["Subject"] == "Re: Lieferung für Köln"
    ticket = open_ticket(parse(event))
    assert ticket is not None
    assert (sent["From"], sent["To"]) == (f"support+{ticket.number}@inbound.example.com", "ada@example.org")
    assert sent["Auto-Submitted"] == "auto-replied"
    body = sent.get_body()
    assert body is not None
    assert "> Wann kommt das Paket?" in body.get_content()


def test_an_event_that_is_delivered_again_answers_nothing(system: System, desk: Desk) -> None:
    event = desk.receives(_mail("ada@example.org", SUPPORT).as_bytes(), SUPPORT)
    desk.waits_for_answer(event)

    assert desk.says(event) == "answered"
    later = system.send()

    system.wait(1, job_id=later, event_type="delivered")
    assert len(desk.answered(event)) == 1


@pytest.mark.parametrize(
    ("headers", "sender"),
    [
        ({"Auto_Submitted": "auto-replied"}, "ada@example.org"),
        ({"Precedence": "bulk"}, "ada@example.org"),
        ({"List_Id": "<news.example.org>"}, "ada@example.org"),
        ({"X_Auto_Response_Suppress": "OOF, AutoReply"}, "ada@example.org"),
        ({}, ""),
    ],
)
def test_a_robots_mail_gets_no_answer(
    system: System, desk: Desk, headers: dict[str, str], sender: str
) -> None:
    mail = _mail("ada@example.org", SUPPORT, **headers)

    event = desk.receives(mail.as_bytes(), SUPPORT, sender=sender)

    assert desk.says(event) == "automatic"
    assert system.known(_job_id(event)) is None


def test_two_desks_that_write_to_each_other_come_to_an_end(system: System, desk: Desk) -> None:
    first = desk.receives(_mail(SALES, SUPPORT).as_bytes(), SUPPORT, sender=SALES)
    desk.waits_for_answer(first)
    (sent,) = desk.answered(first)

    second = desk.receives(_raw(sent), SALES, sender=SUPPORT)

    assert second["message"]["auto_submitted"] == "auto-replied"
    assert desk.says(second) == "automatic"
    assert system.known(_job_id(second)) is None


def test_a_robot_that_never_says_what_it_is_gets_one_answer_and_no_more(system: System, desk: Desk) -> None:
    first = desk.receives(_mail("robot@example.org", SUPPORT).as_bytes(), SUPPORT)
    labelled = str(desk.waits_for_answer(first)["From"])

    second = desk.receives(_mail("robot@example.org", labelled).as_bytes(), labelled)

    assert list(second["message"]["recipient_details"]) == [labelled]
    assert desk.says(second) == "follow-up"
    assert system.known(_job_id(second)) is None
