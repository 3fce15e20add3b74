from __future__ import annotations

import json
import tracemalloc
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import getaddresses
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailbus.errors import InvalidJob
from mailbus.events import Mailbox
from mailbus.jobs.contract import Alternative, S3Object
from mailbus.jobs.job import Attachment, Job
from sender.ses.mime import base64_bytes, build_message
from tracking import headers as tracking
from tracking.notification import Header

ANN = Mailbox(name="", address="ann@example.org")
HELLO = Mailbox(name="Example", address="hello@example.com")
PDF = Attachment(
    content=b"%PDF-1.4\n\x00\xff",
    content_type="application/pdf",
    filename="invoice.pdf",
    content_id=None,
    disposition="attachment",
)
LOGO = Attachment(
    content=b"\x89PNG", content_type="image/png", filename=None, content_id="logo", disposition="inline"
)
AMP = Alternative(content="<!doctype html><html ⚡4email></html>", content_type="text/x-amp-html")
INVITATION = Alternative(
    content="BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nSUMMARY:Abendessen für zwei\r\nEND:VCALENDAR\r\n",
    content_type="text/calendar; charset=iso-8859-1; method=REQUEST",
)
UNSUBSCRIBE = "<https://www.example.com/u?t=" + "a1B2" * 60 + ">, <mailto:u@example.com?subject=stop>"


def job(**fields: Any) -> Job:
    asked = {
        "job_id": "welcome-1",
        "from_email": (HELLO,),
        "to": (ANN,),
        "subject": "Welcome",
        "text": "Hello",
    }
    return Job(**asked | fields)


def written(asked: Job, *, metadata_in_headers: bool = True) -> bytes:
    raw = build_message(asked, metadata_in_headers=metadata_in_headers)
    raw.decode("ascii")
    for line in raw.split(b"\r\n"):
        assert len(line) <= 998
        assert b"\r" not in line
        assert b"\n" not in line
    return raw


def read(asked: Job) -> EmailMessage:
    message = message_from_bytes(written(asked), policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert not [part.defects for part in message.walk() if part.defects]
    return message


def structure(message: EmailMessage) -> Any:
    kind = message.get_content_type()
    return {kind: [structure(part) for part in message.iter_parts()]} if message.is_multipart() else kind


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    content = part.get_content()
    assert isinstance(content, str)
    return content.replace("\r\n", "\n")


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
            {"html": "<p>Hello</p>", "alternatives": (INVITATION, AMP)},
            {"multipart/alternative": ["text/plain", "text/x-amp-html", "text/html", "text/calendar"]},
        ),
        (
            {"html": "<img src='cid:logo'>", "alternatives": (AMP,), "attachments": (LOGO, PDF)},
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
def test_parts_are_nested_as_mail_readers_expect(fields: dict[str, Any], expected: Any) -> None:
    assert structure(read(job(**fields))) == expected


def test_an_alternative_arrives_with_its_parameters_and_as_utf_8() -> None:
    message = read(job(alternatives=(INVITATION,)))
    part = message.get_payload(1)
    assert isinstance(part, EmailMessage)
    assert part["Content-Type"].params == {"method": "REQUEST", "charset": "utf-8"}
    assert part.get_content().replace("\r\n", "\n") == INVITATION.content.replace("\r\n", "\n")


def test_a_parameter_that_only_speaks_of_a_charset_stays() -> None:
    named = msgspec.structs.replace(INVITATION, content_type='text/calendar; name="a; charset=b"')
    part = read(job(text=None, alternatives=(named,)))
    assert part["Content-Type"].params == {"name": "a; charset=b", "charset": "utf-8"}


def test_an_alternative_that_is_no_text_keeps_its_type_as_it_is() -> None:
    data = Alternative(content='{"@type": "Order"}', content_type='application/ld+json; profile="a;b"')
    message = read(job(alternatives=(data,)))
    part = message.get_payload(1)
    assert isinstance(part, EmailMessage)
    assert part["Content-Type"] == 'application/ld+json; profile="a;b"'
    assert part.get_content() == b'{"@type": "Order"}'


def test_the_headers_say_what_the_job_asked_for() -> None:
    message = read(
        job(
            from_email=(HELLO, Mailbox(name="Zoë", address="zoe@example.com")),
            cc=(Mailbox(name="Lee, Ann", address="lee@example.org"),),
            bcc=(Mailbox(name="", address="secret@example.org"),),
            reply_to=(Mailbox(name='The "Desk"', address="desk@example.com"),),
            headers=(("List-Unsubscribe", UNSUBSCRIBE), ("X-Note", "für  alle")),
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


def test_a_blind_recipient_is_nowhere_in_the_message() -> None:
    assert b"secret" not in written(job(bcc=(Mailbox(name="Secret", address="secret@example.org"),)))


def test_what_readers_see_as_recipient_can_differ_from_who_receives() -> None:
    shown = Mailbox(name="Everyone", address="all@example.org")
    assert read(job(shown_to=(shown,)))["To"] == "Everyone <all@example.org>"


def test_a_long_url_in_a_header_stays_one_ascii_word() -> None:
    raw = written(job(headers=(("List-Unsubscribe", UNSUBSCRIBE),)))
    assert UNSUBSCRIBE.split(", ", maxsplit=1)[0].encode() in raw


def test_ses_adds_date_and_message_id_itself() -> None:
    message = read(job())
    assert (message["Date"], message["Message-ID"], message["Bcc"]) == (None, None, None)


def test_metadata_stays_out_of_the_mail_where_the_deployment_says_so() -> None:
    raw = written(job(metadata={"user": 17}), metadata_in_headers=False)
    assert b"X-Metadata" not in raw


@pytest.mark.parametrize("size", [899, 990, 1000, 1001, 40_000])
def test_metadata_comes_back_however_long_its_words_are(size: int) -> None:
    asked = {"token": "x" * size, "name": "Zoë  \x7f =?utf-8?q?no?="}
    raw = written(job(metadata=asked))
    assert json.loads(read(job(metadata=asked))["X-Metadata"]) == asked
    # as SES's events show it
    value = raw.partition(b"X-Metadata: ")[2].partition(b"\r\nMIME-Version")[0].decode()
    assert tracking.read([Header(name="X-Metadata", value=value)]).metadata == asked


def test_a_mail_over_the_size_of_ses_is_refused_before_it_is_sent() -> None:
    size = len(build_message(job(attachments=(PDF,)), metadata_in_headers=True))
    with pytest.raises(InvalidJob, match=f"{size} bytes") as refused:
        build_message(job(attachments=(PDF,)), metadata_in_headers=True, message_bytes=size - 1)
    assert refused.value.path == "$.attachments"
    assert build_message(job(attachments=(PDF,)), metadata_in_headers=True, message_bytes=size)


def test_a_mail_whose_text_alone_is_too_large_is_refused_as_a_whole() -> None:
    with pytest.raises(InvalidJob, match="at least 1000 bytes") as refused:
        build_message(job(text="x" * 1000), metadata_in_headers=True, message_bytes=999)
    assert refused.value.path == "$"


@pytest.mark.parametrize("size", [0, 1, 2, 3, 56, 57, 58, 113, 114, 115, 5700])
def test_the_size_of_an_attachment_in_the_mail_is_known_before_it_is_written(size: int) -> None:
    part = msgspec.structs.replace(PDF, content=b"\xff" * size)
    empty = msgspec.structs.replace(PDF, content=b"")
    more = len(written(job(attachments=(part,)))) - len(written(job(attachments=(empty,))))
    assert more == base64_bytes(size)


def test_what_is_too_large_is_refused_before_anything_of_its_size_is_written() -> None:
    large = job(attachments=(msgspec.structs.replace(PDF, content=bytes(31_000_000)),))
    tracemalloc.start()
    try:
        with pytest.raises(InvalidJob, match="SES accepts 40000000"):
            build_message(large, metadata_in_headers=True)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_composing_takes_little_more_memory_than_the_mail() -> None:
    large = job(attachments=(msgspec.structs.replace(PDF, content=bytes(3_000_000)),))
    tracemalloc.start()
    try:
        size = len(build_message(large, metadata_in_headers=True))
        assert tracemalloc.get_traced_memory()[1] < 1.3 * size
    finally:
        tracemalloc.stop()


def test_a_file_that_still_lies_in_s3_is_never_sent_as_something_else() -> None:
    away = msgspec.structs.replace(PDF, content=S3Object(bucket="files", key="invoice.pdf"))
    with pytest.raises(TypeError, match="loaded"):
        build_message(job(attachments=(away,)), metadata_in_headers=True)


def test_the_same_job_gives_the_same_bytes() -> None:
    asked = job(html="<p>Hello</p>", attachments=(PDF,), metadata={"b": 1, "a": 2})
    assert written(asked) == written(asked)


def test_a_text_that_knows_the_boundary_cannot_add_a_part() -> None:
    first = written(job(html="<p>Hello</p>"))
    boundary = first.partition(b'boundary="')[2].partition(b'"')[0].decode()
    text = f"Hello\n--{boundary}\nContent-Type: text/html\n\n<p>forged</p>\n--{boundary}--\n"
    message = read(job(text=text, html="<p>Hello</p>"))
    assert structure(message) == {"multipart/alternative": ["text/plain", "text/html"]}
    assert body(message, "plain") == text


@pytest.mark.parametrize(
    "text", ["", "\n", "no newline", "a\r\nb\rc\n", "From me\n.\n..\n \t\n", "x" * 5000, "日本語" * 999]
)
def test_a_text_arrives_with_its_line_ends_made_one_kind(text: str) -> None:
    expected = text.replace("\r\n", "\n").replace("\r", "\n")
    assert body(read(job(text=text)), "plain") == expected


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
def test_a_filename_arrives_as_it_was(filename: str) -> None:
    part = Attachment(
        content=b"x",
        content_type="application/pdf",
        filename=filename,
        content_id=None,
        disposition="attachment",
    )
    [attachment] = read(job(attachments=(part,))).iter_attachments()
    assert attachment.get_filename() == filename
    assert attachment.get_content() == b"x"


def test_an_inline_part_is_found_by_its_content_id() -> None:
    message = read(job(html="<img src='cid:logo'>", attachments=(LOGO,)))
    [part] = [part for part in message.walk() if part["Content-ID"]]
    assert part["Content-ID"] == "<logo>"
    assert part.get_content_disposition() == "inline"


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
def test_a_subject_arrives_as_it_was(subject: str) -> None:
    assert read(job(subject=subject))["Subject"] == subject


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
    | st.text(st.characters(exclude_categories=("Cs",)), max_size=60)
)


@given(LINE)
def test_any_subject_comes_back(subject: str) -> None:
    assert (read(job(subject=subject))["Subject"] or "") == subject


@given(st.lists(MAILBOX, min_size=1, max_size=8))
def test_any_recipients_come_back_with_their_names(mailboxes: list[Mailbox]) -> None:
    assert read(job(to=tuple(mailboxes)))["To"]
    # the newer reader puts spaces between the encoded words of a name, which RFC 2047 forbids
    older = message_from_bytes(written(job(to=tuple(mailboxes))), policy=policy.compat32)
    pairs = getaddresses([older["To"].replace("\r\n", "")])
    names = [str(make_header(decode_header(name))) for name, _ in pairs]
    assert names == [mailbox.name for mailbox in mailboxes]
    assert [address for _, address in pairs] == [mailbox.address for mailbox in mailboxes]


@given(st.dictionaries(st.text(st.characters(exclude_categories=("Cs",)), max_size=20), SCALAR, min_size=1))
def test_any_metadata_comes_back(metadata: dict[str, Any]) -> None:
    assert json.loads(read(job(metadata=metadata))["X-Metadata"]) == metadata


@given(st.text(st.characters(exclude_categories=("Cs",))), st.text(st.characters(exclude_categories=("Cs",))))
def test_any_texts_come_back(text: str, html: str) -> None:
    message = read(job(text=text, html=html))
    assert body(message, "plain") == text.replace("\r\n", "\n").replace("\r", "\n")
    assert body(message, "html") == html.replace("\r\n", "\n").replace("\r", "\n")


@given(st.binary(max_size=300), LINE.filter(bool))
@example(b"", "<>")
@example(b"", '"Q3"')
def test_any_file_comes_back(content: bytes, filename: str) -> None:
    part = Attachment(
        content=content,
        content_type="application/octet-stream",
        filename=filename,
        content_id=None,
        disposition="attachment",
    )
    [attachment] = read(job(attachments=(part,))).iter_attachments()
    assert attachment.get_content() == content
    # get_filename() takes brackets and quotes off that belong to the name
    assert attachment["Content-Disposition"].params["filename"] == filename


@given(LINE, LINE, LINE, MAILBOX)
def test_no_value_can_add_a_header(subject: str, tag: str, value: str, mailbox: Mailbox) -> None:
    asked = job(subject=subject, tags=(tag,), headers=(("X-Note", value),), reply_to=(mailbox,))
    allowed = {"From", "To", "Reply-To", "Subject", "X-Note", "X-Tag", "MIME-Version", "Content-Type"}
    assert set(read(asked).keys()) <= allowed | {"Content-Transfer-Encoding"}
