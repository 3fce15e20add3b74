from __future__ import annotations

import base64
import email.policy
from email import message_from_bytes
from email.message import MIMEPart
from email.mime.image import MIMEImage
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import TYPE_CHECKING, Any, cast

import pytest
from django.core.mail import EmailMessage

from mailbus.errors import UnsupportedFeature
from mailbus.jobs.parsing import parse_document

if TYPE_CHECKING:
    from pathlib import Path
from tests.unit.mailbus.django.mail import PNG, Mail, message, with_attributes


@pytest.mark.parametrize(
    ("fields", "text", "html"),
    [
        ({"body": "Hello."}, "Hello.", None),
        ({"body": "Hello.", "alternatives": [("<p>Hello.</p>", "text/html")]}, "Hello.", "<p>Hello.</p>"),
        ({"body": "", "alternatives": [("<p>Hello.</p>", "text/html")]}, None, "<p>Hello.</p>"),
        ({"body": "", "alternatives": [("Hello.", "text/plain"), ("<p/>", "text/html")]}, "Hello.", "<p/>"),
        ({"body": "", "attachments": [("a.bin", b"\x00", None)]}, None, None),
        ({"body": ""}, "", None),
        (
            {"body": "Hello.", "alternatives": [(b"<p>Hi</p>", "Text/HTML; charset=utf-8")]},
            "Hello.",
            "<p>Hi</p>",
        ),
    ],
)
def test_bodies_are_where_django_would_show_them(
    django: Mail, fields: dict[str, Any], text: str | None, html: str | None
) -> None:
    job = django.send(message(**fields))
    assert (job.get("text"), job.get("html")) == (text, html)


@pytest.mark.parametrize(
    ("body", "alternatives", "expected"),
    [
        ("<p>Hello.</p>", [], (None, "<p>Hello.</p>")),
        ("<p>Hello.</p>", [("Hello.", "text/plain")], ("Hello.", "<p>Hello.</p>")),
        ("", [], (None, "")),
    ],
)
def test_a_body_may_be_html(
    django: Mail, body: str, alternatives: list[tuple[str, str]], expected: tuple[str | None, str]
) -> None:
    html = message(body=body, alternatives=alternatives)
    html.content_subtype = "html"
    job = django.send(html)
    assert (job.get("text"), job.get("html")) == expected


def test_other_alternatives_stay_alternatives(django: Mail) -> None:
    invited = message()
    invited.attach_alternative("<!doctype html><html amp4email></html>", "text/x-amp-html")
    invited.attach_alternative("<p>Come.</p>", "text/html")
    invited.attach_alternative("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "text/calendar; method=REQUEST")

    job = django.send(invited)

    assert job["html"] == "<p>Come.</p>"
    assert [part["content_type"] for part in job["alternatives"]] == [
        "text/x-amp-html",
        "text/calendar; method=REQUEST",
    ]


@pytest.mark.parametrize(
    "content_types",
    [
        ["text/watch-html", "text/html"],
        ["text/markdown", "text/x-amp-html", "text/html"],
        ["text/html", "text/calendar; method=PUBLISH"],
        ["text/html", "text/markdown"],
        ["text/calendar", "Text/HTML; charset=utf-8"],
        ["text/enriched", "text/html", "application/ld+json"],
        ["text/plain", "text/html"],
        ["text/html", "text/plain"],
        ["text/enriched", "text/plain", "text/html", "text/calendar"],
    ],
)
def test_alternatives_are_sent_in_the_order_in_which_they_are_attached(
    django: Mail, content_types: list[str]
) -> None:
    several = message()
    for content_type in content_types:
        several.attach_alternative("<p>Hello.</p>", content_type)

    job = parse_document(django.send(several), "00000000-0000-4000-8000-000000000000")

    sent = [alternative.content_type for alternative in job.alternatives]
    html = next(name for name in content_types if name.lower().startswith("text/html"))
    assert job.html == "<p>Hello.</p>"
    assert [*sent[: job.before_html], html, *sent[job.before_html :]] == content_types


def test_a_second_text_is_an_alternative(django: Mail) -> None:
    job = django.send(message(body="One.", alternatives=[("Two.", "text/plain; format=flowed")]))
    assert (job["text"], job["alternatives"]) == (
        "One.",
        [{"content": "Two.", "content_type": "text/plain; format=flowed"}],
    )


def test_the_html_is_the_last_of_several(django: Mail) -> None:
    twice = message(alternatives=[("<p>One.</p>", "text/html"), ("<p>Two.</p>", "text/html")])
    job = parse_document(django.send(twice), "00000000-0000-4000-8000-000000000000")
    assert ([alternative.content for alternative in job.alternatives], job.html) == (
        ["<p>One.</p>"],
        "<p>Two.</p>",
    )
    assert job.before_html == 1


def test_an_alternative_that_is_not_text_is_refused(django: Mail) -> None:
    binary = message(alternatives=[(b"\xff\xfe", "text/x-amp-html")])
    assert django.refusal(binary).path == "$.alternatives[0].content"


def test_files_come_as_tuples_of_text_and_of_bytes(django: Mail, tmp_path: Path) -> None:
    path = tmp_path / "übersicht.csv"
    path.write_bytes("größe;1\r\n".encode())
    filed = message()
    filed.attach("notes.txt", "Zwölf", "text/plain")
    filed.attach("data.bin", b"\x00\xff", "application/octet-stream")
    filed.attach("latin.txt", "Zwölf".encode("latin-1"), "text/plain")
    filed.attach("order.json", '{"n": "ü"}', "application/json")
    filed.attach("page.html", b"<p>")
    filed.attach_file(str(path))
    filed.attachments.append(("bare.pdf", b"%PDF"))
    filed.attachments.append(("", b"%PDF", "application/pdf"))

    files = django.send(filed)["attachments"]

    assert [(f.get("filename"), f["content_type"], base64.b64decode(f["content"])) for f in files] == [
        ("notes.txt", "text/plain; charset=utf-8", "Zwölf".encode()),
        ("data.bin", "application/octet-stream", b"\x00\xff"),
        ("latin.txt", "application/octet-stream", "Zwölf".encode("latin-1")),
        ("order.json", "application/json", '{"n": "ü"}'.encode()),
        ("page.html", "text/html; charset=utf-8", b"<p>"),
        ("übersicht.csv", "text/csv; charset=utf-8", "größe;1\r\n".encode()),
        ("bare.pdf", "application/pdf", b"%PDF"),
        (None, "application/pdf", b"%PDF"),
    ]


def test_an_image_with_a_content_id_is_inline(django: Mail) -> None:
    image = MIMEImage(PNG, "png")
    image.add_header("Content-Disposition", "inline", filename="logo.png")
    image.add_header("Content-ID", "<logo.1@inline>")
    illustrated = message(alternatives=[('<img src="cid:logo.1@inline">', "text/html")])
    illustrated.attach(image)
    illustrated.mixed_subtype = "related"

    (file,) = django.send(illustrated)["attachments"]

    assert base64.b64decode(file.pop("content")) == PNG
    assert file == {
        "filename": "logo.png",
        "content_type": "image/png",
        "content_id": "logo.1@inline",
        "disposition": "inline",
    }


def test_an_image_of_pythons_newer_kind_is_inline_too(django: Mail) -> None:
    image = MIMEPart()
    image.set_content(
        PNG, maintype="image", subtype="png", disposition="inline", cid="<logo@inline>", filename="ü.png"
    )
    illustrated = message()
    illustrated.attachments.append(image)

    (file,) = django.send(illustrated)["attachments"]

    assert base64.b64decode(file.pop("content")) == PNG
    assert file == {
        "filename": "ü.png",
        "content_type": "image/png",
        "content_id": "logo@inline",
        "disposition": "inline",
    }


def test_a_mime_part_keeps_its_bytes_and_what_its_type_says(django: Mail) -> None:
    calendar = MIMEText("BEGIN:VCALENDAR\r\nSUMMARY:Zwölf\r\nEND:VCALENDAR\r\n", "calendar", "iso-8859-1")
    calendar.set_param("method", "REQUEST")
    calendar.set_param("name", "invite.ics")
    calendar.add_header("Content-Disposition", "attachment", filename="invite.ics")
    invited = message()
    invited.attach(calendar)

    (file,) = django.send(invited)["attachments"]

    assert "Zwölf".encode("latin-1") in base64.b64decode(file["content"])
    assert file["content_type"] == 'text/calendar; charset="iso-8859-1"; method="REQUEST"'
    assert (file["filename"], file["disposition"]) == ("invite.ics", "attachment")


@pytest.mark.parametrize(
    ("disposition", "content_id", "expected"),
    [
        (None, None, "attachment"),
        (None, "<logo>", "inline"),
        ("attachment", "<logo>", "attachment"),
        ("INLINE", None, "inline"),
        ("form-data", None, "attachment"),
    ],
)
def test_a_part_that_has_a_name_and_no_disposition_is_an_attachment(
    django: Mail, disposition: str | None, content_id: str | None, expected: str
) -> None:
    part = MIMEText("a;b\r\n", "csv")
    if disposition is not None:
        part["Content-Disposition"] = disposition
    part.set_param("filename", "prices.csv", header="Content-Disposition")
    if content_id is not None:
        part["Content-ID"] = content_id
    filed = message()
    filed.attach(part)

    (file,) = parse_document(django.send(filed), "00000000-0000-4000-8000-000000000000").attachments

    assert (file.filename, file.disposition) == ("prices.csv", expected)


@pytest.mark.parametrize(
    ("attachment", "path"),
    [
        (("a.eml", b"x", "message/partial"), "$.attachments[0].content_type"),
        ((MIMEMultipart(), None), "$.attachments[0]"),
        (MIMEMultipart("signed"), "$.attachments[0].content_type"),
        (("a.txt", "half \ud83d", "text/plain"), "$.attachments[0].content"),
        (("a.txt", 17, "text/plain"), "$.attachments[0].content"),
        ((17, b"x", "text/plain"), "$.attachments[0].filename"),
        (("a.txt",), "$.attachments[0]"),
        (17, "$.attachments[0]"),
    ],
)
def test_an_invalid_attachment_is_refused(django: Mail, attachment: Any, path: str) -> None:
    filed = message()
    filed.attachments.append(attachment)
    assert django.refusal(filed).path.startswith(path)


def test_a_part_keeps_headers_of_its_own(django: Mail) -> None:
    image = MIMEImage(PNG, "png")
    for name, value in (("Content-ID", "<logo>"), ("X-Attachment-Id", "logo"), ("Content-Language", "de")):
        image.add_header(name, value)
    part = MIMEPart()
    part.set_content(b"%PDF", maintype="application", subtype="pdf")
    part["Content-Description"] = "Rechnung für März"
    filed = message(attachments=[image])
    filed.attachments.append(part)

    first, second = django.send(filed)["attachments"]

    assert first["headers"] == {"X-Attachment-Id": "logo", "Content-Language": "de"}
    assert second["headers"] == {"Content-Description": "Rechnung für März"}
    assert not {"filename", "content_id", "disposition"} & second.keys()


RECEIVED = (
    b"DKIM-Signature: v=1; a=rsa-sha256; d=example.net; s=mail; bh=aGVsbG8gd29ybGQ=;\r\n"
    b" b=" + b"abcdefghij" * 12 + b"\r\nFrom: Ann <ann@example.net>\r\nSubject: Hello\r\n\r\nFrom here.\r\n"
)


@pytest.mark.parametrize(
    "content",
    [
        RECEIVED,
        message_from_bytes(RECEIVED),
        message_from_bytes(RECEIVED, policy=email.policy.default),
        RECEIVED.decode(),
    ],
)
def test_a_mail_is_forwarded_as_it_was_received(django: Mail, content: Any) -> None:
    forwarding = message()
    forwarding.attach("received.eml", content, "message/rfc822")
    (file,) = django.send(forwarding)["attachments"]
    assert base64.b64decode(file["content"]) == RECEIVED
    assert file["content_type"].partition(";")[0] == "message/rfc822"


def test_a_mail_may_come_as_a_part_and_without_a_name(django: Mail) -> None:
    inner = EmailMessage("Inner", "Hello.", "shop@example.com", ["ann@example.net"])
    forwarding = message(
        attachments=[MIMEMessage(message_from_bytes(RECEIVED)), (None, inner, "message/rfc822")]
    )

    job = parse_document(django.send(forwarding), "job")

    first, composed = (cast("bytes", file.content) for file in job.attachments)
    assert (first, message_from_bytes(composed)["Subject"]) == (RECEIVED, "Inner")
    assert [(file.is_mail, file.filename) for file in job.attachments] == [(True, None)] * 2


def test_a_file_without_a_name_is_sent(django: Mail) -> None:
    (file,) = django.send(message(attachments=[(None, b"a;b", "text/csv")]))["attachments"]
    assert file == {"content": "YTti", "content_type": "text/csv; charset=utf-8"}


@pytest.mark.parametrize(("name", "value"), [("mixed_subtype", "report"), ("alternative_subtype", "related")])
def test_an_unsupported_mime_structure_is_refused(django: Mail, name: str, value: str) -> None:
    assert isinstance(django.refusal(with_attributes(message(), **{name: value})), UnsupportedFeature)
