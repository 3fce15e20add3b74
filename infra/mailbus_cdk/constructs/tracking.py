"""Tracking: SES's events from the configuration sets through topic and queue to the bus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Stack
from constructs import Construct, DependencyGroup

from mailbus.environment import TrackingSettings, to_environment
from mailbus_cdk import limits
from mailbus_cdk.cdk_nag import suppress_wildcards
from mailbus_cdk.constructs.buckets import ESP_EVENTS_PREFIX
from mailbus_cdk.constructs.configuration_set import ConfigurationSet, OtherConfigurationSets
from mailbus_cdk.constructs.function import Function
from mailbus_cdk.constructs.queues import DeadLetterQueue, WorkQueue
from mailbus_cdk.constructs.redirect_domain import RedirectDomain
from mailbus_cdk.constructs.topics import SesTopic
from mailbus_cdk.settings.doubt import REPORT_SLACK_SECONDS, TRACKING_SECONDS

if TYPE_CHECKING:
    from constructs import IDependable

    from mailbus_cdk.constructs.function import Code
    from mailbus_cdk.constructs.identity import Identity
    from mailbus_cdk.constructs.state import State
    from mailbus_cdk.constructs.topics import TopicKey
    from mailbus_cdk.settings import Settings


class Tracking(Construct):
    """The configuration sets, the topic of their events, its queue, and the function that reads it.

    `in_ses` is what is made in SES, in turn, from the identity on.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        code: Code,
        state: State,
        key: TopicKey,
        identity: Identity,
    ) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = DeadLetterQueue(self, "DeadLetters")
        self.work = WorkQueue(
            self,
            "Work",
            limits=limits.TRACKING,
            visibility_seconds=TRACKING_SECONDS + REPORT_SLACK_SECONDS,
            max_receive_count=limits.REPORT_RECEIVES,
            dead_letters=self.dead_letters,
        )
        self.events = self._topic(settings, key)
        self.configuration_set = ConfigurationSet(
            self, "ConfigurationSet", settings=settings, events=self.events
        )
        # SES takes one call a second that changes its settings, so its resources are made in turn.
        self.configuration_set.node.add_dependency(identity)
        in_ses: list[IDependable] = [identity, self.configuration_set]
        if redirects := settings.tracking.custom_redirect_domain:
            redirect_domain = RedirectDomain(
                self,
                "RedirectDomain",
                domain=redirects,
                settings=settings,
                code=code,
                configuration_set=self.configuration_set,
            )
            in_ses.append(redirect_domain.resource)
        self.other_configuration_sets = OtherConfigurationSets(
            self,
            "OtherConfigurationSets",
            settings=settings,
            events=self.events,
            after=in_ses[-1],
        )
        self.in_ses = DependencyGroup(*in_ses, self.other_configuration_sets)
        function = self._function(settings, code, state)
        self.function = function
        self.function_name = function.function.function_name
        self._grant(function, state)
        function.reads(self.work, max_concurrency=limits.tracking_concurrency(settings))

    def _topic(self, settings: Settings, key: TopicKey) -> SesTopic:
        publishers = {
            "configuration-set": (settings.configuration_set, *settings.other_configuration_sets),
            "identity": settings.tracking.notified_identities,
        }
        return SesTopic(
            self,
            "Events",
            key=key,
            publisher_arns=[
                Stack.of(self).format_arn(service="ses", resource=resource, resource_name=name)
                for resource, names in publishers.items()
                for name in names
            ],
            subscriber=self.work,
        )

    def _function(self, settings: Settings, code: Code, state: State) -> Function:
        return Function(
            self,
            "Tracker",
            name="tracking",
            description="Mailbus: SES events to the bus",
            code=code,
            settings=settings,
            memory_mb=limits.TRACKING.memory_mb,
            timeout_seconds=limits.TRACKING.timeout_seconds,
            environment=to_environment(
                TrackingSettings(
                    event_bus_name=state.bus.bus.event_bus_name,
                    dead_letter_queue_url=self.work.dead_letters.queue_url,
                    event_bytes=settings.events.entry_bytes,
                    tracking_topic_arn=self.events.topic.topic_arn,
                    tracking_queue_url=self.work.queue.queue_url,
                    ledger_table_name=state.ledger.table.table_name,
                    metadata_in_headers=settings.metadata_in_headers,
                    index_messages=settings.index_messages,
                    sender_seconds=limits.batch_seconds(settings),
                    trusts_other_topics=settings.ses_is_elsewhere,
                    publish_sent=settings.events.sent,
                    max_receives=limits.REPORT_RETRIES,
                    events_bucket_name=state.esp_events.bucket.bucket_name,
                    esp_events_prefix=ESP_EVENTS_PREFIX,
                )
            ),
        )

    def _grant(self, function: Function, state: State) -> None:
        function.allow(["dynamodb:BatchGetItem", "dynamodb:UpdateItem"], [state.ledger.table.table_arn])
        function.allow(["sqs:ChangeMessageVisibility"], [self.work.queue.queue_arn])
        esp_events = state.esp_events.bucket.arn_for_objects(f"{ESP_EVENTS_PREFIX}*")
        function.allow(["s3:PutObject"], [esp_events])
        suppress_wildcards(
            function,
            [esp_events],
            "Keys are derived from what is stored; only the prefix is known beforehand.",
        )
        function.publishes_to(state.bus.bus)
