from __future__ import annotations

import base64
import json
import uuid
from typing import TYPE_CHECKING

import pytest

from tests.e2e.mails import body_of, mail_of

if TYPE_CHECKING:
    from tests.e2e.system import System


def test_all_fields_of_a_job_are_in_the_mail_that_ses_accepts(system: System) -> None:
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
    mail = mail_of(sent)
    assert mail["Subject"] == "Grüße — 注文 №7"
    assert mail["From"] == "Shop <shop@example.com>"
    assert mail["To"].addresses[0].display_name == "Zoë Müller"
    assert mail["Bcc"] is None
    assert mail["Reply-To"] == "help@example.com"
    assert mail["X-Campaign"] == "spring"
    assert mail.get_all("X-Tag") == ["receipt", "spring"]
    assert json.loads(mail["X-Metadata"]) == {"order": 7, "vip": True, "note": "schön", "none": None}
    assert body_of(mail).splitlines() == ["Grüße", ".", "From here"]
    assert body_of(mail, "html").strip() == "<p>Grüße</p>"
    (attachment,) = mail.iter_attachments()
    assert (attachment.get_filename(), attachment.get_content()) == ("Rechnung №7.pdf", pdf)


def test_every_event_has_the_job_id_metadata_and_tags(system: System) -> None:
    job_id = system.send(tags=["welcome"], metadata={"user": 42})

    events = system.wait(3, job_id=job_id)

    assert {event["event_type"] for event in events} == {"queued", "sent", "delivered"}
    assert {json.dumps(event["metadata"]) for event in events} == {'{"user": 42}'}
    assert all(event["tags"] == ["welcome"] for event in events)
    assert len({event["message_id"] for event in events}) == 1
    assert len({event["event_id"] for event in events}) == 3


def test_mail_of_another_identity_and_configuration_set_has_all_events(system: System) -> None:
    job_id = system.send(
        from_email="Example News <news@example.net>",
        esp_extra={"ConfigurationSetName": "newsletters"},
        metadata={"issue": 11},
    )

    events = system.wait(3, job_id=job_id)

    assert {event["event_type"] for event in events} == {"queued", "sent", "delivered"}
    assert {json.dumps(event["metadata"]) for event in events} == {'{"issue": 11}'}
    [sent] = system.sent_for(job_id)
    assert sent["configuration_set"] == "newsletters"
    mail = mail_of(sent)
    assert mail["From"] == "Example News <news@example.net>"


def test_a_job_without_an_id_gets_the_sqs_message_id(system: System) -> None:
    body = {
        "from_email": "a@example.com",
        "to": "success@simulator.amazonses.com",
        "subject": "x",
        "text": "y",
    }

    message_id = system.enqueue(json.dumps(body))

    assert system.wait(1, job_id=message_id, event_type="delivered")


def test_an_invalid_job_does_not_delay_the_others_of_its_batch(system: System) -> None:
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


def test_temporary_errors_are_retried(system: System) -> None:
    faults = [
        {"error": "TooManyRequestsException", "message": "Maximum sending rate exceeded."},
        # SES may have accepted these: its own events are waited for first
        {"error": "InternalServiceErrorException"},
        {"error": "ConnectionReset"},
    ]
    rules = [{"operation": "SendEmail", "count": 1, **fault} for fault in faults]
    # the deployment's own doubt would only make the test longer
    with system.deployed_with("Sender", DOUBT_SECONDS="1"):
        system.add_faults(*rules)
        jobs = [system.send() for _ in faults]
        for job_id in jobs:
            assert system.wait(1, job_id=job_id, event_type="delivered")

    for job_id in jobs:
        assert not system.details(job_id=job_id, event_type="failed")
        assert len(system.wait(1, job_id=job_id, event_type="queued")) == 1
        assert len(system.sent_for(job_id)) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"error": "LimitExceededException", "message": "Maximum sending rate exceeded."},
        # a changed policy takes time to spread
        {"error": "AccessDeniedException"},
        # accepted, though SES says HTTP 400
        {"error": "RequestAbortedException", "after_accept": True},
    ],
)
def test_what_looks_permanent_and_is_not_is_sent_once(system: System, fault: dict[str, object]) -> None:
    system.add_faults({"operation": "SendEmail", "count": 1, **fault})

    job_id = system.send()

    assert system.wait(1, job_id=job_id, event_type="delivered")
    assert len(system.wait(1, job_id=job_id, event_type="queued")) == 1
    assert len(system.sent_for(job_id)) == 1
    assert not system.details(job_id=job_id, event_type="failed")


@pytest.mark.parametrize(
    ("fault", "event_type"),
    [
        ({"error": "MessageRejected", "message": "Email address is not verified."}, "rejected"),
        ({"error": "AccountSuspendedException"}, "failed"),
        ({"error": "MailFromDomainNotVerifiedException"}, "failed"),
        ({"error": "BadRequestException", "message": "Missing final '@domain'"}, "failed"),
    ],
)
def test_permanent_errors_are_reported_and_dead_lettered(
    system: System, fault: dict[str, str], event_type: str
) -> None:
    rule = {"operation": "SendEmail", "count": 1, **fault}
    system.add_faults(rule)

    job_id = system.send()

    (event,) = system.wait(1, job_id=job_id)
    letter = system.dead_letter("SendDeadLetterQueueUrl", job_id)
    assert event["event_type"] == event_type
    assert event["recipient"] == "success@simulator.amazonses.com"
    assert letter["Code"] == event["error_code"] == fault["error"]


def test_a_sender_that_is_no_longer_verified_is_rejected_by_name(system: System) -> None:
    system.simulator.put("identities/example.net", json={"verification_status": "FAILED"}).raise_for_status()
    try:
        job_id = system.send(from_email="someone@example.net")
        (event,) = system.wait(1, job_id=job_id)
    finally:
        system.simulator.put("identities/example.net", json={"verification_status": "SUCCESS"})

    assert event["event_type"] == "rejected"
    assert "someone@example.net" in event["description"]
    assert system.dead_letter("SendDeadLetterQueueUrl", job_id)["Code"] == "MessageRejected"


# --- once


def test_a_job_that_is_enqueued_many_times_is_sent_once(system: System) -> None:
    job = system.job()
    body = json.dumps(job)
    # another order, and nothing else
    same = json.dumps(dict(reversed(job.items())) | {"cc": None}, indent=2)

    system.enqueue_together([body, same] * 5, "BulkQueueUrl")
    system.enqueue_together([body, same] * 5, "SendQueueUrl")
    system.wait(1, job_id=job["job_id"], event_type="delivered")
    system.enqueue(body, "BulkQueueUrl")
    system.wait_until_empty("BulkQueueUrl")

    assert len(system.sent_for(job["job_id"])) == 1
    assert len({event["event_id"] for event in system.details(job_id=job["job_id"])}) == 3
    assert not system.details(job_id=job["job_id"], event_type="failed")


def test_the_id_of_another_job_is_refused(system: System) -> None:
    job = system.job()
    system.enqueue(json.dumps(job))
    system.wait(1, job_id=job["job_id"], event_type="delivered")

    system.enqueue(json.dumps(job | {"text": "Something else."}))
    [failed] = system.wait(1, job_id=job["job_id"], event_type="failed")
    letter = system.dead_letter("SendDeadLetterQueueUrl", job["job_id"])

    assert failed["description"].startswith("$.job_id")
    assert failed["error_code"] == letter["Code"] == "JobIdConflict"
    assert json.loads(letter["body"])["text"] == "Something else."
    assert len(system.sent_for(job["job_id"])) == 1


def test_a_refused_job_can_be_fixed_under_its_id(system: System) -> None:
    job = system.job(subject="a\nb")
    system.enqueue(json.dumps(job))
    system.wait(1, job_id=job["job_id"], event_type="failed")

    system.enqueue(json.dumps(job | {"subject": "a b"}))

    assert system.wait(1, job_id=job["job_id"], event_type="delivered")


def test_what_ses_accepted_without_an_answer_is_not_sent_again(system: System) -> None:
    rules = [
        {"operation": "SendEmail", "count": 1, "error": error, "after_accept": True}
        for error in ("ConnectionReset", "InternalServiceErrorException")
    ]
    system.add_faults(*rules)
    jobs = [system.job(metadata={"order": number}) for number in range(2)]

    system.enqueue_together([json.dumps(job) for job in jobs], "BulkQueueUrl")
    for job in jobs:
        [queued] = system.wait(1, job_id=job["job_id"], event_type="queued")
        [sent] = system.sent_for(job["job_id"])
        assert (queued["message_id"], queued["metadata"]) == (sent["message_id"], job["metadata"])
    system.wait_until_empty("BulkQueueUrl")

    assert all(len(system.sent_for(job["job_id"])) == 1 for job in jobs)


def test_on_unknown_and_max_attempts_are_settings(system: System) -> None:
    with system.deployed_with("Sender", ON_UNKNOWN="fail", DOUBT_SECONDS="1", MAX_ATTEMPTS="2"):
        rules = [
            {"operation": "SendEmail", "error": "ConnectionReset", "count": 1},
            {"operation": "SendBulkEmail", "error": "TRANSIENT_FAILURE", "count": 2},
        ]
        system.add_faults(*rules)
        unknown = system.send()
        exhausted = system.send(merge_global_data={})
        first = system.wait(1, job_id=unknown)[0]
        second = system.wait(1, job_id=exhausted)[0]

    assert (first["event_type"], second["event_type"]) == ("failed", "failed")
    assert "may have accepted" in first["description"]
    assert system.dead_letter("SendDeadLetterQueueUrl", unknown)["Code"] == "OutcomeUnknown"
    assert system.dead_letter("SendDeadLetterQueueUrl", exhausted)["Code"] == "TRANSIENT_FAILURE"
    assert system.sent_for(unknown) == system.sent_for(exhausted) == []


# --- waiting does not use up attempts


def test_throttling_does_not_count_as_an_attempt(system: System) -> None:
    rule = {
        "operation": "SendEmail",
        "error": "TooManyRequestsException",
        "message": "Maximum sending rate exceeded.",
        "count": 2,
    }
    system.add_faults(rule)

    job_id = system.send()
    assert system.wait(1, job_id=job_id, event_type="delivered")

    known = system.wait_for_record(job_id, lambda record: record.lease_until == 0)
    assert dict(known.attempts) == {"throttled": 2}
