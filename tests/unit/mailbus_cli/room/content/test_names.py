from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus_cli.room.content.names import CHARACTERS, content_disposition, hides_type, safe_name, shown


def test_a_character_that_turns_the_text_is_shown_by_its_code_point() -> None:
    assert [(piece.text, piece.is_code_point) for piece in shown("details\u202efdp.exe")] == [
        ("details", False),
        ("U+202E", True),
        ("fdp.exe", False),
    ]


def test_names_in_any_alphabet_are_shown_as_they_are() -> None:
    assert [piece.text for piece in shown("Rechnung für Zoë 2026 🌱.pdf")] == ["Rechnung für Zoë 2026 🌱.pdf"]


@pytest.mark.parametrize("blank", ["\u200b", "\u00a0", "\u3164", "\t", "\n", "\x00", "\u2066"])
def test_what_shows_nothing_is_named(blank: str) -> None:
    assert [piece.text for piece in shown(f"a{blank}b")] == ["a", f"U+{ord(blank):04X}", "b"]


@pytest.mark.parametrize(
    "name",
    [
        "details\u202efdp.exe",
        "invoice.pdf.exe",
        "Invoice.PDF .SCR",
        "photo.jpg.html",
        "invoice.pdf                                   .exe",
        "a\u2067b.pdf",
    ],
)
def test_a_name_that_hides_its_type_is_found(name: str) -> None:
    assert hides_type(name)


@pytest.mark.parametrize(
    "name",
    ["PO-88213.pdf", "setup.exe", "v1.2.3.txt", "archive.tar.gz", "", ".", "a.b.c", "Rechnung 2026 11.pdf"],
)
def test_an_honest_name_hides_nothing(name: str) -> None:
    assert not hides_type(name)


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\evil.dll", "evil.dll"),
        ("details\u202efdp.exe", "detailsfdp.exe"),
        ('a"b;c\r\nX: y.txt', "a_b;cX_ y.txt"),
        ("...", "part-3.pdf"),
        (None, "part-3.pdf"),
        ("naïve 🌱.pdf", "naïve 🌱.pdf"),
    ],
)
def test_a_file_is_saved_by_a_harmless_name(name: str | None, saved: str) -> None:
    assert safe_name(name, 3, "application/pdf") == saved


def test_a_long_name_keeps_its_ending() -> None:
    name = safe_name("x" * 500 + ".pdf", 1, "application/pdf")
    assert len(name) == CHARACTERS
    assert name.endswith("x.pdf")


def test_a_name_beyond_ascii_is_in_the_header_twice() -> None:
    assert content_disposition('naïve "1".pdf') == (
        "attachment; filename=\"na_ve _1_.pdf\"; filename*=UTF-8''na%C3%AFve%20%221%22.pdf"
    )


@given(st.text(alphabet=st.characters(codec=None), max_size=300), st.text(max_size=20))
def test_no_name_breaks_the_header_or_leaves_its_folder(name: str, content_type: str) -> None:
    saved = safe_name(name, 1, content_type)
    header = content_disposition(saved)
    assert saved
    assert not set(saved) & set("/\\\r\n\0")
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
    assert sum(len(piece.text) for piece in shown(name)) or not name


def test_a_name_of_blanks_is_read_in_the_time_of_its_length() -> None:
    started = time.process_time()
    assert not hides_type(f"invoice{' ' * 300_000}a b")
    # by the square of the length it was minutes
    assert time.process_time() - started < 5
