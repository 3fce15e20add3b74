from __future__ import annotations

from typing import Any

import pytest

from mailbus_cli.erasing.entries import without


@pytest.mark.parametrize(
    ("value", "erased"),
    [
        ("ann@example.com", "erased"),
        ("Ann Lee <Ann@Example.COM>", "Ann Lee <erased>"),
        (["ann@example.com", "joann@example.com"], ["erased", "joann@example.com"]),
        ({"mail": {"destination": ["ann@example.com"]}}, {"mail": {"destination": ["erased"]}}),
        ({"ann@example.com": 1, "n": None, "b": True}, {"erased": 1, "n": None, "b": True}),
        ("rfc822;ann@example.com: unknown.", "rfc822;erased: unknown."),
        ("ann@example.com.au", "ann@example.com.au"),
        ("ann@example.com-shop", "ann@example.com-shop"),
        ("x.ann@example.com", "x.ann@example.com"),
    ],
)
def test_an_address_is_replaced_wherever_it_stands_and_no_other(value: Any, erased: Any) -> None:
    assert without(value, "ann@example.com") == erased


def test_an_address_may_have_characters_of_patterns() -> None:
    assert without("a+b.c@example.com aXb.c@example.com", "a+b.c@example.com") == "erased aXb.c@example.com"
