"""Merges: one job with a message for each recipient."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.mails import body_of, mail_of

if TYPE_CHECKING:
    from tests.e2e.system import System

# the other identity and configuration set of the stage
OTHER_SENDER = {"from_email": "news@example.net", "esp_extra": {"ConfigurationSetName": "newsletters"}}


def readers(count: int) -> list[str]:
    return [f"success+reader{number}@simulator.amazonses.com" for number in range(count)]


def merge(system: System, to: list[str], **fields: object) -> dict[str, Any]:
    """Return a merge in which each recipient has a number."""
    content = {"subject": "Number {{number}}", "text": "You are {{number}} of {{all}}."}
    return system.job(
        to=to,
        merge_data={address: {"number": number} for number, address in enumerate(to)},
        merge_global_data={"all": len(to), "number": "nobody"},
        **{**content, **fields},
    )


def received(system: System, job: dict[str, Any]) -> Counter[str]:
    """Return how many mails each recipient of a job got."""
    return Counter(address for sent in system.sent_for(job["job_id"]) for address in sent["recipients"])


@pytest.mark.parametrize(("count", "fields"), [(1, {}), (50, {}), (51, {}), (130, {}), (2, OTHER_SENDER)])
def test_each_recipient_of_a_merge_gets_one_mail(system: System, count: int, fields: dict[str, Any]) -> None:
    to = readers(count)
    metadata = {address: {"reader": address} for address in to}
    job = merge(system, to, merge_metadata=metadata, tags=["all"], **fields)

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


def test_a_stored_template_is_rendered_for_each_recipient(system: System) -> None:
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
    plain = body_of(mails[ann])
    assert " ".join(plain.split()) == 'Dear Änn "A" \\ <b> {{name}}'
    assert body_of(mails[ann], "html").strip() == "<ul><li>1 €</li><li>{}</li></ul>"
    assert mails[bob]["Subject"] == "Order of Bob"
    assert body_of(mails[bob]).strip() == "Bob"


def test_any_name_null_and_nested_data_arrive_as_written(system: System) -> None:
    name = f"plan-{uuid.uuid4().hex}"
    content = {
        "Subject": "{{plan.name}}",
        "Text": "{{plan.seats}} seats, {{#each days}}{{this}} {{/each}}{{note}}.",
    }
    system.client("sesv2").create_email_template(TemplateName=name, TemplateContent=content)
    [ann] = readers(1)
    inline = system.job(
        to=ann,
        subject="Hello {{first_name}}",
        text="Dear {{first_name}} {{last-name}}{{~ title ~}} !",
        merge_data={ann: {"first_name": "Ann", "last-name": "Lee", "title": None}},
    )
    stored = system.job(
        to=ann,
        subject=None,
        text=None,
        template_id=name,
        merge_global_data={"plan": {"name": "Basic", "seats": 3}, "days": ["Mon", "Tue"], "note": None},
        merge_data={ann: {"plan": {"seats": 5}, "days": ["Sun"]}},
    )

    for job in (inline, stored):
        system.enqueue(json.dumps(job))
        system.wait(1, job_id=job["job_id"], event_type="delivered")

    [sent] = system.sent_for(inline["job_id"])
    assert (mail_of(sent)["Subject"], body_of(mail_of(sent)).strip()) == ("Hello Ann", "Dear Ann Lee!")
    [sent] = system.sent_for(stored["job_id"])
    assert (mail_of(sent)["Subject"], body_of(mail_of(sent)).strip()) == ("Basic", "5 seats, Sun .")


def test_what_ses_refuses_for_one_recipient_is_named_before_anything_is_sent(system: System) -> None:
    to = readers(120)
    job = merge(
        system,
        to,
        merge_headers={address: {"X-Note": "ü" * (500 if address == to[59] else 5)} for address in to},
    )

    system.enqueue(json.dumps(job))
    [failed] = system.wait(1, job_id=job["job_id"], event_type="failed")
    letter = system.dead_letter("SendDeadLetterQueueUrl", job["job_id"])

    assert "$.merge_headers[entry 60].X-Note: has" in failed["description"]
    assert letter["Path"] == "$.merge_headers[entry 60].X-Note"
    assert not system.sent_for(job["job_id"])


def test_all_wrong_addresses_are_in_one_event(system: System) -> None:
    good, *_ = readers(1)
    job = system.job(to=["one@@example.net", good, "two", "a@b@c"], merge_data={good: {}, "three": {}})

    system.enqueue(json.dumps(job))
    [failed] = system.wait(1, job_id=job["job_id"], event_type="failed")

    assert failed["recipient"] is None
    for path in ("$.to[0]: ", "$.to[2]: ", "$.to[3]: ", "$.merge_data[entry 2]: "):
        assert path in failed["description"]


def test_cc_bcc_attachments_and_headers_are_on_every_mail(system: System) -> None:
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


def test_only_recipients_with_a_temporary_error_are_retried(system: System) -> None:
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
    system.add_faults(*rules)
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
    known = system.ledger_record(job["job_id"])
    assert known is not None
    assert (known.state, set(known.accepted), known.open) == ("failed", {0, 2, 3, 5, 6, 7}, ())


def test_merges_go_by_single_mails_while_ses_limits_bulk_calls(system: System) -> None:
    name = f"news-{uuid.uuid4().hex}"
    content = {"Subject": "Number {{number}}", "Text": "You are {{number}} of {{all}}."}
    system.client("sesv2").create_email_template(TemplateName=name, TemplateContent=content)
    stored: dict[str, Any] = {"subject": None, "text": None, "template_id": name}
    kinds: list[dict[str, Any]] = [{}, OTHER_SENDER, stored]
    to = readers(5)
    # some of each, since one call a second is still a bulk call
    jobs = [(kind, merge(system, to, **fields)) for kind, fields in enumerate(kinds) for _ in range(3)]

    # a worker remembers the limit for long: those of the other tests are not to
    with system.deployed_with("Sender"):
        system.change_account(limit_bulk_calls=True)
        system.enqueue_together([json.dumps(job) for _, job in jobs])
        for _, job in jobs:
            system.wait(len(to), job_id=job["job_id"], event_type="delivered")
        system.wait_until_empty("SendQueueUrl")

    for _, job in jobs:
        assert received(system, job) == Counter(to)
        subjects = {
            sent["recipients"][0]: mail_of(sent)["Subject"] for sent in system.sent_for(job["job_id"])
        }
        assert subjects == {address: f"Number {number}" for number, address in enumerate(to)}
        assert not system.details(job_id=job["job_id"], event_type="failed")
    by_email = {
        kind
        for kind, job in jobs
        if {sent["operation"] for sent in system.sent_for(job["job_id"])} == {"SendEmail"}
    }
    assert by_email == {0, 1, 2}


def test_a_redriven_merge_sends_only_to_recipients_that_failed(system: System) -> None:
    to = readers(3)
    rule = {"operation": "SendBulkEmail", "error": "MESSAGE_REJECTED", "count": 1}
    system.add_faults(rule)
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
        # accepted, but the answer is lost: SES's own events settle it
        {"error": "ConnectionReset", "after_accept": True},
        {"error": "InternalServiceErrorException", "after_accept": True},
    ],
)
def test_a_merge_whose_call_failed_reaches_each_recipient_once(system: System, fault: dict[str, Any]) -> None:
    to = readers(60)
    rule = {"operation": "SendBulkEmail", "count": 1, **fault}
    system.add_faults(rule)
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


def test_a_rendering_failure_fails_for_that_recipient_alone(system: System) -> None:
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
