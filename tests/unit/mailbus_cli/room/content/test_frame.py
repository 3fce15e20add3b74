from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus_cli.room.content.frame import PICTURE_BYTES, Picture, document, remote_images

LOGO = Picture(content_type="image/png", content=b"\x89PNG")


@pytest.mark.parametrize(
    "element",
    [
        "iframe",
        "frame",
        "frameset",
        "object",
        "embed",
        "applet",
        "portal",
        "fencedframe",
        "link",
        "meta",
        "base",
    ],
)
@pytest.mark.parametrize("spelling", ["<{}>", "<{} src=x>", "<{}/src=x>", "<{}\tsrc=x>", "<{}\nsrc=x", "<{}"])
def test_what_loads_something_is_renamed(element: str, spelling: str) -> None:
    made = document(spelling.format(element.upper()), {}).partition("</style>")[2]
    assert made.lower().startswith(f"<mail-{element}")


def test_other_elements_stay_as_they_are() -> None:
    html = "<p>frames <b>iframe</b> <linkage> <header> <setting> <a name=x>x</a> &lt;iframe&gt;</p>"
    assert document(html, {}).endswith(html)


def test_the_document_has_one_doctype() -> None:
    made = document("\n<!DOCTYPE html PUBLIC 'x'><html><p>x", {})
    assert made.count("<!doctype") == 1
    assert '<base target="_blank">' in made
    assert made.endswith("</style><html><p>x")


@pytest.mark.parametrize(
    ("html", "made"),
    [
        ('<a href="https://x.example/">x</a>', '<a href&#61;"https://x.example/">x</a>'),
        ("<a HREF\n=https://x.example/>", "<a HREF\n&#61;https://x.example/>"),
        ("<a title='>' href=x>", "<a title='>' href&#61;x>"),
        ("<svg><a xlink:href='x'>", "<svg><a xlink:href&#61;'x'>"),
        ('<a href="&#35;//x.example/">', '<a href&#61;"&#35;//x.example/">'),
        ("<p>&lt;a href=x&gt;", "<p>&lt;a href&#61;x&gt;"),
        ('<a href="#top">', '<a href="#top">'),
        ("<use href=#a>", "<use href=#a>"),
        ("<style>a:link,a:hover{}</style>", "<style>a:not(.mail-none),a:hover{}</style>"),
        ("<style>a[href^=x]{}</style>a:link", "<style>a[href^=x]{}</style>a:link"),
    ],
)
def test_links_have_no_address(html: str, made: str) -> None:
    assert document(html, {}).endswith(made)


@pytest.mark.parametrize(
    "html",
    [
        '<img src="cid:logo">',
        "<img src='cid:Logo'>",
        "<img src=cid:logo>",
        '<td background="cid:logo">',
        '<div style="background: url(cid:logo)">',
        "<div style='background:url( \"cid:logo\" )'>",
    ],
)
def test_the_mails_own_pictures_are_put_in(html: str) -> None:
    assert "data:image/png;base64,iVBORw==" in document(html, {"logo": LOGO})


def test_an_escaped_content_id_is_found() -> None:
    assert "data:image/png" in document('<img src="cid:logo%40x.example">', {"logo@x.example": LOGO})


@pytest.mark.parametrize(
    "content_type", ["text/html", "image/png;x", 'image/png"onload=', "application/pdf", ""]
)
def test_what_is_no_picture_is_not_put_in(content_type: str) -> None:
    other = Picture(content_type=content_type, content=b"<script>")
    assert document('<img src="cid:logo">', {"logo": other}).endswith('<img src="cid:logo">')


def test_text_that_names_a_picture_stays_text() -> None:
    assert document("<p>[cid:logo] cid:logo</p>", {"logo": LOGO}).endswith("<p>[cid:logo] cid:logo</p>")


def test_pictures_are_put_in_only_to_a_limit() -> None:
    large = Picture(content_type="image/png", content=b"x" * (PICTURE_BYTES // 2 + 1))
    made = document('<img src="cid:a"><img src="cid:a">', {"a": large})
    assert made.count("data:") == 1
    assert made.endswith('<img src="cid:a">')


@pytest.mark.parametrize(
    ("html", "count"),
    [
        ("<p>none</p>", 0),
        ('<img src="https://x.example/a.png"><img src="https://x.example/a.png">', 1),
        ('<img src="//x.example/a.png"><td background="http://x.example/b.png">', 2),
        (
            "<style>p{background:url('https://x.example/c')}</style><p style='background:url(//x.example/)'>",
            2,
        ),
        ('<img srcset="https://x.example/1 1x, https://x.example/2 2x">', 1),
        ('<img src="data:image/png;base64,AA"><img src="cid:logo"><a href="https://x.example/">x</a>', 0),
        ("<svg><image xlink:href='https://x.example/e'/></svg>", 1),
        ('<!-- <img src="https://x.example/a.png"> -->', 0),
    ],
)
def test_pictures_of_other_hosts_are_counted(html: str, count: int) -> None:
    assert remote_images(html) == count


@pytest.mark.parametrize(
    "piece",
    ["<style", "<style>", "</style", "<a href", "href=", "cid:", "url(", '="cid:a', "<!doctype", "&amp;"],
)
def test_a_hostile_document_takes_linear_time(piece: str) -> None:
    def seconds(size: int) -> float:
        html = piece * (size // len(piece))
        started = time.process_time()
        document(html, {"a": LOGO})
        remote_images(html)
        return time.process_time() - started

    # four times the size takes about four times as long, and not sixteen times
    assert seconds(400_000) < 9 * max(seconds(100_000), 0.02)


LOADING = re.compile(r"<(?:iframe|frame|object|embed|link|base|meta)[\s/>]", re.IGNORECASE)
ADDRESS = re.compile(r"href\s*=\s*[\"']?[^\"'#\s]", re.IGNORECASE)
PIECES = st.sampled_from(
    [
        "<",
        ">",
        "/",
        '"',
        "'",
        "=",
        " ",
        "\n",
        "\0",
        "<!--",
        "-->",
        "iframe",
        "IFRAME",
        "<iframe",
        "link",
        "src",
        "cid:",
    ]
)


@given(st.lists(PIECES, max_size=30).map("".join))
def test_no_malformed_document_keeps_what_loads_something(html: str) -> None:
    assert ADDRESS.search(document(html, {"a": LOGO}).partition("</style>")[2]) is None
    assert LOADING.search(document(html, {"a": LOGO}).partition("</style>")[2]) is None
    assert remote_images(html) >= 0


@pytest.mark.parametrize("begin", ["<style>url(", "<img src=", "<style>url('"])
def test_a_mail_of_blanks_is_read_in_the_time_of_its_length(begin: str) -> None:
    html = begin + " " * 300_000
    started = time.process_time()
    assert remote_images(html) == 0
    assert html in document(html, {})
    # by the square of the length it was minutes
    assert time.process_time() - started < 5
