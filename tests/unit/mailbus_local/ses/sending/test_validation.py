from __future__ import annotations

from typing import Any

import pytest

from mailbus_local.ses.sending.validation import recipients_of
from tests.unit.mailbus_local.simulated_ses import RAW, SesEnvironment


def test_duplicate_recipients_are_removed_and_the_local_part_is_case_sensitive() -> None:
    named = recipients_of(["Ann <ann@x.example>", "ann@X.example", "Ann@x.example"])
    assert [address.email for address in named] == ["ann@X.example", "Ann@x.example"]


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
        ({"EmailTags": [{"Name": "a", "Value": "x:y"}]}, "BadRequestException", "Invalid tag value <x:y>"),
        (
            {"EmailTags": [{"Name": "a", "Value": "v" * 256}]},
            "BadRequestException",
            "Tag value cannot exceed 255 characters.",
        ),
        (
            {"EmailTags": [{"Name": "n" * 256, "Value": "v"}]},
            "BadRequestException",
            "Tag name cannot exceed 255 characters.",
        ),
        (
            {"EmailTags": [{"Name": "", "Value": ""}]},
            "BadRequestException",
            "The tag name must be specified.",
        ),
        (
            {"EmailTags": [{"Name": "a", "Value": ""}]},
            "BadRequestException",
            "The tag value must be specified.",
        ),
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
def test_a_malformed_request_is_an_error_with_its_reason(
    env: SesEnvironment, request_part: dict[str, Any], code: str, text: str
) -> None:
    got_code, got_text = env.send_error(**request_part)
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
def test_custom_headers_that_ses_does_not_accept_are_errors(
    env: SesEnvironment, headers: list[dict[str, str]]
) -> None:
    content = {"Simple": {"Subject": {"Data": "Hi"}, "Body": {"Text": {"Data": "Hello"}}, "Headers": headers}}
    assert env.send_error(Content=content)[0] == "BadRequestException"


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
def test_a_malformed_attachment_is_an_error(env: SesEnvironment, attachment: dict[str, str]) -> None:
    simple = {
        "Subject": {"Data": "Terms"},
        "Body": {"Text": {"Data": "See the file"}},
        "Attachments": [{"RawContent": b"terms", **attachment}],
    }
    code, text = env.send_error(Content={"Simple": simple})
    assert (code, text[:10]) == ("BadRequestException", "Attachment")


def test_a_message_over_40_mb_is_rejected(env: SesEnvironment) -> None:
    raw = RAW + (b"x" * 76 + b"\r\n") * (40 * 1024 * 1024 // 78)
    code, text = env.send_error(Content={"Raw": {"Data": raw}})
    assert (code, text) == (
        "BadRequestException",
        f"Message length is more than 41943040 bytes long: '{len(raw)}'.",
    )


def test_a_message_over_500_parts_is_rejected(env: SesEnvironment) -> None:
    part = b"--part\r\nContent-Type: text/plain\r\n\r\nhi\r\n"
    head = RAW.replace(b"text/plain; charset=us-ascii", b"multipart/mixed; boundary=part")
    code, text = env.send_error(Content={"Raw": {"Data": head + part * 501 + b"--part--\r\n"}})
    assert (code, text) == ("MessageRejected", "The message has 501 MIME parts, more than 500.")


def test_an_attachment_with_a_blocked_extension_is_rejected(env: SesEnvironment) -> None:
    content = {
        "Simple": {
            "Subject": {"Data": "Setup"},
            "Body": {"Text": {"Data": "Run this"}},
            "Attachments": [{"FileName": "setup.EXE", "RawContent": b"MZ"}],
        }
    }
    code, text = env.send_error(Content=content)
    assert code == "MessageRejected"
    assert ".EXE" in text
