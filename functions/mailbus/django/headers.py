"""The addresses of a Django message, and its headers that name senders and recipients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mailbus.addresses import address_key, format_mailbox, parse_mailbox, parse_mailboxes
from mailbus.django.values import as_list, as_mapping, as_text, plain_str
from mailbus.errors import InvalidJob

if TYPE_CHECKING:
    from typing import Final

    from mailbus.events import Mailbox
    from mailbus.jobs.error_list import ErrorList


def mailboxes(values: object, path: str, errors: ErrorList) -> tuple[Mailbox, ...]:
    """Parse a list of addresses as Django's SMTP backend does: an entry may have several, or none.

    What is wrong with an entry is added to `errors`.
    """
    if values is None or values is msgspec.UNSET:
        return ()
    found: list[Mailbox] = []
    for index, entry in enumerate(as_list(values, path)):
        try:
            found += mailboxes_in(entry, f"{path}[{index}]")
        except InvalidJob as error:
            errors.add(error)
    return tuple(found)


def mailboxes_in(value: object, path: str) -> tuple[Mailbox, ...]:
    """Return the mailboxes in a header or an attribute, which may be missing."""
    text = as_text(value, path)
    return parse_mailboxes(text, path) if text else ()


def bare_address(value: object, path: str) -> str | None:
    """Return the address of a mailbox without its name, None if it is missing."""
    text = as_text(value, path)
    return parse_mailbox(text, path).address if text else None


def formatted(mailboxes: tuple[Mailbox, ...]) -> list[str] | None:
    """Return mailboxes as a job has them, None if there are none."""
    return [format_mailbox(mailbox) for mailbox in mailboxes] or None


def are_same(some: tuple[Mailbox, ...], others: tuple[Mailbox, ...]) -> bool:
    """Return whether two lists have the same addresses, in any order and with any names."""
    return {address_key(mailbox.address) for mailbox in some} == {
        address_key(mailbox.address) for mailbox in others
    }


_ADDRESS_HEADERS: Final = frozenset({"from", "to", "cc", "reply-to"})


def read_headers(value: object) -> tuple[dict[str, str], dict[str, str]]:
    """Return the headers that name senders and recipients, by lower-case name, and the others."""
    addressed: dict[str, str] = {}
    others: dict[str, str] = {}
    for name, item in (as_mapping(value, "$.headers") if value is not None else {}).items():
        lower = plain_str(name).lower()
        if lower in addressed:
            path = "$.headers"
            raise InvalidJob(path, f"{lower} is a duplicate header; keep one")
        if lower in _ADDRESS_HEADERS:
            addressed[lower] = plain_str(item)
        else:
            others[plain_str(name)] = plain_str(item)
    return addressed, others
