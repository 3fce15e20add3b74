"""Errors of the fixtures that are not failures of an assertion."""

from __future__ import annotations

from mailbus.errors import MailbusError


class SystemFailed(MailbusError):  # noqa: N818 - SystemError is Python's own
    """The system did not start, or has ended. The text has what it reported."""


class ControlError(MailbusError):
    """The simulated SES does not accept a request of its control API."""


class MailRefused(MailbusError):  # noqa: N818 - what happened
    """SES refused a received mail. `reply` is its SMTP reply."""

    def __init__(self, reply: str) -> None:
        super().__init__(f"SES refused the mail: {reply}")
        self.reply = reply
