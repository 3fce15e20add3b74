"""Received mail: SES's notifications through topic and queue to the bus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from constructs import Construct

from mailbus.environment import InboundSettings, to_environment
from mailbus_cdk import limits
from mailbus_cdk.cdk_nag import suppress_wildcards
from mailbus_cdk.constructs.buckets import PARTS_PREFIX, RAW_PREFIX, receipt_rule_arns
from mailbus_cdk.constructs.function import Function
from mailbus_cdk.constructs.queues import DeadLetterQueue, WorkQueue
from mailbus_cdk.constructs.topics import SesTopic

if TYPE_CHECKING:
    from mailbus_cdk.constructs.function import Code
    from mailbus_cdk.constructs.state import State
    from mailbus_cdk.constructs.topics import TopicKey
    from mailbus_cdk.settings import Settings


class Inbound(Construct):
    """The topic of received mail, its queue, and the function that reads both queue and mail."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        code: Code,
        state: State,
        key: TopicKey,
    ) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = DeadLetterQueue(self, "DeadLetters")
        self.work = WorkQueue(
            self,
            "Work",
            limits=limits.INBOUND,
            visibility_seconds=limits.INBOUND_TIMEOUTS * limits.INBOUND.timeout_seconds,
            max_receive_count=limits.INBOUND_RECEIVES,
            dead_letters=self.dead_letters,
        )
        self.receipts = SesTopic(
            self,
            "Receipts",
            key=key,
            publisher_arns=[receipt_rule_arns(self, settings)],
            subscriber=self.work,
        )
        function = self._function(settings, code, state)
        self.function = function
        self.function_name = function.function.function_name
        self._grant(function, settings, state)
        function.reads(self.work, max_concurrency=settings.inbound.max_concurrency)

    def _function(self, settings: Settings, code: Code, state: State) -> Function:
        return Function(
            self,
            "Reader",
            name="inbound",
            description="Mailbus: received mail to the bus",
            code=code,
            settings=settings,
            memory_mb=limits.INBOUND.memory_mb,
            timeout_seconds=limits.INBOUND.timeout_seconds,
            environment=to_environment(
                InboundSettings(
                    event_bus_name=state.bus.bus.event_bus_name,
                    dead_letter_queue_url=self.work.dead_letters.queue_url,
                    inbound_bucket_name=state.inbound_mail.bucket.bucket_name,
                    raw_prefix=RAW_PREFIX,
                    parts_prefix=PARTS_PREFIX,
                    event_bytes=settings.events.entry_bytes,
                    max_receives=limits.INBOUND_RECEIVES,
                    encrypted=settings.inbound.encrypted,
                )
            ),
        )

    def _grant(self, function: Function, settings: Settings, state: State) -> None:
        bucket = state.inbound_mail.bucket
        function.allow(["s3:GetObject"], [bucket.arn_for_objects(f"{RAW_PREFIX}*")])
        # Mail that arrives in its notification, from here or over HTTPS, is stored where SES stores the rest.
        in_notifications = settings.webhook.topic_arns or any(
            rule.action == "sns" for rule in settings.inbound.receipt_rules
        )
        written = (RAW_PREFIX, PARTS_PREFIX) if in_notifications else (PARTS_PREFIX,)
        function.allow(["s3:PutObject"], [bucket.arn_for_objects(f"{prefix}*") for prefix in written])
        if state.inbound_mail.key:
            function.allow(["kms:Decrypt"], [state.inbound_mail.key.key_arn])
        suppress_wildcards(
            function,
            [bucket.arn_for_objects(f"{prefix}*") for prefix in (RAW_PREFIX, PARTS_PREFIX)],
            "Keys are derived from SES's message ids; only the prefix is known beforehand.",
        )
        function.publishes_to(state.bus.bus)
