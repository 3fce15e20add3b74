"""What is to be priced: so many mails a month, with the settings that decide on their cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from mailbus_cdk.quotas import EXPECTED_RATE
from mailbus_cli.costing.counted import Load, Point, nearest

if TYPE_CHECKING:
    from mailbus_cdk.settings import Settings

#: SES's events of a mail that arrives, and is opened and clicked once.
EVENTS_OF_A_MAIL: Final = 4.0


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that decide on the cost, with their defaults."""

    sent: bool = True
    archive_days: int = 30
    timeline_days: int = 0
    ledger_days: int = 7
    log_days: int = 30
    metadata_in_headers: bool = True
    index_messages: bool = False
    inbound: bool = False
    webhook: bool = False

    @classmethod
    def of(cls, settings: Settings) -> Options:
        """Return those of a stage."""
        return cls(
            sent=settings.events.sent,
            archive_days=settings.retention.event_archive_days,
            timeline_days=settings.timeline.days,
            ledger_days=settings.sender.ledger_days,
            log_days=settings.log_retention_days,
            metadata_in_headers=settings.metadata_in_headers,
            index_messages=settings.index_messages,
            inbound=bool(settings.inbound.domains),
            webhook=bool(settings.webhook.topic_arns),
        )


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """So many mails a month, with one recipient and so many of SES's events each.

    A job has `kilobytes` as JSON. `rate` is how many mails a second leave.
    """

    mails: int = 1_000_000
    events: float = EVENTS_OF_A_MAIL
    kilobytes: float = 4.0
    rate: float = EXPECTED_RATE
    load: Load = "mailing"
    options: Options = Options()

    @property
    def point(self) -> Point:
        """The simulation whose counts are taken."""
        return nearest(self.rate, self.load, sent=self.options.sent)

    @property
    def bus_events(self) -> float:
        """The events of a mail on the bus: `queued`, and those of SES."""
        return 1 + self.events - (0 if self.options.sent else 1)

    def with_options(self, **changed: bool | int) -> Plan:
        """Return the same with other settings."""
        return msgspec.structs.replace(self, options=msgspec.structs.replace(self.options, **changed))
