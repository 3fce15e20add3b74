"""What each error code of a job that was not sent means, in plain words, and what to do.

docs/errors.md has the same for operators, with what Mailbus does after each of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.events import error_codes
from mailbus_cli import runbook

if TYPE_CHECKING:
    from collections.abc import Mapping


class ErrorWords(msgspec.Struct, frozen=True, kw_only=True):
    """An error in plain words, and what to do; `section` is that of docs/runbook.md."""

    sentence: str
    advice: str
    section: str


_FIX: Final = "Fix what the reason names; then redrive the dead letter, or send the job again."
_AGAIN: Final = "Then redrive the dead letter, or send the job again."
_WAITS: Final = "Nothing to do: the job waits, and is sent later."
OTHER: Final = ErrorWords(
    sentence="The mail was not sent.",
    advice=_FIX,
    section=runbook.ANY_OTHER,
)

_INVALID: Final = ErrorWords(
    sentence="SES takes the job for invalid.",
    advice=_FIX,
    section=runbook.CORRECT,
)
_RATE: Final = ErrorWords(
    sentence="The sending rate of the account is exceeded.",
    advice=_WAITS,
    section=runbook.WAITS,
)
_PAUSED: Final = ErrorWords(
    sentence="Sending is paused for the account or the configuration set.",
    advice="Fix what AWS names as the cause, and resume sending in SES; the job waits until then.",
    section=runbook.WAITS,
)
_SUSPENDED: Final = ErrorWords(
    sentence="AWS has suspended sending for the account.",
    advice=f"Contact AWS Support. {_AGAIN}",
    section=runbook.SUPPORT,
)
_REFUSED: Final = ErrorWords(
    sentence="SES refuses this mail.",
    advice="Verify the address that the reason names, in the sandbox the recipient's too, or fix the mail. "
    + _AGAIN,
    section=runbook.VERIFY,
)
_MAIL_FROM: Final = ErrorWords(
    sentence="The MAIL FROM domain has no valid MX record.",
    advice=f"Publish the record, or let SES use its own domain: `mailbus doctor`. {_AGAIN}",
    section=runbook.DNS,
)
_NOT_FOUND: Final = ErrorWords(
    sentence="What the job names does not exist in this region, such as a template.",
    advice=f"Create it, or correct its name in the job. {_AGAIN}",
    section=runbook.CREATE,
)
_NO_TEMPLATE: Final = ErrorWords(
    sentence="The template does not exist in this region.",
    advice=f"Create it, or correct `template_id` in the job. {_AGAIN}",
    section=runbook.CREATE,
)
_NO_CONFIGURATION_SET: Final = ErrorWords(
    sentence="The configuration set does not exist in this region.",
    advice=f"Deploy again. {_AGAIN}",
    section=runbook.CREATE,
)
_RIGHTS: Final = ErrorWords(
    sentence="The sender may not use the identity or the configuration set of the job, or in the sandbox "
    "that of its recipient.",
    advice="Add it to `other_identities` or `other_configuration_sets`, or that of the recipient to "
    "`sandbox_recipients`, and deploy. " + _AGAIN,
    section=runbook.RIGHTS,
)
_CREDENTIALS: Final = ErrorWords(
    sentence="AWS does not accept the credentials of the sender.",
    advice=f"Check the role of the sender function, and the account. {_AGAIN}",
    section=runbook.CREDENTIALS,
)
_NOT_REACHED: Final = ErrorWords(
    sentence="SES could not be reached.",
    advice=_AGAIN.removeprefix("Then ").capitalize(),
    section=runbook.AGAIN,
)
_UNANSWERED: Final = ErrorWords(
    sentence="SES may have accepted the mail: it did not answer.",
    advice="Nothing to do: the job waits for SES's events.",
    section=runbook.WAITS,
)
_REGION: Final = ErrorWords(
    sentence="SES is not available in this region.",
    advice=f"Deploy to another region. {_AGAIN}",
    section=runbook.REGION,
)
_UNDOCUMENTED: Final = ErrorWords(
    sentence="SES answered with an error that it does not document for sending.",
    advice="Check `esp_extra` of the job, or report it.",
    section=runbook.REPORT,
)
_FAILED: Final = ErrorWords(
    sentence="SES failed to send the mail.",
    advice="Redrive the dead letter, or send the job again.",
    section=runbook.AGAIN,
)

_BY_WORDS: Final[tuple[tuple[ErrorWords, tuple[str, ...]], ...]] = (
    (
        _INVALID,
        (
            "BadRequestException",
            "INVALID_PARAMETER",
            "INVALID_PARAMETER_VALUE",
            "ParamValidationError",
            "RequestEntityTooLargeException",
            "ValidationError",
            "ValidationException",
        ),
    ),
    (
        _RATE,
        (
            "ACCOUNT_THROTTLED",
            "BandwidthLimitExceeded",
            "PriorRequestNotComplete",
            "RequestLimitExceeded",
            "RequestThrottled",
            "RequestThrottledException",
            "SlowDown",
            "ThrottledException",
            "Throttling",
            "ThrottlingException",
            "TooManyRequestsException",
        ),
    ),
    (
        _PAUSED,
        (
            "ACCOUNT_SENDING_PAUSED",
            "AccountSendingPausedException",
            "CONFIGURATION_SET_SENDING_PAUSED",
            "ConfigurationSetSendingPausedException",
            "SendingPausedException",
        ),
    ),
    (_SUSPENDED, ("ACCOUNT_SUSPENDED", "AccountSuspendedException")),
    (_REFUSED, ("MESSAGE_REJECTED", "MessageRejected")),
    (_MAIL_FROM, ("MAIL_FROM_DOMAIN_NOT_VERIFIED", "MailFromDomainNotVerifiedException")),
    (_NOT_FOUND, ("NotFoundException",)),
    (_NO_TEMPLATE, ("TEMPLATE_DOES_NOT_EXIST", "TEMPLATE_NOT_FOUND")),
    (_NO_CONFIGURATION_SET, ("CONFIGURATION_SET_DOES_NOT_EXIST", "CONFIGURATION_SET_NOT_FOUND")),
    (_RIGHTS, ("AccessDenied", "AccessDeniedException", "NotAuthorized")),
    (
        _CREDENTIALS,
        (
            "CredentialRetrievalError",
            "ExpiredToken",
            "ExpiredTokenException",
            "IncompleteSignature",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "MetadataRetrievalError",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "NoAuthTokenError",
            "NoCredentialsError",
            "OptInRequired",
            "PartialCredentialsError",
            "RequestTimeTooSkewed",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
        ),
    ),
    (
        _NOT_REACHED,
        (
            "ConnectTimeoutError",
            "EndpointConnectionError",
            "MalformedHttpRequestException",
            "ProxyConnectionError",
            "RequestExpired",
            "RequestTimeout",
            "RequestTimeoutException",
        ),
    ),
    (
        _UNANSWERED,
        (
            "ConcurrentModificationException",
            "InternalFailure",
            "InternalServiceErrorException",
            "RequestAbortedException",
            "ServiceUnavailable",
            "UnreadableAnswer",
        ),
    ),
    (
        _REGION,
        (
            "EndpointProviderError",
            "EndpointResolutionError",
            "NoRegionError",
            "UnknownEndpointError",
            "UnknownOperationException",
        ),
    ),
    (_UNDOCUMENTED, ("AlreadyExistsException", "ConflictException", "InvalidNextTokenException")),
    (_FAILED, ("FAILED", "TRANSIENT_FAILURE")),
)
ERROR_WORDS: Final[Mapping[str, ErrorWords]] = {
    **{code: words for words, codes in _BY_WORDS for code in codes},
    "ACCOUNT_DAILY_QUOTA_EXCEEDED": ErrorWords(
        sentence="The account has sent all that it may in 24 hours.",
        advice=_WAITS,
        section=runbook.WAITS,
    ),
    "INVALID_SENDING_POOL_NAME": ErrorWords(
        sentence="The dedicated IP pool of the configuration set does not exist.",
        advice=f"Change it in SES. {_AGAIN}",
        section=runbook.CREATE,
    ),
    "LimitExceededException": ErrorWords(
        sentence="A limit of the SES account is reached.",
        advice=f"Raise the limit that the reason names. {_AGAIN}",
        section=runbook.SUPPORT,
    ),
    "MissingDependencyException": ErrorWords(
        sentence="The job uses EndpointId, which needs `awscrt` in the sender function.",
        advice=f"Deploy with it, or leave EndpointId out. {_AGAIN}",
        section=runbook.CORRECT,
    ),
    error_codes.INVALID_JOB: ErrorWords(
        sentence="The job is invalid.",
        advice="Fix the field that the reason names. " + _AGAIN,
        section=runbook.CORRECT,
    ),
    error_codes.UNSUPPORTED_FEATURE: ErrorWords(
        sentence="SES does not support what the job uses.",
        advice=f"Change the field that the reason names. {_AGAIN}",
        section=runbook.CORRECT,
    ),
    error_codes.JOB_ID_CONFLICT: ErrorWords(
        sentence="The id belongs to another job, whose mail is not affected; this job was not sent.",
        advice="Send this job with an id of its own.",
        section=runbook.NEW_ID,
    ),
    error_codes.CANCELLED: ErrorWords(
        sentence="The job was cancelled before it was sent.",
        advice="Nothing to do; to send it after all, use a new id.",
        section=runbook.EVENT_ONLY,
    ),
    error_codes.EXPIRED: ErrorWords(
        sentence="The mail was not sent in time: `expires_at` had passed.",
        advice="Find out why it waited, and send it again with a later `expires_at`, if it is still of use.",
        section=runbook.LATE,
    ),
    error_codes.OUTCOME_UNKNOWN: ErrorWords(
        sentence="SES may have accepted the mail, but never confirmed it.",
        advice="Ask the recipient whether it arrived; if it did not, send it again with a new id.",
        section=runbook.DOUBT,
    ),
    error_codes.WAITED_TOO_LONG: ErrorWords(
        sentence="The job waited for 13 days, the longest that it may.",
        advice=f"Fix what the sender's log names: `mailbus doctor`. {_AGAIN}",
        section=runbook.TOO_LONG,
    ),
    error_codes.UNEXPECTED_ERROR: ErrorWords(
        sentence="The sender failed unexpectedly.",
        advice="Report it, and redrive the dead letter once it is fixed.",
        section=runbook.REPORT,
    ),
    error_codes.REJECT: ErrorWords(
        sentence="SES found a virus in the mail, and did not send it.",
        advice="Check its attachments; send it again without what is infected, with a new id.",
        section=runbook.EVENT_ONLY,
    ),
    error_codes.RENDERING_FAILURE: ErrorWords(
        sentence="SES could not fill in the template.",
        advice="Fix the template, or the data that the reason names; send it again with a new id.",
        section=runbook.EVENT_ONLY,
    ),
}


def error_words(code: str | None) -> ErrorWords:
    """Return an error code in plain words; general ones for a code that is not known."""
    return ERROR_WORDS.get(code or "", OTHER)
