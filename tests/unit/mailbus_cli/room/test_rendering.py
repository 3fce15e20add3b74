from __future__ import annotations

import pytest

from mailbus_cli.room.icons import ICONS, icon
from mailbus_cli.room.rendering import address, isolated, middle, short, short_address
from mailbus_cli.room.sizes import size
from mailbus_cli.words import STATUS_WORDS


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1023 bytes"),
        (1024, "1.0 KB"),
        (397_000, "388 KB"),
        (41_943_040, "40.0 MB"),
    ],
)
def test_sizes_are_short(count: int, text: str) -> None:
    assert size(count) == text


def test_an_address_is_escaped() -> None:
    assert str(address("<b>@x.example")) == '<bdi>&lt;b&gt;<span class="quiet">@x.example</span></bdi>'
    assert str(address("<b>")) == "&lt;b&gt;"


@pytest.mark.parametrize(
    ("whole", "shown"),
    [
        ("jane@example.net", None),
        ("bounce@simulator.amazonses.com", None),
        ("complaint@simulator.amazonses.com", "complaint@…lator.amazonses.com"),
        ("billing.department.026@name.example.co.uk", "billing.de….026@…example.co.uk"),
        ("x" * 64 + "@a.example", "x" * 10 + "…" + "xxxx@a.example"),
        ("(unknown)", None),
    ],
)
def test_a_long_address_is_shown_without_its_middles_and_is_there_as_a_whole(
    whole: str, shown: str | None
) -> None:
    text = short_address(whole)
    if shown is None:
        assert text == address(whole)
        return
    visible, hidden = text.split('</span><bdi class="hidden">')
    assert (visible.split("<bdi>")[1].replace("</bdi>", ""), hidden) == (
        str(address(shown)).removeprefix("<bdi>").removesuffix("</bdi>"),
        f"{whole}</bdi>",
    )
    assert 'aria-hidden="true"' in visible
    assert f'title="{whole}"' in visible


def test_a_long_id_keeps_its_beginning_and_its_end() -> None:
    assert middle("invoice-2026-11-0398-second-copy", 25) == "invoice-2026-11-…ond-copy"
    assert len(middle("x" * 99, 25)) == 25
    assert str(short("order-1")) == "order-1"
    assert 'class="hidden">&lt;b&gt;' in short("<b>" + "x" * 30)


def test_a_text_turns_nothing_around_that_stands_beside_it() -> None:
    assert isolated("invoice\u202efdp.exe\u2069\u202d") == "\u2068invoicefdp.exe\u2069"
    assert isolated("\u05e9\u05dc\u05d5\u05dd") == "\u2068\u05e9\u05dc\u05d5\u05dd\u2069"


def test_each_status_has_its_icon() -> None:
    assert {words.glyph for words in STATUS_WORDS.values()} <= ICONS.keys()
    assert 'aria-hidden="true"' in icon("tick")
