"""Faults of the simulated SES: what a form arms, and what Mailbus does after each. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from mailbus_cli.room.forms import InvalidFormError
from mailbus_local.ses.errors import STATUSES, TEXTS
from mailbus_local.ses.state.faults import (
    ANY_OPERATION,
    CONNECTION_RESET,
    ENTRY_STATUSES,
    GET_ACCOUNT,
    OPERATIONS,
    SEND_BULK_EMAIL,
    SEND_EMAIL,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What the sender does with the job: the kinds of docs/errors.md.
Kind = Literal["retry", "throttled", "quota", "paused", "unanswered", "failed", "rejected"]


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """A fault that is armed, as the control API has it."""

    id: int
    operation: str
    error: str
    message: str | None = None
    count: int | None = None
    probability: float | None = None
    after_accept: bool = False

    @property
    def when(self) -> str:
        """Which calls it is of, in words."""
        if self.count is not None:
            calls = f"next {self.count}"
        else:
            share = self.probability or 0
            calls = "every call" if share >= 1 else f"{share * 100:g} % of the calls"
        return f"{calls}, after SES accepts" if self.after_accept else calls

    @property
    def effect(self) -> str:
        """What Mailbus does then."""
        return effect(self)


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """A button that arms faults."""

    key: str
    label: str
    faults: tuple[dict[str, Any], ...]


# an account that AWS itself has paused answers so, with this code
_PAUSED_BY_AWS: Final = {
    "error": "MessageRejected",
    "message": "Sending paused for this account.",
    "probability": 1,
}
PRESETS: Final = (
    Preset(
        key="throttle",
        label="Throttle",
        faults=({"operation": SEND_EMAIL, "error": "TooManyRequestsException", "count": 2},),
    ),
    Preset(
        key="lose",
        label="Lose the answer",
        faults=({"operation": SEND_EMAIL, "error": CONNECTION_RESET, "count": 1, "after_accept": True},),
    ),
    Preset(
        key="merge",
        label="Fail one of a merge",
        faults=({"operation": SEND_BULK_EMAIL, "error": "TRANSIENT_FAILURE", "count": 1},),
    ),
    Preset(
        key="pause",
        label="Pause sending",
        faults=tuple({"operation": name, **_PAUSED_BY_AWS} for name in (SEND_EMAIL, SEND_BULK_EMAIL)),
    ),
)
#: What the form for any other fault offers, by the label of the group.
CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "The network": (CONNECTION_RESET,),
    "Errors of SES": tuple(STATUSES),
    "One recipient of a merge": ENTRY_STATUSES,
}
OPERATION_LABELS: Final = {name: "any call" if name == ANY_OPERATION else name for name in OPERATIONS}

# The sender's own table is of a function, which no command has: a test holds this one to it.
KINDS: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(
        (
            "AccessDenied",
            "AccessDeniedException",
            "ExpiredTokenException",
            "UnrecognizedClientException",
            "RequestTimeout",
            "FAILED",
            "TRANSIENT_FAILURE",
        ),
        "retry",
    ),
    **dict.fromkeys(
        ("Throttling", "ThrottlingException", "TooManyRequestsException", "ACCOUNT_THROTTLED"), "throttled"
    ),
    "ACCOUNT_DAILY_QUOTA_EXCEEDED": "quota",
    **dict.fromkeys(
        (
            "AccountSendingPausedException",
            "ConfigurationSetSendingPausedException",
            "SendingPausedException",
            "ACCOUNT_SENDING_PAUSED",
            "CONFIGURATION_SET_SENDING_PAUSED",
        ),
        "paused",
    ),
    **dict.fromkeys(
        (
            CONNECTION_RESET,
            "ConcurrentModificationException",
            "InternalFailure",
            "InternalServiceErrorException",
            "RequestAbortedException",
            "ServiceUnavailable",
            "ServiceUnavailableException",
        ),
        "unanswered",
    ),
    **dict.fromkeys(("MessageRejected", "MESSAGE_REJECTED"), "rejected"),
}
# what these mean, only SES's text says
_OF_LIMITS: Final = frozenset(
    (
        "ACCOUNT_THROTTLED",
        "LimitExceededException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    )
)
_OF_REFUSALS: Final = frozenset(
    (
        "BadRequestException",
        "FAILED",
        "MESSAGE_REJECTED",
        "MessageRejected",
        "TRANSIENT_FAILURE",
        # SES does not have them for sending
        "InvalidParameterValue",
        "InvalidS3Configuration",
        "InvalidSnsTopic",
        "LimitExceeded",
        "SerializationException",
        "ServiceUnavailableException",
    )
)
_TEXTS: Final[tuple[tuple[re.Pattern[str], Kind, frozenset[str]], ...]] = (
    (
        re.compile(
            r"(?:message rejected: )?(?:email )?sending (?:is )?(?:paused|suspended) for ", re.IGNORECASE
        ),
        "paused",
        _OF_LIMITS | _OF_REFUSALS,
    ),
    (re.compile(r".*\bdaily\b", re.IGNORECASE | re.DOTALL), "quota", _OF_LIMITS),
    (re.compile(r"[^'\"<]*\bdaily (?:message|sending) quota\b", re.IGNORECASE), "quota", _OF_REFUSALS),
    (
        re.compile(r"[^'\"<]*\bmaximum send(?:ing)? rate exceeded\b", re.IGNORECASE),
        "throttled",
        _OF_LIMITS | _OF_REFUSALS,
    ),
)
_SENDING_RATE: Final = re.compile(r"\bsend(?:ing)? rate\b", re.IGNORECASE)

_WAITS: Final[Mapping[Kind, str]] = {
    "throttled": "waits 1 to 2 s, then longer; no try counted",
    "quota": "waits 5 to 15 s, then longer; no try counted",
    "paused": "all mail waits; one call in 30 s asks SES again; no try counted",
    "retry": "tries again after 1 to 2 s, then longer; fails after max_attempts tries",
    "unanswered": "in doubt: SES reports no Send event, so on_unknown decides after doubt_seconds",
    "failed": "not sent: event failed, and a dead letter",
    "rejected": "not sent: event rejected, and a dead letter",
}
_ACCEPTED: Final[Mapping[Kind, str]] = {
    "unanswered": "in doubt, settled by its Send event; not sent again",
    "failed": "event failed and a dead letter, although it is sent",
    "rejected": "event rejected and a dead letter, although it is sent",
}
_ACCEPTED_AND_WAITS: Final = "tries again, as if SES had not accepted it: it may arrive twice"
_UNKNOWN_RATE: Final = "keeps to the rate that it knows, and asks again"
_TOO_MANY_CALLS: Final = "sends to each recipient by SendEmail, for 10 min; nothing waits"


def kind_of(error: str, message: str | None) -> Kind:
    """Return what the sender does after an error of SES with a message, by default SES's own."""
    text = message or TEXTS.get(error, "")
    for pattern, kind, errors in _TEXTS:
        if error in errors and pattern.match(text):
            return kind
    return KINDS.get(error, "failed")


def effect(fault: Fault) -> str:
    """Return what Mailbus does after a fault, in words."""
    if fault.operation == GET_ACCOUNT:
        return _UNKNOWN_RATE
    kind = kind_of(fault.error, fault.message)
    text = fault.message or TEXTS.get(fault.error, "")
    is_of_calls = kind == "throttled" and not _SENDING_RATE.search(text)
    if fault.operation == SEND_BULK_EMAIL and is_of_calls and fault.error not in ENTRY_STATUSES:
        return _TOO_MANY_CALLS
    if fault.after_accept:
        return _ACCEPTED.get(kind, _ACCEPTED_AND_WAITS)
    whose = "that recipient: " if fault.error in ENTRY_STATUSES else ""
    return f"{whose}{_WAITS[kind]}"


def armed(form: Mapping[str, str]) -> tuple[dict[str, Any], ...]:
    """Return the faults that a form arms, for the control API. Raises `InvalidFormError`."""
    preset = next((preset for preset in PRESETS if preset.key == form.get("preset")), None)
    if preset is not None:
        return preset.faults
    how = form.get("how", "count")
    errors: dict[str, str] = {}
    fault: dict[str, Any] = {"operation": form.get("operation", ""), "error": form.get("error", "")}
    if form.get("message", "").strip():
        fault["message"] = form["message"].strip()
    if form.get("after_accept"):
        fault["after_accept"] = True
    if how == "share":
        share = _number(form.get("share", ""))
        if share is None or not 0 < share <= _ALL:
            errors["share"] = "Write a number above 0, up to 100."
        else:
            fault["probability"] = share / _ALL
    else:
        count = _number(form.get("count", ""))
        if count is None or count < 1 or not count.is_integer():
            errors["count"] = "Write a whole number of calls, 1 or more."
        else:
            fault["count"] = int(count)
    if errors:
        raise InvalidFormError(errors)
    return (fault,)


def refused(reason: str) -> InvalidFormError:
    """Return what the control API says of a fault, at the field that it is about."""
    found = _PLACE.match(reason)
    field, sentence = (found["field"], found["rest"]) if found else ("error", reason)
    return InvalidFormError({field or "count": f"{sentence[:1].upper()}{sentence[1:]}."})


_ALL: Final = 100
_PLACE: Final = re.compile(r"\$\[\d+\](?:\.(?P<field>\w+))?: (?P<rest>.*)", re.DOTALL)


def _number(text: str) -> float | None:
    try:
        return float(text.strip())
    except ValueError:
        return None
