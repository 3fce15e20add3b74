from __future__ import annotations

import pytest

from mailbus_cli.room.icons import ICONS, icon
from mailbus_cli.room.rendering import address
from mailbus_cli.room.sizes import size
from mailbus_cli.words import STATUS_WORDS


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1.0 KB"), (397_000, "388 KB"), (41_943_040, "40.0 MB")],
)
def test_sizes_are_short(count: int, text: str) -> None:
    assert size(count) == text


def test_an_address_is_escaped() -> None:
    assert str(address("<b>@x.example")) == '<bdi>&lt;b&gt;<span class="quiet">@x.example</span></bdi>'
    assert str(address("<b>")) == "&lt;b&gt;"


def test_each_status_has_its_icon() -> None:
    assert {words.glyph for words in STATUS_WORDS.values()} <= ICONS.keys()
    assert 'aria-hidden="true"' in icon("tick")
