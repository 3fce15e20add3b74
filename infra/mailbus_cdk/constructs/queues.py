"""Queues that functions read, and their dead-letter queues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

if TYPE_CHECKING:
    from mailbus_cdk.limits import Limits

STAGE_TAG: Final = "mailbus:stage"
# The longest that SQS keeps a message.
RETENTION: Final = Duration.days(14)


class DeadLetterQueue(Construct):
    """A queue for messages that cannot be processed, with the reason."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=RETENTION,
        )


class WorkQueue(Construct):
    """A queue that one function reads in batches, and its dead-letter queue.

    The function moves what it cannot process to the dead-letter queue itself, with the reason;
    `max_receive_count` is for messages that it never answered for. While a batch gathers, its messages are
    invisible too: that time is added to `visibility_seconds`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        limits: Limits,
        visibility_seconds: int,
        max_receive_count: int,
        dead_letters: DeadLetterQueue,
    ) -> None:
        super().__init__(scope, construct_id)
        self.limits = limits
        self.dead_letters = dead_letters.queue
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=RETENTION,
            visibility_timeout=Duration.seconds(visibility_seconds + limits.batch_window_seconds),
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.dead_letters, max_receive_count=max_receive_count
            ),
        )
