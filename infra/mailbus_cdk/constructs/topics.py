"""Topics that SES publishes to, and the key that encrypts them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from constructs import IDependable

    from mailbus_cdk.constructs.queues import WorkQueue

SES: Final = "ses.amazonaws.com"


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
    """A topic that SES publishes to, and one queue that subscribes to all of it.

    `publisher_arns` are ARN patterns of the SES resources that may publish. SES checks its rights when such a
    resource is created, so the resource's own ARN would be a circular reference. A publishing resource
    depends on all of `publishable`: it is created after everything that delivery needs, and deleted before.

    SNS has delivery policies for HTTP subscriptions only. To SQS it retries 100,015 times over 23
    days (https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html); after that, the
    message goes to the queue's dead-letter queue, in the same envelope.
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
        # A dependency on a queue includes its policy, which lets SNS write to it.
        self.publishable: tuple[IDependable, ...] = (
            key.key,
            policy.policy_dependable,
            subscription,
            subscriber.queue,
            subscriber.dead_letters,
        )
