from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

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
