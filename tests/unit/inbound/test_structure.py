"""How a mail is split into its parts."""

from __future__ import annotations

import pytest

from inbound import mime
from tests.unit.inbound.multiparts import FILED, HTML, PLAIN, multipart, shown


def test_a_thousand_parts_are_all_kept_in_order() -> None:
    files = [f'{FILED}Content-Type: text/csv; name="{n}.csv"\n\n{n}' for n in range(1000)]
    raw = multipart("mixed", PLAIN, *files)
    mail = mime.parse(raw)
    assert mail.text == b"hello"
    assert [part.filename for part in mail.parts] == [f"{n}.csv" for n in range(1000)]
    assert mail.parts[999].content(raw) == (b"999", ())
    assert mail.defects == ()


def test_parts_beyond_the_limit_are_cut_with_a_defect() -> None:
    mail = mime.parse(multipart("mixed", PLAIN, *["X: y\n\nz"] * 5000))
    assert mail.text is not None
    assert mail.text.count(b"\nz") == 1998
    assert mail.defects == ("too_many_parts",)


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


def test_a_multipart_that_is_nested_too_deep_becomes_an_attachment() -> None:
    mail = mime.parse(nested(1000))
    assert shown(mail) == (None, None, ["multipart/mixed"], [])
    assert mail.defects == ("nested_too_deep",)


def test_boundaries_with_the_same_prefix_are_distinguished() -> None:
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


def test_a_delimiter_begins_its_line_and_may_be_followed_by_space() -> None:
    raw = multipart("mixed", PLAIN + "\nsee --b\n--bc").replace(b"\n--b\n", b"\n--b \t\n", 1)
    assert mime.parse(raw).text == b"hello\nsee --b\n--bc"


def test_blanks_at_the_end_of_a_boundary_do_not_count() -> None:
    raw = multipart("mixed", PLAIN, FILED + HTML).replace(b'"b"', b'"b "')
    assert shown(mime.parse(raw)) == (b"hello", None, ["text/html"], [])


@pytest.mark.parametrize("blanks", ["", "  ", "\t"])
def test_blanks_at_the_end_of_a_boundary_may_be_in_its_delimiters(blanks: str) -> None:
    body = f"--b{blanks}\n\nhi\n--b{blanks}--\nepilogue"
    mail = mime.parse(f'Content-Type: multipart/mixed; boundary="b  "\n\n{body}'.encode())
    assert (mail.text, mail.defects) == (b"hi", ())


def test_a_boundary_may_be_quoted_by_apostrophes_or_have_them() -> None:
    raw = multipart("mixed", PLAIN).replace(b'"b"', b"'b'")
    assert mime.parse(raw).text == b"hello"
    assert mime.parse(raw.replace(b"--b", b"--'b'")).text == b"hello"
    assert mime.parse(raw.replace(b"--b", b"--c")).defects == ("missing_boundary",)
    assert mime.parse(raw.replace(b"'b'", b"''")).defects == ("missing_boundary",)


@pytest.mark.parametrize("encoding", ["base64 base64", "base64, base64", "base64;", '"base64"', "BASE64 (x)"])
def test_the_first_of_several_encodings_counts(encoding: str) -> None:
    mail = mime.parse(f"From: a@example.org\nContent-Transfer-Encoding: {encoding}\n\naGVsbG8=".encode())
    assert (mail.text, mail.defects) == (b"hello", ())


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
def test_text_that_looks_like_a_delimiter_is_content(boundary: bytes, filler: bytes) -> None:
    content = b"," + filler * (4_000_000 // len(filler)) + b","
    raw = (
        b"From: a@example.org\nContent-Type: multipart/mixed; boundary=%b\n\n--%b\nContent-Type: text/csv\n\n"
        b"%b\n--%b--\n" % (boundary, boundary, content, boundary)
    )
    mail = mime.parse(raw)
    assert [part.content(raw)[0] == content for part in mail.parts] == [True]
    assert mail.defects == ()


def test_an_attached_mail_is_stored_byte_by_byte() -> None:
    attached = "From:  odd   <x@example.org>\nSubject: =?utf-8?q?a?=\nX-8: é\n\n  body\n\n\n"
    raw = multipart("mixed", PLAIN, f"Content-Type: message/rfc822\n\n{attached}")
    part = mime.parse(raw).parts[0]
    assert part.content(raw)[0] == attached.encode()


def reused(*parts: str, kind: str = "alternative", closed: bool = True) -> str:
    """Return a multipart whose boundary is that of `multipart`."""
    inside = "".join(f"\n--b\n{part}" for part in parts)
    return f"Content-Type: multipart/{kind}; boundary=b\n{inside}" + "\n--b--\n" * closed


INNER = f"Content-Type: multipart/alternative; boundary=c\n\n--c\n{PLAIN}\n--c\n"
FILE = FILED + "Content-Type: text/csv; name=1.csv\n\n1"


@pytest.mark.parametrize(
    ("raw", "expected", "defects"),
    [
        (multipart("mixed", reused(PLAIN, HTML), FILE), (b"hello", b"<p>hello", ["text/csv"], []), ()),
        (multipart("related", reused(PLAIN, HTML), FILE), (b"hello", b"<p>hello", ["text/csv"], []), ()),
        (
            multipart("mixed", PLAIN, reused(FILE, FILE, kind="mixed"), FILE),
            (b"hello", None, ["text/csv"] * 3, []),
            (),
        ),
        (
            multipart("mixed", reused(PLAIN), reused(HTML), FILE),
            (b"hello", b"<p>hello", ["text/csv"], []),
            (),
        ),
        (
            multipart("mixed", reused(reused(PLAIN, HTML), FILE, kind="mixed"), FILE),
            (b"hello", b"<p>hello", ["text/csv"] * 2, []),
            (),
        ),
        (
            multipart("mixed", reused(PLAIN, HTML, closed=False), FILE),
            (b"hello", b"<p>hello", ["text/csv"], []),
            ("missing_closing_boundary",),
        ),
        (
            multipart("mixed", reused(PLAIN, HTML), FILE)
            .replace(b"\n--b--\n", b"\n", 2)
            .replace(b"\n--b--", b""),
            (b"hello", b"<p>hello\n", ["text/csv"], []),
            ("missing_closing_boundary",),
        ),
        (
            multipart("mixed", INNER + reused(HTML, FILE, kind="related") + "\n--c--\n", FILE),
            (b"hello", b"<p>hello", ["text/csv"] * 2, []),
            (),
        ),
        (
            multipart("mixed", INNER + reused(HTML) + f"\n--c\n{FILE}\n--c--\n", FILE),
            (b"hello", b"<p>hello", ["text/csv"] * 2, []),
            (),
        ),
        (
            multipart("mixed", PLAIN, "Content-Type: message/rfc822\n\nFrom: a@b\n" + reused(HTML), FILE),
            (b"hello", None, ["message/rfc822", "text/csv"], []),
            (),
        ),
        (multipart("mixed", reused(), FILE), (None, None, ["text/csv"], []), ("empty_multipart",)),
    ],
)
def test_a_multipart_that_uses_the_boundary_around_it_again_loses_no_part(
    raw: bytes, expected: tuple[bytes | None, bytes | None, list[str], list[str]], defects: tuple[str, ...]
) -> None:
    mail = mime.parse(raw)
    assert (shown(mail), mail.defects) == (expected, defects)


@pytest.mark.parametrize(
    "content",
    [
        "about Content-Type: multipart/mixed; boundary=b; that is all",
        "as in\nContent-Type: multipart/mixed; boundary=b\n\nthat is all",
        "as in\n\nContent-Type: multipart/mixed; boundary=b\n\nthat is all",
    ],
)
def test_content_that_names_the_boundary_is_content(content: str) -> None:
    assert shown(mime.parse(multipart("mixed", f"Content-Type: text/plain\n\n{content}", FILE))) == (
        content.encode(),
        None,
        ["text/csv"],
        [],
    )


def test_parts_of_a_boundary_that_is_used_again_are_limited() -> None:
    mail = mime.parse(multipart("mixed", reused(*["X: y\n\nz"] * 5000, kind="mixed"), FILE))
    assert mail.defects == ("missing_closing_boundary", "too_many_parts")
