"""Faults of a deployment that `mailbus doctor` names: each is made, and undone at the end of the block."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mailbus.events import lane_event
from mailbus.ledger.lanes import Lanes
from mailbus_cli.doctor.checks.event_destinations import ALL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.system import System

    Fault = Callable[[System], contextlib.AbstractContextManager[None]]

EVENTS = "mailbus-local"
OTHER_SET = "newsletters"


def _account(**limits: object) -> Fault:
    @contextlib.contextmanager
    def made(system: System) -> Iterator[None]:
        before = system.account()
        system.simulator.put("account", json=limits).raise_for_status()
        yield
        system.simulator.put("account", json={name: before[name] for name in limits}).raise_for_status()

    return made


def _found(identity: str, **statuses: str) -> Fault:
    @contextlib.contextmanager
    def made(system: System) -> Iterator[None]:
        system.simulator.put(f"identities/{identity}", json=statuses).raise_for_status()
        yield
        system.simulator.put(
            f"identities/{identity}", json=dict.fromkeys(statuses, "SUCCESS")
        ).raise_for_status()

    return made


@contextlib.contextmanager
def own_mail_from(system: System) -> Iterator[None]:
    ses = system.client("sesv2")
    ses.put_email_identity_mail_from_attributes(
        EmailIdentity="example.com", MailFromDomain="bounces.example.com"
    )
    yield
    ses.put_email_identity_mail_from_attributes(EmailIdentity="example.com")


@contextlib.contextmanager
def _paused_set(system: System) -> Iterator[None]:
    ses = system.client("sesv2")
    ses.put_configuration_set_sending_options(ConfigurationSetName=OTHER_SET, SendingEnabled=False)
    yield
    ses.put_configuration_set_sending_options(ConfigurationSetName=OTHER_SET, SendingEnabled=True)


@contextlib.contextmanager
def _paused_lane(system: System) -> Iterator[None]:
    lanes = Lanes(system.client("dynamodb"), system.outputs["LedgerTableName"])
    now = datetime.now(UTC)
    lanes.pause(lane_event("lane_paused", "bulk", at=now, by="operator", reason="wrong campaign"))
    yield
    lanes.resume("bulk", at=now, by="operator", reason=None)


@contextlib.contextmanager
def _suppressed(system: System) -> Iterator[None]:
    ses = system.client("sesv2")
    ses.put_suppressed_destination(EmailAddress="shop@example.com", Reason="BOUNCE")
    yield
    ses.delete_suppressed_destination(EmailAddress="shop@example.com")


def _destination(system: System, types: tuple[str, ...]) -> dict[str, Any]:
    return {
        "EventDestinationName": EVENTS,
        "EventDestination": {
            "Enabled": True,
            "MatchingEventTypes": list(types),
            "SnsDestination": {"TopicArn": system.outputs["TrackingTopicArn"]},
        },
    }


@contextlib.contextmanager
def _no_destination(system: System) -> Iterator[None]:
    ses = system.client("sesv2")
    ses.delete_configuration_set_event_destination(
        ConfigurationSetName=OTHER_SET, EventDestinationName=EVENTS
    )
    yield
    ses.create_configuration_set_event_destination(
        ConfigurationSetName=OTHER_SET, **_destination(system, ALL)
    )


@contextlib.contextmanager
def _no_opens(system: System) -> Iterator[None]:
    ses, name = system.client("sesv2"), system.outputs["ConfigurationSetName"]
    some = tuple(kind for kind in ALL if kind != "OPEN")
    ses.update_configuration_set_event_destination(ConfigurationSetName=name, **_destination(system, some))
    yield
    ses.update_configuration_set_event_destination(ConfigurationSetName=name, **_destination(system, ALL))


@contextlib.contextmanager
def _no_set(system: System) -> Iterator[None]:
    ses = system.client("sesv2")
    ses.delete_configuration_set(ConfigurationSetName=OTHER_SET)
    yield
    ses.create_configuration_set(ConfigurationSetName=OTHER_SET)
    ses.create_configuration_set_event_destination(
        ConfigurationSetName=OTHER_SET, **_destination(system, ALL)
    )


@contextlib.contextmanager
def _topic_policy(system: System) -> Iterator[None]:
    sns, topic = system.client("sns"), system.outputs["InboundTopicArn"]
    before = sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]
    policy = json.loads(before)
    policy["Statement"] = [one for one in policy["Statement"] if one.get("Sid") != "SesPublishes"]
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(policy))
    yield
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=before)


@contextlib.contextmanager
def _topic_key(system: System) -> Iterator[None]:
    sns, topic = system.client("sns"), system.outputs["InboundTopicArn"]
    key = system.client("kms").create_key()["KeyMetadata"]["Arn"]
    sns.set_topic_attributes(TopicArn=topic, AttributeName="KmsMasterKeyId", AttributeValue=key)
    yield
    sns.set_topic_attributes(TopicArn=topic, AttributeName="KmsMasterKeyId", AttributeValue="")


@contextlib.contextmanager
def _no_subscription(system: System) -> Iterator[None]:
    sns, topic = system.client("sns"), system.outputs["InboundTopicArn"]
    [subscription] = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    attributes = sns.get_subscription_attributes(SubscriptionArn=subscription["SubscriptionArn"])
    sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    yield
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=subscription["Endpoint"],
        Attributes={"RedrivePolicy": attributes["Attributes"]["RedrivePolicy"]},
    )


@contextlib.contextmanager
def _raw_delivery(system: System) -> Iterator[None]:
    sns = system.client("sns")
    listed = sns.list_subscriptions_by_topic(TopicArn=system.outputs["TrackingTopicArn"])
    arn = listed["Subscriptions"][0]["SubscriptionArn"]
    name = "RawMessageDelivery"
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName=name, AttributeValue="true")
    yield
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName=name, AttributeValue="false")


def _queue_attribute(output: str, name: str) -> Fault:
    @contextlib.contextmanager
    def made(system: System) -> Iterator[None]:
        sqs, url = system.client("sqs"), system.outputs[output]
        before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={name: ""})
        yield
        sqs.set_queue_attributes(QueueUrl=url, Attributes={name: before})

    return made


@contextlib.contextmanager
def _timeline_off(system: System) -> Iterator[None]:
    events, bus = system.client("events"), system.outputs["EventBusName"]
    queue = system.client("sqs").get_queue_attributes(
        QueueUrl=system.outputs["TimelineQueueUrl"], AttributeNames=["QueueArn"]
    )["Attributes"]["QueueArn"]
    [name] = events.list_rule_names_by_target(TargetArn=queue, EventBusName=bus)["RuleNames"]
    events.disable_rule(Name=name, EventBusName=bus)
    yield
    events.enable_rule(Name=name, EventBusName=bus)


@contextlib.contextmanager
def _no_archive(system: System) -> Iterator[None]:
    events, name = system.client("events"), system.outputs["EventArchiveName"]
    before = events.describe_archive(ArchiveName=name)
    events.delete_archive(ArchiveName=name)
    yield
    kept = ("ArchiveName", "EventSourceArn", "Description", "EventPattern", "RetentionDays")
    events.create_archive(**{key: before[key] for key in kept if before.get(key)})


@contextlib.contextmanager
def _inactive(system: System) -> Iterator[None]:
    ses = system.client("ses")
    ses.set_active_receipt_rule_set()
    yield
    ses.set_active_receipt_rule_set(RuleSetName=system.outputs["RuleSetName"])


@contextlib.contextmanager
def _no_rule(system: System) -> Iterator[None]:
    ses, rule_set = system.client("ses"), system.outputs["RuleSetName"]
    rules = ses.describe_receipt_rule_set(RuleSetName=rule_set)["Rules"]
    [place] = [place for place, rule in enumerate(rules) if rule["Name"] == "mailbus-local.notes"]
    ses.delete_receipt_rule(RuleSetName=rule_set, RuleName=rules[place]["Name"])
    yield
    ses.create_receipt_rule(RuleSetName=rule_set, Rule=rules[place], After=rules[place - 1]["Name"])


@contextlib.contextmanager
def _bucket_policy(system: System) -> Iterator[None]:
    s3, bucket = system.client("s3"), system.outputs["InboundBucketName"]
    before = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    s3.delete_bucket_policy(Bucket=bucket)
    yield
    s3.put_bucket_policy(Bucket=bucket, Policy=before)


@contextlib.contextmanager
def _mapping_off(system: System) -> Iterator[None]:
    lambda_ = system.client("lambda")
    queue = system.client("sqs").get_queue_attributes(
        QueueUrl=system.outputs["InboundQueueUrl"], AttributeNames=["QueueArn"]
    )["Attributes"]["QueueArn"]
    [mapping] = lambda_.list_event_source_mappings(EventSourceArn=queue)["EventSourceMappings"]
    lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    yield
    lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


@contextlib.contextmanager
def _few_workers(system: System) -> Iterator[None]:
    lambda_, name = system.client("lambda"), system.outputs["InboundFunctionName"]
    lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    yield
    lambda_.delete_function_concurrency(FunctionName=name)


@contextlib.contextmanager
def _scheduler_role(system: System) -> Iterator[None]:
    iam, lambda_ = system.client("iam"), system.client("lambda")
    sender = lambda_.get_function_configuration(FunctionName=system.outputs["SenderFunctionName"])
    role = sender["Environment"]["Variables"]["SCHEDULE_ROLE_ARN"].rpartition("/")[2]
    [name] = iam.list_role_policies(RoleName=role)["PolicyNames"]
    before = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    iam.delete_role_policy(RoleName=role, PolicyName=name)
    yield
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(before))


def clear_alarms(system: System) -> None:
    """Set all alarms to OK: at any PutMetricData, the embedded AWS evaluates what other tests measured."""
    cloudwatch = system.client("cloudwatch")
    for alarm in cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"]:
        cloudwatch.set_alarm_state(
            AlarmName=alarm["AlarmName"], StateValue="OK", StateReason="of another test"
        )


@contextlib.contextmanager
def _alarm(system: System) -> Iterator[None]:
    cloudwatch = system.client("cloudwatch")
    [name] = [
        alarm["AlarmName"]
        for alarm in cloudwatch.describe_alarms()["MetricAlarms"]
        if alarm["AlarmDescription"].startswith("Mailbus local SendingPaused:")
    ]
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test")
    yield
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="its end")


@contextlib.contextmanager
def _dead_letters(system: System) -> Iterator[None]:
    sqs, url = system.client("sqs"), system.outputs["SendDeadLetterQueueUrl"]
    reasons = [("InvalidJob", "$.attachments[0].content"), ("InvalidJob", "$.attachments[0].content")]
    for error, path in [*reasons, ("InvalidJob", "$.to")]:
        attributes = {"Error": error, "Path": path, "Code": error, "Reason": "is wrong"}
        sqs.send_message(
            QueueUrl=url,
            MessageBody="{}",
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
            },
        )
    yield
    sqs.purge_queue(QueueUrl=url)


@contextlib.contextmanager
def _old_message(system: System) -> Iterator[None]:
    cloudwatch = system.client("cloudwatch")
    queue = system.outputs["SendQueueUrl"].rpartition("/")[2]

    def measure(age: float, moment: datetime) -> None:
        data = {
            "MetricName": "ApproximateAgeOfOldestMessage",
            "Dimensions": [{"Name": "QueueName", "Value": queue}],
            "Value": age,
            "Timestamp": moment,
        }
        cloudwatch.put_metric_data(Namespace="AWS/SQS", MetricData=[data])
        clear_alarms(system)

    measure(9_900, datetime.now(UTC) - timedelta(minutes=5))
    yield
    measure(0, datetime.now(UTC))


# Made together, since no two of a group touch the same; each with its check and a part of what it says.
GROUPS: dict[str, list[tuple[Fault, str, str]]] = {
    "account": [
        (_account(production_access=False), "sandbox", "SES in us-east-1 is in the sandbox"),
        (_account(sending_enabled=False), "sending", "sending is paused for the account"),
        (_paused_lane, "lanes", "the bulk lane is paused since "),
        (_paused_set, "sending", "sending is paused for the configuration set newsletters"),
        (_account(enforcement_status="PROBATION"), "enforcement", "the account is under review"),
        (_account(sent_last_24_hours=45_000), "quota", "90% of the 50,000 recipients of 24 hours are used"),
        (_account(max_send_rate=2_000), "rate", "2000 a second, for 8 workers: about 56 would use all of it"),
        (_account(pricing_plan="ESSENTIALS"), "pricing-plan", "costs 60 % more"),
        (_suppressed, "suppression-list", "get no mail: shop@example.com"),
    ],
    "identities": [
        (_found("example.net", verification_status="FAILED"), "identity", "example.net is not verified"),
        (_found("example.com", dkim_status="FAILED"), "dkim", "example.com: SES did not find the keys"),
        (own_mail_from, "mail-from", "bounces.example.com: SES is still looking for its MX record"),
        (_found("example.com", mail_from_status="PENDING"), "mail-from", "SPF does not align"),
    ],
    "events": [
        (_no_destination, "event-destinations", "newsletters has no event destination"),
        (_no_opens, "event-destinations", "of mailbus-local lacks OPEN"),
        (_topic_policy, "topics", "the policy of the inbound topic does not let SES publish"),
        (_topic_key, "topic-key", "does not let SES call kms:GenerateDataKey and kms:Decrypt"),
        (_no_subscription, "subscriptions", "the inbound queue is not subscribed"),
        (_raw_delivery, "subscriptions", "the subscription of the tracking queue delivers raw messages"),
        (_timeline_off, "timeline", "the rule of the timeline is disabled"),
        (_no_archive, "event-bus", "is missing: what happens now cannot be replayed"),
        (_queue_attribute("InboundQueueUrl", "Policy"), "queue-policies", "the policy of the inbound queue"),
        (
            _queue_attribute("BulkQueueUrl", "RedrivePolicy"),
            "queue-policies",
            "the bulk queue has no",
        ),
    ],
    "receiving and functions": [
        (_no_set, "configuration-set", "there is no configuration set newsletters"),
        (_no_rule, "receipt-rules", "mailbus-local has no receipt rule mailbus-local.notes"),
        (_inactive, "rule-set", "no receipt rule set is active"),
        (_bucket_policy, "buckets", "does not let SES store received mail"),
        (_mapping_off, "event-sources", "the inbound queue is not read"),
        (_few_workers, "concurrency", "the function inbound has a reserved concurrency of 1, but"),
        (_scheduler_role, "schedules", "may not write to the queue transactional, bulk"),
        (_old_message, "oldest", "the oldest message of the transactional queue is 2 h 45 min old"),
        # after _old_message, which clears all alarms
        (_alarm, "alarms", "SendingPaused (since "),
        (_dead_letters, "dead-letters", "commonest: InvalidJob at $.attachments[0].content (2)"),
    ],
}
