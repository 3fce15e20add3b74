"""The deployment: CDK constructs and stacks.

    from mailbus_cdk import Inbound, Mailbus, Settings

    settings = Settings(
        stage="prod",
        region="eu-west-1",
        identity="example.com",
        inbound=Inbound(domains=("inbound.example.com",)),
    )
    Mailbus(self, "Mail", settings=settings)

`Mailbus` is loaded when it is first used, so that reading settings does not start the CDK.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailbus_cdk.settings import Settings
from mailbus_cdk.settings.receiving import Inbound, Rule
from mailbus_cdk.settings.tables import (
    Alarms,
    Bulk,
    ClientParams,
    Events,
    Guard,
    Retention,
    Sender,
    SessionParams,
    Timeline,
    Tracking,
    Transactional,
    Webhook,
)

if TYPE_CHECKING:
    from mailbus_cdk.mailbus import Mailbus

__all__ = [
    "Alarms",
    "Bulk",
    "ClientParams",
    "Events",
    "Guard",
    "Inbound",
    "Mailbus",
    "Retention",
    "Rule",
    "Sender",
    "SessionParams",
    "Settings",
    "Timeline",
    "Tracking",
    "Transactional",
    "Webhook",
]


def __getattr__(name: str) -> object:
    """Load `Mailbus`."""
    if name != "Mailbus":
        reason = f"module 'mailbus_cdk' has no attribute {name!r}"
        raise AttributeError(reason)
    from mailbus_cdk.mailbus import Mailbus  # noqa: PLC0415 - as the module's docstring says

    return Mailbus
