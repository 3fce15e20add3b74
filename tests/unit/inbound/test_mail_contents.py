"""What of a mail is text, what an attachment, and what its bytes mean."""

from __future__ import annotations

import binascii
import codecs
import encodings
import hashlib
import json
import random
from email.message import EmailMessage
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbound import charsets, mime, transfer
from inbound.aws.s3 import Bucket
from inbound.parts import safe_filename, store
from mailbus.errors import InboundError
from tests.unit.inbound.arrivals import BUCKET, PLACE, FakeS3

if TYPE_CHECKING:
    from inbound.mime import ParsedMail


def multipart(kind: str, *parts: str) -> bytes:
    inside = "".join(f"\n--b\n{part}" for part in parts)
    return f'From: a@example.org\nContent-Type: multipart/{kind}; boundary="b"\n{inside}\n--b--\n'.encode()


def shown(mail: ParsedMail) -> tuple[bytes | None, bytes | None, list[str], list[str]]:
    """Text, html, and the content types of attachments and inlines."""
    attachments = [part.content_type for part in mail.parts if not mime.is_inline(part)]
    inlines = [part.content_type for part in mail.parts if mime.is_inline(part)]
    return mail.text, mail.html, attachments, inlines


PLAIN = "Content-Type: text/plain\n\nhello"
HTML = "Content-Type: text/html\n\n<p>hello"
FILED = "Content-Disposition: attachment\n"
SHOWN = "Content-Disposition: inline\n"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (multipart("alternative", PLAIN, HTML), (b"hello", b"<p>hello", [], [])),
        (multipart("alternative", HTML), (None, b"<p>hello", [], [])),
        (multipart("mixed", PLAIN, FILED + PLAIN), (b"hello", None, ["text/plain"], [])),
        (multipart("mixed", PLAIN, SHOWN + PLAIN), (b"hello\nhello", None, [], [])),
        (
            multipart("mixed", PLAIN, 'Content-Type: text/plain; name="log.txt"\n\nlog'),
            (b"hello", None, ["text/plain"], []),
        ),
        (
            multipart("mixed", PLAIN, SHOWN + 'Content-Type: text/plain; name="log.txt"\n\nlog'),
            (b"hello", None, [], ["text/plain"]),
        ),
        (
            multipart("alternative", PLAIN, 'Content-Type: text/html; name="mail.html"\n\n<p>'),
            (b"hello", b"<p>", [], []),
        ),
        (
            multipart("alternative", PLAIN, "Content-Type: text/calendar\n\nBEGIN:VCALENDAR"),
            (b"hello", None, ["text/calendar"], []),
        ),
        (
            multipart("related", HTML, "Content-Type: image/gif\nContent-ID: <x>\n\nGIF"),
            (None, b"<p>hello", [], ["image/gif"]),
        ),
        (
            multipart("related", HTML, "Content-ID: <style>\n" + HTML),
            (None, b"<p>hello", [], ["text/html"]),
        ),
        (
            multipart("mixed", PLAIN, FILED + "Content-Type: image/gif\nContent-ID: <x>\n\nGIF"),
            (b"hello", None, ["image/gif"], []),
        ),
        (
            multipart("mixed", PLAIN, SHOWN + "Content-Type: application/pdf\n\n%PDF"),
            (b"hello", None, [], ["application/pdf"]),
        ),
        (
            multipart("mixed", PLAIN, "Content-Disposition: hologram\n" + PLAIN),
            (b"hello", None, ["text/plain"], []),
        ),
        (multipart("digest", "\nFrom: x@example.org\n\none"), (None, None, ["message/rfc822"], [])),
        (multipart("mixed", PLAIN, "Content-Type: nonsense\n\nkept"), (b"hello\nkept", None, [], [])),
        (multipart("mixed", "Content-Type: multipart/mixed; boundary=c\n\n"), (None, None, [], [])),
        (
            b"From: a@example.org\nContent-Type: application/pdf\n\n%PDF",
            (None, None, ["application/pdf"], []),
        ),
        (b"From: a@example.org\n" + FILED.encode() + b"\nhello", (None, None, ["text/plain"], [])),
        (b"From: a@example.org\nContent-Type: text/html\n\n<p>hello", (None, b"<p>hello", [], [])),
        (b"From: a@example.org\n\n", (b"", None, [], [])),
        (b"From: a@example.org", (b"", None, [], [])),
    ],
)
def test_a_part_is_body_attachment_or_inline(
    raw: bytes, expected: tuple[bytes | None, bytes | None, list[str], list[str]]
) -> None:
    assert shown(mime.parse(raw)) == expected


def test_line_breaks_of_texts_become_lf_and_those_of_attachments_stay() -> None:
    raw = multipart("mixed", PLAIN + "\ntwo", FILED + PLAIN + "\ntwo").replace(b"\n", b"\r\n")
    mail = mime.parse(raw)
    assert mail.text == b"hello\ntwo"
    assert mail.parts[0].content(raw) == (b"hello\r\ntwo", ())


@given(st.text(st.sampled_from("a\r\n😀"), max_size=12), st.integers(1, 5))
def test_line_breaks_of_every_kind_become_lf_by_pieces_of_any_size(text: str, size: int) -> None:
    raw = b"From: a@example.org\nContent-Type: text/plain; charset=utf-8\n\n" + text.encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mime, "PIECE_CHARACTERS", size)
        body = mime.parse(raw).text
    assert body == text.replace("\r\n", "\n").replace("\r", "\n").encode()


def test_a_thousand_parts_are_all_kept_in_order() -> None:
    files = [f'{FILED}Content-Type: text/csv; name="{n}.csv"\n\n{n}' for n in range(1000)]
    raw = multipart("mixed", PLAIN, *files)
    mail = mime.parse(raw)
    assert mail.text == b"hello"
    assert [part.filename for part in mail.parts] == [f"{n}.csv" for n in range(1000)]
    assert mail.parts[999].content(raw) == (b"999", ())
    assert mail.defects == ()


def test_more_parts_than_any_mail_has_are_cut_and_said_so() -> None:
    mail = mime.parse(multipart("mixed", PLAIN, *["X: y\n\nz"] * 5000))
    assert mail.text is not None
    assert mail.text.count(b"\nz") == 1998
    assert mail.defects == ("too_many_parts",)


def test_comments_in_the_header_of_a_part_change_nothing() -> None:
    raw = multipart(
        "mixed (all)",
        "Content-Type: text/plain; charset=iso-8859-2 (Latin 2)\n"
        "Content-Transfer-Encoding: quoted-printable (x)\n\n=B1=B6",
        "Content-Type: application/pdf (report)\nContent-Disposition: attachment (a)\n\n%PDF",
    )
    mail = mime.parse(raw)
    assert shown(mail) == ("ąś".encode(), None, ["application/pdf"], [])
    assert (mail.parts[0].disposition, mail.defects) == ("attachment", ())


@pytest.mark.parametrize(
    ("disposition", "filename"),
    [("=?x-unknown?Q?a.txt?=", "a.txt"), ("a.txt", "a.txt")],
)
def test_a_file_name_of_an_unknown_charset_is_said(disposition: str, filename: str) -> None:
    raw = multipart("mixed", PLAIN, f'Content-Disposition: attachment; filename="{disposition}"\n\nx')
    mail = mime.parse(raw)
    assert mail.parts[0].filename == filename
    assert mail.defects == (("unknown_charset",) if disposition != filename else ())


def test_a_labelled_file_name_of_an_unknown_charset_is_said() -> None:
    mail = mime.parse(multipart("mixed", PLAIN, "Content-Disposition: attachment; filename*=nowhere''a\n\nx"))
    assert (mail.parts[0].filename, mail.defects) == ("a", ("unknown_charset",))


@pytest.mark.parametrize(
    ("content", "attachments"), [(b"PK\3\4\0\0", ["application/octet-stream"]), (b"plain words", [])]
)
def test_a_part_without_a_readable_type_is_no_text_where_it_is_binary(
    content: bytes, attachments: list[str]
) -> None:
    encoded = binascii.b2a_base64(content).decode()
    part = f"Content-Type: word\nContent-Transfer-Encoding: base64\n\n{encoded}"
    mail = mime.parse(multipart("mixed", PLAIN, part))
    assert shown(mail)[2] == attachments
    assert mail.defects == ("bad_content_type",)


def test_more_addresses_than_are_read_are_said() -> None:
    assert mime.parse(b"To: " + b"a@b, " * 6000 + b"\n\n").defects == ("addresses_cut",)
    assert mime.parse(b"To: " + b"a@b, " * 4000 + b"\n\n").defects == ()


def nested(depth: int) -> bytes:
    """A text and an attachment, `depth` multiparts deep."""
    lines = ["From: a@example.org"]
    lines += [f'Content-Type: multipart/mixed; boundary="b{n}-"\n\n--b{n}-' for n in range(depth)]
    lines += [PLAIN, f"--b{depth - 1}-\n{FILED}\nfile"]
    lines += [f"--b{n}---" for n in reversed(range(depth))]
    return "\n".join(lines).encode()


def test_a_hundred_levels_of_nesting_are_read() -> None:
    raw = nested(100)
    mail = mime.parse(raw)
    assert mail.text == b"hello"
    assert [part.content(raw)[0] for part in mail.parts] == [b"file"]
    assert mail.defects == ()


def test_what_is_nested_deeper_than_any_mail_becomes_an_attachment() -> None:
    mail = mime.parse(nested(1000))
    assert shown(mail) == (None, None, ["multipart/mixed"], [])
    assert mail.defects == ("nested_too_deep",)


def test_boundaries_that_begin_alike_are_told_apart() -> None:
    inner = (
        'Content-Type: multipart/alternative; boundary="bb"\n\n--bb\n'
        + PLAIN
        + "\n--bb\n"
        + HTML
        + "\n--bb--"
    )
    assert shown(mime.parse(multipart("mixed", inner, FILED + HTML))) == (
        b"hello",
        b"<p>hello",
        ["text/html"],
        [],
    )


def test_a_delimiter_may_be_followed_by_space_and_must_begin_its_line() -> None:
    raw = multipart("mixed", PLAIN + "\nsee --b\n--bc").replace(b"\n--b\n", b"\n--b \t\n", 1)
    assert mime.parse(raw).text == b"hello\nsee --b\n--bc"


@pytest.mark.parametrize(
    ("boundary", "filler"),
    [
        (b"-", b"-"),
        (b"b", b"--b"),
        (b"b", b"\n--bb"),
        (b"b", b"\r--b-"),
        (b"b", b"\n--b x"),
        (b"b", b"\n--b \t" + b" " * 1000 + b"x"),
    ],
    ids=["dashes", "inside a line", "longer", "half closed", "with more", "with a long end"],
)
def test_what_only_looks_like_a_delimiter_is_content(boundary: bytes, filler: bytes) -> None:
    content = b"," + filler * (4_000_000 // len(filler)) + b","
    raw = (
        b"From: a@example.org\nContent-Type: multipart/mixed; boundary=%b\n\n--%b\nContent-Type: text/csv\n\n"
        b"%b\n--%b--\n" % (boundary, boundary, content, boundary)
    )
    mail = mime.parse(raw)
    assert [part.content(raw)[0] == content for part in mail.parts] == [True]
    assert mail.defects == ()


def test_an_attached_mail_is_kept_byte_by_byte() -> None:
    attached = "From:  odd   <x@example.org>\nSubject: =?utf-8?q?a?=\nX-8: é\n\n  body\n\n\n"
    raw = multipart("mixed", PLAIN, f"Content-Type: message/rfc822\n\n{attached}")
    part = mime.parse(raw).parts[0]
    assert part.content(raw)[0] == attached.encode()


def test_what_the_standard_library_writes_is_read_as_it_was_meant() -> None:
    written = EmailMessage()
    written["From"] = "Zoë <zoe@example.org>"
    written["To"] = "support@inbound.example.com"
    written["Subject"] = "Grüße " * 30
    written.set_content("Tee für 5 €\n" * 20)
    written.add_alternative("<p>Tee für 5 €</p>\n", subtype="html")
    written.get_payload()[1].add_related(b"\x89PNG", "image", "png", cid="<leaf@example.org>")
    written.add_attachment(bytes(range(256)) * 9, "application", "octet-stream", filename="Übersicht €.bin")
    raw = written.as_bytes()
    mail = mime.parse(raw)
    assert mail.text == ("Tee für 5 €\n" * 20).encode()
    assert mail.html == "<p>Tee für 5 €</p>\n".encode()
    assert mail.message.subject == ("Grüße " * 30).strip()
    assert mail.message.from_email[0].name == "Zoë"
    leaf, file = mail.parts
    assert (leaf.content_id, leaf.content(raw)[0]) == ("leaf@example.org", b"\x89PNG")
    assert (file.filename, file.content(raw)[0]) == ("Übersicht €.bin", bytes(range(256)) * 9)
    assert mail.defects == ()


def test_a_failure_inside_becomes_an_inbound_error_without_the_mails_content(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(_: bytes) -> None:
        reason = "ada@example.org"
        raise KeyError(reason)

    monkeypatch.setattr("inbound.structure.read", broken)
    with pytest.raises(InboundError, match="KeyError") as caught:
        mime.parse(b"From: ada@example.org\n\n")
    assert "ada" not in str(caught.value)


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
def test_bytes_decode_as_their_label_says_with_replacement_where_it_lies(
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
def test_labels_that_mailers_write_are_the_charsets_that_they_mean(
    label: str, charset: str, text: str
) -> None:
    assert charsets.decode(text.encode(charset), label) == (text, ())


@pytest.mark.parametrize("charset", sorted({*charsets.CHARSETS, *charsets.LABELS.values()}))
def test_every_charset_in_the_tables_decodes(charset: str) -> None:
    assert codecs.lookup(charset).name
    assert "\0" not in charsets.decode(b"plain words ", charset)[0]


def test_no_label_of_a_mail_stays_in_memory() -> None:
    charsets.decode(b"\xe9", "iso-8859-1")
    kept = len(encodings._cache)  # noqa: SLF001 - the library's memory is what is measured
    for n in range(100):
        charsets.decode(b"\xe9", f"z{n}")
        charsets.decode(b"\xe9", "iso" + "-" * (n % 30) + "8859-1")
    assert len(encodings._cache) == kept  # noqa: SLF001 - as above


@pytest.mark.parametrize(
    ("data", "encoding", "content", "defects"),
    [
        (b"aGVsbG8=", "base64", b"hello", ()),
        (b"aGVs\r\nbG8=\r\n", "base64", b"hello", ()),
        (b"aGVsbG8", "base64", b"hello", ("bad_base64",)),
        (b"aGVs!bG8=", "base64", b"hello", ("bad_base64",)),
        (b"aGVsbG8= trailing", "base64", b"hello", ("bad_base64",)),
        (b"aGVsb", "base64", b"hel", ("bad_base64",)),
        (b"a", "base64", b"", ("bad_base64",)),
        (b"", "base64", b"", ()),
        (b"\xff\xfe\x00", "base64", b"", ("bad_base64",)),
        (b"caf=C3=A9 =\r\nau lait", "quoted-printable", "café au lait".encode(), ()),
        (b"100 =% and =zz and =", "quoted-printable", b"100 =% and =zz and ", ()),
        (b"one=\rtwo\nthree", "quoted-printable", b"onetwo\nthree", ()),
        (b"one= \t\r\ntwo", "quoted-printable", b"onetwo", ()),
        (b"one= two = ", "quoted-printable", b"one= two = ", ()),
        (b"begin 644 a.txt\n%:&5L;&\\\n`\nend\n", "x-uuencode", b"hello", ()),
        (b"begin 644 a.txt\n%:&5L;&\\ and more\n`\nend\n", "x-uuencode", b"hello", ()),
        (b"begin 644 a.txt\n%:&5L;&\\\n", "uuencode", b"hello", ("bad_uuencode",)),
        (b"nothing of the kind", "x-uue", b"nothing of the kind", ("bad_uuencode",)),
        (b"as is \xe9", "8bit", b"as is \xe9", ()),
        (b"as is", "", b"as is", ()),
        (b"as is", "rot13", b"as is", ("unknown_transfer_encoding",)),
    ],
)
def test_transfer_encodings_are_undone_as_far_as_they_go(
    data: bytes, encoding: str, content: bytes, defects: tuple[str, ...]
) -> None:
    assert transfer.decode(data, encoding) == (content, defects)


PIECES = [2**20 - 1, 2**20, 2**20 + 1, 3 * 2**20 + 7]


@pytest.mark.parametrize("size", PIECES)
@pytest.mark.parametrize("ending", [b"\r\n", b"\n", b"\r", b""])
def test_a_part_of_several_pieces_comes_out_whole(size: int, ending: bytes) -> None:
    content = random.Random(size).randbytes(size)  # noqa: S311 - content, no secret
    base64 = binascii.b2a_base64(content, newline=False)
    lines = ending.join(base64[start : start + 76] for start in range(0, len(base64), 76))
    assert transfer.decode(memoryview(lines + ending), "base64") == (content, ())
    quoted = b"".join(b"=%02X" % byte for byte in content[: size // 3])
    lines = (b"=" + (ending or b"\n")).join(quoted[start : start + 75] for start in range(0, len(quoted), 75))
    assert transfer.decode(memoryview(lines), "quoted-printable") == (content[: size // 3], ())


@given(
    st.lists(
        st.sampled_from([b"QUJD", b"QUI=", b"QQ==", b"Q", b"=", b"\r\n", b" ", b"*", b"\0"]), max_size=12
    ),
    st.integers(1, 9),
)
def test_base64_is_the_same_by_pieces_of_any_size(scraps: list[bytes], size: int) -> None:
    data = b"".join(scraps)
    whole = transfer.decode(data, "base64")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer, "PIECE_BYTES", size)
        assert transfer.decode(data, "base64") == whole


@given(
    st.lists(st.sampled_from([b"=", b"=3D", b"a", b" ", b"\r\n", b"\r", b"\n", b"=\r\n"]), max_size=12),
    st.integers(26, 40),
)
def test_quoted_printable_is_the_same_by_pieces_of_any_size(scraps: list[bytes], size: int) -> None:
    data = b"".join(scraps) + b"=E2=82=AC" * 10
    whole = transfer.decode(data, "quoted-printable")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer, "PIECE_BYTES", size)
        assert transfer.decode(data, "quoted-printable") == whole


def test_damage_in_the_last_piece_leaves_those_before_as_they_are() -> None:
    content = bytes(3 * 2**20)
    data = binascii.b2a_base64(content, newline=False)
    decoded, defects = transfer.decode(data + b"*AA=A", "base64")
    assert (decoded[: len(content)], defects) == (content, ("bad_base64",))


@pytest.mark.parametrize(
    ("filename", "content_type", "safe"),
    [
        ("report.pdf", "application/pdf", "report.pdf"),
        ("../../etc/passwd", "text/plain", "passwd"),
        ("C:\\TEMP\\photo.png", "image/png", "photo.png"),
        ("Übersicht 2026 €.pdf", "application/pdf", "Ubersicht_2026_.pdf"),
        ("日本語.jpg", "image/jpeg", "part.jpg"),
        ("日本語.", "image/jpeg", "part.jpg"),
        ("請求書 2026.pdf", "application/pdf", "2026.pdf"),
        ("€.tar.gz", "application/gzip", "part.tar.gz"),
        ("_.txt", "text/plain", "part.txt"),
        ("invoice\u202efdp.exe", "application/pdf", "invoice_fdp.exe"),
        ("a%2Fb?c#d&e=f+g.txt", "text/plain", "a_2Fb_c_d_e_f_g.txt"),
        ("\ud800.txt", "text/plain", "part.txt"),
        ("日本語", "image/jpeg", "part.jpg"),
        ("a b\r\nc\x00d.txt", "text/plain", "a_b_c_d.txt"),
        (".htaccess", "text/plain", "htaccess"),
        ("..", "text/plain", "part.txt"),
        ("---", "x/y", "part.bin"),
        ("", "message/rfc822", "message.eml"),
        (None, "message/delivery-status", "delivery-status.txt"),
        (None, "application/x-unheard-of", "part.bin"),
        ("x" * 300 + ".tar.gz", "application/gzip", "x" * 97 + ".gz"),
        ("x" * 300, "x/y", "x" * 100),
        ("a/", "image/gif", "part.gif"),
    ],
)
def test_a_filename_is_made_safe_for_its_key(filename: str | None, content_type: str, safe: str) -> None:
    assert safe_filename(filename, content_type) == safe


def test_parts_of_one_name_get_keys_of_their_own_and_keep_their_name_as_sent() -> None:
    file = 'Content-Disposition: attachment; filename="../a b.txt"\nContent-Type: text/plain\n\n'
    raw = multipart("mixed", PLAIN, file + "one", file + "two")
    s3 = FakeS3()
    stored = store(raw, mime.parse(raw).parts, Bucket(s3, BUCKET), PLACE)
    assert s3.objects == {(BUCKET, f"{PLACE}1-a_b.txt"): b"one", (BUCKET, f"{PLACE}2-a_b.txt"): b"two"}
    assert [part.filename for part in stored.attachments] == ["../a b.txt"] * 2
    assert stored.attachments[1].sha256 == hashlib.sha256(b"two").hexdigest()


def test_a_part_with_broken_encoding_is_named_in_the_defects() -> None:
    raw = multipart("mixed", PLAIN, FILED + "Content-Transfer-Encoding: base64\n\naGVs*bG8=")
    s3 = FakeS3()
    stored = store(raw, mime.parse(raw).parts, Bucket(s3, BUCKET), PLACE)
    assert stored.defects == ("bad_base64",)
    assert list(s3.objects.values()) == [b"hello"]


def test_every_text_of_a_parsed_mail_is_unicode_that_json_can_carry() -> None:
    raw = b"From: \xff <\xfe@example.org>\nSubject: =?utf-7?Q?+2AA-?=\nX-\xff: 1\n\n\xed\xa0\x80"
    mail = mime.parse(raw)
    texts = [mail.message.subject, *(box.name for box in mail.message.from_email)]
    assert json.loads(json.dumps(texts).encode()) == texts
    assert [text for text in texts if any("\ud800" <= c <= "\udfff" for c in text or "")] == []
