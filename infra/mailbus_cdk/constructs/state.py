"""Everything that a deployment stores: it stays when its stack is deleted, except on the embedded AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

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

# What is stored stays when its stack is deleted. But if the deployment that creates it fails, it is empty and
# deleted: what has a fixed name would be in the way of the next attempt.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
KEPT: Final = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
# DynamoDB refuses to delete a protected table, and the rollback would fail with it. The names of tables are
# generated: one that stays, empty, is in nobody's way.
TABLE_KEPT: Final = RemovalPolicy.RETAIN


class State(Construct):
    """The bus, the ledger, the timeline if it is on, the buckets and the group of schedules."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        kept, table_kept = (
            (RemovalPolicy.DESTROY, RemovalPolicy.DESTROY) if settings.ephemeral else (KEPT, TABLE_KEPT)
        )
        self.bus = EventBus(self, "Events", settings=settings, removal_policy=kept)
        if settings.region not in WITHOUT_SCHEMAS:
            Schemas(self, "Schemas", settings=settings)
        self.ledger = Ledger(
            self, "Ledger", deletion_protection=not settings.ephemeral, removal_policy=table_kept
        )
        self.timeline = (
            TimelineTable(
                self, "Timeline", deletion_protection=not settings.ephemeral, removal_policy=table_kept
            )
            if settings.timeline.days
            else None
        )
        self.jobs = Jobs(self, "Jobs", removal_policy=kept)
        self.esp_events = EspEvents(self, "EspEvents", removal_policy=kept)
        self.schedules = Schedules(self, "Schedules", settings=settings, removal_policy=kept)
        self.inbound_mail = InboundMail(self, "InboundMail", settings=settings, removal_policy=kept)
