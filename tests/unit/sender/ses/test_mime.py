from __future__ import annotations

import json
import tracemalloc
from email.message import EmailMessage
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus.errors import InvalidJob
from mailbus.events import Mailbox
from mailbus.jobs.contract import Alternative, S3Object
from sender.ses.mime import base64_bytes, build_message, content_bytes
from tests.unit.sender.ses.example_jobs import LOGO, PDF, SHOP, mail_job, written
from tests.unit.sender.ses.example_messages import body, message_bytes, parsed, structure

AMP = Alternative(content="<!doctype html><html ⚡4email></html>", content_type="text/x-amp-html")
INVITATION = Alternative(
    content="BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nSUMMARY:Abendessen für zwei\r\nEND:VCALENDAR\r\n",
    content_type="text/calendar; charset=iso-8859-1; method=REQUEST",
)
UNSUBSCRIBE = "<https://www.example.com/u?t=" + "a1B2" * 60 + ">, <mailto:u@example.com?subject=stop>"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "text/plain"),
        ({"text": None, "html": "<p>Hello</p>"}, "text/html"),
        ({"html": "<p>Hello</p>"}, {"multipart/alternative": ["text/plain", "text/html"]}),
        ({"attachments": (PDF,)}, {"multipart/mixed": ["text/plain", "application/pdf"]}),
        ({"text": None, "attachments": (PDF,)}, {"multipart/mixed": ["application/pdf"]}),
        (
            {"text": None, "html": "<img src='cid:logo'>", "attachments": (LOGO,)},
            {"multipart/related": ["text/html", "image/png"]},
        ),
        (
            {"html": "<img src='cid:logo'>", "attachments": (LOGO, PDF)},
            {
                "multipart/mixed": [
                    {
                        "multipart/alternative": [
                            "text/plain",
                            {"multipart/related": ["text/html", "image/png"]},
                        ]
                    },
                    "application/pdf",
                ]
            },
        ),
        (
            {"html": "<p>Hello</p>", "alternatives": (AMP, INVITATION), "before_html": 1},
            {"multipart/alternative": ["text/plain", "text/x-amp-html", "text/html", "text/calendar"]},
        ),
        (
            {
                "html": "<img src='cid:logo'>",
                "alternatives": (AMP,),
                "before_html": 1,
                "attachments": (LOGO, PDF),
            },
            {
                "multipart/mixed": [
                    {
                        "multipart/alternative": [
                            "text/plain",
                            "text/x-amp-html",
                            {"multipart/related": ["text/html", "image/png"]},
                        ]
                    },
                    "application/pdf",
                ]
            },
        ),
        ({"text": None, "alternatives": (INVITATION,)}, "text/calendar"),
        (
            {"text": None, "alternatives": (INVITATION,), "attachments": (PDF,)},
            {"multipart/mixed": ["text/calendar", "application/pdf"]},
        ),
        ({"attachments": (LOGO,)}, {"multipart/mixed": ["text/plain", "image/png"]}),
    ],
)
def test_parts_are_nested_as_mail_clients_expect(fields: dict[str, Any], expected: Any) -> None:
    assert structure(parsed(mail_job(**fields))) == expected


def test_an_alternative_arrives_with_its_parameters_and_as_utf_8() -> None:
    message = parsed(mail_job(alternatives=(INVITATION,)))
    part = message.get_payload(1)
    assert isinstance(part, EmailMessage)
    assert part["Content-Type"].params == {"method": "REQUEST", "charset": "utf-8"}
    assert part.get_content().replace("\r\n", "\n") == INVITATION.content.replace("\r\n", "\n")


def test_only_the_charset_parameter_itself_is_replaced() -> None:
    named = msgspec.structs.replace(INVITATION, content_type='text/calendar; name="a; charset=b"')
    part = parsed(mail_job(text=None, alternatives=(named,)))
    assert part["Content-Type"].params == {"name": "a; charset=b", "charset": "utf-8"}


def test_an_alternative_that_is_not_text_keeps_its_content_type() -> None:
    data = Alternative(content='{"@type": "Order"}', content_type='application/ld+json; profile="a;b"')
    message = parsed(mail_job(alternatives=(data,)))
    part = message.get_payload(1)
    assert isinstance(part, EmailMessage)
    assert part["Content-Type"] == 'application/ld+json; profile="a;b"'
    assert part.get_content() == b'{"@type": "Order"}'


def test_each_field_of_the_job_has_its_header() -> None:
    message = parsed(
        mail_job(
            from_email=(SHOP, Mailbox(name="Zoë", address="zoe@example.com")),
            cc=(Mailbox(name="Lee, Ann", address="lee@example.org"),),
            bcc=(Mailbox(name="", address="secret@example.org"),),
            reply_to=(Mailbox(name='The "Desk"', address="desk@example.com"),),
            headers=(written("List-Unsubscribe", UNSUBSCRIBE), written("X-Note", "für  alle")),
            tags=("welcome", "größer"),
            metadata={"user": 17, "name": "Zoë"},
        )
    )
    assert [str(a) for a in message["From"].addresses] == [
        "Example <hello@example.com>",
        "Zoë <zoe@example.com>",
    ]
    assert message["Sender"] == "Example <hello@example.com>"
    assert message["Cc"].addresses[0].display_name == "Lee, Ann"
    assert message["Reply-To"].addresses[0].display_name == 'The "Desk"'
    assert message["List-Unsubscribe"] == UNSUBSCRIBE
    assert message["X-Note"] == "für  alle"
    assert message.get_all("X-Tag") == ["welcome", "größer"]
    assert json.loads(message["X-Metadata"]) == {"user": 17, "name": "Zoë"}


def test_a_blind_recipient_does_not_appear_in_the_message() -> None:
    assert b"secret" not in message_bytes(
        mail_job(bcc=(Mailbox(name="Secret", address="secret@example.org"),))
    )


def test_the_to_header_can_differ_from_the_envelope() -> None:
    shown = Mailbox(name="Everyone", address="all@example.org")
    assert parsed(mail_job(shown_to=(shown,)))["To"] == "Everyone <all@example.org>"


def test_date_and_message_id_are_left_to_ses() -> None:
    message = parsed(mail_job())
    assert (message["Date"], message["Message-ID"], message["Bcc"]) == (None, None, None)


def test_metadata_is_no_header_if_the_deployment_disables_it() -> None:
    raw = message_bytes(mail_job(metadata={"user": 17}), metadata_in_headers=False)
    assert b"X-Metadata" not in raw


def test_a_mail_larger_than_ses_accepts_is_refused_before_it_is_sent() -> None:
    size = len(build_message(mail_job(attachments=(PDF,)), metadata_in_headers=True))
    with pytest.raises(InvalidJob, match=f"{size} bytes") as refused:
        build_message(mail_job(attachments=(PDF,)), metadata_in_headers=True, message_bytes=size - 1)
    assert refused.value.path == "$.attachments"
    assert build_message(mail_job(attachments=(PDF,)), metadata_in_headers=True, message_bytes=size)


def test_a_mail_without_attachments_that_is_too_large_is_refused_as_a_whole() -> None:
    with pytest.raises(InvalidJob, match="at least 1000 bytes") as refused:
        build_message(mail_job(text="x" * 1000), metadata_in_headers=True, message_bytes=999)
    assert refused.value.path == "$"


@pytest.mark.parametrize("size", [0, 1, 2, 3, 56, 57, 58, 113, 114, 115, 5700])
def test_the_encoded_size_of_an_attachment_is_known_before_it_is_written(size: int) -> None:
    def written(content: bytes) -> int:
        attachment = msgspec.structs.replace(PDF, content=content)
        return len(message_bytes(mail_job(attachments=(attachment,))))

    assert written(b"\xff" * size) - written(b"") == base64_bytes(size)


def test_a_mail_that_is_too_large_is_refused_without_memory_of_its_size() -> None:
    large = mail_job(attachments=(msgspec.structs.replace(PDF, content=bytes(31_000_000)),))
    tracemalloc.start()
    try:
        with pytest.raises(InvalidJob, match="SES accepts 40000000"):
            build_message(large, metadata_in_headers=True)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_building_a_message_takes_little_more_memory_than_the_message() -> None:
    large = mail_job(attachments=(msgspec.structs.replace(PDF, content=bytes(3_000_000)),))
    tracemalloc.start()
    try:
        size = len(build_message(large, metadata_in_headers=True))
        assert tracemalloc.get_traced_memory()[1] < 1.3 * size
    finally:
        tracemalloc.stop()


def test_an_attachment_that_is_not_loaded_from_s3_is_never_sent() -> None:
    unloaded = msgspec.structs.replace(PDF, content=S3Object(bucket="files", key="invoice.pdf"))
    with pytest.raises(TypeError, match="loaded"):
        build_message(mail_job(attachments=(unloaded,)), metadata_in_headers=True)


def test_the_same_job_gives_the_same_bytes() -> None:
    job = mail_job(html="<p>Hello</p>", attachments=(PDF,), metadata={"b": 1, "a": 2})
    assert message_bytes(job) == message_bytes(job)


def test_a_text_that_contains_the_boundary_adds_no_part() -> None:
    first = message_bytes(mail_job(html="<p>Hello</p>"))
    boundary = first.partition(b'boundary="')[2].partition(b'"')[0].decode()
    text = f"Hello\n--{boundary}\nContent-Type: text/html\n\n<p>forged</p>\n--{boundary}--\n"
    message = parsed(mail_job(text=text, html="<p>Hello</p>"))
    assert structure(message) == {"multipart/alternative": ["text/plain", "text/html"]}
    assert body(message, "plain") == text


@pytest.mark.parametrize(
    "text", ["", "\n", "no newline", "a\r\nb\rc\n", "From me\n.\n..\n \t\n", "x" * 5000, "日本語" * 999]
)
def test_a_text_arrives_unchanged_except_for_its_line_ends(text: str) -> None:
    expected = text.replace("\r\n", "\n").replace("\r", "\n")
    assert body(parsed(mail_job(text=text)), "plain") == expected


def test_an_inline_part_is_found_by_its_content_id() -> None:
    message = parsed(mail_job(html="<img src='cid:logo'>", attachments=(LOGO,)))
    [part] = [part for part in message.walk() if part["Content-ID"]]
    assert part["Content-ID"] == "<logo>"
    assert part.get_content_disposition() == "inline"


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_any_texts_are_read_back(text: str, html: str) -> None:
    message = parsed(mail_job(text=text, html=html))
    assert body(message, "plain") == text.replace("\r\n", "\n").replace("\r", "\n")
    assert body(message, "html") == html.replace("\r\n", "\n").replace("\r", "\n")


def test_an_attached_mail_is_in_seven_bits_and_ends_no_part_of_the_mail() -> None:
    mail = msgspec.structs.replace(PDF, content=b"Subject: Inner\n\nHello.", content_type="message/rfc822")
    outer = mail_job(attachments=(mail,))
    forged = msgspec.structs.replace(mail, content=b"Subject: Inner\n\n" + message_bytes(outer))

    for content in (mail, forged):
        (part,) = parsed(mail_job(attachments=(content,))).iter_attachments()
        assert (part.get_content_type(), part["Content-Transfer-Encoding"]) == ("message/rfc822", "7bit")
        inner = cast("EmailMessage", part.get_payload(0))
        assert inner["Subject"] == "Inner"
        assert inner.as_bytes().count(b"\n") == content_bytes(content).count(b"\n")


def test_the_headers_of_an_attachment_are_those_of_its_part() -> None:
    described = msgspec.structs.replace(PDF, filename=None, headers=(("Content-Description", "Invoice"),))
    (part,) = parsed(mail_job(attachments=(described,))).iter_attachments()
    assert (part["Content-Description"], part["Content-Disposition"]) == ("Invoice", "attachment")
