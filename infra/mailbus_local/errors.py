"""The errors of the system on this machine."""

from __future__ import annotations

from mailbus.errors import MailbusError


class EmbeddedAwsError(MailbusError):
    """The embedded AWS did not start, or a deployment to it failed. The text names the log."""
