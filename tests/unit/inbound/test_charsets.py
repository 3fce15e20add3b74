"""How the bytes of texts are decoded."""

from __future__ import annotations

import codecs
import encodings

import pytest

from inbound import charsets


@pytest.mark.parametrize(
    ("data", "label", "text", "defects"),
    [
        (b"caf\xc3\xa9", "utf-8", "café", ()),
        (b"caf\xe9", "ISO-8859-1", "café", ()),
        (b"\x93x\x94", "windows-1252", "\u201cx\u201d", ()),
        (b"caf\xe9", "utf-8", "caf\ufffd", ("undecodable_text",)),
        (b"caf\xc3\xa9", "us-ascii", "café", ("undecodable_text",)),
        (b"caf\xe9", "us-ascii", "café", ("undecodable_text",)),
        (b"caf\xc3\xa9", None, "café", ()),
        (b"caf\xe9", None, "café", ()),
        (b"\x81\x8d", None, "\x81\x8d", ()),
        (b"caf\xe9", "x-unknown", "café", ("unknown_charset",)),
        (b"caf\xc3\xa9", "", "café", ("unknown_charset",)),
        (b"caf\xc3\xa9", '"utf-8"', "café", ()),
        (b"+AOk-", "utf-7", "é", ()),
        (b"+2AA-", "utf-7", "\ufffd", ()),
        (b"a\x00b\x00", "utf-16le", "ab", ()),
        (b"a\x00b", "utf-16le", "a\ufffd", ("undecodable_text",)),
        ("髙".encode("cp932"), "shift_jis", "髙", ()),
        ("朱镕基".encode("gbk"), "gb2312", "朱镕基", ()),
        (b"\\u0041", "unicode_escape", "\\u0041", ("unknown_charset",)),
        (b"abc-", "punycode", "abc-", ("unknown_charset",)),
        (b"eJwDAAAAAAE=", "base64", "eJwDAAAAAAE=", ("unknown_charset",)),
        (b"x", "zlib", "x", ("unknown_charset",)),
        (b"x", "utf-8\x00", "x", ("unknown_charset",)),
        (b"x", "../../etc/passwd", "x", ("unknown_charset",)),
        (b"x", "u" * 10_000, "x", ("unknown_charset",)),
        (b"x", "viscii", "x", ("unknown_charset",)),
        (b"", "utf-8", "", ()),
    ],
)
def test_bytes_are_decoded_by_their_label_with_replacements(
    data: bytes, label: str | None, text: str, defects: tuple[str, ...]
) -> None:
    assert charsets.decode(data, label) == (text, defects)


@pytest.mark.parametrize(
    ("label", "charset", "text"),
    [
        ("windows-874", "cp874", "สวัสดี"),
        ("x-sjis", "shift_jis", "こんにちは"),
        ("x-euc-jp", "euc_jp", "こんにちは"),
        ("windows-31j", "cp932", "髙橋"),
        ("iso-8859-8-i", "iso8859_8", "שלום"),
        ("ISO-8859-8-E", "iso8859_8", "שלום"),
        ("iso-8859-6-i", "iso8859_6", "مرحبا"),
        ("x-cp1251", "cp1251", "Привет"),
        ("win-1251", "cp1251", "Привет"),
        ("windows-949", "cp949", "안녕하세요"),
        ("x-gbk", "gbk", "你好"),
        ("cn-gb", "gb2312", "你好"),
        ("gb_2312-80", "gb2312", "你好"),
        ("x-mac-roman", "mac_roman", "café"),
        ("x-mac-cyrillic", "mac_cyrillic", "Привет"),
        ("cp-850", "cp850", "café"),
        ("koi8u", "koi8_u", "Привіт"),
        ("iso-8859-1:1987", "iso8859_1", "café"),
        ("UTF--8", "utf_8", "café"),
    ],
)
def test_labels_of_mailers_are_mapped_to_charsets(label: str, charset: str, text: str) -> None:
    assert charsets.decode(text.encode(charset), label) == (text, ())


@pytest.mark.parametrize("charset", sorted({*charsets.CHARSETS, *charsets.LABELS.values()}))
def test_every_charset_in_the_tables_decodes(charset: str) -> None:
    assert codecs.lookup(charset).name
    assert "\0" not in charsets.decode(b"plain words ", charset)[0]


def test_unknown_labels_are_not_cached() -> None:
    charsets.decode(b"\xe9", "iso-8859-1")
    kept = len(encodings._cache)  # noqa: SLF001 - the library's memory is what is measured
    for n in range(100):
        charsets.decode(b"\xe9", f"z{n}")
        charsets.decode(b"\xe9", "iso" + "-" * (n % 30) + "8859-1")
    assert len(encodings._cache) == kept  # noqa: SLF001 - as above
