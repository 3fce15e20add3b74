"""The whole system in an application's tests; pytest has it as the fixture `mailbus_system`."""

from __future__ import annotations

from mailbus_local.denials import Denial
from mailbus_local.testing.dead_letters import DeadLetter
from mailbus_local.testing.errors import ControlError, MailRefused, SystemFailed
from mailbus_local.testing.events import Events
from mailbus_local.testing.inbox import Inbox
from mailbus_local.testing.mail import Attachment, Mail
from mailbus_local.testing.system import MailbusSystem, running

__all__ = [
    "Attachment",
    "ControlError",
    "DeadLetter",
    "Denial",
    "Events",
    "Inbox",
    "Mail",
    "MailRefused",
    "MailbusSystem",
    "SystemFailed",
    "running",
]
