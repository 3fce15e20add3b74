from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus_cli.room.content.links import LINKS, Kind, kind_of, links


def test_links_have_their_text_in_order() -> None:
    html = (
        '<a href="https://x.example/pay?a=1&amp;b=2"><b>Pay</b>\n now</a> <a name=x>no</a> <a href=#>top</a>'
    )
    assert [(link.text, link.url, link.kind) for link in links(html, None)] == [
        ("Pay now", "https://x.example/pay?a=1&b=2", "web"),
        ("top", "#", "nowhere"),
    ]


def test_the_same_link_is_listed_once_and_counted() -> None:
    (link,) = links('<a href="https://x.example/">one</a><a href="https://x.example/">two</a>', None)
    assert (link.text, link.count) == ("one", 2)


def test_links_of_the_text_are_listed_without_what_follows_them() -> None:
    text = "See https://x.example/a_(b), (https://x.example/c). And <https://x.example/d>!"
    assert [(link.where, link.url) for link in links(None, text)] == [
        ("text", "https://x.example/a_(b)"),
        ("text", "https://x.example/c"),
        ("text", "https://x.example/d"),
    ]


def test_a_picture_and_an_area_are_links_too() -> None:
    html = '<a href="https://x.example/"><img alt="Our shop"></a><a href=https://y.example/><img></a>'
    html += '<map><area href="https://z.example/" alt="Map"></map>'
    assert [link.text for link in links(html, None)] == ["Our shop", "[picture]", "Map"]


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://x.example/", "web"),
        ("HTTP://x.example", "web"),
        (" java\nscript:alert(1)", "script"),
        ("\x01javascript:alert(1)", "script"),
        ("vbscript:x", "script"),
        ("data:text/html,x", "data"),
        ("mailto:a@x.example", "address"),
        ("tel:+49", "address"),
        ("", "nowhere"),
        ("  ", "nowhere"),
        ("#", "nowhere"),
        ("https://", "nowhere"),
        ("http:///x", "nowhere"),
        ("#terms", "place"),
        ("/orders/1", "relative"),
        ("www.x.example", "relative"),
        ("app://open", "other"),
        ("http://[", "nowhere"),
    ],
)
def test_where_a_link_leads(url: str, kind: Kind) -> None:
    assert kind_of(url) == kind


@pytest.mark.parametrize(
    ("label", "url", "named"),
    [
        ("https://bank.example/login", "https://evil.example/", "bank.example"),
        ("bank.example", "https://bank.example.evil.example/", "bank.example"),
        ("www.bank.example", "https://bank.example/x", None),
        ("bank.example", "https://click.bank.example/x", None),
        ("Pay now", "https://evil.example/", None),
        ("invoice.pdf", "#", None),
    ],
)
def test_a_text_that_names_another_host_is_found(label: str, url: str, named: str | None) -> None:
    (link,) = links(f'<a href="{url}">{label}</a>', None)
    assert link.named_host == named


def test_a_mail_of_very_many_links_has_a_limit() -> None:
    html = "".join(f'<a href="https://x.example/{number}">x</a>' for number in range(LINKS + 50))
    assert len(links(html, html)) == LINKS


@given(st.text(max_size=100), st.text(max_size=100))
def test_any_bodies_have_links(html: str, text: str) -> None:
    assert isinstance(links(f"<a href='{html}'>{text}", text), tuple)


def test_a_link_of_blanks_is_read_in_the_time_of_its_length() -> None:
    started = time.process_time()
    (found,) = links(f"<a href='https://x.example/{' ' * 300_000}y'>x</a>", None)
    assert found.kind == "web"
    # by the square of the length it was minutes
    assert time.process_time() - started < 5
