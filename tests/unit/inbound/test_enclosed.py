"""How quoted strings and comments are read."""

from __future__ import annotations

import pytest

from inbound import enclosed


@pytest.mark.parametrize(
    ("value", "content", "end"),
    [
        ('"a" b', "a", 3),
        (r'"a\"b\\" c', 'a"b\\', 8),
        ('"(a)"', "(a)", 5),
        ('""', "", 2),
        ("(a) b", "a", 3),
        ("(a (b) c)", "a (b) c", 9),
        (r"(a\)b)", "a)b", 6),
    ],
)
def test_what_is_enclosed_is_read_up_to_its_end(value: str, content: str, end: int) -> None:
    assert enclosed.READERS[value[0]](value, value, 1) == (content, end)


@pytest.mark.parametrize("value", ['"a', r'"a\"', "(a", "(a (b)", r"(a\)", '"', "("])
def test_what_is_not_closed_ends_after_the_value(value: str) -> None:
    assert enclosed.READERS[value[0]](value, value, 1)[1] == len(value) + 1
