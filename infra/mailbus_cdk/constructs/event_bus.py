"""The event bus that applications subscribe to, and the archive of its events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_events as events
from constructs import Construct

from mailbus.events import SOURCE
from mailbus_cdk.regions import WITHOUT_ARCHIVE

if TYPE_CHECKING:
    from aws_cdk import RemovalPolicy

    from mailbus_cdk.settings import Settings


class EventBus(Construct):
    """The bus, with an archive to replay from if the settings ask for one and the region has archives."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, removal_policy: RemovalPolicy
    ) -> None:
        super().__init__(scope, construct_id)
        self.bus = events.EventBus(
            self, "Bus", event_bus_name=settings.name, description="Mailbus: events of sent and received mail"
        )
        self.bus.apply_removal_policy(removal_policy)
        days = settings.retention.event_archive_days
        self.archive = self._archive(days) if days and settings.region not in WITHOUT_ARCHIVE else None
        if self.archive:
            self.archive.apply_removal_policy(removal_policy)

    def _archive(self, days: int) -> events.Archive:
        return self.bus.archive(
            "Archive",
            description="Mailbus events, for replay",
            event_pattern=events.EventPattern(source=[SOURCE]),
            retention=Duration.days(days),
        )
