from __future__ import annotations

import json
import re
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import getaddresses
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailbus.events import Mailbox
from mailbus.jobs.job import Attachment
from tests.unit.sender.ses.example_jobs import mail_job, written
from tests.unit.sender.ses.example_messages import message_bytes, parsed
from tracking import headers as tracking
from tracking.notification import Header

UNSUBSCRIBE = "<https://www.example.com/u?t=" + "a1B2" * 60 + ">, <mailto:u@example.com?subject=stop>"


def test_a_long_url_in_a_header_is_neither_encoded_nor_folded() -> None:
    raw = message_bytes(mail_job(headers=(written("List-Unsubscribe", UNSUBSCRIBE),)))
    assert UNSUBSCRIBE.split(", ", maxsplit=1)[0].encode() in raw


@pytest.mark.parametrize("size", [899, 990, 1000, 1001, 40_000])
def test_metadata_is_read_back_however_long_its_words_are(size: int) -> None:
    metadata = {"token": "x" * size, "name": "Zoë  \x7f =?utf-8?q?no?="}
    raw = message_bytes(mail_job(metadata=metadata))
    assert json.loads(parsed(mail_job(metadata=metadata))["X-Metadata"]) == metadata
    # as SES's events show it
    value = raw.partition(b"X-Metadata: ")[2].partition(b"\r\nMIME-Version")[0].decode()
    assert tracking.read([Header(name="X-Metadata", value=value)]).metadata == metadata


@pytest.mark.parametrize(
    "filename",
    [
        "invoice.pdf",
        "Rechnung März 2026.pdf",
        'a "quoted" name.pdf',
        "two  spaces.pdf",
        "back\\slash.pdf",
        "semi;colon=.pdf",
        "=?utf-8?q?lookalike?=.pdf",
        "100%.pdf",
        "it's.pdf",
        "長い名前" * 60 + ".pdf",
        "x" * 250 + ".pdf",
    ],
)
def test_a_filename_arrives_unchanged(filename: str) -> None:
    part = Attachment(
        content=b"x",
        content_type="application/pdf",
        filename=filename,
        content_id=None,
        disposition="attachment",
    )
    [attachment] = parsed(mail_job(attachments=(part,))).iter_attachments()
    assert attachment.get_filename() == filename
    assert attachment.get_content() == b"x"


@pytest.mark.parametrize(
    "subject",
    [
        "=?utf-8?q?not_encoded?= by the job",
        "a" * 3000,
        "word " * 400 + "end",
        "🎉" * 300,
        "Grüße  aus   Köln",
        "tab\there",
        "x =?y? z",
        "a=?b?c?d?= mid",
    ],
)
def test_a_subject_arrives_unchanged(subject: str) -> None:
    assert parsed(mail_job(subject=subject))["Subject"] == subject


LINE = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\u2028\u2029"), max_size=120
).map(str.strip)
LOCAL = st.from_regex(r"[a-z0-9+_-]{1,20}", fullmatch=True)
MAILBOX = st.builds(
    lambda name, local: Mailbox(name=name, address=f"{local}@example.org"),
    LINE,
    LOCAL,
)
SCALAR = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
)


URIS = st.lists(st.text("abä,~/", max_size=90).map(lambda path: f"<https://a.example/{path}>"), max_size=9)


@given(URIS, st.sampled_from([",", ", "]), st.sampled_from(["List-Archive", "References", "X-Links"]))
def test_a_folded_field_has_the_words_of_its_value(parts: list[str], comma: str, name: str) -> None:
    text = comma.join(parts) if name != "References" else "".join(parts).replace("ä", "a")
    (_, value) = header = written(name, text)
    folded = message_bytes(mail_job(headers=(header,))).partition(f"\r\n{name}: ".encode())[2]
    lines = re.split(rb"\r\n(?! )", folded)[0].decode().split("\r\n")
    assert "".join(lines).replace(" ", "") == value.replace(" ", "")
    # only what has no room for a fold is longer
    assert all(len(line) <= 76 or " " not in line.strip() or name == "X-Links" for line in lines[1:])


@given(LINE)
def test_any_subject_is_read_back(subject: str) -> None:
    assert (parsed(mail_job(subject=subject))["Subject"] or "") == subject


@given(st.lists(MAILBOX, min_size=1, max_size=8))
def test_any_recipients_are_read_back_with_their_names(mailboxes: list[Mailbox]) -> None:
    assert parsed(mail_job(to=tuple(mailboxes)))["To"]
    # the newer reader puts spaces between the encoded words of a name, which RFC 2047 forbids
    older = message_from_bytes(message_bytes(mail_job(to=tuple(mailboxes))), policy=policy.compat32)
    pairs = getaddresses([older["To"].replace("\r\n", "")])
    names = [str(make_header(decode_header(name))) for name, _ in pairs]
    assert names == [mailbox.name for mailbox in mailboxes]
    assert [address for _, address in pairs] == [mailbox.address for mailbox in mailboxes]


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), SCALAR, min_size=1))
def test_any_metadata_is_read_back(metadata: dict[str, Any]) -> None:
    assert json.loads(parsed(mail_job(metadata=metadata))["X-Metadata"]) == metadata


@given(st.binary(max_size=300), LINE.filter(bool))
@example(b"", "<>")
@example(b"", '"Q3"')
def test_any_attachment_is_read_back(content: bytes, filename: str) -> None:
    part = Attachment(
        content=content,
        content_type="application/octet-stream",
        filename=filename,
        content_id=None,
        disposition="attachment",
    )
    [attachment] = parsed(mail_job(attachments=(part,))).iter_attachments()
    assert attachment.get_content() == content
    # get_filename() removes brackets and quotes that belong to the name
    assert attachment["Content-Disposition"].params["filename"] == filename


@given(LINE, LINE, LINE, MAILBOX)
def test_no_value_can_add_a_header(subject: str, tag: str, value: str, mailbox: Mailbox) -> None:
    job = mail_job(subject=subject, tags=(tag,), headers=(written("X-Note", value),), reply_to=(mailbox,))
    allowed = {"From", "To", "Reply-To", "Subject", "X-Note", "X-Tag", "MIME-Version", "Content-Type"}
    assert set(parsed(job).keys()) <= allowed | {"Content-Transfer-Encoding"}
