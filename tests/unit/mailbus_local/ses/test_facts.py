"""Replays what SES is known to do; docs/simulated-ses.md has the source of each fact."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.mailbus_local.simulated_ses import RAW

if TYPE_CHECKING:
    from tests.unit.mailbus_local.simulated_ses import SesEnvironment

TO = "alice@customer.example"
PAUSED_BY_AWS = (
    "Sending paused for this account. For more information, please check the inbox of the email address "
    "associated with your AWS account."
)
ADDRESSES = {
    "": "Missing final '@domain'",
    "alice": "Missing final '@domain'",
    "@customer.example": "Missing local name",
    "alice@customer.example.": "Missing domain",
    "alice smith@customer.example": "Local address contains control or whitespace",
    "Alice <alice @customer.example>": "Local address contains control or whitespace",
    "alice@customer .example": "Domain contains control or whitespace",
    "alice@customer_shop.example": "Domain contains illegal character",
    "github:alice": "Local address contains illegal character",
    "Smith, Alice <alice@customer.example>": "Illegal address",
}
ONCE = ("Content-Type", "Delivered-To", "DKIM-Signature", "List-Unsubscribe", "Message-ID", "MIME-Version")


def _simple(**more: Any) -> dict[str, Any]:
    return {"Simple": {"Subject": {"Data": "Hi"}, "Body": {"Text": {"Data": "Hello"}}, **more}}


def _sent(env: SesEnvironment, content: dict[str, Any], **request: Any) -> str:
    complete = {"FromEmailAddress": "shop@example.com", "Destination": {"ToAddresses": [TO]}, **request}
    message_id: str = env.sesv2.send_email(Content=content, **complete)["MessageId"]
    return message_id


def _event(env: SesEnvironment, **body: Any) -> dict[str, Any]:
    """Return the event that is requested of a new mail."""
    event: dict[str, Any] = env.http.post(f"/events/{env.send(TO)}", json=body).json()["event"]
    return event


@pytest.mark.parametrize(("address", "text"), ADDRESSES.items())
def test_an_address_is_refused_in_the_words_of_ses(env: SesEnvironment, address: str, text: str) -> None:
    error = ("BadRequestException", text)
    assert env.send_error(Destination={"ToAddresses": [address]}) == error


@pytest.mark.parametrize("header", ONCE)
def test_a_header_that_may_occur_once_is_named(env: SesEnvironment, header: str) -> None:
    line = f"{header}: x\r\n".encode()
    assert env.send_error(Content={"Raw": {"Data": line * 2 + RAW}}) == (
        "BadRequestException",
        f"Duplicate header '{header}'.",
    )


def test_raw_content_to_nobody_lacks_a_header(env: SesEnvironment) -> None:
    raw = b"From: shop@example.com\r\nSubject: Hi\r\n\r\nHello\r\n"
    assert env.send_error(Content={"Raw": {"Data": raw}}, Destination={}) == (
        "BadRequestException",
        "Missing required header 'To'.",
    )


def test_identities_that_are_not_verified_are_listed_as_they_are_written(env: SesEnvironment) -> None:
    raw = RAW.replace(b"Shop <shop@example.com>", b"The Boss <boss@bank.example>")
    code, text = env.send_error(Content={"Raw": {"Data": raw}}, FromEmailAddress="boss@bank.example")
    assert code == "MessageRejected"
    assert set(text.partition("US-EAST-1: ")[2].split(", ")) == {
        "The Boss <boss@bank.example>",
        "boss@bank.example",
    }


def test_an_account_that_aws_paused_rejects_messages(env: SesEnvironment) -> None:
    env.http.put("/account", json={"enforcement_status": "SHUTDOWN"})
    assert env.send_error() == ("MessageRejected", PAUSED_BY_AWS)


def test_an_account_that_its_user_paused_has_a_code_of_its_own(env: SesEnvironment) -> None:
    env.sesv2.put_account_sending_attributes(SendingEnabled=False)
    assert env.send_error()[0] == "SendingPausedException"


@pytest.mark.parametrize(
    "content",
    [
        _simple(Headers=[{"Name": f"X-{number}", "Value": "1"} for number in range(15)]),
        _simple(Headers=[{"Name": "X", "Value": "v" * 995}]),
        _simple(Headers=[{"Name": "n" * 126, "Value": "v" * (996 - 126)}]),
        _simple(Attachments=[{"FileName": "n" * 251 + ".txt", "RawContent": b"x"}]),
        {"Raw": {"Data": RAW + b"x" * 998 + b"\r\n"}},
    ],
    ids=["15 headers", "a value of 995", "996 with the name", "a file name of 255", "a line of 1,000"],
)
def test_what_is_exactly_at_a_limit_is_accepted(env: SesEnvironment, content: dict[str, Any]) -> None:
    assert _sent(env, content)


def test_a_line_of_1001_characters_with_its_end_is_refused(env: SesEnvironment) -> None:
    code, text = env.send_error(Content={"Raw": {"Data": RAW + b"x" * 999 + b"\r\n"}})
    assert (code, text) == ("BadRequestException", "A line of the message is longer than 1000 characters.")


def test_a_mail_may_have_50_recipients(env: SesEnvironment) -> None:
    destination = {"ToAddresses": [f"c{n}@customer.example" for n in range(48)], "CcAddresses": [TO]}
    blind = {**destination, "BccAddresses": ["last@customer.example"]}
    assert _sent(env, _simple(), Destination=blind)


def test_a_value_of_a_tag_may_have_dots_and_at_signs(env: SesEnvironment) -> None:
    message_id = env.send(TO, tags=(("user", "a.b@c"), ("ses:feedback-id-a", "autumn")))
    assert env.message(message_id)["tags"] == {"user": "a.b@c", "ses:feedback-id-a": "autumn"}


def test_simple_content_needs_a_sender(env: SesEnvironment) -> None:
    assert env.send_error(FromEmailAddress="")[0] == "BadRequestException"


@pytest.mark.parametrize(
    "template",
    [
        {"TemplateContent": {"Subject": "Hi", "Text": "x" * (1024 * 1024)}, "TemplateData": "{}"},
        {
            "TemplateContent": {"Subject": "Hi", "Text": "x"},
            "TemplateData": json.dumps({"name": "x" * 262_144}),
        },
    ],
    ids=["a template", "its data"],
)
def test_an_inline_template_that_is_too_large_is_refused(
    env: SesEnvironment, template: dict[str, Any]
) -> None:
    with pytest.raises(ClientError, match=r"BadRequestException.*(1048576|262144)"):
        _sent(env, {"Template": template})


def test_a_null_in_the_data_is_accepted_and_not_sent(env: SesEnvironment) -> None:
    env.publish_events("RENDERING_FAILURE", "DELIVERY")
    content = {"Subject": "Hi {{name}}", "Text": "from {{website}}"}
    env.sesv2.create_email_template(TemplateName=env.name, TemplateContent=content)
    data = json.dumps({"name": "Alice", "website": None})
    template = {"Template": {"TemplateName": env.name, "TemplateData": data}}
    assert _sent(env, template, ConfigurationSetName=env.configuration_set)
    [event] = env.events(1)
    assert event["eventType"] == "Rendering Failure"


@pytest.mark.parametrize(
    ("bounce_type", "sub_type"),
    [
        ("Undetermined", "Undetermined"),
        *(("Permanent", name) for name in ("General", "NoEmail", "Suppressed", "OnAccountSuppressionList")),
        *(("Permanent", name) for name in ("EmailValidationSuppressed", "OnTenantSuppressionList")),
        ("Permanent", "UnsubscribedRecipient"),
        *(("Transient", name) for name in ("General", "MailboxFull", "MessageTooLarge")),
        *(("Transient", name) for name in ("CustomTimeoutExceeded", "ContentRejected", "AttachmentRejected")),
    ],
)
def test_a_bounce_of_each_type_has_the_documented_fields(
    env: SesEnvironment, bounce_type: str, sub_type: str
) -> None:
    bounce = _event(env, event_type="Bounce", bounce_type=bounce_type, bounce_sub_type=sub_type)["bounce"]
    assert (bounce["bounceType"], bounce["bounceSubType"]) == (bounce_type, sub_type)
    [recipient] = bounce["bouncedRecipients"]
    assert set(recipient) == {"emailAddress", "action", "status", "diagnosticCode"}
    assert set(bounce) == {
        *("bounceType", "bounceSubType", "bouncedRecipients", "timestamp", "feedbackId"),
        *("reportingMTA", "remoteMtaIp"),
    }


def test_an_automatic_reply_may_be_a_bounce_of_nobody(env: SesEnvironment) -> None:
    event = _event(env, event_type="Bounce", bounce_type="Undetermined", with_report=False)
    assert event["bounce"]["bouncedRecipients"] == []
    assert "reportingMTA" not in event["bounce"]


@pytest.mark.parametrize("feedback", ["abuse", "auth-failure", "fraud", "not-spam", "other", "virus"])
def test_a_complaint_has_the_documented_fields(env: SesEnvironment, feedback: str) -> None:
    complaint = _event(env, event_type="Complaint", feedback_type=feedback)["complaint"]
    assert (complaint["complaintFeedbackType"], complaint.get("complaintSubType")) == (feedback, None)
    assert complaint["complainedRecipients"] == [{"emailAddress": TO}]
    assert {"timestamp", "feedbackId", "userAgent", "arrivalDate"} < set(complaint)


@pytest.mark.parametrize(
    "delay_type",
    [
        *("InternalFailure", "General", "MailboxFull", "SpamDetected", "RecipientServerError", "IPFailure"),
        *("TransientCommunicationFailure", "BYOIPHostNameLookupUnavailable", "Undetermined"),
        "SendingDeferral",
    ],
)
def test_a_delay_has_the_documented_fields(env: SesEnvironment, delay_type: str) -> None:
    delay = _event(env, event_type="DeliveryDelay", delay_type=delay_type)["deliveryDelay"]
    [recipient] = delay.pop("delayedRecipients")
    assert set(recipient) == {"emailAddress", "status", "diagnosticCode"}
    assert delay["delayType"] == delay_type
    assert set(delay) == {"delayType", "timestamp", "expirationTime", "reportingMTA"}


@pytest.mark.parametrize(
    ("event_type", "key", "fields"),
    [
        ("Open", "open", {"ipAddress", "timestamp", "userAgent", "isBotEvent"}),
        ("Click", "click", {"ipAddress", "timestamp", "userAgent", "isBotEvent", "link", "linkTags"}),
        ("Reject", "reject", {"reason"}),
        ("Rendering Failure", "failure", {"templateName", "errorMessage"}),
        (
            "Delivery",
            "delivery",
            {
                "timestamp",
                "processingTimeMillis",
                "recipients",
                "smtpResponse",
                "reportingMTA",
                "remoteMtaIp",
            },
        ),
        (
            "Subscription",
            "subscription",
            {"contactList", "timestamp", "source", "newTopicPreferences", "oldTopicPreferences"},
        ),
    ],
)
def test_other_events_have_the_documented_fields(
    env: SesEnvironment, event_type: str, key: str, fields: set[str]
) -> None:
    assert set(_event(env, event_type=event_type)[key]) == fields


def test_a_mail_has_the_tags_that_ses_adds(env: SesEnvironment) -> None:
    tags = _event(env, event_type="Delivery")["mail"]["tags"]
    assert {f"ses:{name}" for name in ("caller-identity", "configuration-set", "from-domain")} < set(tags)
    assert {f"ses:{name}" for name in ("source-ip", "source-tls-version", "operation")} < set(tags)
    assert {"ses:outgoing-ip", "ses:outgoing-tls-version"} < set(tags)
