from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from mailbus.errors import InvalidNotification, WiringError
from tests.unit.tracking.notifications import (
    NAMES,
    SNS_TIME,
    TOPIC,
    envelope,
    events,
    normalized,
    only,
    payload,
)

SNS_MOMENT = datetime.fromisoformat(SNS_TIME)
OWN_OBJECT = {
    "event_bounce": "bounce",
    "event_complaint": "complaint",
    "event_delivery": "delivery",
    "event_send": "send",
    "event_reject": "reject",
    "event_open": "open",
    "event_click": "click",
    "event_rendering_failure": "failure",
    "event_delivery_delay": "deliveryDelay",
    "event_subscription": "subscription",
}


def with_headers(*headers: tuple[str, str]) -> dict[str, Any]:
    changed = payload("event_delivery")
    changed["mail"]["headers"] = [{"name": name, "value": value} for name, value in headers]
    return changed


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


@pytest.mark.parametrize(
    ("gone", "description"),
    [
        (("bounceSubType",), "Permanent"),
        (("bounceType",), "General"),
        (("bounceType", "bounceSubType"), None),
    ],
)
def test_a_bounce_without_type_or_sub_type_is_still_a_bounce(
    gone: tuple[str, ...], description: str | None
) -> None:
    bounce = payload("event_bounce")
    for key in gone:
        del bounce["bounce"][key]
    assert [(e.event_type, e.description) for e in events(bounce)] == [("bounced", description)] * 2


@pytest.mark.parametrize(
    ("feedback", "reason"),
    [("abuse", "spam"), ("fraud", "spam"), ("virus", "spam"), (None, "spam"), ("not-spam", None)],
)
def test_a_complaint_is_spam_unless_it_says_that_it_is_not(feedback: str | None, reason: str | None) -> None:
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


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("ada@example.org", "ada@example.org"),
        ("Ada Lovelace <ada@example.org>", "ada@example.org"),
        ('"Lovelace, Ada" <ada@example.org>', "ada@example.org"),
        ('"Ada <the first>" <ada@example.org>', "ada@example.org"),
        ("=?utf-8?q?Ad=C3=A9?= <ada@example.org>", "ada@example.org"),
        (" <ada@example.org> ", "ada@example.org"),
        ("ada@bücher.example", "ada@bücher.example"),
        ("undisclosed", "undisclosed"),
        ("<>", "<>"),
    ],
)
def test_a_recipient_is_a_bare_address(written: str, address: str) -> None:
    sent = payload("event_send")
    sent["mail"]["destination"] = [written]
    assert only(sent).recipient == address
    delivered = payload("event_delivery")
    delivered["delivery"]["recipients"] = [written]
    assert only(delivered).recipient == address
    bounced = payload("event_bounce")
    bounced["bounce"]["bouncedRecipients"] = [{"emailAddress": written}]
    assert only(bounced).recipient == address


def test_a_recipient_named_twice_gets_one_event() -> None:
    sent = payload("event_send")
    sent["mail"]["destination"] = ["ada@example.org", "Ada <ada@example.org>", "grace@example.net"]
    assert [e.recipient for e in events(sent)] == ["ada@example.org", "grace@example.net"]
    bounced = payload("event_bounce")
    bounced["bounce"]["bouncedRecipients"] *= 2
    assert [e.recipient for e in events(bounced)] == ["ada@example.org", "grace@example.net"]


@pytest.mark.parametrize("lack", [..., None, [], [None], [""], 7])
@pytest.mark.parametrize("name", ["event_send", "event_reject", "event_open", "event_click"])
def test_without_a_destination_there_is_one_event_for_nobody(name: str, lack: object) -> None:
    changed = payload(name)
    del changed["mail"]["destination"]
    if lack is not ...:
        changed["mail"]["destination"] = lack
    event = only(changed)
    assert (event.recipient, event.recipient_ambiguous) == (None, False)


@pytest.mark.parametrize("lack", [..., None, [], {}, "nobody"])
@pytest.mark.parametrize(
    ("name", "own", "key"),
    [
        ("event_bounce", "bounce", "bouncedRecipients"),
        ("event_complaint", "complaint", "complainedRecipients"),
        ("event_delivery_delay", "deliveryDelay", "delayedRecipients"),
    ],
)
def test_without_a_recipient_list_there_is_one_event_for_nobody(
    name: str, own: str, key: str, lack: object
) -> None:
    changed = payload(name)
    del changed[own][key]
    if lack is not ...:
        changed[own][key] = lack
    assert only(changed).recipient is None


@pytest.mark.parametrize("name", list(OWN_OBJECT))
@pytest.mark.parametrize("lack", [..., None, [], "text"])
def test_without_its_own_object_an_event_keeps_its_type_and_takes_snss_time(name: str, lack: object) -> None:
    changed = payload(name)
    del changed[OWN_OBJECT[name]]
    if lack is not ...:
        changed[OWN_OBJECT[name]] = lack
    whole = {event.event_type for event in events(payload(name))}
    kept = {event.event_type for event in events(changed)}
    # which way preferences went, nobody can tell without them
    assert kept == ({"unknown"} if name == "event_subscription" else whole)
    assert {event.timestamp for event in events(changed)} == {SNS_MOMENT}


def test_an_unreadable_part_costs_only_itself() -> None:
    bounce = payload("event_bounce")
    bounce["bounce"]["bouncedRecipients"][0]["status"] = 511
    bounce["bounce"]["remoteMtaIp"] = ["203.0.113.25"]
    bounce["mail"]["headers"][2] = "Subject: broken"
    bounce["mail"]["tags"]["campaign"] = "autumn"
    first, second = events(bounce)
    assert first.bounce is not None
    assert first.bounce.status is None
    assert first.bounce.remote_mta_ip is None
    assert first.bounce.action == "failed"
    assert first.mta_response == "smtp; 550 5.1.1 <ada@example.org>: user unknown"
    assert second.bounce is not None
    assert second.bounce.status == "5.2.1"
    assert first.metadata == {"order": 4711, "tenant": "north", "express": True}
    assert first.message_tags["campaign"] == ("autumn",)
    assert first.job_id == "order-4711-shipped"


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-11-20T09:31:57.604Z", datetime(2026, 11, 20, 9, 31, 57, 604000, UTC)),
        ("2026-11-20T09:31:57Z", datetime(2026, 11, 20, 9, 31, 57, 0, UTC)),
        ("2026-11-20T09:31:57", datetime(2026, 11, 20, 9, 31, 57, 0, UTC)),
        ("2026-11-20T10:31:57+01:00", datetime(2026, 11, 20, 9, 31, 57, 0, UTC)),
        ("0001-01-01T00:00:00+14:00", SNS_MOMENT),
        ("yesterday", SNS_MOMENT),
        (1763630045, SNS_MOMENT),
        (None, SNS_MOMENT),
    ],
)
def test_the_time_is_the_events_own_in_utc_else_snss(written: object, moment: datetime) -> None:
    opened = payload("event_open")
    opened["open"]["timestamp"] = written
    event = only(opened)
    assert event.timestamp == moment
    assert event.timestamp.tzinfo is UTC


@pytest.mark.parametrize(
    ("said", "bot"),
    [("Likely", "likely"), ("Unlikely", "unlikely"), ("Perhaps", None), (None, None), (True, None)],
)
@pytest.mark.parametrize("name", ["event_open", "event_click"])
def test_ses_says_whether_a_bot_was_at_work(name: str, said: object, bot: str | None) -> None:
    changed = payload(name)
    changed[OWN_OBJECT[name]]["isBotEvent"] = said
    assert {event.bot for event in events(changed)} == {bot}
    del changed[OWN_OBJECT[name]]["isBotEvent"]
    assert {event.bot for event in events(changed)} == {None}


def test_a_link_without_tags_has_none() -> None:
    click = payload("event_click")
    click["click"]["linkTags"] = None
    assert {event.click_url for event in events(click)} == {
        "https://shop.example.com/orders/4711?utm_source=mail"
    }
    assert [event.link_tags for event in events(click)] == [{}, {}]


@pytest.mark.parametrize(
    ("value", "metadata"),
    [
        ('{"rate": 0.5, "vip": true, "note": null}', {"rate": 0.5, "vip": True, "note": None}),
        ('{"city": "K\\u00f6ln"}', {"city": "Köln"}),
        ('{"a": 1,\r\n "b": 2}', {"a": 1, "b": 2}),
        ('{"long": "text that was\r\n folded"}', {"long": "text that was folded"}),
        ("=?utf-8?q?=7B=22city=22=3A_=22K=C3=B6ln=22=7D?=", {"city": "Köln"}),
        ("=?utf-8?b?eyJjaXR5Ijog?=\r\n =?utf-8?b?IkvDtmxuIn0=?=", {"city": "Köln"}),
        ('{"order": 4711, "nested": {"a": 1}, "list": [1]}', {"order": 4711}),
        ('{"order": 4711, "cut": "of', {}),
        ("=?utf-8?b?broken", {}),
        ("=?nonsense?b?e30=?=", {}),
        ("[1, 2]", {}),
        ('"text"', {}),
        ("null", {}),
        ('{"half": "\\ud83d"}', {}),
        ("[" * 100_000, {}),
        ("", {}),
    ],
)
def test_metadata_comes_back_from_its_header(value: str, metadata: dict[str, object]) -> None:
    assert only(with_headers(("X-Metadata", value))).metadata == metadata
    assert only(with_headers(("x-metadata", value))).metadata == metadata


def test_tags_come_back_in_order_decoded() -> None:
    tags = only(
        with_headers(
            ("X-Tag", "shipping"),
            ("Subject", "not a tag"),
            ("x-tag", "=?iso-8859-1?q?gr=F6=DFe?="),
            ("X-TAG", "100% =? literal"),
            ("X-Tags", "not one either"),
        )
    ).tags
    assert tags == ("shipping", "größe", "100% =? literal")


@pytest.mark.parametrize("name", NAMES)
def test_without_headers_there_are_no_tags_and_no_metadata(name: str) -> None:
    changed = payload(name)
    for lack in (None, ...):
        changed["mail"]["headers"] = None
        if lack is ...:
            del changed["mail"]["headers"]
        assert {(event.tags, len(event.metadata)) for event in events(changed)} == {((), 0)}


@pytest.mark.parametrize("tags", [None, {}, {"mailbus-job-id": []}, {"mailbus-job-id": None}, "x"])
def test_a_message_that_mailbus_did_not_send_has_no_job_id(tags: object) -> None:
    delivered = payload("event_delivery")
    delivered["mail"]["tags"] = tags
    assert only(delivered).job_id is None


ALL = {"unsubscribeAll": True}
NONE = {"unsubscribeAll": False}


def topics(**status: str) -> dict[str, Any]:
    listed = [{"topicName": name, "subscriptionStatus": value} for name, value in status.items()]
    return {"unsubscribeAll": False, "topicSubscriptionStatus": listed}


@pytest.mark.parametrize(
    ("new", "old", "event_type"),
    [
        (ALL, NONE, "unsubscribed"),
        (ALL, None, "unsubscribed"),
        (NONE, ALL, "subscribed"),
        (NONE, None, "subscribed"),
        (topics(offers="OptOut"), topics(offers="OptIn"), "unsubscribed"),
        (topics(offers="OptIn"), topics(offers="OptOut"), "subscribed"),
        (topics(offers="OptIn", news="OptOut"), topics(offers="OptOut", news="OptOut"), "subscribed"),
        (topics(offers="OptIn", news="OptOut"), topics(offers="OptOut", news="OptIn"), "unsubscribed"),
        (topics(offers="OptOut"), None, "unsubscribed"),
        (topics(offers="OptIn"), ALL, "subscribed"),
        (None, ALL, "unknown"),
    ],
)
def test_the_new_preferences_say_whether_somebody_left(new: object, old: object, event_type: str) -> None:
    changed = payload("event_subscription")
    changed["subscription"] |= {"newTopicPreferences": new, "oldTopicPreferences": old}
    assert only(changed).event_type == event_type


@pytest.mark.parametrize("key", ["eventType", "notificationType"])
def test_a_type_that_nobody_knew_is_unknown_with_all_that_ses_said(key: str) -> None:
    novel = payload("event_send")
    del novel["eventType"], novel["send"]
    novel |= {key: "Read Receipt", "readReceipt": {"device": "fridge"}}
    event, _ = events(novel)
    assert event.event_type == "unknown"
    assert event.description == "Read Receipt"
    assert event.recipient == "ada@example.org"
    assert event.job_id == "order-4711-shipped"
    assert json.loads(normalized(novel).esp_event) == novel


@pytest.mark.parametrize(
    "message",
    [
        "Successfully validated SNS topic for Amazon SES event publishing.",
        "Successfully validated SNS topic for Amazon SES event publishing.\n",
        json.dumps({"notificationType": "Received", "mail": {"messageId": "AMAZON_SES_SETUP_NOTIFICATION"}}),
        json.dumps({"mail": {"messageId": "AMAZON_SES_SETUP_NOTIFICATION"}, "content": "set up"}),
    ],
)
def test_sess_set_up_messages_are_ignored(message: str) -> None:
    assert normalized(message).events == ()


@pytest.mark.parametrize("mail", [{"messageId": "d6iitobk75ur44p8kdnnp7g2n800"}, None])
def test_received_mail_on_the_tracking_topic_is_a_wiring_mistake_that_names_the_topic(mail: object) -> None:
    received = {"notificationType": "Received", "mail": mail, "receipt": {"action": {"type": "S3"}}}
    with pytest.raises(WiringError, match=f"{TOPIC}.*inbound topic"):
        normalized(received)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("Hello from SNS!", "not SES's JSON"),
        ("", "not SES's JSON"),
        ("[]", "not SES's JSON: no object"),
        ('"Bounce"', "not SES's JSON: no object"),
        ('{"eventType": "Bounce"', "not SES's JSON"),
        ('{"a":' * 100_000, "not SES's JSON"),
        ("{}", "neither eventType nor notificationType"),
        ('{"mail": {}}', "neither eventType nor notificationType"),
        ('{"eventType": 3, "mail": {}}', "neither eventType nor notificationType"),
        ('{"eventType": "Bounce"}', "no mail object"),
        ('{"eventType": "Bounce", "mail": null}', "no mail object"),
        ('{"notificationType": "Delivery", "mail": "text", "delivery": {}}', "no mail object"),
    ],
)
def test_what_ses_does_not_send_is_invalid_and_the_reason_holds_none_of_it(message: str, reason: str) -> None:
    with pytest.raises(InvalidNotification, match=reason) as raised:
        normalized(message)
    assert not isinstance(raised.value, WiringError)
    assert "Hello" not in str(raised.value)


def test_half_a_surrogate_pair_in_a_cut_header_does_not_cost_the_event() -> None:
    cut = json.dumps(with_headers(("Subject", "cut"))).replace('"cut"', '"order \\ud83d"')
    got = normalized(cut)
    assert [event.event_type for event in got.events] == ["delivered"]
    assert json.loads(got.esp_event)["mail"]["headers"][0]["value"] == "order \ufffd"


def test_sess_json_stays_byte_for_byte() -> None:
    message = json.dumps(payload("event_open"), indent=3) + "\n"
    assert normalized(message).esp_event == message.encode()


def test_resources_hold_only_arns_that_can_be_made_out() -> None:
    sent = payload("event_send")
    del sent["mail"]["sourceArn"]
    assert normalized(sent).resources == (
        "arn:aws:ses:eu-west-1:210987654321:configuration-set/mailbus-dev",
        TOPIC,
    )
    sent["mail"]["sourceArn"] = "shop.example.com"
    sent["mail"]["tags"] = {"ses:configuration-set": []}
    assert normalized(sent).resources == (TOPIC,)


def test_a_delegated_identity_lies_in_another_account_than_the_configuration_set() -> None:
    sent = payload("event_send")
    sent["mail"]["sourceArn"] = "arn:aws-cn:ses:cn-north-1:111122223333:identity/partner.example"
    assert normalized(sent).resources == (
        "arn:aws-cn:ses:cn-north-1:111122223333:identity/partner.example",
        "arn:aws-cn:ses:cn-north-1:210987654321:configuration-set/mailbus-dev",
        TOPIC,
    )


def test_the_envelope_of_these_tests_is_one_that_sns_sends() -> None:
    assert json.loads(envelope("{}"))["TopicArn"] == TOPIC
