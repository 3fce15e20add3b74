"""How the bytes of texts are decoded."""

from __future__ import annotations

import codecs
import encodings
import time

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
        (b"\x93x\x94 \x80", "iso-8859-1", "\u201cx\u201d €", ()),
        (b"\x93x\x94 \x80", "us-ascii", "\u201cx\u201d €", ("undecodable_text",)),
        (b"\x85\xfd", "iso-8859-9", "…\u0131", ()),
        (b"\x80\xa1", "tis-620", "€ก", ()),
        (b"\x93\xa1\x94", "iso-8859-11", "\u201cก\u201d", ()),
        (b"a\x9db", "iso-8859-1", "a\x9db", ()),
        ("\u201cé\u201d".encode(), "iso-8859-1", "\u201cé\u201d", ("undecodable_text",)),
        ("日本".encode(), "iso-2022-jp", "日本", ("undecodable_text",)),
        ("Привет".encode(), "us-ascii", "Привет", ("undecodable_text",)),
        ("naïve €".encode(), "big5", "naïve €", ("undecodable_text",)),
        ("你好".encode(), "gb2312", "你好", ("undecodable_text",)),
        (b"hello", "utf-16", "hello", ("undecodable_text",)),
        ("\u301c".encode("euc_jp"), "euc-jp", "\u301c", ()),
        (b"\xad\xa1\xa4\xa2", "euc-jp", "①あ", ()),
        (b"\xad\xea \xf9\xfe\xfa\xa1", "eucJP-ms", "㈱ 德忞", ()),
        (b"\xad\xa1\xff", "euc-jp", "①\ufffd", ("undecodable_text",)),
        (b"\xad", "euc-jp", "\ufffd", ("undecodable_text",)),
        (b'\x1b$B-!$"-j\x1b(B!', "iso-2022-jp", "①あ㈱!", ()),
        (b"\x1b$B|b|q\x1b(B \x1b(I1\x1b(B", "cp50221", "髙ⅰ ｱ", ()),
        (b"\x1b$B-!}~\x1b(B", "iso-2022-jp", "①\ufffd", ("undecodable_text",)),
        (b"\x1b$B-!\x1b(B", None, "①", ()),
        (b"\x1b$B-!\x1b(B", "us-ascii", "①", ()),
        (b"plain", "us-ascii", "plain", ()),
        (b"\x1b$B-\x1b(B", None, "\x1b$B-\x1b(B", ()),
        (b"\x1b[1m$", None, "\x1b[1m$", ()),
        (b"\x87\x40", "shift_jis", "①", ()),
        ("\ufeffé".encode(), "iso-8859-1", "é", ()),
        ("\ufeffé".encode(), None, "é", ()),
        (b"\xef\xbb\xbf\xff", "utf-8", "\ufffd", ("undecodable_text",)),
        (b"\xf9\xd6", "big5", "碁", ()),
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
        ("iso-2022-jp-ms", "iso2022_jp", "こんにちは"),
        ("CP50220", "iso2022_jp", "こんにちは"),
        ("cp50222", "iso2022_jp", "こんにちは"),
        ("eucJP-win", "euc_jp", "こんにちは"),
        ("eucjpms", "euc_jp", "こんにちは"),
        ("cp51932", "euc_jp", "こんにちは"),
        ("x-ms-cp932", "cp932", "こんにちは"),
        ("iso88592", "iso8859_2", "žluť"),
        ("8859_1", "latin_1", "café"),
        ("ks_c_5601-1989", "euc_kr", "안녕"),
        ("ks_c_5601-1987", "cp949", "똠방"),
        ("ksc_5601", "euc_kr", "안녕"),
        ("x-x-big5", "big5", "你好"),
        ("big-5", "big5", "你好"),
        ("gb-18030", "gb18030", "你好"),
        ("visual", "iso8859_8", "שלום"),
    ],
)
def test_labels_of_mailers_are_mapped_to_charsets(label: str, charset: str, text: str) -> None:
    assert charsets.decode(text.encode(charset), label) == (text, ())


@pytest.mark.parametrize("charset", sorted({*charsets.CHARSETS, *charsets.LABELS.values()}))
def test_every_charset_in_the_tables_decodes(charset: str) -> None:
    assert codecs.lookup(charset).name
    assert "\0" not in charsets.decode(b"plain words ", charset)[0]


WHATWG = """
866 ansi_x3.4-1968 arabic ascii asmo-708 big5 big5-hkscs chinese cn-big5 cp1250 cp1251 cp1252 cp1253
cp1254 cp1255 cp1256 cp1257 cp1258 cp819 cp866 csbig5 cseuckr cseucpkdfmtjapanese csgb2312 csibm866
csiso2022jp csiso2022kr csiso58gb231280 csiso88596e csiso88596i csiso88598e csiso88598i csisolatin1
csisolatin2 csisolatin3 csisolatin4 csisolatin5 csisolatin6 csisolatin9 csisolatinarabic
csisolatincyrillic csisolatingreek csisolatinhebrew cskoi8r csksc56011987 csmacintosh csshiftjis
cyrillic dos-874 ecma-114 ecma-118 elot_928 euc-jp euc-kr gb18030 gb2312 gb_2312 gb_2312-80 gbk
greek greek8 hebrew hz-gb-2312 ibm819 ibm866 iso-2022-jp iso-2022-kr iso-8859-1 iso-8859-10
iso-8859-11 iso-8859-13 iso-8859-14 iso-8859-15 iso-8859-16 iso-8859-2 iso-8859-3 iso-8859-4
iso-8859-5 iso-8859-6 iso-8859-6-e iso-8859-6-i iso-8859-7 iso-8859-8 iso-8859-8-e iso-8859-8-i
iso-8859-9 iso-ir-100 iso-ir-101 iso-ir-109 iso-ir-110 iso-ir-126 iso-ir-127 iso-ir-138 iso-ir-144
iso-ir-148 iso-ir-149 iso-ir-157 iso-ir-58 iso8859-1 iso8859-10 iso8859-11 iso8859-13 iso8859-14
iso8859-15 iso8859-2 iso88591 iso885910 iso885911 iso885913 iso885914 iso885915 iso88592 iso88593
iso88594 iso88595 iso88596 iso88597 iso88598 iso88599 iso_8859-1:1987 iso_8859-15 iso_8859-6:1987
koi koi8 koi8-r koi8-u koi8_r korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 l1 l2 l3 l4 l5
l6 l9 latin1 latin2 latin3 latin4 latin5 latin6 logical mac macintosh ms932 ms_kanji shift-jis
shift_jis sjis sun_eu_greek tis-620 unicode-1-1-utf-8 us-ascii utf-16 utf-16be utf-16le utf-8 utf8
visual windows-1250 windows-1251 windows-1252 windows-1258 windows-31j windows-874 windows-949
x-cp1250 x-euc-jp x-gbk x-mac-cyrillic x-mac-roman x-mac-ukrainian x-sjis x-x-big5
"""


@pytest.mark.parametrize("label", WHATWG.split())
def test_the_labels_of_browsers_are_known(label: str) -> None:
    assert "unknown_charset" not in charsets.decode(b"plain", label)[1]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("Привет".encode()[:-1], "Приве\ufffd"),
        ("Привет".encode() + b"\xff", "Привет\ufffd"),
        (b"\xff" + "Привет".encode(), "\ufffd" + "Привет"),
        ("é".encode() + b"\xc3", "é\ufffd"),
        ("日本語".encode()[:-1], "日本\ufffd"),
        ("a\ufffdé".encode() + b"\xff", "a\ufffdé\ufffd"),
        (
            ("ж" * 100_000).encode() + b"\xd0" + ("ж" * 100_000).encode(),
            "ж" * 100_000 + "\ufffd" + "ж" * 100_000,
        ),
        ("Grüße, Zoë".encode("cp1252"), "Grüße, Zoë"),
        ("“naïve” café".encode("cp1252"), "“naïve” café"),
        (b"\xc3", "Ã"),
        (b"caf\xe9 " * 10 + "é".encode(), "café " * 10 + "Ã©"),
    ],
)
def test_unlabelled_utf_8_with_broken_bytes_keeps_what_is_whole(data: bytes, text: str) -> None:
    defects = ("undecodable_text",) if "\ufffd" in text else ()
    assert charsets.decode(data, None) == (text, defects)


def test_unknown_labels_are_not_cached() -> None:
    charsets.decode(b"\xe9", "iso-8859-1")
    kept = len(encodings._cache)  # noqa: SLF001 - the library's memory is what is measured
    for n in range(100):
        charsets.decode(b"\xe9", f"z{n}")
        charsets.decode(b"\xe9", "iso" + "-" * (n % 30) + "8859-1")
    assert len(encodings._cache) == kept  # noqa: SLF001 - as above


@pytest.mark.parametrize("label", ["iso-2022-jp", "euc-jp"])
def test_bytes_of_no_japanese_charset_are_replaced_in_bounded_time(label: str) -> None:
    started = time.process_time()
    text, _ = charsets.decode(b"\xff" * 4_000_000, label)
    assert (len(text), text.strip("\ufffd")) == (4_000_000, "")
    assert time.process_time() - started < 2


def test_rows_of_nec_are_read_at_the_beginning_of_a_long_text() -> None:
    long = b'\x1b$B-!$"\x1b(B' + b"x" * charsets.ROWS_BYTES
    assert charsets.decode(long, "iso-2022-jp")[0].startswith("①あxx")
    text, defects = charsets.decode(long + b'\x1b$B-!$"\x1b(B', "iso-2022-jp")
    assert text.startswith("①あxx")
    assert text.endswith("あ")
    assert defects == (charsets.UNDECODABLE_TEXT,)
