from __future__ import annotations

import base64
import email
import email.policy
import json
import uuid
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import System


def test_a_whole_job_arrives_at_ses_as_it_was_meant(system: System) -> None:
    pdf = b"%PDF-1.7 \x00\xff whole"
    job_id = system.send(
        to=["Zoë Müller <success+zoe@simulator.amazonses.com>"],
        cc=["success+cc@simulator.amazonses.com"],
        bcc=["success+bcc@simulator.amazonses.com"],
        reply_to=["help@example.com"],
        subject="Grüße — 注文 №7",
        text="Grüße\n.\nFrom here",
        html="<p>Grüße</p>",
        headers={"X-Campaign": "spring"},
        attachments=[
            {
                "filename": "Rechnung №7.pdf",
                "content_type": "application/pdf",
                "content": base64.b64encode(pdf).decode(),
            }
        ],
        tags=["receipt", "spring"],
        metadata={"order": 7, "vip": True, "note": "schön", "none": None},
    )

    queued = system.wait(3, job_id=job_id, event_type="queued")
    sent = system.sent_message(queued[0]["message_id"])

    assert {event["recipient"] for event in queued} == {
        f"success+{name}@simulator.amazonses.com" for name in ("zoe", "cc", "bcc")
    }
    assert sorted(sent["recipients"]) == sorted(event["recipient"] for event in queued)
    assert sent["raw"].isascii()
    assert sent["tags"]["mailbus-job-id"] == job_id
    mail = email.message_from_string(sent["raw"], policy=email.policy.default)
    assert mail["Subject"] == "Grüße — 注文 №7"
    assert mail["From"] == "Shop <shop@example.com>"
    assert mail["To"].addresses[0].display_name == "Zoë Müller"
    assert mail["Bcc"] is None
    assert mail["Reply-To"] == "help@example.com"
    assert mail["X-Campaign"] == "spring"
    assert mail.get_all("X-Tag") == ["receipt", "spring"]
    assert json.loads(mail["X-Metadata"]) == {"order": 7, "vip": True, "note": "schön", "none": None}
    assert mail.get_body(("plain",)).get_content().splitlines() == ["Grüße", ".", "From here"]
    assert mail.get_body(("html",)).get_content().strip() == "<p>Grüße</p>"
    (attachment,) = mail.iter_attachments()
    assert (attachment.get_filename(), attachment.get_content()) == ("Rechnung №7.pdf", pdf)


def test_the_job_comes_back_on_every_event_of_its_message(system: System) -> None:
    job_id = system.send(tags=["welcome"], metadata={"user": 42})

    events = system.wait(3, job_id=job_id)

    assert {event["event_type"] for event in events} == {"queued", "sent", "delivered"}
    assert {json.dumps(event["metadata"]) for event in events} == {'{"user": 42}'}
    assert all(event["tags"] == ["welcome"] for event in events)
    assert len({event["message_id"] for event in events}) == 1
    assert len({event["event_id"] for event in events}) == 3


def test_a_job_without_id_has_the_queue_s(system: System) -> None:
    body = {
        "from_email": "a@example.com",
        "to": "success@simulator.amazonses.com",
        "subject": "x",
        "text": "y",
    }

    message_id = system.enqueue(json.dumps(body))

    assert system.wait(1, job_id=message_id, event_type="delivered")


@pytest.mark.parametrize(
    ("change", "path", "reason"),
    [
        ({"subjet": "typo"}, "$.subjet", "subject"),
        ({"to": 7}, "$.to", ""),
        ({"to": ["success@simulator.amazonses.com", "no address"]}, "$.to[1]", ""),
        ({"to": ["jörg@example.com"]}, "$.to[0]", "ASCII"),
        ({"headers": {"X-Evil": "a\r\nBcc: victim@example.org"}}, "$.headers", ""),
        ({"subject": "a\nBcc: victim@example.org"}, "$.subject", ""),
        ({"headers": {"Bcc": "victim@example.org"}}, "$.headers", "bcc"),
        (
            {"attachments": [{"filename": "a", "content_type": "text/plain", "content": "*"}]},
            "$.attachments[0].content",
            "base64",
        ),
        ({"schema_version": 2}, "$.schema_version", ""),
        ({"send_at": "2030-01-01T00:00:00Z"}, "$.send_at", "send_at"),
        ({"to": [f"success+{n}@simulator.amazonses.com" for n in range(51)]}, "$", "50"),
    ],
)
def test_a_job_that_cannot_be_sent_says_why_and_is_kept(
    system: System, change: dict[str, object], path: str, reason: str
) -> None:
    job_id = system.send(**change)

    events = system.wait(1, job_id=job_id)
    letter = system.dead_letter("SendDeadLetterQueueUrl", job_id)

    assert {event["event_type"] for event in events} == {"failed"}
    assert events[0]["description"].startswith(path)
    assert reason.lower() in events[0]["description"].lower()
    assert json.loads(letter["body"])["job_id"] == job_id
    assert letter["Path"].startswith(path)
    assert letter["Reason"] == events[0]["description"]


@pytest.mark.parametrize("body", ["", "{", "not json", "[]", "null", '{"a":' * 5000, '"\\ud800"'])
def test_what_is_no_job_at_all_is_answered_and_kept(system: System, body: str) -> None:
    marked = f"{body} {uuid.uuid4().hex}"

    message_id = system.enqueue(marked)

    (event,) = system.wait(1, job_id=message_id)
    letter = system.dead_letter("SendDeadLetterQueueUrl", marked)
    assert event["event_type"] == "failed"
    assert event["recipient"] is None
    assert letter["body"] == marked
    assert letter["OriginalMessageId"] == message_id
    assert letter["Error"] == "InvalidJob"


def test_one_bad_job_does_not_hold_up_the_others_of_its_batch(system: System) -> None:
    good = [f"good-{uuid.uuid4().hex}" for _ in range(8)]
    bodies = [
        json.dumps(
            {
                "job_id": job_id,
                "from_email": "a@example.com",
                "to": ["success@simulator.amazonses.com"],
                "subject": "x",
                "text": "y",
            }
        )
        for job_id in good
    ]
    bad = f"bad {uuid.uuid4().hex}"

    system.enqueue_together([*bodies[:4], bad, *bodies[4:]])

    for job_id in good:
        assert len(system.wait(1, job_id=job_id, event_type="queued")) == 1
    assert system.dead_letter("SendDeadLetterQueueUrl", bad)["Error"] == "InvalidJob"


@pytest.mark.parametrize(
    "fault",
    [
        {"error": "TooManyRequestsException", "message": "Maximum sending rate exceeded."},
        {"error": "InternalServiceErrorException"},
        {"error": "ConnectionReset"},
    ],
)
def test_what_may_succeed_later_is_tried_again(system: System, fault: dict[str, str]) -> None:
    rule = {"operation": "SendEmail", "count": 1, **fault}
    system.simulator.post("faults", json=[rule]).raise_for_status()

    job_id = system.send()

    assert system.wait(1, job_id=job_id, event_type="delivered")
    assert not system.details(job_id=job_id, event_type="failed")
    assert len(system.details(job_id=job_id, event_type="queued")) == 1


@pytest.mark.parametrize(
    ("fault", "event_type"),
    [
        ({"error": "MessageRejected", "message": "Email address is not verified."}, "rejected"),
        ({"error": "AccountSuspendedException"}, "failed"),
        ({"error": "MailFromDomainNotVerifiedException"}, "failed"),
        ({"error": "BadRequestException", "message": "Missing final '@domain'"}, "failed"),
    ],
)
def test_what_ses_refuses_for_good_is_answered_and_kept(
    system: System, fault: dict[str, str], event_type: str
) -> None:
    rule = {"operation": "SendEmail", "count": 1, **fault}
    system.simulator.post("faults", json=[rule]).raise_for_status()

    job_id = system.send()

    (event,) = system.wait(1, job_id=job_id)
    letter = system.dead_letter("SendDeadLetterQueueUrl", job_id)
    assert event["event_type"] == event_type
    assert event["recipient"] == "success@simulator.amazonses.com"
    assert letter["Code"] == fault["error"]


def test_an_unverified_sender_is_refused_by_name(system: System) -> None:
    job_id = system.send(from_email="someone@unverified.example")

    (event,) = system.wait(1, job_id=job_id)

    assert event["event_type"] == "rejected"
    assert "someone@unverified.example" in event["description"]
    assert system.dead_letter("SendDeadLetterQueueUrl", job_id)["Code"] == "MessageRejected"


def test_paused_sending_holds_a_job_and_fails_nothing(system: System) -> None:
    faulted = system.simulator.get("account").raise_for_status().json()["faulted"]
    rule = {"operation": "SendEmail", "error": "SendingPausedException", "count": 1}
    system.simulator.post("faults", json=[rule]).raise_for_status()

    held = system.send()
    system.wait_for_account(lambda account: account["faulted"] > faulted)
    later = system.send()

    assert system.wait(1, job_id=later, event_type="delivered")
    assert not system.details(job_id=held)
