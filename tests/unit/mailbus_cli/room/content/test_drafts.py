from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus.jobs.parsing import parse_document
from mailbus_cli.room.content import drafts
from mailbus_cli.room.content.mail import Content, file_content, read
from tests.unit.mailbus_cli.room.content.mails import html_mail, with_picture

SENT = html_mail(
    "<p>Hello</p>",
    more=(
        b'Reply-To: help@example.com\r\nX-Tag: invoice\r\nX-Tag: november\r\nX-Metadata: {"order": 1001}\r\n'
        b"List-Unsubscribe: <https://x.example/u>\r\nMessage-ID: <0100@email.amazonses.com>\r\n"
        b"Date: Sat, 28 Nov 2026 14:31:57 +0000\r\nX-SES-Outgoing: 1\r\n"
    ),
)
RECEIVED = (
    b'From: "Lovelace, Ada" <ada@example.org>\r\nTo: support@inbound.example.com\r\n'
    b"Subject: Where is it?\r\nMessage-ID: <3@example.org>\r\nReferences: <1@example.org> <2@example.org>\r\n"
    b"\r\nIt should have been\r\nhere.\r\n"
)


def files(raw: bytes) -> list[bytes]:
    return [(file_content(raw, file.number) or ("", b""))[1] for file in read(raw).files]


def test_the_job_of_a_sent_mail_is_prepared_again() -> None:
    draft = drafts.again(read(SENT), [], job_id="again-1", recipients=["jane@example.net"])
    assert draft.job == {
        "job_id": "again-1",
        "from_email": ['"Fern & Field" <billing@example.com>'],
        "to": ["jane@example.net"],
        "reply_to": ["help@example.com"],
        "subject": "Your invoice",
        "text": "Hello Jane",
        "html": "<p>Hello</p>",
        "tags": ["invoice", "november"],
        "metadata": {"order": 1001},
        "headers": {"List-Unsubscribe": "<https://x.example/u>"},
    }
    assert parse_document(draft.job, "x").job_id == "again-1"


def test_recipients_that_no_header_names_are_blind_copies() -> None:
    draft = drafts.again(read(SENT), [], job_id="x", recipients=["jane@example.net", "boss@example.net"])
    assert draft.job["bcc"] == ["boss@example.net"]


def test_files_are_taken_over_and_pictures_stay_inline() -> None:
    raw = with_picture("x")
    draft = drafts.again(read(raw), files(raw), job_id="x", recipients=["jane@example.net"])
    logo, attached = draft.job["attachments"]
    assert (logo["filename"], logo["content_type"]) == ("part-1.png", "image/png")
    assert (attached["filename"], attached["content"]) == ("detailsfdp.exe", "TVo=")
    assert draft.left_out == ()


def test_what_is_too_large_for_a_form_is_named() -> None:
    raw = html_mail("x" * (drafts.BODY_CHARACTERS + 1))
    draft = drafts.again(read(raw), [], job_id="x", recipients=[])
    assert "html" not in draft.job
    assert draft.left_out == (f"html, which has {drafts.BODY_CHARACTERS + 1} characters",)


def test_a_reply_goes_to_the_sender_from_the_address_that_received_it_in_its_thread() -> None:
    at = datetime(2026, 11, 28, 14, 30, tzinfo=UTC)
    draft = drafts.reply(
        read(RECEIVED), job_id="r", recipients=["support@inbound.example.com"], received_at=at
    )
    assert draft.job == {
        "job_id": "r",
        "from_email": "support@inbound.example.com",
        "to": ['"Lovelace, Ada" <ada@example.org>'],
        "subject": "Re: Where is it?",
        "text": "\n\nOn 28 November 2026 at 14:30 Lovelace, Ada wrote:\n> It should have been\n> here.",
        "headers": {
            "In-Reply-To": "<3@example.org>",
            "References": "<1@example.org> <2@example.org> <3@example.org>",
        },
    }
    assert parse_document(draft.job, "x").job_id == "r"


def test_a_reply_goes_where_the_sender_asks_for_it() -> None:
    raw = b"Reply-To: other@example.org\r\n" + RECEIVED.replace(b"Where is it?", b"RE: Where is it?")
    draft = drafts.reply(read(raw), job_id="r", recipients=["support@inbound.example.com"])
    assert (draft.job["to"], draft.job["subject"]) == (["other@example.org"], "RE: Where is it?")


def test_the_recipient_of_a_sent_mail_answers_it() -> None:
    answer = drafts.answer(read(SENT), recipient="jane@example.net")
    assert answer == drafts.Answer(
        mail_from="jane@example.net",
        rcpt_to="help@example.com",
        subject="Re: Your invoice",
        text="\n\nOn 28 November 2026 at 14:31 Fern & Field wrote:\n> Hello Jane",
        in_reply_to="<0100@email.amazonses.com>",
        references="<0100@email.amazonses.com>",
    )


def test_a_mail_that_cannot_be_read_has_an_empty_draft() -> None:
    unreadable = Content(size=0, problem="no")
    assert drafts.again(unreadable, [], job_id="x", recipients=[]).left_out
    assert drafts.reply(unreadable, job_id="x", recipients=[]).left_out
    assert drafts.answer(unreadable, recipient="a@example.net") is None


@pytest.mark.parametrize(
    ("prefix", "job_id"),
    [("invoice-1", "invoice-1-x1"), ("", "x1"), ("a b/c", "a-b-c-x1"), ("y" * 300, "y" * 124 + "-x1")],
)
def test_a_new_job_id_names_what_it_follows_from(prefix: str, job_id: str) -> None:
    assert drafts.new_job_id(prefix, "x1") == job_id


@given(st.binary(max_size=300))
def test_any_mail_has_drafts(rest: bytes) -> None:
    raw = RECEIVED + rest
    content = read(raw)
    assert drafts.again(content, files(raw), job_id="x", recipients=["a@example.net"]).text
    assert drafts.reply(content, job_id="x", recipients=[]).text
    assert drafts.answer(content, recipient="a@example.net") is not None
