"""Classifies SES's errors: a table of the error codes, and one of the statuses of entries in a bulk call.

SES documents the errors at https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html and the
statuses at https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_BulkEmailEntryResult.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from mailbus.errors import SendError

if TYPE_CHECKING:
    from typing import Final

Kind = Literal["retry", "throttled", "quota", "paused", "unanswered", "failed", "rejected"]
"""What to do with the job after an error.

`retry`: try again, up to the deployment's `max_attempts`. `throttled`, `quota` and `paused`: try again
without a limit, since the job is not the cause. `unanswered`: SES may have accepted the mail, so wait for its
events first. `failed` and `rejected`: never try again.
"""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """An error of a call to SES, and its kind."""

    kind: Kind
    error: SendError


class Meaning(msgspec.Struct, frozen=True, kw_only=True):
    """The meaning of an error code, with advice for the operator of the deployment or the job's author."""

    kind: Kind
    advice: str


TOO_MANY_REQUESTS: Final = 429
REQUEST_TIMEOUT: Final = 408
SERVER_ERROR: Final = 500

PERMANENT: Final[frozenset[Kind]] = frozenset({"failed", "rejected"})
_THROTTLED: Final = Meaning(
    kind="throttled", advice="the account's sending rate is exceeded; the job is retried"
)
_TRANSIENT: Final = Meaning(kind="retry", advice="the request did not reach SES")
_UNANSWERED: Final = Meaning(
    kind="unanswered", advice="SES may have accepted the mail; the job waits for SES's events"
)
_CREDENTIALS: Final = Meaning(kind="retry", advice="check the credentials of the sender function")
_ROLE: Final = Meaning(
    kind="failed",
    advice="the sender's role or the identity's policy does not allow this: add what the job uses to the "
    "settings other_identities and other_configuration_sets, and deploy again",
)
_REGION: Final = Meaning(kind="failed", advice="deploy to a region where SES is available")
_JOB: Final = Meaning(kind="failed", advice="fix the job and send it again")
_UNEXPECTED: Final = Meaning(
    kind="failed",
    advice="SES does not document this error for sending; check the job's esp_extra, or report it",
)
_SUSPENDED: Final = Meaning(
    kind="failed",
    advice="AWS has suspended sending for the account; contact AWS Support, then send the job again",
)
_MAIL_FROM: Final = Meaning(
    kind="failed", advice="publish the MX record of the MAIL FROM domain, or let SES use its own domain"
)
_REJECTED: Final = Meaning(
    kind="rejected", advice="SES refuses this message; if the reason names an address, verify it in SES"
)
_PAUSED: Final = Meaning(
    kind="paused", advice="sending is paused for the account or the configuration set; resume it in SES"
)
QUOTA: Final = Meaning(kind="quota", advice="the account's 24-hour quota is used up; the job is retried")

MEANINGS: Final[dict[str, Meaning]] = {
    # SES's own errors, as in its API model
    "AccountSuspendedException": _SUSPENDED,
    "AlreadyExistsException": _UNEXPECTED,
    "BadRequestException": _JOB,
    "ConcurrentModificationException": _UNANSWERED,
    "ConflictException": _UNEXPECTED,
    "InternalServiceErrorException": _UNANSWERED,
    "InvalidNextTokenException": _UNEXPECTED,
    "LimitExceededException": Meaning(
        kind="failed", advice="a limit of the SES account is reached; raise it, then send the job again"
    ),
    "MailFromDomainNotVerifiedException": _MAIL_FROM,
    "MessageRejected": _REJECTED,
    "NotFoundException": Meaning(
        kind="failed",
        advice="the configuration set or the template does not exist in this region; deploy or create it",
    ),
    "SendingPausedException": _PAUSED,
    "TooManyRequestsException": _THROTTLED,
    # errors that all AWS services have in common:
    # https://docs.aws.amazon.com/ses/latest/APIReference-V2/CommonErrors.html
    "AccessDenied": _ROLE,
    "AccessDeniedException": _ROLE,
    "ExpiredToken": _CREDENTIALS,
    "ExpiredTokenException": _CREDENTIALS,
    "IncompleteSignature": _CREDENTIALS,
    "InternalFailure": _UNANSWERED,
    "InvalidClientTokenId": _CREDENTIALS,
    "InvalidSignatureException": _CREDENTIALS,
    "NotAuthorized": _ROLE,
    "OptInRequired": _CREDENTIALS,
    "RequestExpired": _TRANSIENT,
    "RequestTimeout": _TRANSIENT,
    "ServiceUnavailable": _UNANSWERED,
    "SignatureDoesNotMatch": _CREDENTIALS,
    "Throttling": _THROTTLED,
    "ThrottlingException": _THROTTLED,
    "UnrecognizedClientException": _CREDENTIALS,
    "ValidationError": _JOB,
    "ValidationException": _JOB,
    # the SDK's errors that are raised before anything is sent; after any other SES may have the mail
    "ConnectTimeoutError": _TRANSIENT,
    "CredentialRetrievalError": Meaning(
        kind="retry",
        advice="check the sender's role; a role named in session_params.role_arn must trust it",
    ),
    "EndpointConnectionError": _TRANSIENT,
    "EndpointProviderError": _REGION,
    "EndpointResolutionError": _REGION,
    "MetadataRetrievalError": _CREDENTIALS,
    "MissingDependencyException": _JOB,
    "NoAuthTokenError": _CREDENTIALS,
    "NoCredentialsError": _CREDENTIALS,
    "NoRegionError": _REGION,
    "ParamValidationError": _JOB,
    "PartialCredentialsError": _CREDENTIALS,
    "ProxyConnectionError": _TRANSIENT,
    "UnknownEndpointError": _REGION,
}
# SES names the exceeded limit only in the error's text: "Daily message quota exceeded."
MAY_BE_QUOTA: Final = frozenset(
    {"TooManyRequestsException", "ThrottlingException", "Throttling", "LimitExceededException"}
)

ACCEPTED: Final = "SUCCESS"
STATUSES: Final[dict[str, Meaning]] = {
    "ACCOUNT_DAILY_QUOTA_EXCEEDED": QUOTA,
    "ACCOUNT_SENDING_PAUSED": _PAUSED,
    "ACCOUNT_SUSPENDED": _SUSPENDED,
    "ACCOUNT_THROTTLED": _THROTTLED,
    "CONFIGURATION_SET_NOT_FOUND": Meaning(
        kind="failed", advice="the configuration set does not exist in this region; deploy again"
    ),
    "CONFIGURATION_SET_SENDING_PAUSED": _PAUSED,
    "FAILED": Meaning(kind="retry", advice="SES does not say why it failed"),
    "INVALID_PARAMETER": _JOB,
    "INVALID_SENDING_POOL_NAME": Meaning(
        kind="failed",
        advice="the dedicated IP pool of the configuration set does not exist; change it in SES",
    ),
    "MAIL_FROM_DOMAIN_NOT_VERIFIED": _MAIL_FROM,
    "MESSAGE_REJECTED": _REJECTED,
    "TEMPLATE_NOT_FOUND": Meaning(
        kind="failed", advice="the template does not exist in this region; create it, or fix template_id"
    ),
    "TRANSIENT_FAILURE": Meaning(kind="retry", advice="SES failed temporarily"),
}


def classify(code: str, message: str, status: int | None) -> Fault:
    """Classify an error by its code and text; `status` is the HTTP status, None if there was no answer."""
    return _fault(code, message, _meaning(code, message, status))


def classify_entry(status: str, message: str) -> Fault:
    """Classify the status of an entry that a bulk call did not accept.

    An unknown status may be a new name for acceptance, so it counts as unanswered.
    """
    return _fault(status, message, STATUSES.get(status, _UNANSWERED))


def unanswered(code: str, message: str) -> Fault:
    """Return the fault of a request that was sent and has no readable answer."""
    return _fault(code, message, _UNANSWERED)


def from_recorded_code(code: str) -> Fault:
    """Return the fault of an earlier permanent error, of which the ledger stores only the code."""
    meaning = MEANINGS.get(code) or STATUSES.get(code)
    advice = "see its first event" if meaning is None else meaning.advice
    error = SendError(code, f"failed in an earlier delivery of the job: {advice}", retryable=False)
    return Fault(
        kind="rejected" if meaning is not None and meaning.kind == "rejected" else "failed", error=error
    )


def _fault(code: str, message: str, meaning: Meaning) -> Fault:
    reason = f"{message.rstrip('. ') or 'no reason given'}: {meaning.advice}"
    return Fault(kind=meaning.kind, error=SendError(code, reason, retryable=meaning.kind not in PERMANENT))


def _meaning(code: str, message: str, status: int | None) -> Meaning:
    if code in MAY_BE_QUOTA and "daily" in message.lower():
        return QUOTA
    if code in MEANINGS:
        return MEANINGS[code]
    if status is None or status >= SERVER_ERROR:
        return _UNANSWERED
    return {TOO_MANY_REQUESTS: _THROTTLED, REQUEST_TIMEOUT: _TRANSIENT}.get(status, _JOB)
