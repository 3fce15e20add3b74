"""Mailbus's own error codes: those of events and dead letters that are not SES's.

SES's codes are in `sender.ses.errors`; docs/limits.md lists both.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

INVALID_JOB: Final = "InvalidJob"
UNSUPPORTED_FEATURE: Final = "UnsupportedFeature"
JOB_ID_CONFLICT: Final = "JobIdConflict"
CANCELLED: Final = "Cancelled"
EXPIRED: Final = "Expired"
OUTCOME_UNKNOWN: Final = "OutcomeUnknown"
WAITED_TOO_LONG: Final = "WaitedTooLong"
UNEXPECTED_ERROR: Final = "UnexpectedError"
# SES reports these without a code, by events after it has accepted the mail: their types, without blanks
REJECT: Final = "Reject"
RENDERING_FAILURE: Final = "RenderingFailure"

ERROR_CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        INVALID_JOB: "The job is invalid at a JSON path.",
        UNSUPPORTED_FEATURE: "SES does not support what the job uses.",
        JOB_ID_CONFLICT: "The id belongs to a job with other content. Only this job is not sent: events with "
        "this code say nothing about the mail of the other one.",
        CANCELLED: "The job was cancelled before it was sent.",
        EXPIRED: "`expires_at` passed before SES accepted the mail.",
        OUTCOME_UNKNOWN: "SES may have accepted the mail, but never confirmed it.",
        WAITED_TOO_LONG: "The job waited for 13 days, the longest that it may.",
        UNEXPECTED_ERROR: "The sender failed unexpectedly.",
        REJECT: "SES accepted the mail, then found a virus in it.",
        RENDERING_FAILURE: "SES accepted the mail, then could not render its template.",
    }
)
"""What each code means. All others are SES's own, or those of its SDK."""
