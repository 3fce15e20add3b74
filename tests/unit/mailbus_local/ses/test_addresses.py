from __future__ import annotations

import pytest

from mailbus_local.ses.addresses import mailboxes, parse
from mailbus_local.ses.errors import SesError


@pytest.mark.parametrize(
    ("text", "name", "email"),
    [
        ("alice@customer.example", "", "alice@customer.example"),
        ('"Doe, John" <john.doe+a@customer.example>', "Doe, John", "john.doe+a@customer.example"),
        ("=?utf-8?q?J=C3=BCrgen?= <j@xn--mnchen-3ya.example>", "Jürgen", "j@xn--mnchen-3ya.example"),
    ],
)
def test_an_address_may_have_a_name(text: str, name: str, email: str) -> None:
    address = parse(text)
    assert (address.name, address.email) == (name, email)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alice",
        "alice@",
        "@customer.example",
        "alice smith@customer.example",
        "alice@customer.example, bob@customer.example",
        "alice@customer..example",
        "alice@exa mple.com",
        "alice@münchen.example",
        "jürgen@customer.example",
        "alice@customer.example\nBcc: eve@evil.example",
    ],
)
def test_a_malformed_address_is_an_error(text: str) -> None:
    with pytest.raises(SesError):
        parse(text)


def test_a_header_of_addresses_is_parsed_leniently() -> None:
    boxes = mailboxes('Team: a@x.example, "B, C" <b@x.example>;, =?utf-8?q?=C3=A9?= <c@x.example>')
    assert [box.email for box in boxes] == ["a@x.example", "b@x.example", "c@x.example"]
    assert boxes[2].display() == "é <c@x.example>"
