from __future__ import annotations

import json
from email import message_from_string, policy
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.sender.ses.example_messages import structure

if TYPE_CHECKING:
    from tests.unit.mailbus_local.simulated_ses import SesEnvironment

TEMPLATE = {"Subject": "Hello {{name}}", "Text": "Your favourite animal is the {{animal}}."}


DEFAULTS = json.dumps({"name": "friend", "animal": "cat"})


def entry(to: str, data: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    replacement = {"ReplacementTemplate": {"ReplacementTemplateData": json.dumps(data or {})}}
    return {
        "Destination": {"ToAddresses": [to]},
        "ReplacementEmailContent": replacement,
        **more,
    }


def send(env: SesEnvironment, *entries: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    request = {
        "FromEmailAddress": "Shop <shop@example.com>",
        "DefaultContent": {"Template": {"TemplateContent": TEMPLATE, "TemplateData": DEFAULTS}},
        "BulkEmailEntries": list(entries),
        **more,
    }
    results: list[dict[str, Any]] = env.sesv2.send_bulk_email(**request)["BulkEmailEntryResults"]
    return results


def test_each_entry_is_a_message_with_its_own_data(env: SesEnvironment) -> None:
    anaya, liu = send(
        env,
        entry("anaya@customer.example", {"name": "Anaya", "animal": "angelfish"}),
        entry("liu@customer.example"),
    )
    assert (anaya["Status"], liu["Status"]) == ("SUCCESS", "SUCCESS")
    first, second = env.message(anaya["MessageId"]), env.message(liu["MessageId"])
    assert first["operation"] == "SendBulkEmail"
    assert "Subject: Hello Anaya\r\n" in first["raw"]
    assert "the angelfish." in first["raw"]
    assert "Subject: Hello friend\r\n" in second["raw"]


def test_an_entrys_data_is_merged_into_the_default_data_object_by_object(env: SesEnvironment) -> None:
    stored = {"Subject": "{{plan.name}} {{plan.seats}}", "Text": "{{#each lines}}{{this}} {{/each}}"}
    env.sesv2.create_email_template(TemplateName=env.configuration_set, TemplateContent=stored)
    default = {"plan": {"name": "Basic", "seats": 3}, "lines": ["a", "b"]}
    (result,) = send(
        env,
        entry("anaya@customer.example", {"plan": {"seats": 5}, "lines": ["c"]}),
        DefaultContent={
            "Template": {"TemplateName": env.configuration_set, "TemplateData": json.dumps(default)}
        },
    )
    raw = env.message(result["MessageId"])["raw"]
    assert "Subject: Basic 5\r\n" in raw
    assert raw.rstrip().endswith("\r\n\r\nc")


def test_replacement_headers_and_tags_override_the_default_ones(env: SesEnvironment) -> None:
    template = {
        "TemplateContent": TEMPLATE,
        "TemplateData": DEFAULTS,
        "Headers": [{"Name": "X-Shelf", "Value": "default"}, {"Name": "X-Shop", "Value": "4"}],
    }
    (result,) = send(
        env,
        entry(
            "anaya@customer.example",
            ReplacementHeaders=[{"Name": "x-shelf", "Value": "own"}],
            ReplacementTags=[{"Name": "job", "Value": "b"}],
        ),
        DefaultContent={"Template": template},
        DefaultEmailTags=[{"Name": "job", "Value": "a"}, {"Name": "lane", "Value": "bulk"}],
    )
    message = env.message(result["MessageId"])
    assert "x-shelf: own\r\n" in message["raw"]
    assert "X-Shelf: default" not in message["raw"]
    assert "X-Shop: 4\r\n" in message["raw"]
    assert message["tags"] == {"job": "b", "lane": "bulk"}


@pytest.mark.parametrize("stored", [True, False], ids=["stored", "inline"])
def test_each_message_of_a_template_has_its_parts_and_its_own_headers(
    env: SesEnvironment, *, stored: bool
) -> None:
    content = {
        "Subject": "Hallo {{name}}",
        "Text": "Hallo {{name}} von {{shop}}",
        "Html": "<p>{{name}}</p><img src='cid:logo'>",
    }
    if stored:
        env.sesv2.create_email_template(TemplateName=env.configuration_set, TemplateContent=content)
    logo = {"FileName": "logo.png", "RawContent": b"\x89PNG\r\n\x1a\n\x00", "ContentType": "image/png"}
    invoice = {
        "FileName": "invoice.pdf",
        "RawContent": b"%PDF-1.4\n\x00\xff",
        "ContentType": "application/pdf",
    }
    template = {
        **({"TemplateName": env.configuration_set} if stored else {"TemplateContent": content}),
        "TemplateData": json.dumps({"shop": "Example"}),
        "Attachments": [{**logo, "ContentDisposition": "INLINE", "ContentId": "logo"}, invoice],
    }
    zoe = {
        "ToAddresses": ["=?utf-8?b?Wm/Dqw==?= <zoe@customer.example>"],
        "CcAddresses": ["boss@example.com"],
    }
    headers = [{"Name": "X-Note", "Value": "=?utf-8?q?f=C3=BCr_Zo=C3=AB?="}]
    results = send(
        env,
        entry("", {"name": "Zoë"}, ReplacementHeaders=headers) | {"Destination": zoe},
        entry("liu@customer.example", {"name": "Liu"}),
        ReplyToAddresses=["help@example.com"],
        FeedbackForwardingEmailAddress="bounces@example.com",
        ConfigurationOverrides={"Tracking": {"OpenTrackingEnabled": "ENABLED"}},
        TenantName="shop-4",
        DefaultContent={"Template": template},
    )
    accepted, other = (env.message(result["MessageId"]) for result in results)
    assert accepted["recipients"] == ["zoe@customer.example", "boss@example.com"]
    assert accepted["tags"] == {"ses:tenant-name": "shop-4"}
    assert accepted["overrides"] == {"Tracking": {"OpenTrackingEnabled": "ENABLED"}}
    assert accepted["feedback_address"] == "bounces@example.com"
    message = message_from_string(accepted["raw"], policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert (message["To"], message["Cc"]) == ("Zoë <zoe@customer.example>", "boss@example.com")
    assert message["Reply-To"] == "help@example.com"
    assert (message["Subject"], message["X-Note"]) == ("Hallo Zoë", "für Zoë")
    assert structure(message) == {
        "multipart/mixed": [
            {"multipart/alternative": ["text/plain", {"multipart/related": ["text/html", "image/png"]}]},
            "application/pdf",
        ]
    }
    text = message.get_body(("plain",))
    assert text is not None
    assert text.get_content().splitlines() == ["Hallo Zoë von Example"]
    (file,) = message.iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("invoice.pdf", invoice["RawContent"])
    liu = message_from_string(other["raw"], policy=policy.default)
    assert (liu["Subject"], liu["Cc"], liu["X-Note"]) == ("Hallo Liu", None, None)


def test_an_invalid_entry_does_not_affect_the_others(env: SesEnvironment) -> None:
    results = send(
        env,
        entry("nobody"),
        entry("anaya@customer.example", ReplacementTags=[{"Name": "a b", "Value": "c"}]),
        entry("liu@customer.example"),
    )
    assert [result["Status"] for result in results] == [
        "INVALID_PARAMETER",
        "INVALID_PARAMETER",
        "SUCCESS",
    ]
    assert results[0]["Error"] == "Missing final '@domain'"


def test_entries_over_the_rate_are_throttled_one_by_one(env: SesEnvironment) -> None:
    env.http.put("/account", json={"max_send_rate": 0.001})
    results = send(env, *(entry(f"c{n}@customer.example") for n in range(3)))
    assert [result["Status"] for result in results] == [
        "SUCCESS",
        "ACCOUNT_THROTTLED",
        "ACCOUNT_THROTTLED",
    ]


def test_entries_over_the_daily_quota_have_its_status(env: SesEnvironment) -> None:
    env.http.put("/account", json={"max_24_hour_send": 1})
    results = send(env, entry("a@customer.example"), entry("b@customer.example"))
    assert results[1]["Status"] == "ACCOUNT_DAILY_QUOTA_EXCEEDED"


def test_bulk_calls_can_be_limited_to_one_a_second(env: SesEnvironment) -> None:
    env.http.put("/account", json={"limit_bulk_calls": True})
    assert send(env, entry("a@customer.example"))[0]["Status"] == "SUCCESS"
    with pytest.raises(ClientError) as caught:
        send(env, entry("b@customer.example"))
    answer = caught.value.response
    assert answer["Error"] == {"Code": "TooManyRequestsException", "Message": "Rate exceeded"}
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert env.send("c@customer.example"), "other calls are not limited"


def test_a_fault_can_affect_a_single_entry(env: SesEnvironment) -> None:
    fault = {"operation": "SendBulkEmail", "error": "TRANSIENT_FAILURE", "count": 1}
    env.http.post("/faults", json=[fault])
    results = send(env, entry("a@customer.example"), entry("b@customer.example"))
    assert [result["Status"] for result in results] == ["TRANSIENT_FAILURE", "SUCCESS"]


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ({"FromEmailAddress": "ceo@bank.example"}, "MessageRejected"),
        ({"FeedbackForwardingEmailAddress": "bounces@elsewhere.example"}, "MessageRejected"),
        ({"ConfigurationSetName": "nowhere"}, "NotFoundException"),
        (
            {"DefaultContent": {"Template": {"TemplateName": "nowhere", "TemplateData": "{}"}}},
            "NotFoundException",
        ),
        ({"DefaultContent": {}}, "BadRequestException"),
        ({"BulkEmailEntries": []}, "BadRequestException"),
        ({"BulkEmailEntries": [entry(f"c{n}@customer.example") for n in range(51)]}, "BadRequestException"),
    ],
)
def test_an_error_of_all_entries_fails_the_call(env: SesEnvironment, part: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as caught:
        send(env, entry("anaya@customer.example"), **part)
    assert caught.value.response["Error"]["Code"] == code
