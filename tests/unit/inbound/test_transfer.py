"""How transfer encodings are decoded."""

from __future__ import annotations

import binascii
import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inbound import mime, transfer


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
def test_transfer_encodings_are_decoded_with_their_defects(
    data: bytes, encoding: str, content: bytes, defects: tuple[str, ...]
) -> None:
    assert transfer.decode(data, encoding) == (content, defects)


@pytest.mark.parametrize(
    ("data", "is_text"),
    [
        (b"Hello, please help.\r\nAda\r\n", True),
        (b"Dear\r\n\r\nAda, where are you?", True),
        (b"Hello", True),
        (b"a = b, c", True),
        ("Привет, Ада".encode(), True),
        (b"<html><body><p>Hello</p></body></html>", True),
        (b"aGVsbG8= trailing", False),
        (b"aGVs!bG8=", False),
        (b"aGVsbG8hIGhlbGxv\n____\na footer of a list", False),
        (b"0J/RgNC40LLQtdGCLCDQkNC00LAsINC/0YDQuNCy0LXRgiE\n--\nfooter", False),
    ],
)
def test_text_that_is_only_labelled_as_base64_is_text(data: bytes, is_text: bool) -> None:  # noqa: FBT001 - a case
    mail = mime.parse(b"From: a@example.org\nContent-Transfer-Encoding: base64\n\n" + data)
    assert "bad_base64" in mail.defects
    assert (mail.text == data.replace(b"\r\n", b"\n")) is is_text


PIECES = [2**20 - 1, 2**20, 2**20 + 1, 3 * 2**20 + 7]


@pytest.mark.parametrize("size", PIECES)
@pytest.mark.parametrize("ending", [b"\r\n", b"\n", b"\r", b""])
def test_a_part_of_several_pieces_is_decoded_completely(size: int, ending: bytes) -> None:
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
def test_base64_is_decoded_the_same_in_pieces_of_any_size(scraps: list[bytes], size: int) -> None:
    data = b"".join(scraps)
    whole = transfer.decode(data, "base64")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer, "PIECE_BYTES", size)
        assert transfer.decode(data, "base64") == whole


@given(
    st.lists(st.sampled_from([b"=", b"=3D", b"a", b" ", b"\r\n", b"\r", b"\n", b"=\r\n"]), max_size=12),
    st.integers(26, 40),
)
@example(scraps=[b"="] * 4 + [b"=3D"] * 6 + [b"="], size=26)
@example(scraps=[b"="] * 60, size=27)
@example(scraps=[b"a", *[b"="] * 51, b"3D"], size=26)
def test_quoted_printable_is_decoded_the_same_in_pieces_of_any_size(scraps: list[bytes], size: int) -> None:
    data = b"".join(scraps) + b"=E2=82=AC" * 10
    whole = transfer.decode(data, "quoted-printable")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer, "PIECE_BYTES", size)
        assert transfer.decode(data, "quoted-printable") == whole


def test_damage_in_the_last_piece_leaves_the_others_unchanged() -> None:
    content = bytes(3 * 2**20)
    data = binascii.b2a_base64(content, newline=False)
    decoded, defects = transfer.decode(data + b"*AA=A", "base64")
    assert (decoded[: len(content)], defects) == (content, ("bad_base64",))
