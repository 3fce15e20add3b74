from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus.errors import InvalidJob
from mailbus.jobs.uris import encode_uri

PATH = "$.headers.List-Unsubscribe"


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        # as people write them
        ("https://shop.example/austragen?name=Jürgen", "https://shop.example/austragen?name=J%C3%BCrgen"),
        ("https://bücher.example/weg", "https://xn--bcher-kva.example/weg"),
        ("https://例え.テスト/退会?q=はい#了", None),
        ("mailto:stop@bücher.example?subject=Bitte löschen", None),
        ("mailto:größe@example.com", "mailto:gr%C3%B6%C3%9Fe@example.com"),
        ("mailto:a@example.com, b@müll.example", "mailto:a@example.com,b@xn--mll-hoa.example"),
        ("https://www.example.com/a b?c=d e", "https://www.example.com/a%20b?c=d%20e"),
        (
            "https://www.example.com/u?rate=100%&t={x}|y",
            "https://www.example.com/u?rate=100%25&t=%7Bx%7D%7Cy",
        ),
        ("https://jörg:pass@www.example.com:8443/", "https://j%C3%B6rg:pass@www.example.com:8443/"),
        # already URIs, so that a signature over them stays valid
        ("https://www.example.com/u?id[]=1&sig=a%2Bb%2f==&x=~!$'()*+,;:@/?#top", ""),
        ("HTTPS://WWW.Example.COM/%C3%BC", ""),
        ("https://xn--bcher-kva.example:443/", ""),
        ("http://[2001:db8::1]:8080/out", ""),
        ("http://127.0.0.1/out", ""),
        ("mailto:?to=a@example.com", ""),
        ("mailto:stop+17=ann%40example.org@lists.example.com?subject=unsubscribe%20me", ""),
        ("tel:+49-30-123456", ""),
        ("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", ""),
    ],
)
def test_a_uri_is_written_in_ascii(written: str, sent: str | None) -> None:
    encoded = encode_uri(written, PATH)
    if sent is not None:
        assert encoded == (sent or written)
    assert encoded.isascii()
    assert encode_uri(encoded, PATH) == encoded


def test_the_whole_of_an_international_uri_is_encoded() -> None:
    encoded = encode_uri("https://例え.テスト/退会?q=はい#了", PATH)
    assert encoded == ("https://xn--r8jz45g.xn--zckzah/%E9%80%80%E4%BC%9A?q=%E3%81%AF%E3%81%84#%E4%BA%86")
    assert (
        encode_uri("mailto:stop@bücher.example?subject=Bitte löschen", PATH)
        == "mailto:stop@xn--bcher-kva.example?subject=Bitte%20l%C3%B6schen"
    )


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("www.example.com/unsubscribe", "without its scheme"),
        ("", "without its scheme"),
        ("https:///unsubscribe", "without a host"),
        ("https:unsubscribe", "without a host"),
        ("https://www example.com/", "a space in its host"),
        ("mailto:stop@ example.com", "a space in its host"),
        ("https://www.example.com\\unsubscribe", r"\\"),
        ("https://xn--.ü\u200b.example/", r"U\+200B"),
        ("https://www.example.com/u?t={{token}}", "merge_headers"),
    ],
)
def test_what_is_no_uri_is_refused_with_what_is_wrong(written: str, reason: str) -> None:
    with pytest.raises(InvalidJob, match=reason) as refused:
        encode_uri(written, PATH)
    assert refused.value.path == PATH


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="<>{#"), max_size=40))
def test_any_path_and_query_are_read_back(text: str) -> None:
    encoded = encode_uri(f"https://www.example.com/{text}", PATH)
    assert re.fullmatch(r"[!-~]*", encoded)
    # a percent sign is an escape if two hexadecimal digits follow it
    assert unquote(encoded) == unquote(f"https://www.example.com/{text.rstrip(' ')}")
    assert urlsplit(encoded).hostname == "www.example.com"
