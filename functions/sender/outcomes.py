"""What SES's errors mean for a job: one table, read by error code.

SES names the API's errors at https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import msgspec

from mailbus.errors import SendError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

Kind = Literal["retry", "throttled", "quota", "paused", "failed", "rejected"]
"""What to do with the job.

`retry`: again, up to the deployment's attempts. `throttled`, `quota` and `paused`: again, however
often, since the job is not at fault. `failed` and `rejected`: never again.
"""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """An error of SES with its meaning."""

    kind: Kind
    error: SendError


class Meaning(msgspec.Struct, frozen=True, kw_only=True):
    """What a code means, and what the owner of the deployment can do about it."""

    kind: Kind
    advice: str = ""


class Delay(msgspec.Struct, frozen=True, kw_only=True):
    """How long a job waits, in seconds: between the bounds, at random; doubling from `first` where given."""

    shortest: float
    longest: float
    first: float | None = None


TOO_MANY_REQUESTS: Final = 429
SERVER_ERROR: Final = 500
# the queue moves a message at its 1000th delivery, SQS's most, and deletes it after 14 days, SQS's longest
LAST_RECEIVE: Final = 990
LONGEST_WAIT: Final = 13 * 24 * 60 * 60
# doubling further than this is beyond every bound, and must not overflow
MOST_DOUBLINGS: Final = 20

_THROTTLED: Final = Meaning(kind="throttled", advice="the account's sending rate is exceeded")
_RETRY: Final = Meaning(kind="retry")
_CREDENTIALS: Final = Meaning(kind="retry", advice="check the credentials of the sender function")
_FAILED: Final = Meaning(kind="failed")

MEANINGS: Final[dict[str, Meaning]] = {
    "TooManyRequestsException": _THROTTLED,
    "ThrottlingException": _THROTTLED,
    "Throttling": _THROTTLED,
    "LimitExceededException": Meaning(
        kind="failed", advice="a limit of the SES account is reached; raise it"
    ),
    "SendingPausedException": Meaning(
        kind="paused", advice="sending is paused for the account or the configuration set; resume it in SES"
    ),
    "AccountSuspendedException": Meaning(
        kind="failed", advice="AWS has shut down sending for the account; ask AWS Support"
    ),
    "MessageRejected": Meaning(
        kind="rejected", advice="SES does not take this message; if it names an address, verify that in SES"
    ),
    "MailFromDomainNotVerifiedException": Meaning(
        kind="failed", advice="publish the MAIL FROM domain's MX record, or let SES fall back to its own"
    ),
    "NotFoundException": Meaning(
        kind="failed", advice="SES does not know the configuration set; deploy again, in this region"
    ),
    "BadRequestException": Meaning(kind="failed", advice="mend the job and send it again"),
    "AccessDeniedException": Meaning(
        kind="failed",
        advice="the sender's role, or the identity's policy, does not allow this From address",
    ),
    "ParamValidationError": Meaning(kind="failed", advice="mend the job and send it again"),
    "ExpiredTokenException": _CREDENTIALS,
    "UnrecognizedClientException": _CREDENTIALS,
    "InvalidClientTokenId": _CREDENTIALS,
    "NoCredentialsError": _CREDENTIALS,
    "RequestExpired": _RETRY,
    "RequestTimeout": _RETRY,
    "ConcurrentModificationException": _RETRY,
    "InternalServiceErrorException": _RETRY,
    "InternalFailure": _RETRY,
    "ServiceUnavailable": _RETRY,
}
# SES says which of its limits is meant in words alone: "Daily message quota exceeded."
MAY_BE_QUOTA: Final = frozenset(
    {"TooManyRequestsException", "ThrottlingException", "Throttling", "LimitExceededException"}
)
QUOTA: Final = Meaning(kind="quota", advice="the account's 24-hour quota is used up; the job waits for it")

DELAYS: Final[dict[Kind, Delay]] = {
    "retry": Delay(shortest=1, longest=15 * 60, first=2),
    "throttled": Delay(shortest=1, longest=15 * 60, first=2),
    "paused": Delay(shortest=5, longest=30 * 60, first=15),
    "quota": Delay(shortest=60 * 60, longest=2 * 60 * 60),
}


def classify(code: str, message: str, status: int | None) -> Fault:
    """Read SES's answer; `status` is HTTP's, null where there was no answer at all."""
    meaning = _meaning(code, message, status)
    reason = message.rstrip(". ") or "no reason given"
    if meaning.advice:
        reason = f"{reason}: {meaning.advice}"
    retryable = meaning.kind in DELAYS
    return Fault(kind=meaning.kind, error=SendError(code, reason, retryable=retryable))


def _meaning(code: str, message: str, status: int | None) -> Meaning:
    if code in MAY_BE_QUOTA and "daily" in message.lower():
        return QUOTA
    if code in MEANINGS:
        return MEANINGS[code]
    if status is None or status >= SERVER_ERROR:
        return _RETRY
    return _THROTTLED if status == TOO_MANY_REQUESTS else _FAILED


def gives_up(kind: Kind, attempts: int, max_attempts: int) -> bool:
    """Tell whether a job has had its last chance, after so many tries that ended in this kind."""
    return kind not in DELAYS or (kind == "retry" and attempts >= max_attempts)


def is_spent(receive_count: int, age_seconds: float) -> bool:
    """Tell whether SQS is about to move the message for its deliveries, or to delete it for its age.

    It would tell nobody, so a job that waits is failed before.
    """
    return receive_count >= LAST_RECEIVE or age_seconds >= LONGEST_WAIT


def delay_seconds(kind: Kind, attempts: int, uniform: Callable[[float, float], float]) -> int:
    """Draw how long a job waits after so many tries, in whole seconds for SQS's visibility timeout.

    Full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/);
    `uniform(low, high)` is the source of randomness.
    """
    delay = DELAYS[kind]
    if delay.first is None:
        return math.ceil(uniform(delay.shortest, delay.longest))
    doublings = min(max(attempts, 1), MOST_DOUBLINGS) - 1
    return math.ceil(uniform(delay.shortest, min(delay.longest, delay.first * 2**doublings)))
