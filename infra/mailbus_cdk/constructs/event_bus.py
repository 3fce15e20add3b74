"""The event bus that applications subscribe to, of other accounts too, and the archive of its events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from constructs import Construct

from mailbus.events import SOURCE
from mailbus_cdk.regions import WITHOUT_ARCHIVE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import RemovalPolicy

    from mailbus_cdk.settings import Settings

# An account changes no rules but its own. A rule that does not exist yet has no creator.
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-example-policy-same-account-creator.html
_OWN_RULES: Final = {"StringEqualsIfExists": {"events:creatorAccount": "${aws:PrincipalAccount}"}}
_MANAGING: Final = (
    "events:DeleteRule",
    "events:DescribeRule",
    "events:DisableRule",
    "events:EnableRule",
    "events:ListTagsForResource",
    "events:ListTargetsByRule",
    "events:RemoveTargets",
    "events:TagResource",
    "events:UntagResource",
)


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
        if accounts := settings.events.accounts:
            self._let_subscribe("Accounts", [iam.AccountPrincipal(account) for account in accounts])
        if organization := settings.events.organization:
            self._let_subscribe("Organization", [iam.OrganizationPrincipal(organization)])

    def _archive(self, days: int) -> events.Archive:
        return self.bus.archive(
            "Archive",
            description="Mailbus events, for replay",
            event_pattern=events.EventPattern(source=[SOURCE]),
            retention=Duration.days(days),
        )

    def _let_subscribe(self, sid: str, principals: list[iam.IPrincipal]) -> None:
        """Let other accounts create rules for Mailbus's events that deliver to buses of their own.

        A rule on another account's bus delivers to a bus of its creator, by a role of its creator: other
        targets need a role of this account. Without the condition on targets, such a rule could call what
        lets all rules of this account call it.
        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html
        """
        stack = Stack.of(self)
        rules = stack.format_arn(
            service="events",
            resource="rule",
            resource_name=f"{self.bus.event_bus_name}/*",
            arn_format=ArnFormat.SLASH_RESOURCE_NAME,
        )
        own_buses = f"arn:{stack.partition}:events:*:${{aws:PrincipalAccount}}:event-bus/*"
        # A set that is empty meets ForAllValues.
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
        of_mailbus = {
            "ForAllValues:StringEquals": {"events:source": SOURCE},
            "Null": {"events:source": "false"},
        }
        to_own_buses = {
            "ForAllValues:ArnLike": {"events:TargetArn": own_buses},
            "Null": {"events:TargetArn": "false"},
        }
        statements: tuple[tuple[str, tuple[str, ...], Mapping[str, Any]], ...] = (
            ("CreateRules", ("events:PutRule",), of_mailbus),
            ("DeliverToTheirBuses", ("events:PutTargets",), to_own_buses),
            ("ManageTheirRules", _MANAGING, {}),
        )
        for name, actions, conditions in statements:
            self.bus.add_to_resource_policy(
                iam.PolicyStatement(
                    sid=f"{sid}{name}",
                    principals=principals,
                    actions=list(actions),
                    resources=[rules],
                    conditions={**_OWN_RULES, **conditions},
                )
            )
