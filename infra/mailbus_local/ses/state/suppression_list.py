"""The account-level suppression list: addresses to which SES accepts mail, but does not send it.

https://docs.aws.amazon.com/ses/latest/dg/sending-email-suppression-list.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from mailbus_local.ses.requests import SuppressionReason
from mailbus_local.ses.sending.mailbox_simulator import is_simulator_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mailbus_local.ses.addresses import Address

REASONS: Final[tuple[SuppressionReason, ...]] = ("BOUNCE", "COMPLAINT")


class SuppressedAddress(msgspec.Struct, frozen=True, kw_only=True):
    """An address on the list; `updated_at` is in epoch seconds.

    SES added it because of the feedback on a message, unless it has no `message_id`.
    """

    email: str
    reason: SuppressionReason
    updated_at: float
    message_id: str | None = None
    feedback_id: str | None = None


class SuppressionList:
    """The addresses in the order of their last update, and the `reasons` for which SES uses and fills it.

    `clock` returns epoch seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.reasons: tuple[SuppressionReason, ...] = REASONS
        self._clock = clock
        self._addresses: dict[str, SuppressedAddress] = {}

    def put(
        self,
        address: Address,
        reason: SuppressionReason,
        *,
        message_id: str | None = None,
        feedback_id: str | None = None,
    ) -> None:
        """Add an address, or replace its reason."""
        self._addresses.pop(address.key, None)
        self._addresses[address.key] = SuppressedAddress(
            email=address.key,
            reason=reason,
            updated_at=self._clock(),
            message_id=message_id,
            feedback_id=feedback_id,
        )

    def add_feedback(
        self, addresses: Iterable[Address], reason: SuppressionReason, *, message_id: str, feedback_id: str
    ) -> None:
        """Add addresses that bounced or complained, as the account's settings say.

        The mailbox simulator's are never added.
        """
        for address in addresses:
            if reason in self.reasons and not is_simulator_address(address.email):
                self.put(address, reason, message_id=message_id, feedback_id=feedback_id)

    def remove(self, address: Address) -> bool:
        """Remove an address; return whether it was on the list."""
        return self._addresses.pop(address.key, None) is not None

    def find(self, address: Address) -> SuppressedAddress | None:
        """Return an address of the list."""
        return self._addresses.get(address.key)

    def all(self) -> tuple[SuppressedAddress, ...]:
        """Return all addresses."""
        return tuple(self._addresses.values())

    def reason_against(self, address: Address) -> SuppressionReason | None:
        """Return why SES does not send to an address; None if it does."""
        found = self.find(address)
        return found.reason if found is not None and found.reason in self.reasons else None
