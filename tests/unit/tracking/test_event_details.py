from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from tests.unit.tracking.notifications import OBJECT_KEYS, SNS_TIME, events, normalized, only, payload

SNS_MOMENT = datetime.fromisoformat(SNS_TIME)


@pytest.mark.parametrize(
    ("sub_type", "reason"),
    [
        ("General", "bounced"),
        ("NoEmail", "bounced"),
        ("MailboxFull", "bounced"),
        ("Undetermined", "bounced"),
        ("SomethingNew", "bounced"),
        ("Suppressed", "blocked"),
        ("OnAccountSuppressionList", "blocked"),
        ("OnTenantSuppressionList", "blocked"),
        ("EmailValidationSuppressed", "blocked"),
        ("UnsubscribedRecipient", "unsubscribed"),
    ],
)
def test_a_bounces_sub_type_decides_the_reject_reason(sub_type: str, reason: str) -> None:
    bounce = payload("event_bounce")
    bounce["bounce"]["bounceSubType"] = sub_type
    assert {event.reject_reason for event in events(bounce)} == {reason}
    assert {event.description for event in events(bounce)} == {f"Permanent: {sub_type}"}


@pytest.mark.parametrize("key", ["eventType", "notificationType"])
def test_an_automatic_reply_is_no_bounce(key: str) -> None:
    bounce = payload("event_automatic_reply")
    del bounce["eventType"]
    event = only({**bounce, key: "Bounce"})
    assert (event.event_type, event.recipient, event.reject_reason) == (
        "autoresponded",
        "ada@example.org",
        None,
    )
    assert event.bounce is not None
    assert (event.bounce.type, event.description) == ("Transient", "Transient: General")


@pytest.mark.parametrize(
    ("changes", "event_type"),
    [
        ({"bouncedRecipients": [{"emailAddress": "ada@example.org", "status": "4.4.7"}]}, "bounced"),
        ({"bouncedRecipients": [{"emailAddress": "ada@example.org", "action": "failed"}]}, "bounced"),
        ({"bouncedRecipients": [{"emailAddress": "ada@example.org", "diagnosticCode": "x"}]}, "bounced"),
        ({"bouncedRecipients": [{"emailAddress": "ada@example.org", "status": ""}]}, "autoresponded"),
        ({"bouncedRecipients": []}, "autoresponded"),
        ({"bounceSubType": "MailboxFull"}, "bounced"),
        ({"bounceSubType": None}, "bounced"),
        ({"bounceType": "Permanent"}, "bounced"),
        ({"bounceType": "Undetermined", "bounceSubType": "Undetermined"}, "bounced"),
        (
            {"bounceType": "Undetermined", "bounceSubType": "Undetermined", "bouncedRecipients": []},
            "autoresponded",
        ),
        ({"bounceType": "Permanent", "bouncedRecipients": []}, "bounced"),
        ({"bounceType": None, "bounceSubType": None, "bouncedRecipients": []}, "bounced"),
    ],
)
def test_only_a_bounce_without_anything_of_a_report_is_an_automatic_reply(
    changes: dict[str, Any], event_type: str
) -> None:
    bounce = payload("event_automatic_reply")
    bounce["bounce"] |= changes
    event = only(bounce)
    assert (event.event_type, event.recipient) == (event_type, "ada@example.org")
    assert event.reject_reason == (None if event_type == "autoresponded" else "bounced")


def test_one_recipient_with_a_report_makes_it_a_bounce_for_all() -> None:
    bounce = payload("event_automatic_reply")
    bounce["bounce"]["bouncedRecipients"] = [
        {"emailAddress": "ada@example.org"},
        {"emailAddress": "grace@example.net", "action": "failed"},
    ]
    assert {event.event_type for event in events(bounce)} == {"bounced"}


@pytest.mark.parametrize(
    ("missing", "description"),
    [
        (("bounceSubType",), "Permanent"),
        (("bounceType",), "General"),
        (("bounceType", "bounceSubType"), None),
    ],
)
def test_a_bounce_without_type_or_sub_type_is_still_a_bounce(
    missing: tuple[str, ...], description: str | None
) -> None:
    bounce = payload("event_bounce")
    for key in missing:
        del bounce["bounce"][key]
    assert [(e.event_type, e.description) for e in events(bounce)] == [("bounced", description)] * 2


@pytest.mark.parametrize(
    ("feedback", "reason"),
    [("abuse", "spam"), ("fraud", "spam"), ("virus", "spam"), (None, "spam"), ("not-spam", None)],
)
def test_a_complaint_is_spam_unless_its_feedback_type_is_not_spam(
    feedback: str | None, reason: str | None
) -> None:
    complaint = payload("event_complaint")
    complaint["complaint"]["complaintFeedbackType"] = feedback
    event = only(complaint)
    assert (event.event_type, event.reject_reason, event.description) == ("complained", reason, feedback)


def test_a_complaint_from_one_of_several_in_a_domain_names_each_as_ambiguous() -> None:
    complaint = payload("event_complaint")
    complaint["complaint"]["complainedRecipients"] = [
        {"emailAddress": "ada@example.org"},
        {"emailAddress": "alan@example.org"},
    ]
    assert [(e.recipient, e.recipient_ambiguous) for e in events(complaint)] == [
        ("ada@example.org", True),
        ("alan@example.org", True),
    ]


@pytest.mark.parametrize("name", ["event_open", "event_click", "event_subscription"])
def test_what_one_of_several_recipients_did_is_ambiguous(name: str) -> None:
    opened = payload(name)
    opened["mail"]["destination"] = ["ada@example.org"]
    assert [e.recipient_ambiguous for e in events(opened)] == [False]
    opened["mail"]["destination"] = ["ada@example.org", "grace@example.net"]
    assert [(e.recipient, e.recipient_ambiguous) for e in events(opened)] == [
        ("ada@example.org", True),
        ("grace@example.net", True),
    ]


@pytest.mark.parametrize("name", ["event_send", "event_reject", "event_rendering_failure"])
def test_what_happened_to_the_whole_message_happened_to_each_recipient(name: str) -> None:
    sent = payload(name)
    sent["mail"]["destination"] = ["ada@example.org", "grace@example.net"]
    assert [(e.recipient, e.recipient_ambiguous) for e in events(sent)] == [
        ("ada@example.org", False),
        ("grace@example.net", False),
    ]


@pytest.mark.parametrize("name", list(OBJECT_KEYS))
@pytest.mark.parametrize("replacement", [..., None, [], "text"])
def test_an_event_without_its_details_keeps_its_type_and_has_snss_time(
    name: str, replacement: object
) -> None:
    changed = payload(name)
    del changed[OBJECT_KEYS[name]]
    if replacement is not ...:
        changed[OBJECT_KEYS[name]] = replacement
    whole = {event.event_type for event in events(payload(name))}
    types = {event.event_type for event in events(changed)}
    # without its preferences nobody can tell how they changed
    assert types == ({"unknown"} if name == "event_subscription" else whole)
    assert {event.timestamp for event in events(changed)} == {SNS_MOMENT}


@pytest.mark.parametrize(
    ("written", "bot"),
    [("Likely", "likely"), ("Unlikely", "unlikely"), ("Perhaps", None), (None, None), (True, None)],
)
@pytest.mark.parametrize("name", ["event_open", "event_click"])
def test_an_event_has_sess_estimate_of_whether_it_was_a_bot(
    name: str, written: object, bot: str | None
) -> None:
    changed = payload(name)
    changed[OBJECT_KEYS[name]]["isBotEvent"] = written
    assert {event.bot for event in events(changed)} == {bot}
    del changed[OBJECT_KEYS[name]]["isBotEvent"]
    assert {event.bot for event in events(changed)} == {None}


def test_a_link_without_tags_has_none() -> None:
    click = payload("event_click")
    click["click"]["linkTags"] = None
    assert {event.click_url for event in events(click)} == {
        "https://shop.example.com/orders/4711?utm_source=mail"
    }
    assert [event.link_tags for event in events(click)] == [{}, {}]


@pytest.mark.parametrize("key", ["eventType", "notificationType"])
def test_a_new_type_of_event_is_unknown_and_has_sess_whole_json(key: str) -> None:
    novel = payload("event_send")
    del novel["eventType"], novel["send"]
    novel |= {key: "Read Receipt", "readReceipt": {"device": "fridge"}}
    event, _ = events(novel)
    assert event.event_type == "unknown"
    assert event.description == "Read Receipt"
    assert event.recipient == "ada@example.org"
    assert event.job_id == "order-4711-shipped"
    assert json.loads(normalized(novel).esp_event) == novel
