from __future__ import annotations

import pytest

from mailbus_cli.errors import UsageError
from mailbus_cli.queries import Query, query_of

MESSAGE = "0100019a1b2c3d4e-01234567-89ab-cdef-0123-456789abcdef-000000"


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        (" jane@example.net\n", "address", "jane@example.net"),
        ("Jane Doe <Jane@Example.net>", "address", "Jane@Example.net"),
        ('"a@b"@example.net', "address", '"a@b"@example.net'),
        ("jürgen@bücher.example", "address", "jürgen@bücher.example"),
        ("mailto:jane@example.net?subject=Hello", "address", "jane@example.net"),
        ("MAILTO:jane@example.net", "address", "jane@example.net"),
        ("<jane@example.net>,", "address", "jane@example.net"),
        ("jane@example.net.", "address", "jane@example.net"),
        ("@example.net", "domain", "@example.net"),
        (MESSAGE, "message", MESSAGE),
        (f"<{MESSAGE}@eu-west-1.amazonses.com>", "message", MESSAGE),
        (f"{MESSAGE}@email.amazonses.com", "message", MESSAGE),
        ("someone@email.amazonses.com", "address", "someone@email.amazonses.com"),
        ("order-1001_a", "job", "order-1001_a"),
        ("tag:receipt", "tag", "receipt"),
        ("tag: a@b ", "tag", "a@b"),
    ],
)
def test_a_text_says_itself_what_it_is(text: str, kind: str, value: str) -> None:
    assert query_of(text) == Query(kind=kind, value=value)  # type: ignore[arg-type]  # the kinds of the table


@pytest.mark.parametrize(
    "text", ["", "  ", "tag:", "@", "jane@", "order 1001", "x" * 129, "\x1b[2J", "émile"]
)
def test_what_can_be_nothing_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(UsageError) as error:
        query_of(text)
    assert "tag:receipt" in error.value.hint
    assert "\x1b" not in str(error.value)


def test_a_query_is_written_as_people_say_it() -> None:
    texts = ["jane@example.net", "@example.net", "order-1", "tag:receipt", MESSAGE]
    assert [str(query_of(text)) for text in texts] == [
        "jane@example.net",
        "@example.net",
        "job order-1",
        "tag receipt",
        f"message {MESSAGE}",
    ]
