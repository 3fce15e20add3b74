"""The addresses of a Django message, and its headers that name senders and recipients."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
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


_ADDRESS_HEADERS: Final = frozenset({"from", "to", "cc", "bcc", "reply-to", "return-path"})
_GROUP_OF_NOBODY: Final = re.compile(r'\s*[^:;,<>@"]+:\s*;\s*')
# SES writes its own over them (https://docs.aws.amazon.com/ses/latest/dg/header-fields.html), or the sender
# does
_OVERWRITTEN: Final = frozenset({"message-id", "date", "mime-version"})
_log: Final = logging.getLogger("mailbus.django")


def read_headers(value: object) -> tuple[dict[str, str], dict[str, str]]:
    """Return the headers that name senders and recipients, by lower-case name, and the others.

    A header that SES overwrites is left out, with a line in the log.
    """
    addressed: dict[str, str] = {}
    others: dict[str, str] = {}
    for name, item in (as_mapping(value, "$.headers") if value is not None else {}).items():
        lower = plain_str(name).lower()
        if lower in addressed:
            path = "$.headers"
            raise InvalidJob(path, f"{lower} is a duplicate header; keep one")
        if lower in _ADDRESS_HEADERS:
            addressed[lower] = plain_str(item)
        elif lower in _OVERWRITTEN:
            _log.info("The header %s is ignored: it is written when the mail is sent", plain_str(name))
        else:
            others[plain_str(name)] = plain_str(item)
    return addressed, others


def shows_nobody(to_header: str | None) -> bool:
    """Return whether a To header hides the recipients, as `undisclosed-recipients:;` does."""
    return to_header is not None and _GROUP_OF_NOBODY.fullmatch(to_header) is not None


def other_recipients(
    addressed: Mapping[str, str], to: tuple[Mailbox, ...], cc: tuple[Mailbox, ...], bcc: tuple[Mailbox, ...]
) -> dict[str, str]:
    """Return the headers To, Cc and Bcc that do not say what the message's attributes say."""
    return {
        name: addressed[name.lower()]
        for name, field in (("To", to), ("Cc", cc), ("Bcc", bcc))
        if addressed.get(name.lower())
        and not are_same(mailboxes_in(addressed[name.lower()], f"$.headers.{name}"), field)
    }


def without_strangers(value: object, recipients: set[str], name: str) -> object:
    """Return a field that is keyed by recipient without entries for others, with a line in the log.

    Applications keep the data of everybody who may get a mail, as Anymail's documentation shows it.
    """
    if not isinstance(value, Mapping):
        return value
    kept = {key: entry for key, entry in value.items() if not _is_stranger(plain_str(key), recipients)}
    if len(kept) < len(value):
        _log.info("%s: %d entries are for no recipient, and ignored", name, len(value) - len(kept))
    return kept


def _is_stranger(text: str, recipients: set[str]) -> bool:
    if address_key(text) in recipients:
        return False
    try:
        return address_key(parse_mailbox(text, "$").address) not in recipients
    except InvalidJob:
        # the job's own check says what is wrong with it
        return False
