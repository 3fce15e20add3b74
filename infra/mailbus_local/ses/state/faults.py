"""Faults on request: errors of SES or of the network, injected through the control API."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from mailbus_local.ses.errors import STATUSES, TEXTS, InvalidControlRequest, SesError, unknown_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CONNECTION_RESET: Final = "ConnectionReset"
ANY_OPERATION: Final = "*"
SEND_EMAIL: Final = "SendEmail"
SEND_BULK_EMAIL: Final = "SendBulkEmail"
GET_ACCOUNT: Final = "GetAccount"
OPERATIONS: Final = (SEND_EMAIL, SEND_BULK_EMAIL, GET_ACCOUNT, ANY_OPERATION)
ENTRY_STATUSES: Final = (
    "MESSAGE_REJECTED",
    "MAIL_FROM_DOMAIN_NOT_VERIFIED",
    "CONFIGURATION_SET_DOES_NOT_EXIST",
    "CONFIGURATION_SET_NOT_FOUND",
    "TEMPLATE_DOES_NOT_EXIST",
    "TEMPLATE_NOT_FOUND",
    "ACCOUNT_SUSPENDED",
    "ACCOUNT_THROTTLED",
    "ACCOUNT_DAILY_QUOTA_EXCEEDED",
    "INVALID_SENDING_POOL_NAME",
    "ACCOUNT_SENDING_PAUSED",
    "CONFIGURATION_SET_SENDING_PAUSED",
    "INVALID_PARAMETER",
    "INVALID_PARAMETER_VALUE",
    "TRANSIENT_FAILURE",
    "FAILED",
)
"""Statuses of a bulk entry: as a fault, such a status affects one entry, not the whole call."""


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A fault: for the next `count` calls, or for each call with `probability` (0 to 1).

    With `after_accept` SES accepts the mail first, and only the response fails.
    """

    operation: str
    error: str
    message: str | None = None
    count: Annotated[int, msgspec.Meta(ge=1)] | None = None
    probability: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    after_accept: bool = False

    @property
    def of_entry(self) -> bool:
        """Whether it affects one entry of a bulk call."""
        return self.error in ENTRY_STATUSES

    def ses_error(self) -> SesError:
        """Return the error that SES answers with."""
        return SesError(self.error, self.message or TEXTS.get(self.error, f"Simulated {self.error}."))


_DECODER: Final = msgspec.json.Decoder(list[Fault])


def parse_faults(body: bytes) -> list[Fault]:
    """Parse the body of `POST /_simulator/faults`. Raise `InvalidControlRequest` if it is not valid."""
    try:
        faults = _DECODER.decode(body)
    except msgspec.MsgspecError as error:
        reason = f"{error}; {_SHAPE}"
        raise InvalidControlRequest(reason) from error
    for position, fault in enumerate(faults):
        invalid = _validation_error(fault)
        if invalid is not None:
            reason = f"$[{position}]{invalid}"
            raise InvalidControlRequest(reason)
    return faults


_SHAPE: Final = "faults are a list of {operation, error, message?, count | probability, after_accept?}"


def _validation_error(fault: Fault) -> str | None:
    """Return the error of a fault whose fields are valid only one by one, None if it is valid."""
    known = (CONNECTION_RESET, *STATUSES, *ENTRY_STATUSES)
    checks = (
        (fault.operation not in OPERATIONS, f".operation: {unknown_value(fault.operation, OPERATIONS)}"),
        (fault.error not in known, f".error: {unknown_value(fault.error, known)}"),
        (
            (fault.count is None) == (fault.probability is None),
            ": either count (number of calls) or probability (of each call) is required",
        ),
        (
            fault.of_entry and fault.operation != SEND_BULK_EMAIL,
            f".operation: {fault.error} is a status of bulk entries; use {SEND_BULK_EMAIL}",
        ),
        (
            fault.of_entry and fault.after_accept,
            f".after_accept: an entry with the status {fault.error} is not accepted",
        ),
        (
            fault.after_accept and fault.operation == GET_ACCOUNT,
            f".after_accept: {GET_ACCOUNT} accepts no mail",
        ),
    )
    return next((reason for invalid, reason in checks if invalid), None)


class PendingFault(Fault, frozen=True, kw_only=True, omit_defaults=True):
    """A fault that may still happen, with its remaining count; `id` removes it alone."""

    id: int


class Faults:
    """The pending faults. `chance` returns a random number in [0, 1)."""

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._ids = itertools.count(1)
        self._pending: dict[int, Fault] = {}

    def add(self, faults: Iterable[Fault]) -> None:
        """Append faults to the pending ones."""
        self._pending |= {next(self._ids): fault for fault in faults}

    def remove(self, fault_id: int) -> None:
        """Remove a pending fault. Raise `InvalidControlRequest` (404) if it is not pending."""
        if self._pending.pop(fault_id, None) is None:
            reason = f"fault {fault_id} is not pending: it was removed, or has happened"
            raise InvalidControlRequest(reason, 404)

    def clear(self) -> None:
        """Remove all pending faults."""
        self._pending.clear()

    def pending(self) -> tuple[PendingFault, ...]:
        """Return the pending faults with their remaining counts, in the order in which they happen."""
        return tuple(
            PendingFault(id=fault_id, **msgspec.structs.asdict(fault))
            for fault_id, fault in self._pending.items()
        )

    def next(self, operation: str, *, of_entry: bool = False) -> Fault | None:
        """Return the first fault that applies to this call, and decrement its count."""
        for fault_id, fault in self._pending.items():
            if fault.of_entry is not of_entry or fault.operation not in {operation, ANY_OPERATION}:
                continue
            if fault.after_accept and operation == GET_ACCOUNT:
                continue
            if fault.count is None:
                if self._chance() < (fault.probability or 0):
                    return fault
                continue
            if fault.count == 1:
                del self._pending[fault_id]
            else:
                self._pending[fault_id] = msgspec.structs.replace(fault, count=fault.count - 1)
            return fault
        return None
