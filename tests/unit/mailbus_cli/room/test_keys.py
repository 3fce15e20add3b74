from __future__ import annotations

import re

import pytest

from mailbus_cli.room.app import HERE
from mailbus_cli.room.keys import KEYS, PAGES

# as scripts and templates name them
NAMES = {"Esc": "Escape"}
# of the browser itself, a shortening, and of what a script composes
ELSEWHERE = {"Enter", "…", "⇧", "1", "7"}
SOURCES = "\n".join(
    path.read_text()
    for folder, pattern in (("static", "*.js"), ("templates", "**/*.html"))
    for path in sorted((HERE / folder).glob(pattern))
    if path.name != "keys.html"
)


@pytest.mark.parametrize(
    "key",
    sorted({key for listed in KEYS.values() for each in listed if each.keys[0] != "g" for key in each.keys}),
)
def test_a_listed_key_is_acted_on(key: str) -> None:
    name = re.escape(NAMES.get(key, key))
    acted = rf'data-key="{name}"|dataset\.key = "{name}"|event\.key === "{name}"|^\s+"?{name}"?: '
    assert key in ELSEWHERE or re.search(acted, SOURCES, re.MULTILINE)


def test_the_pages_have_keys_of_their_own() -> None:
    assert len({page.key for page in PAGES}) == len({page.path for page in PAGES}) == len(PAGES)
