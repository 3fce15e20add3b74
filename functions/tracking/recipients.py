"""The recipients that SES names: each once, as a bare address, with its key for event ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tracking.notification import Recipient

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# SES named no recipient: one event, without an address
NO_RECIPIENT: Final[Mapping[str | None, str | None]] = {None: None}


def unique_addresses(
    addresses: Iterable[str] | None, destination: Iterable[str] | None = None
) -> Mapping[str | None, str | None]:
    """Return each address by its key, spelled as SES spells it first; `NO_RECIPIENT` if there are none.

    If there are none, but the mail's `destination` is one address, it is that.
    """
    unique: dict[str | None, str | None] = {}
    for written in addresses or ():
        key, address = _key_and_address(written)
        if address:
            unique.setdefault(key, address)
    if unique:
        return unique
    only = unique_addresses(destination) if destination else NO_RECIPIENT
    return only if len(only) == 1 else NO_RECIPIENT


def unique_recipients(
    recipients: Iterable[Recipient] | None, destination: Iterable[str] | None
) -> list[tuple[str | None, str | None, Recipient]]:
    """Return the key and the address of each recipient, with what SES reports on it first.

    If SES names none, there is one: the address that alone is the mail's `destination`, or an unknown one.
    """
    unique: dict[str | None, tuple[str | None, str | None, Recipient]] = {}
    for recipient in recipients or ():
        key, address = _key_and_address(recipient.email_address or "")
        unique.setdefault(key, (key, address, recipient))
    if len(unique) > (None in unique):
        return list(unique.values())
    _, _, known = unique.get(None, (None, None, Recipient()))
    return [(key, address, known) for key, address in unique_addresses(None, destination).items()]


def _key_and_address(written: str) -> tuple[str | None, str | None]:
    """Return the bare address and its key, in which the domain, which is case-insensitive, is in lower case.

    Any text other than `Name <address>` is an address; without one, both are None.
    """
    address = written.strip()
    if address.endswith(">"):
        address = address[address.rfind("<") + 1 : -1].strip() or address
    if address.islower():
        return address, address
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{domain.lower()}" or None, address or None
