"""Which parts are shown within the body, and which are attachments."""

from __future__ import annotations

import time

import pytest

from inbound import mime
from tests.unit.inbound.multiparts import FILED, PLAIN, multipart, shown

GIF = "Content-Type: image/gif\nContent-ID: <a@b>\n\nGIF"
SHOWN = "Content-Disposition: inline\n"
PICTURE = SHOWN + "Content-Type: image/jpeg; name=a.jpg\n\nJPG"


def html(content: str) -> str:
    return f"Content-Type: text/html\n\n{content}"


@pytest.mark.parametrize(
    "content",
    [
        '<img src="cid:a@b">',
        "<img src='CID:a@b'/>",
        "<img src=cid:a@b>",
        "<img src=cid:a%40b width=1>",
        '<p style="background: url(cid:A@B)">',
        '<img src="cid:x"><img src="cid:a@b">',
        '<img src="cid:a&#64;b">',
    ],
)
@pytest.mark.parametrize("mark", ["", SHOWN])
@pytest.mark.parametrize("kind", ["related", "mixed"])
def test_a_part_that_the_html_names_is_inline(content: str, mark: str, kind: str) -> None:
    mail = mime.parse(multipart(kind, html(content), mark + GIF))
    assert shown(mail)[2:] == ([], ["image/gif"])
    assert mail.parts[0].content_id == "a@b"


@pytest.mark.parametrize(
    "content", ["", "<p>", '<img src="cid:a@bc">', '<img src="cid:">', "<p>a@b", '<img src="a@b">']
)
@pytest.mark.parametrize("mark", ["", SHOWN])
@pytest.mark.parametrize("kind", ["related", "mixed"])
def test_a_part_that_nothing_names_is_an_attachment(content: str, mark: str, kind: str) -> None:
    assert shown(mime.parse(multipart(kind, html(content), mark + GIF)))[2:] == (["image/gif"], [])


@pytest.mark.parametrize("content_id", ["image 1.gif", "image(1).gif@b", "a[1]@b", "<a>@b"])
@pytest.mark.parametrize("quote", ['"', "'"])
def test_an_id_in_quotes_may_have_blanks_and_brackets(content_id: str, quote: str) -> None:
    gif = GIF.replace("a@b", content_id)
    mail = mime.parse(multipart("related", html(f"<img src={quote}cid:{content_id}{quote}>"), gif))
    assert shown(mail)[2:] == ([], ["image/gif"])


def test_what_is_marked_as_an_attachment_is_one() -> None:
    mail = mime.parse(multipart("related", html("<img src=cid:a@b>"), FILED + GIF))
    assert shown(mail)[2:] == (["image/gif"], [])


@pytest.mark.parametrize(
    ("location", "content", "is_inline"),
    [
        ("logo.gif", '<img src="logo.gif">', True),
        ("https://example.org/a?b&c", '<img src="https://example.org/a?b&amp;c">', True),
        ("logo.css", "<link rel=stylesheet href='logo.css'>", True),
        ("back.gif", "<td background=back.gif>", True),
        ("back.gif", "<p style='background:url(\"back.gif\")'>", True),
        ("logo.gif", "<p>logo.gif", False),
        ("logo.gif", '<img src="other/logo.gif">', False),
    ],
)
def test_a_part_is_named_by_its_location_too(location: str, content: str, is_inline: bool) -> None:  # noqa: FBT001 - a case
    part = f"Content-Type: image/gif\nContent-Location: {location}\n\nGIF"
    mail = mime.parse(multipart("related", html(content), part))
    assert shown(mail)[2:] == (([], ["image/gif"]) if is_inline else (["image/gif"], []))


def test_a_text_alone_may_name_a_part_as_outlook_writes_it() -> None:
    mail = mime.parse(multipart("mixed", PLAIN + "\n[cid:a@b]", GIF))
    assert shown(mail)[2:] == ([], ["image/gif"])
    mail = mime.parse(multipart("mixed", PLAIN + "\n[cid:a@b]", html("<p>"), GIF))
    assert shown(mail)[2:] == (["image/gif"], [])


@pytest.mark.parametrize(
    ("parts", "attachments", "inlines"),
    [
        ((PLAIN, PICTURE, PLAIN), [], ["image/jpeg"]),
        ((PICTURE, PLAIN), [], ["image/jpeg"]),
        ((PLAIN, PICTURE, PICTURE, PLAIN), [], ["image/jpeg", "image/jpeg"]),
        ((html("<p>"), PICTURE, html("<p>")), [], ["image/jpeg"]),
        ((PLAIN, PICTURE), ["image/jpeg"], []),
        ((PLAIN, PICTURE, PLAIN, PICTURE), ["image/jpeg"], ["image/jpeg"]),
        ((PLAIN, PICTURE.removeprefix(SHOWN), PLAIN), ["image/jpeg"], []),
        (
            (PLAIN, SHOWN + "Content-Type: application/pdf; name=a.pdf\n\n%PDF", PLAIN),
            ["application/pdf"],
            [],
        ),
        (
            (PLAIN, PICTURE, SHOWN + "Content-Type: application/pdf\n\n%PDF", PLAIN),
            ["image/jpeg", "application/pdf"],
            [],
        ),
    ],
)
def test_pictures_between_texts_are_shown_where_they_stand(
    parts: tuple[str, ...], attachments: list[str], inlines: list[str]
) -> None:
    assert shown(mime.parse(multipart("mixed", *parts)))[2:] == (attachments, inlines)


@pytest.mark.parametrize(
    "piece", ["cid:", "cid:a@b ", "src=", 'src="', "url(", "cid:" + "x" * 2000, " src='" + "x" * 3000]
)
def test_a_body_of_nothing_but_references_is_read_in_linear_time(piece: str) -> None:
    located = "Content-Type: image/gif\nContent-Location: x\n\nGIF"
    raw = multipart("related", html(piece * (1_000_000 // len(piece))), GIF, located)
    started = time.process_time()
    mime.parse(raw)
    assert time.process_time() - started < 2
