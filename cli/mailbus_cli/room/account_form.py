"""Reads what a form sets of the simulated account. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus_cli.room.forms import InvalidFormError

if TYPE_CHECKING:
    from collections.abc import Mapping

UNLIMITED: Final = -1
#: The longest that a call may take, in milliseconds, by the control API.
MAX_LATENCY_MS: Final = 600_000


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The account as the control API has it; rates are per second, the latency of a call in milliseconds."""

    max_send_rate: float
    max_24_hour_send: float
    sent_last_24_hours: int
    sending_enabled: bool
    production_access: bool
    latency_ms: float


def changes(form: Mapping[str, str]) -> dict[str, Any]:
    """Return what a form sets: the fields that it has. Raises `InvalidFormError`."""
    found: dict[str, Any] = {
        name: form[name] == "true" for name in ("sending_enabled", "production_access") if name in form
    }
    errors: dict[str, str] = {}
    for name, sentence in NUMBERS.items():
        if name not in form:
            continue
        number = _number(form[name])
        if number is None or not _is_valid(name, number):
            errors[name] = sentence
        else:
            found[name] = number
    if errors:
        raise InvalidFormError(errors)
    return found


#: What is said of a number that the account cannot have.
NUMBERS: Final = {
    "max_send_rate": "Write a number of recipients a second, above 0.",
    "max_24_hour_send": "Write a number of recipients, 0 or more; -1 is no limit.",
    "latency_ms": "Write a number of milliseconds, 0 to 600000.",
}


def _is_valid(name: str, number: float) -> bool:
    match name:
        case "max_send_rate":
            return number > 0
        case "max_24_hour_send":
            return number >= 0 or number == UNLIMITED
        case _:
            return 0 <= number <= MAX_LATENCY_MS


def _number(text: str) -> float | None:
    try:
        number = float(text.strip().replace(",", ""))
    except ValueError:
        return None
    return number if math.isfinite(number) else None
