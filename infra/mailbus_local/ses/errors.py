"""The errors of the simulated SES and of its control API.

The codes are those of the SES v2 model
(https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html), and of its first API
(https://docs.aws.amazon.com/ses/latest/APIReference/CommonErrors.html).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailbus.errors import MailbusError
from mailbus.spelling import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

ACCESS_DENIED: Final = "AccessDeniedException"
ACCESS_DENIED_V1: Final = "AccessDenied"  # of the first API
ALREADY_EXISTS: Final = "AlreadyExistsException"
BAD_REQUEST: Final = "BadRequestException"
INVALID_NEXT_TOKEN: Final = "InvalidNextTokenException"  # noqa: S105 - an error's code
INVALID_PARAMETER: Final = "InvalidParameterValue"
LIMIT_EXCEEDED: Final = "LimitExceededException"
INVALID_S3: Final = "InvalidS3Configuration"
INVALID_TOPIC: Final = "InvalidSnsTopic"
TOO_MANY: Final = "LimitExceeded"  # of the first API
MESSAGE_REJECTED: Final = "MessageRejected"
NOT_FOUND: Final = "NotFoundException"
SENDING_PAUSED: Final = "SendingPausedException"
TOO_MANY_REQUESTS: Final = "TooManyRequestsException"
SERIALIZATION: Final = "SerializationException"
SERVICE_UNAVAILABLE: Final = "ServiceUnavailableException"
UNRECOGNIZED_CLIENT: Final = "UnrecognizedClientException"
VALIDATION: Final = "ValidationError"

RATE_EXCEEDED: Final = "Maximum sending rate exceeded."
# of an action whose calls are limited, whatever they send
CALLS_EXCEEDED: Final = "Rate exceeded"
QUOTA_EXCEEDED: Final = "Daily message quota exceeded."

STATUSES: Final = {
    ACCESS_DENIED_V1: 403,
    ACCESS_DENIED: 403,
    "AccountSendingPausedException": 400,
    "AccountSuspendedException": 400,
    ALREADY_EXISTS: 400,
    BAD_REQUEST: 400,
    "ConcurrentModificationException": 500,
    "ConfigurationSetSendingPausedException": 400,
    "ConflictException": 409,
    "ExpiredTokenException": 403,
    "InternalFailure": 500,
    "InternalServiceErrorException": 500,
    INVALID_NEXT_TOKEN: 400,
    INVALID_PARAMETER: 400,
    INVALID_S3: 400,
    INVALID_TOPIC: 400,
    LIMIT_EXCEEDED: 400,
    TOO_MANY: 400,
    "MailFromDomainNotVerifiedException": 400,
    MESSAGE_REJECTED: 400,
    NOT_FOUND: 404,
    "RequestAbortedException": 400,
    "RequestTimeout": 408,
    SENDING_PAUSED: 400,
    SERIALIZATION: 400,
    "ServiceUnavailable": 503,
    SERVICE_UNAVAILABLE: 503,
    "Throttling": 400,
    "ThrottlingException": 400,
    TOO_MANY_REQUESTS: 429,
    UNRECOGNIZED_CLIENT: 403,
    VALIDATION: 400,
}
"""The HTTP status of every error code."""

TEXTS: Final = {
    TOO_MANY_REQUESTS: RATE_EXCEEDED,
    "Throttling": RATE_EXCEEDED,
    "ThrottlingException": RATE_EXCEEDED,
    LIMIT_EXCEEDED: QUOTA_EXCEEDED,
    SENDING_PAUSED: (
        "Sending paused for this account. For more information, please check the inbox of the "
        "email address associated with your AWS account."
    ),
    ACCESS_DENIED: "User is not authorized to perform ses:SendEmail.",
    "AccountSuspendedException": "Account is suspended.",
    "InternalServiceErrorException": "Internal service error.",
    "InternalFailure": "Internal failure.",
    SERVICE_UNAVAILABLE: "Service is unavailable.",
    "ServiceUnavailable": "Service is unavailable.",
    "MailFromDomainNotVerifiedException": "Mail FROM domain is not verified.",
    MESSAGE_REJECTED: "The message was rejected.",
}
"""SES's own message for a code, used by faults without a message."""


class SesError(MailbusError):
    """An error that SES answers with: `code` is its error code, `status` the HTTP status."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason, code=code)
        self.reason = reason
        self.status = STATUSES[code]


class InvalidControlRequest(MailbusError):  # noqa: N818 - named like InvalidJob
    """A request to the control API is not valid; the text says what to fix. `status` is the HTTP status."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


class MailRejected(MailbusError):  # noqa: N818 - named like InvalidJob
    """A mail was rejected: `smtp` is the SMTP reply, `status` the HTTP status."""

    def __init__(self, smtp: str, *, status: int = 422) -> None:
        super().__init__(smtp)
        self.smtp = smtp
        self.status = status


def unknown_value(value: str, known: Iterable[str]) -> str:
    """Return an error text that names the nearest known value, or all of them."""
    names = list(known)
    near = nearest(value, names)
    hint = f"did you mean {near}?" if near else f"known are {', '.join(names)}"
    return f"{value!r} is unknown; {hint}"
