"""Merges: one job, a message of its own for each recipient."""

from __future__ import annotations

import email
import email.policy
import json
import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from email.message import EmailMessage

    from conftest import System


def mail_of(sent: dict[str, Any]) -> EmailMessage:
    return email.message_from_string(sent["raw"], policy=email.policy.default)


def readers(count: int) -> list[str]:
    return [f"success+reader{number}@simulator.amazonses.com" for number in range(count)]


def merge(system: System, to: list[str], **fields: object) -> dict[str, Any]:
    """A merge in which each recipient has a number of its own."""
    return system.job(
        to=to,
        subject="Number {{number}}",
        text="You are {{number}} of {{all}}.",
        merge_data={address: {"number": number} for number, address in enumerate(to)},
        merge_global_data={"all": len(to), "number": "nobody"},
        **fields,
    )


def received(system: System, job: dict[str, Any]) -> Counter[str]:
    """How often each recipient of a job has its mail."""
    return Counter(address for sent in system.sent_for(job["job_id"]) for address in sent["recipients"])


@pytest.mark.parametrize("count", [1, 50, 51, 130])
def test_each_recipient_of_a_merge_gets_a_mail_of_its_own(system: System, count: int) -> None:
    to = readers(count)
    job = merge(system, to, merge_metadata={address: {"reader": address} for address in to}, tags=["all"])

    system.enqueue(json.dumps(job))
    queued = system.wait(count, job_id=job["job_id"], event_type="queued")
    delivered = system.wait(count, job_id=job["job_id"], event_type="delivered")

    assert received(system, job) == Counter(to)
    assert Counter(event["recipient"] for event in queued) == Counter(to)
    assert Counter(event["recipient"] for event in delivered) == Counter(to)
    for event in (*queued, *delivered):
        assert event["metadata"] == {"reader": event["recipient"]}
        assert event["tags"] == ["all"]
    for sent in system.sent_for(job["job_id"]):
        [address] = sent["recipients"]
        assert mail_of(sent)["Subject"] == f"Number {to.index(address)}"
        assert mail_of(sent).get_content().strip() == f"You are {to.index(address)} of {count}."
    assert not system.details(job_id=job["job_id"], event_type="failed")


def test_a_stored_template_is_filled_in_for_each_recipient(system: System) -> None:
    name = f"order-{uuid.uuid4().hex}"
    content = {
        "Subject": "Order of {{name}}",
        "Html": "<ul>{{#each lines}}<li>{{this}}</li>{{/each}}</ul>",
        "Text": "{{#if vip}}Dear {{/if}}{{name}}",
    }
    system.client("sesv2").create_email_template(TemplateName=name, TemplateContent=content)
    ann, bob = readers(2)
    job = system.job(
        to=[f"Ann <{ann}>", bob],
        subject=None,
        text=None,
        template_id=name,
        merge_global_data={"vip": False},
        merge_data={
            # its domain is written in another case
            ann.replace("simulator", "SIMULATOR"): {
                "name": 'Änn "A" \\ <b>\n {{name}}',
                "vip": True,
                "lines": ["1 €", "{}"],
            },
            bob: {"name": "Bob", "lines": []},
        },
    )

    system.enqueue(json.dumps(job))
    system.wait(2, job_id=job["job_id"], event_type="delivered")

    mails = {sent["recipients"][0]: mail_of(sent) for sent in system.sent_for(job["job_id"])}
    assert mails[ann]["To"] == f"Ann <{ann}>"
    plain = mails[ann].get_body(("plain",)).get_content()
    assert " ".join(plain.split()) == 'Dear Änn "A" \\ <b> {{name}}'
    assert mails[ann].get_body(("html",)).get_content().strip() == "<ul><li>1 €</li><li>{}</li></ul>"
    assert mails[bob]["Subject"] == "Order of Bob"
    assert mails[bob].get_body(("plain",)).get_content().strip() == "Bob"


def test_cc_bcc_attachments_and_headers_go_with_every_mail(system: System) -> None:
    to = readers(2)
    job = merge(
        system,
        to,
        cc=["Team <success+team@simulator.amazonses.com>"],
        bcc=["success+archive@simulator.amazonses.com"],
        reply_to=["help@example.com"],
        headers={"X-Shop": "7", "List-Id": "Shop <shop.example.com>"},
        merge_headers={to[1]: {"X-Shop": "8"}},
        attachments=[{"filename": "Menü.pdf", "content_type": "application/pdf", "content": "AAH/"}],
        envelope_sender="bounces@example.com",
        track_clicks=False,
    )

    system.enqueue(json.dumps(job))
    system.wait(6, job_id=job["job_id"], event_type="delivered")

    shared = {"success+team@simulator.amazonses.com", "success+archive@simulator.amazonses.com"}
    assert [set(sent["recipients"]) for sent in system.sent_for(job["job_id"])] == [
        {to[0], *shared},
        {to[1], *shared},
    ]
    for sent, shop in zip(system.sent_for(job["job_id"]), ("7", "8"), strict=True):
        mail = mail_of(sent)
        assert (mail["X-Shop"], mail["List-Id"]) == (shop, "Shop <shop.example.com>")
        assert (mail["Cc"], mail["Bcc"], mail["Reply-To"]) == (
            "Team <success+team@simulator.amazonses.com>",
            None,
            "help@example.com",
        )
        [attachment] = mail.iter_attachments()
        assert (attachment.get_filename(), attachment.get_content()) == ("Menü.pdf", b"\x00\x01\xff")
        assert sent["feedback_address"] == "bounces@example.com"
        assert sent["overrides"] == {"Tracking": {"ClickTrackingEnabled": "DISABLED"}}


def test_only_recipients_whose_error_may_pass_are_tried_again(system: System) -> None:
    to = readers(8)
    rules = [
        {"operation": "SendBulkEmail", "error": error, "count": count}
        for error, count in (
            ("TRANSIENT_FAILURE", 1),
            ("MESSAGE_REJECTED", 1),
            ("ACCOUNT_THROTTLED", 1),
            ("FAILED", 1),
            ("INVALID_PARAMETER", 1),
        )
    ]
    system.simulator.post("faults", json=rules).raise_for_status()
    job = merge(system, to)

    system.enqueue(json.dumps(job))
    delivered = system.wait(6, job_id=job["job_id"], event_type="delivered")
    [rejected] = system.wait(1, job_id=job["job_id"], event_type="rejected")
    [failed] = system.wait(1, job_id=job["job_id"], event_type="failed")
    letter = system.dead_letter("SendDeadLetterQueueUrl", job["job_id"])

    # SES answers its entries in order, so the first five had the faults
    assert (rejected["recipient"], failed["recipient"]) == (to[1], to[4])
    wanted = Counter(address for address in to if address not in {to[1], to[4]})
    assert received(system, job) == wanted
    assert Counter(event["recipient"] for event in delivered) == wanted
    assert "2 of 8" in letter["Reason"]
    known = system.known(job["job_id"])
    assert known is not None
    assert (known.state, set(known.accepted), known.open) == ("failed", {0, 2, 3, 5, 6, 7}, ())


def test_sent_again_from_the_dead_letter_queue_a_merge_tries_what_failed_alone(system: System) -> None:
    to = readers(3)
    rule = {"operation": "SendBulkEmail", "error": "MESSAGE_REJECTED", "count": 1}
    system.simulator.post("faults", json=[rule]).raise_for_status()
    job = merge(system, to)
    system.enqueue(json.dumps(job))
    letter = system.dead_letter("SendDeadLetterQueueUrl", job["job_id"])

    system.enqueue(letter["body"])
    system.wait(3, job_id=job["job_id"], event_type="delivered")

    assert received(system, job) == Counter(to)


@pytest.mark.parametrize(
    "fault",
    [
        {"error": "TooManyRequestsException", "message": "Maximum sending rate exceeded."},
        # accepted, and the answer is lost: SES's own events tell
        {"error": "ConnectionReset", "after_accept": True},
        {"error": "InternalServiceErrorException", "after_accept": True},
    ],
)
def test_a_merge_whose_call_went_wrong_reaches_each_recipient_once(
    system: System, fault: dict[str, Any]
) -> None:
    to = readers(60)
    rule = {"operation": "SendBulkEmail", "count": 1, **fault}
    system.simulator.post("faults", json=[rule]).raise_for_status()
    job = merge(system, to, merge_metadata={address: {"reader": address} for address in to})

    system.enqueue(json.dumps(job))
    queued = system.wait(60, job_id=job["job_id"], event_type="queued")
    system.wait(60, job_id=job["job_id"], event_type="delivered")

    assert received(system, job) == Counter(to)
    assert {event["recipient"]: event["metadata"]["reader"] for event in queued} == dict(
        zip(to, to, strict=True)
    )
    assert not system.details(job_id=job["job_id"], event_type="failed")


def test_an_unknown_template_fails_for_each_recipient(system: System) -> None:
    job = system.job(to=readers(2), subject=None, text=None, template_id="no-such-template")

    system.enqueue(json.dumps(job))
    failed = system.wait(2, job_id=job["job_id"])
    letter = system.dead_letter("SendDeadLetterQueueUrl", job["job_id"])

    assert all("template" in event["description"] for event in failed)
    assert {(event["event_type"], event["recipient"]) for event in failed} == {
        ("failed", address) for address in readers(2)
    }
    assert "2 of 2" in letter["Reason"]
    assert "template" in letter["Reason"]


def test_a_template_that_cannot_be_filled_in_fails_for_that_recipient_alone(system: System) -> None:
    ann, bob = readers(2)
    job = system.job(
        to=[ann, bob], subject="Hello {{name}}", text="{{name}}", merge_data={ann: {"name": "Ann"}, bob: {}}
    )

    system.enqueue(json.dumps(job))
    system.wait(2, job_id=job["job_id"], event_type="queued")

    [failed] = system.wait(1, job_id=job["job_id"], event_type="failed")
    [delivered] = system.wait(1, job_id=job["job_id"], event_type="delivered")
    assert (failed["recipient"], delivered["recipient"]) == (bob, ann)
    assert "name" in failed["description"]


@pytest.mark.parametrize(
    ("change", "path", "reason"),
    [
        ({"alternatives": [{"content": "x", "content_type": "text/calendar"}]}, "$.alternatives", ""),
        ({"headers": {"To": "all@example.org"}}, "$.headers.To", ""),
        ({"from_email": ["a@example.com", "b@example.com"]}, "$.from_email", ""),
        ({"template_id": "welcome"}, "$.subject", "template"),
        ({"headers": {f"X-{number}": "x" for number in range(16)}}, "$", "15"),
        ({"merge_data": {"stranger@example.org": {}}}, "$.merge_data", ""),
        (
            {"merge_headers": {"success+reader0@simulator.amazonses.com": {"X-A": "a\r\nb"}}},
            "$.merge_headers",
            "",
        ),
        ({"merge_data": {}, "to": [], "cc": ["a@example.org"]}, "$.to", ""),
        ({"esp_extra": {"ListManagementOptions": {"ContactListName": "a"}}}, "$.esp_extra", "ListManagement"),
    ],
)
def test_what_ses_cannot_merge_is_refused_before_anything_is_sent(
    system: System, change: dict[str, Any], path: str, reason: str
) -> None:
    job = merge(system, readers(1)) | change

    system.enqueue(json.dumps(job))

    [event] = system.wait(1, job_id=job["job_id"])
    assert event["event_type"] == "failed"
    assert event["description"].startswith(path)
    assert reason.lower() in event["description"].lower()
    assert system.sent_for(job["job_id"]) == []
