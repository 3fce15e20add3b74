"""Everything that a deployment stores: it stays when its stack is deleted, except on the embedded AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import RemovalPolicy
from constructs import Construct

from mailbus_cdk.constructs.buckets import EspEvents, InboundMail, Jobs
from mailbus_cdk.constructs.event_bus import EventBus
from mailbus_cdk.constructs.ledger import Ledger
from mailbus_cdk.constructs.scheduling import Schedules
from mailbus_cdk.constructs.schemas import Schemas
from mailbus_cdk.constructs.timeline_table import TimelineTable
from mailbus_cdk.regions import WITHOUT_SCHEMAS

if TYPE_CHECKING:
    from mailbus_cdk.settings import Settings


class State(Construct):
    """The bus, the ledger, the timeline if it is on, the buckets and the group of schedules."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        kept = RemovalPolicy.DESTROY if settings.ephemeral else RemovalPolicy.RETAIN
        self.bus = EventBus(self, "Events", settings=settings, removal_policy=kept)
        if settings.region not in WITHOUT_SCHEMAS:
            Schemas(self, "Schemas", settings=settings)
        self.ledger = Ledger(self, "Ledger", deletion_protection=not settings.ephemeral, removal_policy=kept)
        self.timeline = (
            TimelineTable(self, "Timeline", deletion_protection=not settings.ephemeral, removal_policy=kept)
            if settings.timeline.days
            else None
        )
        self.jobs = Jobs(self, "Jobs", removal_policy=kept)
        self.esp_events = EspEvents(self, "EspEvents", removal_policy=kept)
        self.schedules = Schedules(self, "Schedules", settings=settings, removal_policy=kept)
        self.inbound_mail = InboundMail(self, "InboundMail", settings=settings, removal_policy=kept)
