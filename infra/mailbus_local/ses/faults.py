"""Faults on request: errors that SES or the network would give, chosen by whoever tests."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from mailbus_local.ses.refusals import STATUSES, TEXTS, InvalidControl, Refusal

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
    "CONFIGURATION_SET_NOT_FOUND",
    "TEMPLATE_NOT_FOUND",
    "ACCOUNT_SUSPENDED",
    "ACCOUNT_THROTTLED",
    "ACCOUNT_DAILY_QUOTA_EXCEEDED",
    "INVALID_SENDING_POOL_NAME",
    "ACCOUNT_SENDING_PAUSED",
    "CONFIGURATION_SET_SENDING_PAUSED",
    "INVALID_PARAMETER",
    "TRANSIENT_FAILURE",
    "FAILED",
)
"""Statuses of a bulk entry: as a fault of `SendBulkEmail`, one entry gets it, not the whole call."""


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A fault: for the next `count` calls, or for each call with `probability` (0 to 1).

    `after_accept`: the mail is accepted first, then the answer is broken.
    """

    operation: str
    error: str
    message: str | None = None
    count: Annotated[int, msgspec.Meta(ge=1)] | None = None
    probability: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    after_accept: bool = False

    @property
    def of_entry(self) -> bool:
        """Whether it hits one entry of a bulk call."""
        return self.error in ENTRY_STATUSES

    def refusal(self) -> Refusal:
        """Make the error that SES answers."""
        return Refusal(self.error, self.message or TEXTS.get(self.error, f"Simulated {self.error}."))


_DECODER: Final = msgspec.json.Decoder(list[Fault])


def parse(body: bytes) -> list[Fault]:
    """Read the body of `POST /_simulator/faults`; an `InvalidControl` says what to fix."""
    try:
        faults = _DECODER.decode(body)
    except msgspec.MsgspecError as error:
        reason = f"{error}; {_SHAPE}"
        raise InvalidControl(reason) from error
    for position, fault in enumerate(faults):
        wrong = _wrong(fault)
        if wrong is not None:
            reason = f"$[{position}]{wrong}"
            raise InvalidControl(reason)
    return faults


_SHAPE: Final = "faults are a list of {operation, error, message?, count | probability, after_accept?}"


def _wrong(fault: Fault) -> str | None:
    """Say what a fault's parts, each right by itself, have wrong together."""
    known = (CONNECTION_RESET, *STATUSES, *ENTRY_STATUSES)
    checks = (
        (fault.operation not in OPERATIONS, f".operation: {_unknown(fault.operation, OPERATIONS)}"),
        (fault.error not in known, f".error: {_unknown(fault.error, known)}"),
        (
            (fault.count is None) == (fault.probability is None),
            ": give either count (how many calls) or probability (of each call)",
        ),
        (
            fault.of_entry and fault.operation != SEND_BULK_EMAIL,
            f".operation: {fault.error} is a status of bulk entries: use {SEND_BULK_EMAIL}",
        ),
        (
            fault.of_entry and fault.after_accept,
            f".after_accept: an entry with status {fault.error} is not accepted",
        ),
        (
            fault.after_accept and fault.operation == GET_ACCOUNT,
            f".after_accept: {GET_ACCOUNT} accepts no mail",
        ),
    )
    return next((reason for wrong, reason in checks if wrong), None)


def _unknown(given: str, known: Iterable[str]) -> str:
    """Name the nearest known value, or all of them."""
    names = list(known)
    near = difflib.get_close_matches(given, names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(names)}"
    return f"{given!r} is unknown; {hint}"


class Faults:
    """The faults that wait to happen. `chance` draws from [0, 1)."""

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._waiting: list[Fault] = []

    def add(self, faults: Iterable[Fault]) -> None:
        """Let these happen after those that wait already."""
        self._waiting.extend(faults)

    def clear(self) -> None:
        """Let none happen any more."""
        self._waiting.clear()

    def waiting(self) -> tuple[Fault, ...]:
        """Those that may still happen, with what is left of their counts."""
        return tuple(self._waiting)

    def next(self, operation: str, *, of_entry: bool = False) -> Fault | None:
        """Take the fault that hits this call, if any: the first that fits, which is used up."""
        for position, fault in enumerate(self._waiting):
            if fault.of_entry is not of_entry or fault.operation not in {operation, ANY_OPERATION}:
                continue
            if fault.after_accept and operation == GET_ACCOUNT:
                continue
            if fault.count is None:
                if self._chance() < (fault.probability or 0):
                    return fault
                continue
            if fault.count == 1:
                del self._waiting[position]
            else:
                self._waiting[position] = msgspec.structs.replace(fault, count=fault.count - 1)
            return fault
        return None
