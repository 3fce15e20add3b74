"""The timeline: events of the bus through a queue to a table of what became of each mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from mailbus.environment import TimelineSettings, to_environment
from mailbus.events import DETAIL_TYPE_PREFIX, SOURCE
from mailbus_cdk import limits
from mailbus_cdk.constructs.function import Function
from mailbus_cdk.constructs.queues import DeadLetterQueue, WorkQueue

if TYPE_CHECKING:
    from aws_cdk import aws_dynamodb as dynamodb

    from mailbus_cdk.constructs.function import Code
    from mailbus_cdk.constructs.state import State
    from mailbus_cdk.settings import Settings


class Timeline(Construct):
    """The rule on the bus, its queue, and the function that writes the table."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        code: Code,
        state: State,
        table: dynamodb.ITable,
    ) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = DeadLetterQueue(self, "DeadLetters")
        self.work = WorkQueue(
            self,
            "Work",
            limits=limits.timeline(settings),
            visibility_seconds=limits.TIMELINE_TIMEOUTS * limits.TIMELINE.timeout_seconds,
            max_receive_count=limits.TIMELINE_RECEIVES,
            dead_letters=self.dead_letters,
        )
        events.Rule(
            self,
            "Rule",
            description="Mailbus: events to the timeline",
            event_bus=state.bus.bus,
            event_pattern=events.EventPattern(
                source=[SOURCE], detail_type=events.Match.prefix(DETAIL_TYPE_PREFIX)
            ),
            targets=[targets.SqsQueue(self.work.queue, dead_letter_queue=self.dead_letters.queue)],
        )
        function = Function(
            self,
            "Recorder",
            name="timeline",
            description="Mailbus: events to the timeline",
            code=code,
            settings=settings,
            memory_mb=limits.TIMELINE.memory_mb,
            timeout_seconds=limits.TIMELINE.timeout_seconds,
            environment=to_environment(
                TimelineSettings(
                    timeline_table_name=table.table_name,
                    timeline_days=settings.timeline.days,
                    dead_letter_queue_url=self.work.dead_letters.queue_url,
                    max_receives=limits.TIMELINE_RECEIVES,
                )
            ),
        )
        self.days = settings.timeline.days
        self.function = function
        self.function_name = function.function.function_name
        function.allow(["dynamodb:BatchWriteItem", "dynamodb:UpdateItem"], [table.table_arn])
        function.reads(self.work, max_concurrency=limits.timeline_concurrency(settings))
