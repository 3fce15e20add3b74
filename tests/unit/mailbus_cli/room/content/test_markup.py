from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus_cli.room.content.markup import CHARACTERS, Tag, Text, tokens


def tags(html: str) -> list[tuple[str, dict[str, str]]]:
    return [(token.name, token.attributes) for token in tokens(html) if isinstance(token, Tag)]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<a href="x&amp;y" HREF=z>', [("a", {"href": "x&y"})]),
        ("<A\nHREF = 'a b'\tdisabled/>", [("a", {"href": "a b", "disabled": ""})]),
        ("<a href=x/y>", [("a", {"href": "x/y"})]),
        ('<a title=">" href=#>', [("a", {"title": ">", "href": "#"})]),
        ("<a x\" href='y'>", [("a", {'x"': "", "href": "y"})]),
        ("<!-- <a href=x> --><b>", [("b", {})]),
        ("<style>a{b:'<i>'}</style><b>", [("style", {}), ("style", {}), ("b", {})]),
        ("<script>'</script'<i></script >", [("script", {}), ("script", {})]),
        ("1 < 2 <3> <é> <b>", [("b", {})]),
        ("<a href='never ends>", []),
        ("<a", []),
        ("", []),
    ],
)
def test_tags_are_read_as_browsers_read_them(html: str, expected: list[tuple[str, dict[str, str]]]) -> None:
    assert tags(html) == expected


def test_texts_are_decoded_and_styles_are_set_apart() -> None:
    texts = [token for token in tokens("a &amp; b<style>x &gt; y</style>c<p>") if isinstance(token, Text)]
    assert texts == [Text(text="a & b"), Text(text="x &gt; y", parent="style"), Text(text="c")]


@given(st.text(alphabet="<>/!-='\"ab \n&;", max_size=200))
def test_any_text_is_read(html: str) -> None:
    assert all(0 <= token.at < token.end <= len(html) for token in tokens(html) if isinstance(token, Tag))


@pytest.mark.parametrize("piece", ["<a ", "<a href='", "<!--", "<", "</", "<style>", '<a b="', "&amp;", "= "])
def test_a_hostile_document_takes_linear_time(piece: str) -> None:
    def seconds(size: int) -> float:
        started = time.process_time()
        for _ in tokens(piece * (size // len(piece))):
            pass
        return time.process_time() - started

    # four times the size takes about four times as long, and not sixteen times
    assert seconds(400_000) < 9 * max(seconds(100_000), 0.01)


def test_a_huge_document_is_looked_at_in_part() -> None:
    assert tags("x" * CHARACTERS + "<b>") == []
