"""The errors of commands."""

from __future__ import annotations

from mailbus.errors import MailbusError


class CommandError(MailbusError):
    """A command cannot do what it should; `hint` says what to do."""

    def __init__(self, reason: str, *, hint: str) -> None:
        super().__init__(reason)
        self.hint = hint


class UsageError(CommandError):
    """The command line is wrong."""
