"""Classifies SES's errors: a table of the codes, one of the statuses in a bulk call, and one of texts.

A text counts only where SES uses a code, or a status, for different things.
SES documents the errors at https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html and the
statuses at https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_BulkEmailEntryResult.html.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import msgspec

from mailbus.errors import SendError
from sender.ses import denied

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

Kind = Literal["retry", "throttled", "quota", "paused", "unanswered", "failed", "rejected"]
"""What to do with the job after an error.

`retry`: try again, up to the deployment's `max_attempts` or the error's own. `throttled`, `quota` and
`paused`: try again without a limit, since the job is not the cause. `unanswered`: SES may have accepted the
mail, so wait for its events first. `failed` and `rejected`: never try again.
"""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """An error of a call to SES, and its kind; a `retry` is tried `attempts` times, if that is given."""

    kind: Kind
    error: SendError
    attempts: int | None = None


class Meaning(msgspec.Struct, frozen=True, kw_only=True):
    """The meaning of an error code, with advice for the operator of the deployment or the job's author."""

    kind: Kind
    advice: str
    attempts: int | None = None


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """The meaning of an error by its text, if its code is one of `codes`."""

    pattern: re.Pattern[str]
    meaning: Meaning
    codes: frozenset[str]


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
# A changed policy takes time to spread: some eight minutes, at most seventeen.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html#troubleshoot_general_eventual-consistency
# (Terraform's provider waits two: hashicorp/terraform-provider-aws, internal/service/iam/wait.go)
ROLE_ATTEMPTS: Final = 10
_ROLE: Final = Meaning(kind="retry", attempts=ROLE_ATTEMPTS, advice=denied.GENERAL)
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
_NOT_FOUND: Final = Meaning(
    kind="failed",
    advice="what the job names does not exist in this region; create it, or correct its name in the job",
)
_NO_CONFIGURATION_SET: Final = Meaning(
    kind="failed", advice="the configuration set does not exist in this region; deploy again"
)
_NO_TEMPLATE: Final = Meaning(
    kind="failed",
    advice="create the template in this region (aws sesv2 create-email-template), or correct template_id",
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
    "NotFoundException": _NOT_FOUND,
    "SendingPausedException": _PAUSED,
    "TooManyRequestsException": _THROTTLED,
    # the names in SES's first API (botocore's model of `ses`), which are met in its second too
    "AccountSendingPausedException": _PAUSED,
    "ConfigurationSetSendingPausedException": _PAUSED,
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
    "MalformedHttpRequestException": _TRANSIENT,
    "NotAuthorized": _ROLE,
    "OptInRequired": _CREDENTIALS,
    # HTTP 400, but the connection was closed before SES replied
    "RequestAbortedException": _UNANSWERED,
    "RequestEntityTooLargeException": _JOB,
    "RequestExpired": _TRANSIENT,
    "RequestTimeout": _TRANSIENT,
    "RequestTimeoutException": _TRANSIENT,
    "ServiceUnavailable": _UNANSWERED,
    "SignatureDoesNotMatch": _CREDENTIALS,
    "Throttling": _THROTTLED,
    "ThrottlingException": _THROTTLED,
    "UnknownOperationException": _REGION,
    "UnrecognizedClientException": _CREDENTIALS,
    "ValidationError": _JOB,
    "ValidationException": _JOB,
    # what the SDK treats as throttling, and as wrong clocks or credentials, of any service: botocore's
    # retries/standard.py and https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
    "BandwidthLimitExceeded": _THROTTLED,
    "InvalidAccessKeyId": _CREDENTIALS,
    "MissingAuthenticationToken": _CREDENTIALS,
    "MissingAuthenticationTokenException": _CREDENTIALS,
    "PriorRequestNotComplete": _THROTTLED,
    "RequestLimitExceeded": _THROTTLED,
    "RequestThrottled": _THROTTLED,
    "RequestThrottledException": _THROTTLED,
    "RequestTimeTooSkewed": _CREDENTIALS,
    "SlowDown": _THROTTLED,
    "ThrottledException": _THROTTLED,
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

ACCEPTED: Final = "SUCCESS"
STATUSES: Final[dict[str, Meaning]] = {
    "ACCOUNT_DAILY_QUOTA_EXCEEDED": QUOTA,
    "ACCOUNT_SENDING_PAUSED": _PAUSED,
    "ACCOUNT_SUSPENDED": _SUSPENDED,
    "ACCOUNT_THROTTLED": _THROTTLED,
    # SES's model has the one name, its documentation of BulkEmailEntryResult the other: also below
    "CONFIGURATION_SET_DOES_NOT_EXIST": _NO_CONFIGURATION_SET,
    "CONFIGURATION_SET_NOT_FOUND": _NO_CONFIGURATION_SET,
    "CONFIGURATION_SET_SENDING_PAUSED": _PAUSED,
    "FAILED": Meaning(kind="retry", advice="SES does not say why it failed"),
    "INVALID_PARAMETER": _JOB,
    "INVALID_PARAMETER_VALUE": _JOB,
    "INVALID_SENDING_POOL_NAME": Meaning(
        kind="failed",
        advice="the dedicated IP pool of the configuration set does not exist; change it in SES",
    ),
    "MAIL_FROM_DOMAIN_NOT_VERIFIED": _MAIL_FROM,
    "MESSAGE_REJECTED": _REJECTED,
    "TEMPLATE_DOES_NOT_EXIST": _NO_TEMPLATE,
    "TEMPLATE_NOT_FOUND": _NO_TEMPLATE,
    "TRANSIENT_FAILURE": Meaning(kind="retry", advice="SES failed temporarily"),
}

# stands for all codes that are in neither table
OTHER: Final = "other"
# these are about the account's limits, but only the text says which
OF_LIMITS: Final = frozenset(
    {
        "ACCOUNT_THROTTLED",
        "LimitExceededException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
# these say that the mail was not accepted, but not why; their text may quote the mail, such as a file's name
OF_REFUSALS: Final = frozenset(
    {"BadRequestException", "FAILED", "MESSAGE_REJECTED", "MessageRejected", "TRANSIENT_FAILURE", OTHER}
)
# a text quotes with these what it has from the mail
_UNQUOTED: Final = r"[^'\"<]*"
TEXTS: Final = (
    # "Sending paused for this account. For more information, please check the inbox of the email address
    # associated with your AWS account.": https://github.com/GoodDollar/GoodServer/issues/419
    # "Sending suspended for this account.", then the same: the SMTP answers in CiviCRM's tests of bounces,
    # https://github.com/civicrm/civicrm-core
    Text(
        pattern=re.compile(
            r"(?:message rejected: )?(?:email )?sending (?:is )?(?:paused|suspended) for ", re.IGNORECASE
        ),
        meaning=_PAUSED,
        codes=OF_LIMITS | OF_REFUSALS,
    ),
    # "Daily message quota exceeded": https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas-errors.html
    # as LimitExceededException: the tests of the SES driver in https://github.com/twentyhq/twenty
    Text(pattern=re.compile(r".*\bdaily\b", re.IGNORECASE | re.DOTALL), meaning=QUOTA, codes=OF_LIMITS),
    # "Daily sending quota exceeded":
    # https://aws.amazon.com/premiumsupport/knowledge-center/ses-sending-rate-quota-exceeded/
    Text(
        pattern=re.compile(rf"{_UNQUOTED}\bdaily (?:message|sending) quota\b", re.IGNORECASE),
        meaning=QUOTA,
        codes=OF_REFUSALS,
    ),
    # "Maximum sending rate exceeded.": the same pages, and
    # https://github.com/pm-pmaas/etailors_amazon_ses/issues/117 with the code of SES's second API
    Text(
        pattern=re.compile(rf"{_UNQUOTED}\bmaximum send(?:ing)? rate exceeded\b", re.IGNORECASE),
        meaning=_THROTTLED,
        codes=OF_LIMITS | OF_REFUSALS,
    ),
    # "Template foobar does not exist": https://github.com/getmoto/moto/issues/3783
    Text(
        pattern=re.compile(r"template \S+ does not exist", re.IGNORECASE),
        meaning=_NO_TEMPLATE,
        codes=frozenset({"BadRequestException", "NotFoundException"}),
    ),
    # "Configuration set <mailbus> does not exist.": the SES provider of https://github.com/localstack/localstack
    Text(
        pattern=re.compile(r"configuration set \S+ does not exist", re.IGNORECASE),
        meaning=_NO_CONFIGURATION_SET,
        codes=frozenset({"BadRequestException", "NotFoundException"}),
    ),
)
"""In the order in which they are tried."""


def classify(
    code: str, message: str, status: int | None, params: Mapping[str, Any] = MappingProxyType({})
) -> Fault:
    """Classify an error by its code and text; `status` is the HTTP status, None if there was no answer.

    By the call's `params` it is clear whose identity a role may not use.
    """
    meaning = _meaning(code, message, status)
    if meaning is _ROLE:
        meaning = msgspec.structs.replace(_ROLE, advice=denied.advice(message, params))
    return _fault(code, message, meaning)


def classify_entry(status: str, message: str) -> Fault:
    """Classify the status of an entry that a bulk call did not accept.

    An unknown status may be a new name for acceptance, so it counts as unanswered.
    """
    meaning = _by_text(status if status in STATUSES else OTHER, message)
    return _fault(status, message, meaning or STATUSES.get(status, _UNANSWERED))


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
    error = SendError(code, reason, retryable=meaning.kind not in PERMANENT)
    return Fault(kind=meaning.kind, error=error, attempts=meaning.attempts)


def _meaning(code: str, message: str, status: int | None) -> Meaning:
    # without a status it is the SDK's error, whose text is not SES's
    by_text = None if status is None else _by_text(code if code in MEANINGS else OTHER, message)
    if by_text is not None:
        return by_text
    if code in MEANINGS:
        return MEANINGS[code]
    if status is None or status >= SERVER_ERROR:
        return _UNANSWERED
    return {TOO_MANY_REQUESTS: _THROTTLED, REQUEST_TIMEOUT: _TRANSIENT}.get(status, _JOB)


def _by_text(code: str, message: str) -> Meaning | None:
    """Return what the text says of an error, if its code leaves that open; None if nothing."""
    return next((text.meaning for text in TEXTS if code in text.codes and text.pattern.match(message)), None)
