"""The example of a support desk: whom it answers, in which thread, and what it does not answer."""

from __future__ import annotations

import io
import json
from typing import Any
from uuid import uuid4

import pytest
from aws_lambda_powertools import Logger

from examples.support_desk.desk import (
    REFERENCES,
    Ticket,
    Wiring,
    answer,
    consume,
    open_ticket,
    reason_not_to_answer,
    subject_of_answer,
    threading,
)
from inbound.replies import recipient_details
from mailbus import Client, SendJob
from mailbus.errors import InvalidEvent, SendError
from mailbus.events import InboundMessage, parse

EVENT_ID = "o3vrnil0e2ic28trm7dfhrc2v0clambda4nbp0g1"
SUPPORT = "support@inbound.example.com"
ADA = {"name": "Ada Lovelace", "address": "ada@example.org"}


def event(message: dict[str, Any] | None = None, **detail: Any) -> dict[str, Any]:
    """Return the event of a received mail."""
    return {
        "source": "mailbus",
        "detail-type": "email.inbound",
        "detail": {
            "event_type": "inbound",
            "event_id": EVENT_ID,
            "timestamp": "2026-11-20T09:14:03Z",
            "message": {
                "envelope_sender": "ada@example.org",
                "envelope_recipients": [SUPPORT],
                "from_email": [ADA],
                "to": [{"name": "", "address": SUPPORT}],
                "subject": "Lieferung",
                "message_id_header": "<3@example.org>",
                "text": "Wann kommt das Paket?\n\n> alt\n",
                "stripped_text": "Wann kommt das Paket?",
                **(message or {}),
            },
            **detail,
        },
    }


def ticket(message: dict[str, Any] | None = None, **detail: Any) -> Ticket:
    opened = open_ticket(parse(event(message, **detail)))
    assert opened is not None
    return opened


class Sqs:
    """A send queue that keeps its messages, or fails."""

    def __init__(self, *, works: bool = True) -> None:
        self.works = works
        self.bodies: list[dict[str, Any]] = []

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> dict[str, str]:  # noqa: N803 - AWS's names
        if not self.works:
            code = "ServiceUnavailable"
            raise SendError(code, "not available", retryable=True)
        assert QueueUrl.endswith("/send")
        self.bodies.append(json.loads(MessageBody))
        return {"MessageId": "1"}


def desk(sqs: Sqs) -> tuple[Wiring, io.StringIO]:
    logged = io.StringIO()
    url = "https://sqs.eu-west-1.amazonaws.com/210987654321/send"
    log = Logger(service=f"support-desk-{uuid4()}", stream=logged)
    client = Client(url, sqs=sqs)  # type: ignore[arg-type] # what of SQS is used
    return Wiring(client=client, log=log), logged


def test_a_mail_is_answered_once_from_its_recipient_with_the_ticket_as_label() -> None:
    sqs = Sqs()
    wiring, logged = desk(sqs)

    assert [consume(event(), wiring), consume(event(), wiring)] == ["answered", "answered"]

    first, second = sqs.bodies
    assert first == second, "the same job, which is sent once"
    assert first["from_email"] == f"support+{first['metadata']['ticket']}@inbound.example.com"
    assert first["to"] == ["ada@example.org"]
    assert first["subject"] == "Re: Lieferung"
    assert "reply_to" not in first
    assert first["headers"] == {
        "In-Reply-To": "<3@example.org>",
        "References": "<3@example.org>",
        "Auto-Submitted": "auto-replied",
        "X-Auto-Response-Suppress": "All",
    }
    assert first["text"].endswith("ada@example.org wrote:\n> Wann kommt das Paket?")
    assert EVENT_ID in logged.getvalue()
    assert "ada@" not in logged.getvalue()


def test_reply_to_takes_precedence_over_from() -> None:
    reply_to = [{"name": "", "address": "team@example.org"}]
    assert answer(ticket({"reply_to": reply_to})).to == ("team@example.org",)


def test_a_reply_to_of_another_domain_is_ignored_so_that_the_desk_writes_to_no_third_party() -> None:
    reply_to = [{"name": "", "address": "victim@elsewhere.example"}]
    assert answer(ticket({"reply_to": reply_to}, dmarc_verdict="PASS")).to == ("ada@example.org",)


@pytest.mark.parametrize("address", ["team@Example.ORG", "Ada+shop@example.org"])
def test_a_reply_to_of_the_same_domain_counts_in_any_case(address: str) -> None:
    assert answer(ticket({"reply_to": [{"name": "", "address": address}]})).to == (address,)


@pytest.mark.parametrize(
    "address", ["", "example.org", "team@mail.example.org", "team@example.org.evil.example"]
)
def test_a_reply_to_of_a_similar_domain_is_ignored(address: str) -> None:
    assert answer(ticket({"reply_to": [{"name": "", "address": address}]})).to == ("ada@example.org",)


def test_a_mail_without_from_is_not_answered_in_spite_of_a_reply_to() -> None:
    reply_to = [{"name": "", "address": "ada@example.org"}]
    assert reason_not_to_answer(ticket({"from_email": [], "reply_to": reply_to})) == "nobody"


def test_an_unmarked_robot_that_replies_to_from_is_answered_once() -> None:
    job = answer(ticket({"subject": "Order 17"}))
    robots = {
        "from_email": [ADA],
        "envelope_recipients": [job.from_email],
        "recipient_details": recipient_details([str(job.from_email)]),
        "subject": job.subject,
        "in_reply_to": "<0102019a@eu-west-1.amazonses.com>",
        "text": "We have received your message.",
        "stripped_text": None,
        "automatic": False,
    }
    reply = ticket(robots, event_id="2qvrnil0e2ic28trm7dfhrc2v0clambda4nbp0g1")
    assert reason_not_to_answer(reply) == "follow-up"


def test_an_answer_quotes_the_whole_text_without_a_stripped_text() -> None:
    text = answer(ticket({"stripped_text": None})).text
    assert text is not None
    assert text.endswith("> Wann kommt das Paket?\n>\n> > alt")


def test_two_mails_have_two_tickets() -> None:
    assert ticket().number != ticket(event_id="another").number


def test_a_mail_of_two_receipt_rules_is_a_ticket_of_each() -> None:
    sqs = Sqs()
    wiring, _ = desk(sqs)
    sales = event({"envelope_recipients": ["sales@inbound.example.com"]})

    for received in (event(), sales, event(), sales):
        consume(received, wiring)

    assert len({body["job_id"] for body in sqs.bodies}) == 2
    assert sqs.bodies[:2] == sqs.bodies[2:]


def test_the_order_of_recipients_does_not_change_the_ticket() -> None:
    both = [SUPPORT, "sales@inbound.example.com"]
    first, second = (ticket({"envelope_recipients": each}) for each in (both, both[::-1]))
    assert first.number == second.number


@pytest.mark.parametrize(
    ("message", "detail", "reason"),
    [
        ({"automatic": True}, {}, "automatic"),
        ({}, {"spam_detected": True}, "spam"),
        ({}, {"virus_verdict": "FAIL"}, "virus"),
        ({}, {"dmarc_verdict": "FAIL"}, "forged"),
        ({"recipient_details": {"support+4711@inbound.example.com": "4711"}}, {}, "follow-up"),
        ({"from_email": []}, {}, "nobody"),
        ({"from_email": [{"name": "Ada", "address": ""}]}, {}, "nobody"),
        ({"envelope_recipients": []}, {}, "nobody"),
        ({"from_email": [{"name": "", "address": "Support+1@Inbound.example.com"}]}, {}, "itself"),
    ],
)
def test_a_mail_that_is_not_answered_has_a_reason(
    message: dict[str, Any], detail: dict[str, Any], reason: str
) -> None:
    sqs = Sqs()
    assert reason_not_to_answer(ticket(message, **detail)) == reason
    assert consume(event(message, **detail), desk(sqs)[0]) == reason
    assert sqs.bodies == []


@pytest.mark.parametrize(
    "received",
    [
        event(event_type="inbound_failed", message=None),
        {"detail": {"event_type": "sent", "event_id": "1", "timestamp": "2026-11-20T09:14:03Z"}},
    ],
)
def test_an_event_without_a_mail_opens_no_ticket(received: dict[str, Any]) -> None:
    sqs = Sqs()
    assert consume(received, desk(sqs)[0]) == "no mail"
    assert sqs.bodies == []


def test_an_invalid_address_is_not_answered_and_not_logged() -> None:
    sqs = Sqs()
    wiring, logged = desk(sqs)
    odd = [{"name": "", "address": "ada@exa_mple..org,evil"}]
    assert consume(event({"from_email": odd}), wiring) == "refused"
    assert sqs.bodies == []
    assert "cannot be answered" in logged.getvalue()
    assert "evil" not in logged.getvalue()


def test_an_error_of_the_queue_is_raised_so_that_lambda_retries() -> None:
    with pytest.raises(SendError):
        consume(event(), desk(Sqs(works=False))[0])


def test_an_invalid_event_is_refused_with_its_reason() -> None:
    wiring, logged = desk(Sqs())
    with pytest.raises(InvalidEvent):
        consume({"source": "aws.ec2"}, wiring)
    assert "source" in logged.getvalue()


@pytest.mark.parametrize(
    ("parent", "in_reply_to", "references", "expected"),
    [
        ("<3@x>", None, [], "<3@x>"),
        ("<3@x>", "<2@x>", ["<1@x>", "<2@x>"], "<1@x> <2@x> <3@x>"),
        ("<3@x>", "<2@x>", [], "<2@x> <3@x>"),
        ("<3@x>", "<1@x> <2@x>", [], "<3@x>"),
        ("<3@x>", None, ["<1@x>", "<1@x>", "<3@x>"], "<1@x> <3@x>"),
        ("<3@x>", None, ["<1@x>\r\nBcc: eve@example.org", "word", "<2 2@x>"], "<1@x> <3@x>"),
        (" <3@x> (comment)", "Ada's mail of Monday", [], "<3@x>"),
    ],
)
def test_references_have_the_thread_and_end_with_the_answered_mail(
    parent: str, in_reply_to: str | None, references: list[str], expected: str
) -> None:
    message = InboundMessage(message_id_header=parent, in_reply_to=in_reply_to, references=tuple(references))
    assert threading(message) == {"In-Reply-To": "<3@x>", "References": expected}


@pytest.mark.parametrize("parent", [None, "", "3@x", "<>", "<a b@x>", "<3@x\r\nBcc: eve@example.org>"])
def test_an_answer_to_a_mail_without_an_id_has_no_thread(parent: str | None) -> None:
    message = InboundMessage(message_id_header=parent, references=("<1@x>",))
    assert threading(message) == {}


def test_references_of_a_long_thread_have_its_first_and_last_mails() -> None:
    references = tuple(f"<{n}@x>" for n in range(100))
    found = threading(InboundMessage(message_id_header="<m@x>", references=references))["References"].split()
    assert len(found) == REFERENCES + 1
    assert (found[0], found[1], found[-2:]) == ("<0@x>", "<81@x>", ["<99@x>", "<m@x>"])


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("Lieferung", "Re: Lieferung"),
        ("RE: Lieferung", "RE: Lieferung"),
        ("Re : Lieferung", "Re : Lieferung"),
        ("Regen", "Re: Regen"),
        ("two\r\nBcc: lines", "Re: two Bcc: lines"),
        (None, "Re:"),
        ("", "Re:"),
    ],
)
def test_an_answers_subject_has_one_re_and_one_line(subject: str | None, expected: str) -> None:
    assert subject_of_answer(subject) == expected


def test_hostile_texts_and_subjects_still_make_a_valid_job() -> None:
    sqs = Sqs()
    hostile = {"subject": "x" * 5000 + "\x00\n", "text": "y" * 300_000, "stripped_text": None}
    assert consume(event(hostile), desk(sqs)[0]) in {"answered", "refused"}
    assert isinstance(answer(ticket(hostile)), SendJob)
    assert len(json.dumps(sqs.bodies)) < 100_000
