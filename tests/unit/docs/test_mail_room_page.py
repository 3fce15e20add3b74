"""docs/mail-room.md has the keys of the pages, and what a search finds."""

from __future__ import annotations

import pytest

from mailbus_cli import mails
from mailbus_cli.queries import query_of
from mailbus_cli.room import sent_reader
from mailbus_cli.room.keys import KEYS, Key
from mailbus_cli.room.live_sources import POLL_SECONDS
from tests.unit.docs.pages import named, page, prose, rows

PAGE = "mail-room.md"
# of the first rows
KINDS = ("address", "domain", "job", "message", "tag")


def test_each_key_of_the_pages_is_listed_where_it_works() -> None:
    assert rows(PAGE, "| where | keys | |") == [
        [where, _pressed(key), key.does] for where, keys in KEYS.items() for key in keys
    ]


@pytest.mark.parametrize(("row", "kind"), [*zip(rows(PAGE, "| you type | it finds |"), KINDS, strict=False)])
def test_what_is_typed_finds_what_the_page_says(row: list[str], kind: str) -> None:
    typed = named(row[0])[0].replace("…", "fc5bbe6a-230a-4932-89a1-d20fb03739c2-000000")
    assert query_of(typed).kind == kind


def test_how_far_back_is_searched_is_the_codes() -> None:
    assert f"the newest {mails.SEARCHED} messages" in page(PAGE)
    assert f"the newest {sent_reader.SEARCHED:,} messages at a time" in prose(PAGE)
    assert f"every {POLL_SECONDS} seconds" in prose(PAGE)


def _pressed(key: Key) -> str:
    if "⇧" in key.keys:
        return f"`{''.join(key.keys)}`"
    names = (name if name == "…" else f"`{name}`" for name in key.keys)
    return (" " if key.each else " then ").join(names)
