"""What SES's answers mean for a job: a table of error codes, and one of the entries' statuses in a bulk call.

SES names the API's errors at https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html and
the statuses at https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_BulkEmailEntryResult.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from mailbus.errors import SendError

if TYPE_CHECKING:
    from typing import Final

Kind = Literal["retry", "throttled", "quota", "paused", "unanswered", "failed", "rejected"]
"""What to do with the job.

`retry`: again, up to the deployment's attempts. `throttled`, `quota` and `paused`: again, however
often, since the job is not at fault. `unanswered`: SES may have accepted all the same, so that first of all
its own events have to be waited for. `failed` and `rejected`: never again.
"""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """An error of SES with its meaning."""

    kind: Kind
    error: SendError


class Meaning(msgspec.Struct, frozen=True, kw_only=True):
    """What a code means, and what the owner of the deployment, or of the job, can do about it."""

    kind: Kind
    advice: str


TOO_MANY_REQUESTS: Final = 429
REQUEST_TIMEOUT: Final = 408
SERVER_ERROR: Final = 500

PERMANENT: Final[frozenset[Kind]] = frozenset({"failed", "rejected"})
_THROTTLED: Final = Meaning(kind="throttled", advice="the account's sending rate is exceeded; the job waits")
_PASSING: Final = Meaning(kind="retry", advice="the request did not get through; it is tried again")
_UNANSWERED: Final = Meaning(
    kind="unanswered", advice="SES may have accepted the mail; its events tell, and are waited for"
)
_CREDENTIALS: Final = Meaning(kind="retry", advice="check the credentials of the sender function")
_ROLE: Final = Meaning(
    kind="failed",
    advice="the sender's role, or an identity's policy, does not allow it: name what the job uses in the "
    "settings other_identities and other_configuration_sets, and deploy",
)
_REGION: Final = Meaning(kind="failed", advice="deploy the sender in a region that has SES, as the stacks do")
_JOB: Final = Meaning(kind="failed", advice="mend the job and send it again")
_NOT_OURS: Final = Meaning(
    kind="failed", advice="sending never answers so; mend the job's esp_extra, or report it"
)
_SUSPENDED: Final = Meaning(
    kind="failed", advice="AWS has shut down sending for the account; ask AWS Support, then send again"
)
_MAIL_FROM: Final = Meaning(
    kind="failed", advice="publish the MAIL FROM domain's MX record, or let SES fall back to its own"
)
_REJECTED: Final = Meaning(
    kind="rejected", advice="SES does not take this message; if it names an address, verify that in SES"
)
_PAUSED: Final = Meaning(
    kind="paused", advice="sending is paused for the account or the configuration set; resume it in SES"
)
QUOTA: Final = Meaning(kind="quota", advice="the account's 24-hour quota is used up; the job waits for it")

MEANINGS: Final[dict[str, Meaning]] = {
    # of SES's model
    "AccountSuspendedException": _SUSPENDED,
    "AlreadyExistsException": _NOT_OURS,
    "BadRequestException": _JOB,
    "ConcurrentModificationException": _UNANSWERED,
    "ConflictException": _NOT_OURS,
    "InternalServiceErrorException": _UNANSWERED,
    "InvalidNextTokenException": _NOT_OURS,
    "LimitExceededException": Meaning(
        kind="failed", advice="a limit of the SES account is reached; raise it, then send again"
    ),
    "MailFromDomainNotVerifiedException": _MAIL_FROM,
    "MessageRejected": _REJECTED,
    "NotFoundException": Meaning(
        kind="failed",
        advice="SES does not know the configuration set, or the template, in this region; deploy it again",
    ),
    "SendingPausedException": _PAUSED,
    "TooManyRequestsException": _THROTTLED,
    # of every AWS service: https://docs.aws.amazon.com/ses/latest/APIReference-V2/CommonErrors.html
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
    "RequestExpired": _PASSING,
    "RequestTimeout": _PASSING,
    "ServiceUnavailable": _UNANSWERED,
    "SignatureDoesNotMatch": _CREDENTIALS,
    "Throttling": _THROTTLED,
    "ThrottlingException": _THROTTLED,
    "UnrecognizedClientException": _CREDENTIALS,
    "ValidationError": _JOB,
    "ValidationException": _JOB,
    # of the SDK, raised before anything is sent; whatever else it raises leaves doubt
    "ConnectTimeoutError": _PASSING,
    "CredentialRetrievalError": Meaning(
        kind="retry",
        advice="check the sender's role; one that session_params.role_arn names has to trust that",
    ),
    "EndpointConnectionError": _PASSING,
    "EndpointProviderError": _REGION,
    "EndpointResolutionError": _REGION,
    "MetadataRetrievalError": _CREDENTIALS,
    "MissingDependencyException": _JOB,
    "NoAuthTokenError": _CREDENTIALS,
    "NoCredentialsError": _CREDENTIALS,
    "NoRegionError": _REGION,
    "ParamValidationError": _JOB,
    "PartialCredentialsError": _CREDENTIALS,
    "ProxyConnectionError": _PASSING,
    "UnknownEndpointError": _REGION,
}
# SES says which of its limits is meant in words alone: "Daily message quota exceeded."
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
        kind="failed", advice="SES does not know the configuration set in this region; deploy again"
    ),
    "CONFIGURATION_SET_SENDING_PAUSED": _PAUSED,
    "FAILED": Meaning(kind="retry", advice="SES does not say why, nor whether it passes; it is tried again"),
    "INVALID_PARAMETER": _JOB,
    "INVALID_SENDING_POOL_NAME": Meaning(
        kind="failed",
        advice="the configuration set names a pool of IP addresses that is not there; mend it in SES",
    ),
    "MAIL_FROM_DOMAIN_NOT_VERIFIED": _MAIL_FROM,
    "MESSAGE_REJECTED": _REJECTED,
    "TEMPLATE_NOT_FOUND": Meaning(
        kind="failed", advice="SES has no template of this name in this region; make it, or mend template_id"
    ),
    "TRANSIENT_FAILURE": Meaning(kind="retry", advice="SES has a passing failure; it is tried again"),
}


def classify(code: str, message: str, status: int | None) -> Fault:
    """Read SES's error; `status` is HTTP's, null where there was no answer at all."""
    return _fault(code, message, _meaning(code, message, status))


def classify_entry(status: str, message: str) -> Fault:
    """Read what a bulk call says of one entry that it did not accept.

    A status that nobody knows may be a new way of accepting, so it leaves doubt.
    """
    return _fault(status, message, STATUSES.get(status, _UNANSWERED))


def unanswered(code: str, message: str) -> Fault:
    """Tell that the request went out, and that no answer to it can be read."""
    return _fault(code, message, _UNANSWERED)


def from_recorded_code(code: str) -> Fault:
    """Tell again of a final error, of which only the code is written down."""
    meaning = MEANINGS.get(code) or STATUSES.get(code)
    advice = "its first event says why" if meaning is None else meaning.advice
    error = SendError(code, f"in an earlier delivery of the job: {advice}", retryable=False)
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
    return {TOO_MANY_REQUESTS: _THROTTLED, REQUEST_TIMEOUT: _PASSING}.get(status, _JOB)
