from __future__ import annotations

import json
from email import message_from_string
from email.utils import collapse_rfc2231_value
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from mailbus_local.ses.scanning import EICAR

if TYPE_CHECKING:
    from conftest import Lab

RAW = (
    b"From: Shop <shop@example.com>\r\n"
    b"To: Alice <alice@customer.example>\r\n"
    b"Cc: bob@customer.example\r\n"
    b"Bcc: secret@customer.example\r\n"
    b"Date: Mon, 1 Jan 2024 00:00:00 +0000\r\n"
    b"Message-ID: <mine@example.com>\r\n"
    b"X-SES-MESSAGE-TAGS: campaign=spring, lane=bulk\r\n"
    b'X-Metadata: {"order": 4711}\r\n'
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=us-ascii\r\n"
    b"\r\n"
    b"Your order is on its way.\r\n"
)


def refusal(lab: Lab, **request: Any) -> tuple[str, str]:
    simple = {"Simple": {"Subject": {"Data": "Hi"}, "Body": {"Text": {"Data": "Hello"}}}}
    whole = {
        "FromEmailAddress": "shop@example.com",
        "Destination": {"ToAddresses": ["alice@customer.example"]},
        "Content": simple,
        **request,
    }
    with pytest.raises(ClientError) as caught:
        lab.sesv2.send_email(**whole)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_raw_message_goes_to_the_destination_and_not_to_its_headers(lab: Lab) -> None:
    message_id = lab.send_raw(RAW, "carol@customer.example")
    message = lab.message(message_id)
    assert message["recipients"] == ["carol@customer.example"]
    assert message["from"] == "Shop <shop@example.com>"
    assert message["operation"] == "SendEmail"


def test_a_raw_message_without_a_destination_goes_to_its_headers(lab: Lab) -> None:
    message = lab.message(lab.send_raw(RAW))
    assert message["recipients"] == [
        "alice@customer.example",
        "bob@customer.example",
        "secret@customer.example",
    ]


def test_ses_writes_its_own_date_and_message_id_and_drops_what_is_not_for_recipients(lab: Lab) -> None:
    message_id = lab.send_raw(RAW)
    raw = lab.message(message_id)["raw"]
    assert f"Message-ID: <{message_id}@email.amazonses.com>\r\n" in raw
    assert "mine@example.com" not in raw
    assert "1 Jan 2024" not in raw
    assert "secret@customer.example" not in raw
    assert "X-SES-" not in raw
    assert 'X-Metadata: {"order": 4711}\r\n' in raw
    assert raw.endswith("\r\n\r\nYour order is on its way.\r\n")


def test_a_message_id_looks_like_those_of_ses(lab: Lab) -> None:
    message_id = lab.send_raw(RAW)
    start, *middle, end = message_id.split("-")
    assert (start[:4], len(start), [len(part) for part in middle], end) == (
        "0100",
        16,
        [8, 4, 4, 4, 12],
        "000000",
    )


def test_tags_in_headers_count_only_where_the_call_has_none(lab: Lab) -> None:
    from_headers = lab.message(lab.send_raw(RAW))
    assert from_headers["tags"] == {"campaign": "spring", "lane": "bulk"}
    of_the_call = lab.message(
        lab.sesv2.send_email(
            Content={"Raw": {"Data": RAW}}, EmailTags=[{"Name": "job", "Value": "order-4711"}]
        )["MessageId"]
    )
    assert of_the_call["tags"] == {"job": "order-4711"}


def test_a_header_names_the_configuration_set_where_the_call_does_not(lab: Lab) -> None:
    raw = b"X-SES-CONFIGURATION-SET: " + lab.configuration_set.encode() + b"\r\n" + RAW
    assert lab.message(lab.send_raw(raw))["configuration_set"] == lab.configuration_set


def test_a_simple_message_with_everything_is_composed_7_bit_clean(lab: Lab) -> None:
    message_id = lab.sesv2.send_email(
        FromEmailAddress="Shop <shop@example.com>",
        Destination={"ToAddresses": ["alice@customer.example"], "CcAddresses": ["bob@customer.example"]},
        ReplyToAddresses=["help@example.com"],
        Content={
            "Simple": {
                "Subject": {"Data": "Grüße aus Köln"},
                "Body": {
                    "Text": {"Data": "Viele Grüße"},
                    "Html": {"Data": "<p>Grüße <img src='cid:logo'></p>"},
                },
                "Headers": [{"Name": "List-Unsubscribe", "Value": "<https://example.com/u>"}],
                "Attachments": [
                    {
                        "FileName": "logo.png",
                        "RawContent": b"\x89PNG\r\n\x1a\n",
                        "ContentDisposition": "INLINE",
                        "ContentId": "logo",
                    },
                    {"FileName": "terms.pdf", "RawContent": b"%PDF-1.7\n\x80"},
                ],
            }
        },
        ConfigurationOverrides={"Tracking": {"OpenTrackingEnabled": "DISABLED"}},
    )["MessageId"]
    message = lab.message(message_id)
    raw = message["raw"]
    assert raw.isascii()
    for line in (
        "From: Shop <shop@example.com>",
        "To: alice@customer.example",
        "Cc: bob@customer.example",
        "Reply-To: help@example.com",
        "List-Unsubscribe: <https://example.com/u>",
        'Content-Disposition: attachment; filename="terms.pdf"',
        "Content-ID: <logo>",
        "Content-Type: application/pdf",
    ):
        assert f"{line}\r\n" in raw
    assert message["overrides"] == {"Tracking": {"OpenTrackingEnabled": "DISABLED"}}


def test_mail_from_an_unknown_identity_is_rejected_by_name(lab: Lab) -> None:
    assert refusal(lab, FromEmailAddress="mallory@elsewhere.example") == (
        "MessageRejected",
        (
            "Email address is not verified. The following identities failed the check in region "
            "US-EAST-1: mallory@elsewhere.example"
        ),
    )


def test_a_domain_identity_covers_its_subdomains(lab: Lab) -> None:
    raw = RAW.replace(b"shop@example.com", b"shop@mail.example.com")
    assert lab.message(lab.send_raw(raw))["from"] == "Shop <shop@mail.example.com>"


def test_the_from_header_of_a_raw_message_is_checked_too(lab: Lab) -> None:
    raw = RAW.replace(b"shop@example.com", b"ceo@bank.example")
    code, text = refusal(lab, Content={"Raw": {"Data": raw}})
    assert code == "MessageRejected"
    assert "ceo@bank.example" in text


def test_in_the_sandbox_recipients_need_verification_but_the_mailbox_simulator(lab: Lab) -> None:
    lab.http.put("/account", json={"production_access": False})
    assert lab.send("success@simulator.amazonses.com", "colleague@example.com")
    code, text = refusal(lab)
    assert (code, text.rpartition(": ")[2]) == ("MessageRejected", "alice@customer.example")


def test_an_unknown_configuration_set_is_not_found(lab: Lab) -> None:
    assert refusal(lab, ConfigurationSetName="nowhere") == (
        "NotFoundException",
        "Configuration set <nowhere> does not exist.",
    )


def test_a_paused_configuration_set_sends_nothing(lab: Lab) -> None:
    lab.sesv2.put_configuration_set_sending_options(
        ConfigurationSetName=lab.configuration_set, SendingEnabled=False
    )
    code, _ = refusal(lab, ConfigurationSetName=lab.configuration_set)
    assert code == "SendingPausedException"


def test_a_paused_account_sends_nothing(lab: Lab) -> None:
    lab.http.put("/account", json={"sending_enabled": False})
    assert refusal(lab)[0] == "SendingPausedException"
    lab.sesv2.put_account_sending_attributes(SendingEnabled=True)
    assert lab.send("alice@customer.example")


@pytest.mark.parametrize(
    ("request_part", "code", "text"),
    [
        ({"Destination": {}}, "BadRequestException", "There are no recipients specified."),
        (
            {"Destination": {"ToAddresses": [f"c{n}@customer.example" for n in range(51)]}},
            "BadRequestException",
            "Recipient count exceeds 50.",
        ),
        ({"Destination": {"ToAddresses": ["alice"]}}, "BadRequestException", "Missing final '@domain'"),
        (
            {"Destination": {"ToAddresses": ["jürgen@customer.example"]}},
            "BadRequestException",
            "There are non-ASCII characters in the email address.",
        ),
        (
            {"Destination": {"ToAddresses": ["alice@customer.example\r\nBcc: eve@evil.example"]}},
            "BadRequestException",
            "Local address contains control or whitespace",
        ),
        ({"EmailTags": [{"Name": "a b", "Value": "c"}]}, "BadRequestException", "Invalid tag name <a b>"),
        ({"EmailTags": [{"Name": "a", "Value": "x@y"}]}, "BadRequestException", "Invalid tag value <x@y>"),
        ({"EmailTags": [{"Name": "a", "Value": "v" * 257}]}, "BadRequestException", "Invalid tag value"),
        ({"Content": {}}, "BadRequestException", "Content must have exactly one"),
        ({"Content": {"Raw": {"Data": b""}}}, "BadRequestException", "The message is empty."),
        (
            {"Content": {"Raw": {"Data": b"To: a@b.example\r\n\r\nhi"}}, "FromEmailAddress": ""},
            "BadRequestException",
            "Missing required header 'From'.",
        ),
        (
            {"Content": {"Raw": {"Data": b"Subject: one\r\nsubject: two\r\n" + RAW[:31] + b"\r\nhi"}}},
            "BadRequestException",
            "Duplicate header 'subject'.",
        ),
        (
            {"Content": {"Raw": {"Data": b"From: the shop\r\nTo: a@b.example\r\n\r\nhi"}}},
            "BadRequestException",
            "Missing final '@domain'",
        ),
        (
            {"Content": {"Raw": {"Data": RAW + b"x" * 1001}}},
            "BadRequestException",
            "A line of the message is longer than 1000 characters.",
        ),
    ],
)
def test_a_malformed_request_is_refused_with_its_reason(
    lab: Lab, request_part: dict[str, Any], code: str, text: str
) -> None:
    got_code, got_text = refusal(lab, **request_part)
    assert got_code == code
    assert got_text.startswith(text)


@pytest.mark.parametrize(
    "headers",
    [
        [{"Name": "Subject", "Value": "two of them"}],
        [{"Name": "message-id", "Value": "<mine@example.com>"}],
        [{"Name": "X-Bad", "Value": "a\r\nBcc: eve@evil.example"}],
        [{"Name": "X-Umlaut", "Value": "grün"}],
        [{"Name": "X:Colon", "Value": "a"}],
        [{"Name": "X-Long", "Value": "v" * 995}],
        [{"Name": f"X-{n}", "Value": "a"} for n in range(16)],
    ],
)
def test_custom_headers_that_ses_does_not_take_are_refused(lab: Lab, headers: list[dict[str, str]]) -> None:
    content = {"Simple": {"Subject": {"Data": "Hi"}, "Body": {"Text": {"Data": "Hello"}}, "Headers": headers}}
    assert refusal(lab, Content=content)[0] == "BadRequestException"


@pytest.mark.parametrize(
    "attachment",
    [
        {"FileName": "a\r\nBcc: eve@evil.example.txt"},
        {"FileName": "n" * 256},
        {"FileName": "a.txt", "ContentType": "text"},
        {"FileName": "a.txt", "ContentType": "text/plain\r\nX-Evil: 1"},
        {"FileName": "a.txt", "ContentDescription": "one\ntwo"},
    ],
)
def test_a_malformed_attachment_is_refused(lab: Lab, attachment: dict[str, str]) -> None:
    simple = {
        "Subject": {"Data": "Terms"},
        "Body": {"Text": {"Data": "See the file"}},
        "Attachments": [{"RawContent": b"terms", **attachment}],
    }
    code, text = refusal(lab, Content={"Simple": simple})
    assert (code, text[:10]) == ("BadRequestException", "Attachment")


@pytest.mark.parametrize("encoding", ["SEVEN_BIT", "QUOTED_PRINTABLE", "BASE64"])
@pytest.mark.parametrize("content", [b"", b"plain\nlines\n", b"\x00\xff binary", b"x" * 5000])
def test_an_attachment_arrives_whole_in_any_encoding(lab: Lab, content: bytes, encoding: str) -> None:
    file = {"FileName": "Übersicht.bin", "RawContent": content, "ContentTransferEncoding": encoding}
    simple = {"Subject": {"Data": "File"}, "Body": {"Html": {"Data": "<p>Hi</p>"}}, "Attachments": [file]}
    message_id = lab.sesv2.send_email(
        FromEmailAddress="shop@example.com",
        Destination={"ToAddresses": ["alice@customer.example"]},
        Content={"Simple": simple},
    )["MessageId"]
    raw = lab.message(message_id)["raw"]
    assert raw.isascii()
    part = message_from_string(raw).get_payload()[1]
    assert part.get_payload(decode=True).replace(b"\r\n", b"\n") == content
    assert collapse_rfc2231_value(part.get_param("filename", header="content-disposition")) == "Übersicht.bin"


def test_more_than_40_mb_are_too_much(lab: Lab) -> None:
    raw = RAW + (b"x" * 76 + b"\r\n") * (40 * 1024 * 1024 // 78)
    code, text = refusal(lab, Content={"Raw": {"Data": raw}})
    assert (code, text) == (
        "BadRequestException",
        f"Message length is more than 41943040 bytes long: '{len(raw)}'.",
    )


def test_more_than_500_parts_are_too_many(lab: Lab) -> None:
    part = b"--part\r\nContent-Type: text/plain\r\n\r\nhi\r\n"
    head = RAW.replace(b"text/plain; charset=us-ascii", b"multipart/mixed; boundary=part")
    code, text = refusal(lab, Content={"Raw": {"Data": head + part * 501 + b"--part--\r\n"}})
    assert (code, text) == ("MessageRejected", "The message has 501 MIME parts, more than 500.")


def test_an_attachment_with_a_blocked_extension_is_rejected(lab: Lab) -> None:
    content = {
        "Simple": {
            "Subject": {"Data": "Setup"},
            "Body": {"Text": {"Data": "Run this"}},
            "Attachments": [{"FileName": "setup.EXE", "RawContent": b"MZ"}],
        }
    }
    code, text = refusal(lab, Content=content)
    assert code == "MessageRejected"
    assert ".EXE" in text


def test_sending_faster_than_the_rate_is_throttled_per_recipient(lab: Lab) -> None:
    lab.http.put("/account", json={"max_send_rate": 1})
    before = lab.http.get("/account").json()
    assert lab.send("alice@customer.example")
    assert refusal(lab) == ("TooManyRequestsException", "Maximum sending rate exceeded.")
    after = lab.http.get("/account").json()
    assert after["throttled"] == before["throttled"] + 1
    assert after["accepted"] == before["accepted"] + 1


def test_the_daily_quota_counts_recipients_but_not_the_mailbox_simulator(lab: Lab) -> None:
    lab.http.put("/account", json={"max_24_hour_send": 2})
    assert lab.send("alice@customer.example", "bob@customer.example")
    assert refusal(lab) == ("TooManyRequestsException", "Daily message quota exceeded.")
    assert lab.send("success@simulator.amazonses.com")


def test_get_account_tells_the_limits_and_answers_once_a_second(lab: Lab) -> None:
    lab.http.put("/account", json={"max_send_rate": 14, "max_24_hour_send": 200})
    lab.send("alice@customer.example")
    account = lab.sesv2.get_account()
    assert account["SendQuota"] == {
        "Max24HourSend": 200.0,
        "MaxSendRate": 14.0,
        "SentLast24Hours": 1.0,
    }
    assert account["ProductionAccessEnabled"] is True
    with pytest.raises(ClientError) as caught:
        lab.sesv2.get_account()
    assert caught.value.response["Error"]["Code"] == "TooManyRequestsException"


def test_an_ordinary_message_is_sent_and_delivered_to_each_recipient(lab: Lab) -> None:
    lab.want("SEND", "DELIVERY", "BOUNCE")
    message_id = lab.send("alice@customer.example", "bob@customer.example", tags=(("job", "order-4711"),))
    sent, to_alice, to_bob = lab.events(3)
    assert sent["send"] == {}
    assert sent["mail"]["messageId"] == message_id
    assert sent["mail"]["source"] == "Shop <shop@example.com>"
    assert sent["mail"]["sourceArn"] == "arn:aws:ses:us-east-1:000000000000:identity/example.com"
    assert sent["mail"]["destination"] == ["alice@customer.example", "bob@customer.example"]
    assert sent["mail"]["headersTruncated"] is False
    assert {"name": "Subject", "value": "Your order"} in sent["mail"]["headers"]
    assert sent["mail"]["commonHeaders"]["subject"] == "Your order"
    assert sent["mail"]["tags"]["job"] == ["order-4711"]
    assert sent["mail"]["tags"]["ses:configuration-set"] == [lab.configuration_set]
    assert sent["mail"]["tags"]["ses:from-domain"] == ["example.com"]
    assert sent["mail"]["tags"]["ses:caller-identity"] == ["test"]
    assert [event["delivery"]["recipients"] for event in (to_alice, to_bob)] == [
        ["alice@customer.example"],
        ["bob@customer.example"],
    ]
    assert "ses:outgoing-ip" in to_alice["mail"]["tags"]


def test_the_mailbox_simulator_bounces_complains_and_suppresses(lab: Lab) -> None:
    lab.want("DELIVERY", "BOUNCE", "COMPLAINT")
    lab.send(
        "ooto@simulator.amazonses.com",
        "bounce+a@simulator.amazonses.com",
        "bounce+b@simulator.amazonses.com",
        "suppressionlist@simulator.amazonses.com",
        "complaint@simulator.amazonses.com",
    )
    first, second, bounce, suppressed, complaint = lab.events(5)
    assert first["delivery"]["recipients"] == ["ooto@simulator.amazonses.com"]
    assert second["delivery"]["recipients"] == ["complaint@simulator.amazonses.com"]
    assert (bounce["bounce"]["bounceType"], bounce["bounce"]["bounceSubType"]) == ("Permanent", "General")
    assert [r["emailAddress"] for r in bounce["bounce"]["bouncedRecipients"]] == [
        "bounce+a@simulator.amazonses.com",
        "bounce+b@simulator.amazonses.com",
    ]
    assert bounce["bounce"]["bouncedRecipients"][0]["diagnosticCode"] == "smtp; 550 5.1.1 user unknown"
    assert suppressed["bounce"]["bounceSubType"] == "Suppressed"
    assert complaint["complaint"]["complaintFeedbackType"] == "abuse"
    assert complaint["complaint"]["complainedRecipients"] == [
        {"emailAddress": "complaint@simulator.amazonses.com"}
    ]


def test_a_virus_is_accepted_and_then_rejected(lab: Lab) -> None:
    lab.want("DELIVERY", "REJECT")
    lab.sesv2.send_email(
        FromEmailAddress="shop@example.com",
        Destination={"ToAddresses": ["alice@customer.example"]},
        Content={
            "Simple": {
                "Subject": {"Data": "Sample"},
                "Body": {"Text": {"Data": "See the file"}},
                "Attachments": [
                    {"FileName": "sample.txt", "RawContent": EICAR, "ContentTransferEncoding": "BASE64"}
                ],
            }
        },
        ConfigurationSetName=lab.configuration_set,
    )
    (event,) = lab.events(1)
    assert (event["eventType"], event["reject"]) == ("Reject", {"reason": "Bad content"})


def test_only_events_that_a_destination_asks_for_are_published(lab: Lab) -> None:
    lab.want("BOUNCE")
    lab.send("alice@customer.example", "bounce@simulator.amazonses.com")
    assert [event["eventType"] for event in lab.events(1)] == ["Bounce"]


def test_a_topic_is_told_once_that_it_is_a_destination(lab: Lab) -> None:
    lab.want("SEND")
    lab.send("alice@customer.example")
    lab.send("bob@customer.example")
    told = lab.told(3)
    validated = "Successfully validated SNS topic for Amazon SES event publishing."
    assert told.count(validated) == 1


def test_a_template_with_its_data_is_rendered(lab: Lab) -> None:
    lab.sesv2.create_email_template(
        TemplateName=lab.configuration_set,
        TemplateContent={"Subject": "Hello {{name}}", "Text": "{{#each items}}{{this}};{{/each}}"},
    )
    message_id = lab.sesv2.send_email(
        FromEmailAddress="shop@example.com",
        Destination={"ToAddresses": ["alice@customer.example"]},
        Content={
            "Template": {
                "TemplateName": lab.configuration_set,
                "TemplateData": json.dumps({"name": "Alice", "items": ["shoes", "hat"]}),
            }
        },
    )["MessageId"]
    raw = lab.message(message_id)["raw"]
    assert "Subject: Hello Alice\r\n" in raw
    assert "shoes;hat;" in raw


def test_a_template_that_lacks_data_is_accepted_and_fails_to_render(lab: Lab) -> None:
    lab.want("SEND", "DELIVERY", "RENDERING_FAILURE")
    lab.sesv2.create_email_template(
        TemplateName=lab.configuration_set, TemplateContent={"Subject": "Hello {{name}}", "Text": "Hi"}
    )
    lab.sesv2.send_email(
        FromEmailAddress="shop@example.com",
        Destination={"ToAddresses": ["alice@customer.example"]},
        Content={"Template": {"TemplateName": lab.configuration_set, "TemplateData": "{}"}},
        ConfigurationSetName=lab.configuration_set,
    )
    sent, failed = lab.events(2)
    assert sent["eventType"] == "Send"
    assert "subject" not in sent["mail"]["commonHeaders"]
    assert failed["eventType"] == "Rendering Failure"
    assert failed["failure"] == {
        "templateName": lab.configuration_set,
        "errorMessage": "Attribute 'name' is not present in the rendering data.",
    }
    assert "headers" not in failed["mail"]


@pytest.mark.parametrize("part", ["Subject", "Text", "Html"])
def test_a_template_in_the_request_takes_simple_substitutions_alone(lab: Lab, part: str) -> None:
    template = {"Subject": "Hello {{name}}", "Text": "Hi"} | {part: "{{#if name}}Hello{{/if}}"}
    content = {"Template": {"TemplateContent": template, "TemplateData": '{"name": "Alice"}'}}
    assert refusal(lab, Content=content) == (
        "BadRequestException",
        "Template contains unsupported operations.",
    )


def test_an_unknown_template_is_not_found(lab: Lab) -> None:
    content = {"Template": {"TemplateName": "nowhere", "TemplateData": "{}"}}
    assert refusal(lab, Content=content) == ("NotFoundException", "Template nowhere does not exist")


def test_template_data_that_is_no_json_is_refused(lab: Lab) -> None:
    content = {"Template": {"TemplateContent": {"Subject": "a", "Text": "b"}, "TemplateData": "name=Alice"}}
    assert refusal(lab, Content=content) == ("BadRequestException", "TemplateData is not a JSON object.")


def test_a_body_that_is_no_json_is_a_serialization_error(lab: Lab) -> None:
    answer = lab.http.post(f"{lab.simulator.url}/v2/email/outbound-emails", content=b"{")
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (400, "SerializationException")
