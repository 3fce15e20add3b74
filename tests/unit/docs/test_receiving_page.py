from __future__ import annotations

import msgspec

from inbound import flowed
from inbound.quote_languages import LANGUAGES
from inbound.replies import TEXT_BYTES
from tests.unit.docs.pages import named, prose, rows

MAIL = "received-mail.md"


def test_the_lines_above_a_marked_quote_are_those_of_the_code() -> None:
    documented = [
        (language, *named(line), programs)
        for language, line, programs in rows(MAIL, "| language | line above a marked quote | of |")
    ]
    assert documented == [
        (language.name, each.line, ", ".join(each.programs))
        for language in LANGUAGES
        for each in language.introductions
    ]


def test_the_headers_above_an_unmarked_quote_are_those_of_the_code() -> None:
    documented = [
        (language, *(tuple(map(str.lower, named(cell))) for cell in cells))
        for language, *cells in rows(MAIL, "| language | From | Sent or Date | To | Subject |")
    ]
    assert documented == [
        (language.name, *msgspec.structs.astuple(language.headers)) for language in LANGUAGES
    ]


def test_the_limits_of_texts_are_on_the_page() -> None:
    assert f"more than {TEXT_BYTES // 1024} KiB of it" in prose("receiving.md", MAIL)
    assert f"more than {flowed.BYTES // 1024**2} MiB stay as they were sent" in prose(
        "receiving.md", "received-mail.md"
    )
