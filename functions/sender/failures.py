"""The errors that the sender raises itself; each text says what to do."""

from __future__ import annotations

from mailbus.errors import InvalidJob, MailbusError, SendError
from mailbus.events.error_codes import (
    CANCELLED,
    EXPIRED,
    JOB_ID_CONFLICT,
    OUTCOME_UNKNOWN,
    UNEXPECTED_ERROR,
    WAITED_TOO_LONG,
)


def expired() -> SendError:
    """Return the error of a job whose `expires_at` has passed."""
    return SendError(
        EXPIRED, "expires_at passed before SES accepted the mail; it was not sent", retryable=False
    )


def cancelled() -> MailbusError:
    """Return the error of a job that was cancelled."""
    return MailbusError("cancelled before it was sent", code=CANCELLED)


def outcome_unknown() -> SendError:
    """Return the error of a mail for which SES returned neither a response nor an event."""
    reason = (
        "SES may have accepted the mail but never confirmed it, so it is not sent again; "
        "look for it in SES's events before you send it under a new job_id"
    )
    return SendError(OUTCOME_UNKNOWN, reason, retryable=False)


def waited_too_long() -> SendError:
    """Return the error of a job that has waited for as long as it may."""
    reason = (
        "waited for 13 days; fix what the sender's log names, and send it again as it "
        "is: what SES accepted already is not sent twice"
    )
    return SendError(WAITED_TOO_LONG, reason, retryable=False)


def other_content() -> InvalidJob:
    """Return the error of a job whose id belongs to another job."""
    reason = (
        "belongs to a job with other content, of its own or from send_defaults, which the ledger still has; "
        "use a new id for a new job"
    )
    return InvalidJob("$.job_id", reason, code=JOB_ID_CONFLICT)


def unexpected(error_type: str) -> MailbusError:
    """Return the error of a job that raised an unexpected exception; only its type is safe to show."""
    return MailbusError(
        f"unexpected {error_type} in the sender; report it, and send the job again once it is fixed",
        code=UNEXPECTED_ERROR,
    )
