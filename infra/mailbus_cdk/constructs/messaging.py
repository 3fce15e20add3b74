"""Queues and topics: how one step hands over to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from constructs import IDependable

SES: Final = "ses.amazonaws.com"
KEPT_MESSAGES: Final = Duration.days(14)


class DeadLetters(Construct):
    """A queue for what could not be done, with the reason."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=KEPT_MESSAGES,
        )


class WorkQueue(Construct):
    """A queue that one function reads, with the dead-letter queue for what it could not do.

    What is hopeless goes to the dead-letter queue by the function's own hand, with the reason;
    `max_receive_count` is for what the function never came to answer for. A message is hidden from
    others for `hidden_seconds`, and for the `batch_window_seconds` in which a batch of it gathers.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        hidden_seconds: int,
        max_receive_count: int,
        dead_letters: DeadLetters,
        batch_window_seconds: int = 0,
    ) -> None:
        super().__init__(scope, construct_id)
        self.batch_window_seconds = batch_window_seconds
        self.dead_letters = dead_letters.queue
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=KEPT_MESSAGES,
            visibility_timeout=Duration.seconds(hidden_seconds + batch_window_seconds),
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.dead_letters, max_receive_count=max_receive_count
            ),
        )


class TopicKey(Construct):
    """The key of the topics that SES publishes to.

    SES cannot publish to a topic under the AWS-managed key of SNS
    (https://docs.aws.amazon.com/ses/latest/dg/configure-sns-notifications.html#configure-feedback-notifications-sns-encryption).
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.key = kms.Key(
            self,
            "Key",
            description="Encrypts what SES publishes to Mailbus's topics",
            enable_key_rotation=True,
            # It encrypts nothing that outlives a delivery.
            removal_policy=RemovalPolicy.DESTROY,
            pending_window=Duration.days(7),
        )
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="SesPublishesToEncryptedTopics",
                principals=[iam.ServicePrincipal(SES)],
                actions=["kms:GenerateDataKey", "kms:Decrypt"],
                resources=["*"],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )


class SesTopic(Construct):
    """A topic that SES publishes to, and one queue that takes everything from it.

    `publisher_arns` are patterns of the SES resources that may publish: their own ARNs would make
    a circle, since SES wants to find its rights before the resource is made. `publishable` is what
    such a resource depends on: it is there once what is published arrives, and goes before that ends.

    SNS takes a delivery policy for HTTP subscriptions only. To SQS it retries 100,015 times over 23
    days (https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html); what it then
    has to give up goes to the queue's dead-letter queue, in the same envelope.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        key: TopicKey,
        publisher_arns: Sequence[str],
        subscriber: WorkQueue,
    ) -> None:
        super().__init__(scope, construct_id)
        self.topic = sns.Topic(self, "Topic", master_key=key.key, signature_version="2", enforce_ssl=True)
        policy = self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="SesPublishes",
                principals=[iam.ServicePrincipal(SES)],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={
                    "StringEquals": {"aws:SourceAccount": Stack.of(self).account},
                    "ArnLike": {"aws:SourceArn": list(publisher_arns)},
                },
            )
        )
        subscription = self.topic.add_subscription(
            subscriptions.SqsSubscription(
                subscriber.queue, raw_message_delivery=False, dead_letter_queue=subscriber.dead_letters
            )
        )
        # The queues bring along their policies, by which SNS may write.
        self.publishable: tuple[IDependable, ...] = (
            key.key,
            policy.policy_dependable,
            subscription,
            subscriber.queue,
            subscriber.dead_letters,
        )
