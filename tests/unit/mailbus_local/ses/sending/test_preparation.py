from __future__ import annotations

from email import message_from_string, policy
from email.message import EmailMessage

import pytest

from tests.unit.mailbus_local.simulated_ses import RAW, SesEnvironment


def test_a_raw_message_is_sent_to_the_destination_not_to_its_headers(env: SesEnvironment) -> None:
    message_id = env.send_raw(RAW, "carol@customer.example")
    message = env.message(message_id)
    assert message["recipients"] == ["carol@customer.example"]
    assert message["from"] == "Shop <shop@example.com>"
    assert message["operation"] == "SendEmail"


def test_a_raw_message_without_a_destination_is_sent_to_its_headers(env: SesEnvironment) -> None:
    message = env.message(env.send_raw(RAW))
    assert message["recipients"] == [
        "alice@customer.example",
        "bob@customer.example",
        "secret@customer.example",
    ]


def test_ses_replaces_date_and_message_id_and_removes_bcc_and_its_own_headers(
    env: SesEnvironment,
) -> None:
    message_id = env.send_raw(RAW)
    raw = env.message(message_id)["raw"]
    assert f"Message-ID: <{message_id}@email.amazonses.com>\r\n" in raw
    assert "mine@example.com" not in raw
    assert "1 Jan 2024" not in raw
    assert "secret@customer.example" not in raw
    assert "X-SES-" not in raw
    assert 'X-Metadata: {"order": 4711}\r\n' in raw
    assert raw.endswith("\r\n\r\nYour order is on its way.\r\n")


def test_a_message_id_has_sess_format(env: SesEnvironment) -> None:
    message_id = env.send_raw(RAW)
    start, *middle, end = message_id.split("-")
    assert (start[:4], len(start), [len(part) for part in middle], end) == (
        "0100",
        16,
        [8, 4, 4, 4, 12],
        "000000",
    )


def test_tags_in_headers_are_used_only_if_the_call_has_none(env: SesEnvironment) -> None:
    from_headers = env.message(env.send_raw(RAW))
    assert from_headers["tags"] == {"campaign": "spring", "lane": "bulk"}
    of_the_call = env.message(
        env.sesv2.send_email(
            Content={"Raw": {"Data": RAW}}, EmailTags=[{"Name": "job", "Value": "order-4711"}]
        )["MessageId"]
    )
    assert of_the_call["tags"] == {"job": "order-4711"}


def test_a_header_names_the_configuration_set_if_the_call_does_not(env: SesEnvironment) -> None:
    raw = b"X-SES-CONFIGURATION-SET: " + env.configuration_set.encode() + b"\r\n" + RAW
    assert env.message(env.send_raw(raw))["configuration_set"] == env.configuration_set


def test_a_simple_message_with_all_fields_is_composed_in_ascii(env: SesEnvironment) -> None:
    message_id = env.sesv2.send_email(
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
    message = env.message(message_id)
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


@pytest.mark.parametrize("encoding", ["SEVEN_BIT", "QUOTED_PRINTABLE", "BASE64"])
@pytest.mark.parametrize("content", [b"", b"plain\nlines\n", b"\x00\xff binary", b"x" * 5000])
def test_an_attachment_is_unchanged_in_any_encoding(
    env: SesEnvironment, content: bytes, encoding: str
) -> None:
    file = {"FileName": "Übersicht.bin", "RawContent": content, "ContentTransferEncoding": encoding}
    simple = {"Subject": {"Data": "File"}, "Body": {"Html": {"Data": "<p>Hi</p>"}}, "Attachments": [file]}
    message_id = env.sesv2.send_email(
        FromEmailAddress="shop@example.com",
        Destination={"ToAddresses": ["alice@customer.example"]},
        Content={"Simple": simple},
    )["MessageId"]
    raw = env.message(message_id)["raw"]
    assert raw.isascii()
    message = message_from_string(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    (part,) = message.iter_attachments()
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert payload.replace(b"\r\n", b"\n") == content
    assert part.get_filename() == "Übersicht.bin"
