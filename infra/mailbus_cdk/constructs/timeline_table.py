"""The timeline's table: what became of each mail, and its events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from mailbus.timeline.items import CREATED, EXPIRES_AT, INDEXES
from mailbus_cdk.cdk_nag import suppress

if TYPE_CHECKING:
    from aws_cdk import RemovalPolicy


class TimelineTable(Construct):
    """A DynamoDB table whose items expire by `expires_at`, with sparse indexes of keys alone."""

    def __init__(
        self, scope: Construct, construct_id: str, *, deletion_protection: bool, removal_policy: RemovalPolicy
    ) -> None:
        super().__init__(scope, construct_id)
        self.table = dynamodb.Table(
            self,
            "Table",
            partition_key=_text("pk"),
            sort_key=_text("sk"),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute=EXPIRES_AT,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=False
            ),
            deletion_protection=deletion_protection,
            removal_policy=removal_policy,
        )
        suppress(
            self.table,
            "AwsSolutions-DDB3",
            "What is lost is written again by a replay of the archive; a backup would keep what was erased.",
        )
        for name, partition_key in INDEXES.items():
            self.table.add_global_secondary_index(
                index_name=name,
                partition_key=_text(partition_key),
                sort_key=_text(CREATED),
                projection_type=dynamodb.ProjectionType.KEYS_ONLY,
            )


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
