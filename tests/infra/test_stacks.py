"""What a stage's stacks hold, read from their templates."""

from __future__ import annotations

import ast
import json
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest
from aws_cdk import Environment, Stack
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Template

from mailbus.environment import InboundSettings, SenderSettings, TrackingSettings
from mailbus.errors import ConfigurationError
from mailbus.metrics import put_metric
from mailbus.ses_events import SES_EVENT_TYPES
from mailbus_cdk.mailbus import Mailbus, deployment
from mailbus_cdk.packaging import ROOT
from mailbus_cdk.settings.schema import (
    ARN_CHARACTERS,
    FREE_ENVIRONMENT_BYTES,
    OTHERS_CHARACTERS,
    SEND_DEFAULTS_BYTES,
    Bulk,
    Rule,
    SessionParams,
    Transactional,
)
from sender.retries import DELAYS
from tests.infra.conftest import ACCOUNT, TOPIC, Templates

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mailbus_cdk.mail import Mail
    from mailbus_cdk.settings.schema import Settings
    from tests.infra.conftest import Resource

SETTINGS_CLASSES = {"sender": SenderSettings, "tracking": TrackingSettings, "inbound": InboundSettings}


def test_a_stage_has_three_stacks_named_after_it(prod: Templates) -> None:
    assert list(prod.raw) == ["state", "mail", "receiving"]
    assert [path.name for path in prod.files.values()] == [
        "mailbus-prod-state.template.json",
        "mailbus-prod-mail.template.json",
        "mailbus-prod-receiving.template.json",
    ]


def test_templates_need_no_account_to_be_made(prod: Templates) -> None:
    assert "missing" not in prod.manifest
    assert {
        artifact["environment"]
        for artifact in prod.manifest["artifacts"].values()
        if artifact["type"] == "aws:cloudformation:stack"
    } == {"aws://unknown-account/us-east-1"}


def test_what_applications_and_operators_need_is_in_the_outputs(prod: Templates) -> None:
    assert set(prod.outputs("state")) == {
        "EventArchiveName",
        "EventBusName",
        "EventsBucketName",
        "InboundBucketName",
        "JobsBucketName",
        "LedgerTableName",
    }
    assert set(prod.outputs("mail")) == {
        "ConfigurationSetName",
        "SendQueueUrl",
        "BulkQueueUrl",
        "SendDeadLetterQueueUrl",
        "TrackingTopicArn",
        "TrackingQueueUrl",
        "TrackingDeadLetterQueueUrl",
        "InboundTopicArn",
        "InboundQueueUrl",
        "InboundDeadLetterQueueUrl",
        "DkimRecord1",
        "DkimRecord2",
        "DkimRecord3",
    }
    assert prod.outputs("receiving") == {
        "RuleSetName": "mailbus-prod",
        "MxRecord1": "inbound.example.com MX 10 inbound-smtp.us-east-1.amazonaws.com",
    }


# Queues and topics


def test_every_queue_is_encrypted_and_refuses_plain_connections(prod: Templates) -> None:
    for queue in prod.of_type("AWS::SQS::Queue"):
        assert queue.properties["SqsManagedSseEnabled"] is True
        (policy,) = [
            policy
            for policy in prod.of_type("AWS::SQS::QueuePolicy")
            if policy.properties["Queues"] == [{"Ref": queue.logical_id}]
        ]
        assert _denies_plain_connections(policy, {"AWS": "*"}, "sqs:*")


def test_every_topic_is_signed_with_sha256_and_encrypted_by_a_key_of_the_deployment(prod: Templates) -> None:
    key = prod.one("AWS::KMS::Key")
    assert key.properties["EnableKeyRotation"] is True
    topics = prod.of_type("AWS::SNS::Topic")
    assert len(topics) == 2
    for topic in topics:
        assert topic.properties["SignatureVersion"] == "2"
        assert prod.text("mail", topic.properties["KmsMasterKeyId"]) == f"<{key.path}>"


def test_every_topic_refuses_plain_connections(prod: Templates) -> None:
    for policy in prod.of_type("AWS::SNS::TopicPolicy"):
        assert _denies_plain_connections(policy, "*", "sns:Publish")


def test_ses_publishes_for_this_account_only_and_from_its_own_resources_only(prod: Templates) -> None:
    allowed = {
        policy.path.partition("/Topic")[0]: statement["Condition"]
        for policy in prod.of_type("AWS::SNS::TopicPolicy")
        for statement in _statements(policy)
        if statement["Effect"] == "Allow"
    }
    sources = {
        path: [prod.text("mail", arn) for arn in condition["ArnLike"]["aws:SourceArn"]]
        for path, condition in allowed.items()
    }
    assert sources == {
        "Mail/Tracking/Events": ["arn:aws:ses:us-east-1:111122223333:configuration-set/mailbus-prod"],
        "Mail/Inbound/Receipts": [
            "arn:aws:ses:us-east-1:111122223333:receipt-rule-set/mailbus-prod:receipt-rule/*"
        ],
    }
    for condition in allowed.values():
        assert condition["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}


def test_ses_may_use_the_topics_key_for_this_account_only(prod: Templates) -> None:
    (statement,) = [
        statement
        for statement in prod.one("AWS::KMS::Key").properties["KeyPolicy"]["Statement"]
        if statement["Principal"] == {"Service": "ses.amazonaws.com"}
    ]
    assert statement["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_every_hop_has_a_dead_letter_queue(prod: Templates) -> None:
    redrives = {
        resource.path: prod.text(resource.stack, resource.properties["RedrivePolicy"]["deadLetterTargetArn"])
        for kind in ("AWS::SQS::Queue", "AWS::SNS::Subscription")
        for resource in prod.of_type(kind)
        if not resource.path.endswith("DeadLetters/Queue")
    }
    assert len(redrives) == 6
    for path, target in redrives.items():
        flow = "/".join(path.split("/")[:2])
        assert target == f"<{flow}/DeadLetters/Queue>"


def test_topics_deliver_in_their_envelope(prod: Templates) -> None:
    for subscription in prod.of_type("AWS::SNS::Subscription"):
        assert subscription.properties["RawMessageDelivery"] is False


def test_jobs_that_are_held_back_do_not_run_out_of_receives(prod: Templates) -> None:
    receives = {
        queue.path: queue.properties["RedrivePolicy"]["maxReceiveCount"]
        for queue in prod.of_type("AWS::SQS::Queue")
        if "RedrivePolicy" in queue.properties
    }
    assert receives == {
        "Mail/Sending/Transactional/Queue": 1000,
        "Mail/Sending/Bulk/Queue": 1000,
        "Mail/Tracking/Work/Queue": 10,
        "Mail/Inbound/Work/Queue": 10,
    }


def test_a_notification_stays_invisible_for_six_function_timeouts_and_the_window(prod: Templates) -> None:
    for flow in ("Tracking", "Inbound"):
        timeout, window, invisible = _patience(prod, prod.one("AWS::Lambda::EventSourceMapping", flow))
        assert invisible == 6 * timeout + window


def test_a_job_whose_worker_died_comes_back_half_a_minute_after_the_worker_has_to_be_gone(
    prod: Templates,
) -> None:
    for lane, gathering in (("Transactional", 0), ("Bulk", 0)):
        timeout, window, invisible = _patience(
            prod, prod.one("AWS::Lambda::EventSourceMapping", f"Sender/{lane}")
        )
        assert window == gathering
        assert invisible == timeout + window + 30


def test_every_source_reports_single_failures_and_bounds_its_workers(prod: Templates) -> None:
    mappings = prod.of_type("AWS::Lambda::EventSourceMapping")
    assert len(mappings) == 4
    for mapping in mappings:
        assert mapping.properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping.properties["ScalingConfig"]["MaximumConcurrency"] >= 2


def test_events_are_tracked_in_batches_of_a_hundred_within_a_second(prod: Templates) -> None:
    mapping = prod.one("AWS::Lambda::EventSourceMapping", "Tracking")
    assert mapping.properties["BatchSize"] == 100
    assert mapping.properties["MaximumBatchingWindowInSeconds"] == 1


def test_both_lanes_lead_to_the_one_sender_each_with_its_own_limits(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    templates = synthesize(
        msgspec.structs.replace(
            settings,
            transactional=Transactional(batch_size=5, max_concurrency=20),
            bulk=Bulk(batch_size=50, batch_window_seconds=7, max_concurrency=2, share=0.25),
        )
    )
    fed = {}
    for mapping in templates.of_type("AWS::Lambda::EventSourceMapping"):
        function = _referred(templates, mapping, mapping.properties["FunctionName"])
        if _name(function) == "sender":
            fed[_referred(templates, mapping, mapping.properties["EventSourceArn"]).path] = (
                mapping.properties["BatchSize"],
                mapping.properties["MaximumBatchingWindowInSeconds"],
                mapping.properties["ScalingConfig"]["MaximumConcurrency"],
            )
    assert fed == {
        "Mail/Sending/Transactional/Queue": (5, 0, 20),
        "Mail/Sending/Bulk/Queue": (50, 7, 2),
    }
    assert _environment(templates, "sender")["BULK_SHARE"] == "0.25"


def test_who_knows_a_send_queue_finds_the_ledger_and_the_jobs_bucket_by_its_tags(prod: Templates) -> None:
    for lane in ("Transactional", "Bulk"):
        queue = prod.one("AWS::SQS::Queue", f"Sending/{lane}")
        assert {tag["Key"]: prod.text("mail", tag["Value"]) for tag in queue.properties["Tags"]} == {
            "mailbus:stage": "prod",
            "mailbus:ledger-table": "<State/Ledger/Table>",
            "mailbus:jobs-bucket": "<State/Jobs/Bucket>",
        }


# SES


def test_every_event_type_of_ses_goes_to_the_tracking_topic(prod: Templates) -> None:
    destination = prod.one("AWS::SES::ConfigurationSetEventDestination").properties["EventDestination"]
    assert destination["Enabled"] is True
    assert destination["MatchingEventTypes"] == [known.template_name for known in SES_EVENT_TYPES.values()]
    topic = prod.text("mail", destination["SnsDestination"]["TopicARN"])
    assert topic == "<Mail/Tracking/Events/Topic>"


def test_ses_finds_its_rights_before_the_event_destination_is_made(prod: Templates) -> None:
    destination = prod.one("AWS::SES::ConfigurationSetEventDestination")
    assert set(destination.depends_on) >= {
        prod.one("AWS::KMS::Key").logical_id,
        prod.one("AWS::SNS::TopicPolicy", "Tracking").logical_id,
    }


def test_ses_finds_its_rights_before_the_receipt_rule_is_made(prod: Templates) -> None:
    assert set(prod.manifest["artifacts"]["mailbus-prod-receiving"]["dependencies"]) >= {
        "mailbus-prod-state",
        "mailbus-prod-mail",
    }


def test_a_domain_is_signed_with_dkim_and_its_records_are_told(prod: Templates) -> None:
    identity = prod.one("AWS::SES::EmailIdentity")
    assert identity.properties == {
        "EmailIdentity": "example.com",
        "DkimAttributes": {"SigningEnabled": True},
    }
    assert prod.text("mail", prod.outputs("mail")["DkimRecord1"]) == (
        "<Mail/Identity/Identity> CNAME <Mail/Identity/Identity>"
    )


MADE_BY_HAND = {
    "mail_from_domain": "bounces.example.com",
    "dmarc_policy": "quarantine",
}


def test_mail_from_and_dmarc_are_the_domains_own_and_their_records_are_told(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    templates = synthesize(msgspec.structs.replace(settings, **MADE_BY_HAND))
    identity = templates.one("AWS::SES::EmailIdentity").properties
    assert identity["MailFromAttributes"] == {"MailFromDomain": "bounces.example.com"}
    outputs = templates.outputs("mail")
    assert outputs["MailFromRecord1"] == ("bounces.example.com MX 10 feedback-smtp.us-east-1.amazonses.com")
    assert outputs["MailFromRecord2"] == 'bounces.example.com TXT "v=spf1 include:amazonses.com ~all"'
    assert outputs["DmarcRecord1"] == '_dmarc.example.com TXT "v=DMARC1; p=quarantine"'


def test_a_hosted_zone_gets_the_records_that_are_otherwise_told(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    zone = "Z0123456789ABCDEFGHIJ"
    templates = synthesize(msgspec.structs.replace(settings, **MADE_BY_HAND, hosted_zone_id=zone))
    records = templates.of_type("AWS::Route53::RecordSet")
    assert {record.properties["HostedZoneId"] for record in records} == {zone}
    assert [
        (templates.text("mail", record.properties["Name"]), record.properties["Type"]) for record in records
    ] == [
        *[("<Mail/Identity/Identity>", "CNAME")] * 3,
        ("bounces.example.com", "MX"),
        ("bounces.example.com", "TXT"),
        ("_dmarc.example.com", "TXT"),
    ]
    assert not [name for name in templates.outputs("mail") if "Record" in name]


def test_an_identity_that_is_there_already_is_used_and_left_alone(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    templates = synthesize(msgspec.structs.replace(settings, identity_exists=True))
    assert "AWS::SES::EmailIdentity" not in {resource.type for resource in templates.resources}
    assert not [name for name in templates.outputs("mail") if "Record" in name]
    assert ("ses:SendEmail", f"{ARN}:identity/example.com") in _allowed(
        templates, templates.one("AWS::IAM::Policy", "Sending/Sender")
    )


def test_a_configuration_set_that_is_there_already_gets_an_event_destination_alone(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    templates = synthesize(
        msgspec.structs.replace(settings, configuration_set_name="shop", configuration_set_exists=True)
    )
    assert "AWS::SES::ConfigurationSet" not in {resource.type for resource in templates.resources}
    destination = templates.one("AWS::SES::ConfigurationSetEventDestination").properties
    assert destination["ConfigurationSetName"] == "shop"
    assert destination["EventDestination"]["Name"] == "mailbus-prod"
    assert _environment(templates, "sender")["CONFIGURATION_SET_NAME"] == "shop"


OTHERS: dict[str, Any] = {
    "other_identities": ("example.net", "arn:aws:ses:us-east-1:444455556666:identity/partner.example"),
    "other_configuration_sets": ("newsletters", "receipts"),
}


def test_jobs_may_use_other_identities_and_configuration_sets_that_are_named(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    templates = synthesize(msgspec.structs.replace(settings, **OTHERS))
    rights = _allowed(templates, templates.one("AWS::IAM::Policy", "Sending/Sender"))
    for action in ("ses:SendEmail", "ses:SendRawEmail", "ses:SendBulkEmail"):
        assert {resource for allowed, resource in rights if allowed == action} == {
            f"{ARN}:identity/<Mail/Identity/Identity>",
            f"{ARN}:identity/example.net",
            "arn:aws:ses:us-east-1:444455556666:identity/partner.example",
            f"{ARN}:configuration-set/mailbus-prod",
            f"{ARN}:configuration-set/newsletters",
            f"{ARN}:configuration-set/receipts",
            f"{ARN}:template/*",
        }


def test_as_many_others_as_the_settings_take_fit_into_policies(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    each = OTHERS_CHARACTERS // (ARN_CHARACTERS + len("shop-00.example.net"))
    names = [f"shop-{number:02}" for number in range(each)]
    templates = synthesize(
        msgspec.structs.replace(
            settings,
            region="ap-southeast-1",
            identity=f"{'d' * 60}.{'d' * 60}.{'d' * 60}.{'d' * 60}.example",
            identity_exists=True,
            other_identities=tuple(f"{name}.example.net" for name in names),
        )
    )
    policies = [
        policy
        for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
        for policy in templates.of_type(kind)
        if policy.path.startswith("Mail/Sending/Sender/")
    ]
    assert (
        sum(action == "ses:SendEmail" for policy in policies for action, _ in _allowed(templates, policy))
        > each
    )
    limits = {"AWS::IAM::Policy": 10_240, "AWS::IAM::ManagedPolicy": 6144}
    for policy in policies:
        resolved = [
            {
                **statement,
                "Resource": [templates.text("mail", each) for each in _listed(statement["Resource"])],
            }
            for statement in _statements(policy)
        ]
        assert len(json.dumps(resolved, separators=(",", ":"))) < limits[policy.type]


def test_other_configuration_sets_get_an_event_destination_and_nothing_else(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    templates = synthesize(msgspec.structs.replace(settings, **OTHERS))
    own = templates.one("AWS::SES::ConfigurationSet")
    destinations = templates.of_type("AWS::SES::ConfigurationSetEventDestination")
    assert [destination.properties["ConfigurationSetName"] for destination in destinations] == [
        {"Ref": own.logical_id},
        "newsletters",
        "receipts",
    ]
    for destination in destinations:
        told = destination.properties["EventDestination"]
        assert told == destinations[0].properties["EventDestination"]
        assert set(destination.depends_on) >= {
            templates.one("AWS::KMS::Key").logical_id,
            templates.one("AWS::SNS::TopicPolicy", "Tracking").logical_id,
        }


def test_other_configuration_sets_may_publish_to_the_tracking_topic(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    templates = synthesize(msgspec.structs.replace(settings, **OTHERS))
    (allowed,) = [
        statement
        for statement in _statements(templates.one("AWS::SNS::TopicPolicy", "Tracking"))
        if statement["Effect"] == "Allow"
    ]
    assert [templates.text("mail", arn) for arn in allowed["Condition"]["ArnLike"]["aws:SourceArn"]] == [
        f"{ARN}:configuration-set/{name}" for name in ("mailbus-prod", "newsletters", "receipts")
    ]


def test_other_configuration_sets_of_another_region_may_be_used_without_events(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    templates = synthesize(
        msgspec.structs.replace(
            settings,
            identity_exists=True,
            configuration_set_name="shop",
            configuration_set_exists=True,
            session_params=SessionParams(region="eu-west-1"),
            other_configuration_sets=("newsletters",),
        )
    )
    rights = _allowed(templates, templates.one("AWS::IAM::Policy", "Sending/Sender"))
    assert ("ses:SendEmail", f"arn:aws:ses:eu-west-1:{ACCOUNT}:configuration-set/newsletters") in rights
    assert "AWS::SES::ConfigurationSetEventDestination" not in {
        resource.type for resource in templates.resources
    }


def test_ses_of_another_account_is_reached_by_its_role_alone_and_nothing_is_made_there(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    role = "arn:aws:iam::444455556666:role/send-mail"
    templates = synthesize(
        msgspec.structs.replace(
            settings,
            identity_exists=True,
            configuration_set_name="shop",
            configuration_set_exists=True,
            session_params=SessionParams(role_arn=role, region="eu-west-1"),
        )
    )
    rights = _allowed(templates, templates.one("AWS::IAM::Policy", "Sending/Sender"))
    assert ("sts:AssumeRole", role) in rights
    assert not [action for action, _ in rights if action.startswith("ses:")]
    sender = _environment(templates, "sender")
    assert (sender["SES_ROLE_ARN"], sender["SES_REGION"]) == (role, "eu-west-1")
    assert not {resource.type for resource in templates.resources if resource.stack == "mail"} & {
        "AWS::SES::EmailIdentity",
        "AWS::SES::ConfigurationSet",
        "AWS::SES::ConfigurationSetEventDestination",
    }


def test_ses_of_another_region_is_what_the_senders_rights_are_for(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    templates = synthesize(
        msgspec.structs.replace(
            settings,
            identity_exists=True,
            configuration_set_name="shop",
            configuration_set_exists=True,
            session_params=SessionParams(region="eu-west-1"),
        )
    )
    rights = _allowed(templates, templates.one("AWS::IAM::Policy", "Sending/Sender"))
    assert {resource for action, resource in rights if action == "ses:SendEmail"} == {
        f"arn:aws:ses:eu-west-1:{ACCOUNT}:identity/example.com",
        f"arn:aws:ses:eu-west-1:{ACCOUNT}:configuration-set/shop",
        f"arn:aws:ses:eu-west-1:{ACCOUNT}:template/*",
    }


def test_links_and_pixels_can_name_a_domain_of_ones_own(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    tracking = msgspec.structs.replace(settings.tracking, custom_redirect_domain="links.example.com")
    templates = synthesize(msgspec.structs.replace(settings, tracking=tracking))
    made = templates.one("AWS::SES::ConfigurationSet").properties
    assert made["TrackingOptions"] == {"CustomRedirectDomain": "links.example.com"}
    assert templates.outputs("mail")["RedirectRecord1"] == ("links.example.com CNAME r.us-east-1.awstrack.me")


def test_received_mail_is_scanned_stored_and_announced(prod: Templates) -> None:
    rule = prod.one("AWS::SES::ReceiptRule").properties["Rule"]
    assert (rule["Enabled"], rule["ScanEnabled"], rule["Recipients"]) == (True, True, ["inbound.example.com"])
    (action,) = rule["Actions"]
    assert {key: prod.text("receiving", value) for key, value in action["S3Action"].items()} == {
        "BucketName": "<State/InboundMail/Bucket>",
        "ObjectKeyPrefix": "raw/",
        "TopicArn": "<Mail/Inbound/Receipts/Topic>",
    }


def test_the_rule_set_is_activated_after_its_rule_and_displaces_no_other(prod: Templates) -> None:
    activation = prod.one("Custom::ActiveReceiptRuleSet")
    assert prod.one("AWS::SES::ReceiptRule").logical_id in activation.depends_on
    assert activation.properties["Displace"] == "false"
    assert activation.properties["ServiceTimeout"] == "300"
    assert prod.text("receiving", activation.properties["RuleSetName"]) == "<Receiving/RuleSet>"


def test_which_rule_set_is_active_is_noted_before_ours_is_activated(prod: Templates) -> None:
    looks, activates = (
        prod.one("Custom::ActiveReceiptRuleSetBefore"),
        prod.one("Custom::ActiveReceiptRuleSet"),
    )
    assert looks.properties["ReadOnly"] == "true"
    assert "ReadOnly" not in activates.properties
    assert activates.properties["State"] == {"Ref": looks.logical_id}
    told = ("ServiceToken", "ServiceTimeout", "RuleSetName", "Displace")
    assert {key: looks.properties[key] for key in told} == {key: activates.properties[key] for key in told}
    for resource in (looks, activates):
        assert prod.one("AWS::IAM::Policy", "Activator").logical_id in resource.depends_on


def test_lambda_does_not_run_an_activation_again_that_cloudformation_has_given_up(prod: Templates) -> None:
    once = prod.one("AWS::Lambda::EventInvokeConfig")
    assert once.properties["MaximumRetryAttempts"] == 0
    assert (
        prod.text("receiving", once.properties["FunctionName"]) == "<Receiving/Activation/Activator/Function>"
    )


# What is kept


@pytest.mark.parametrize(
    ("name", "kept"),
    [("InboundMail", {"raw/": 90, "parts/": 60}), ("Jobs", {"jobs/": 45, "scheduled/": 400})],
)
def test_mail_and_jobs_are_private_encrypted_and_kept_as_long_as_the_settings_say(
    prod: Templates, name: str, kept: dict[str, int]
) -> None:
    bucket = prod.one("AWS::S3::Bucket", name).properties
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    expiry = {
        rule["Prefix"]: rule["ExpirationInDays"]
        for rule in bucket["LifecycleConfiguration"]["Rules"]
        if "Prefix" in rule
    }
    assert expiry == kept


def test_nobody_is_let_into_the_jobs_bucket_by_its_policy_and_nobody_uses_plain_connections(
    prod: Templates,
) -> None:
    policy = prod.one("AWS::S3::BucketPolicy", "Jobs")
    assert _denies_plain_connections(policy, {"AWS": "*"}, "s3:*")
    assert {statement["Effect"] for statement in _statements(policy)} == {"Deny"}


def test_schedules_are_kept_apart_from_what_is_redeployed(prod: Templates) -> None:
    group = prod.one("AWS::Scheduler::ScheduleGroup")
    assert (group.stack, group.properties["Name"]) == ("state", "mailbus-prod")


def test_scheduler_acts_for_this_account_and_this_group_only(prod: Templates) -> None:
    role = prod.one("AWS::IAM::Role", "Scheduling").properties["AssumeRolePolicyDocument"]
    (statement,) = role["Statement"]
    assert statement["Principal"] == {"Service": "scheduler.amazonaws.com"}
    condition = statement["Condition"]["StringEquals"]
    assert {key: prod.text("mail", value) for key, value in condition.items()} == {
        "aws:SourceAccount": ACCOUNT,
        "aws:SourceArn": f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule-group/mailbus-prod",
    }


def test_the_sender_hands_its_role_for_schedules_to_scheduler_only(prod: Templates) -> None:
    policy = prod.one("AWS::IAM::Policy", "Sending/Sender")
    (statement,) = [
        statement for statement in _statements(policy) if "iam:PassRole" in _listed(statement["Action"])
    ]
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}


def test_ses_writes_received_mail_only_and_nobody_uses_plain_connections(prod: Templates) -> None:
    policy = prod.one("AWS::S3::BucketPolicy", "InboundMail")
    assert _denies_plain_connections(policy, {"AWS": "*"}, "s3:*")
    (allowed,) = [statement for statement in _statements(policy) if statement["Effect"] == "Allow"]
    assert allowed["Principal"] == {"Service": "ses.amazonaws.com"}
    assert allowed["Action"] == "s3:PutObject"
    assert prod.text("state", allowed["Resource"]) == "<State/InboundMail/Bucket>/raw/*"
    assert allowed["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert prod.text("state", allowed["Condition"]["ArnLike"]["aws:SourceArn"]) == (
        "arn:aws:ses:us-east-1:111122223333:receipt-rule-set/mailbus-prod:receipt-rule/*"
    )


def test_the_ledger_forgets_by_expires_at_and_can_be_restored(prod: Templates) -> None:
    table = prod.one("AWS::DynamoDB::Table").properties
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["DeletionProtectionEnabled"] is True


def test_the_events_of_the_bus_are_archived(prod: Templates) -> None:
    archive = prod.one("AWS::Events::Archive").properties
    assert archive["RetentionDays"] == 90
    assert archive["EventPattern"]["source"] == ["mailbus"]
    assert prod.text("state", archive["SourceArn"]) == "<State/Events/Bus>"


STATEFUL = (
    "AWS::S3::Bucket",
    "AWS::DynamoDB::Table",
    "AWS::Events::EventBus",
    "AWS::Events::Archive",
    "AWS::Scheduler::ScheduleGroup",
)


@pytest.mark.parametrize("kind", STATEFUL)
def test_what_is_kept_outlives_its_stack(prod: Templates, kind: str) -> None:
    assert {resource.deletion_policy for resource in prod.of_type(kind)} == {"Retain"}


@pytest.mark.parametrize("kind", STATEFUL)
def test_what_a_laptop_keeps_goes_with_its_stack(local: Templates, kind: str) -> None:
    assert {resource.deletion_policy for resource in local.of_type(kind)} == {"Delete"}


def test_the_stack_that_holds_state_is_protected_from_deletion(prod: Templates, local: Templates) -> None:
    protected = {
        name: artifact["properties"].get("terminationProtection", False)
        for templates in (prod, local)
        for name, artifact in templates.manifest["artifacts"].items()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    assert [name for name, is_protected in protected.items() if is_protected] == ["mailbus-prod-state"]


# Functions


def test_each_function_gets_exactly_the_environment_that_it_reads(prod: Templates) -> None:
    read = {
        name: {variable.upper() for variable in kind.__struct_fields__}
        for name, kind in SETTINGS_CLASSES.items()
    }
    given = {
        _name(function): set(function.properties["Environment"]["Variables"])
        - {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_LOG_LEVEL"}
        for function in prod.of_type("AWS::Lambda::Function")
    }
    # What the settings leave out, the function does without.
    read["sender"] -= {"SES_ROLE_ARN", "SES_REGION"}
    assert given == {**read, "activation": set()}


NAMES = '[[],"",{"role_arn":null,"region":null}]'


def test_a_deployment_at_its_longest_fits_into_a_functions_environment(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    room = "x" * (SEND_DEFAULTS_BYTES - len('{"text":""}'))
    longest = msgspec.structs.replace(
        settings,
        stage="s" * 24,
        region="ap-southeast-1",
        configuration_set_name="c" * 64,
        send_defaults={"text": room},
        message_tag_name="t" * (FREE_ENVIRONMENT_BYTES - SEND_DEFAULTS_BYTES - len(NAMES)),
        source_buckets=(),
    )
    environment = _environment(synthesize(longest), "sender")
    # the longest that CloudFormation makes of them: queues and roles have names of 80 and 64, buckets of 63
    placeholder = {
        "URL": len("https://sqs.ap-southeast-1.amazonaws.com/111122223333/") + 80,
        "ARN": len("arn:aws:sqs:ap-southeast-1:111122223333:") + 80,
        "NAME": 100,
    }
    size = sum(
        len(name) + (len(value) if isinstance(value, str) else placeholder[name.rpartition("_")[2]])
        for name, value in environment.items()
    )
    assert size <= 4096


def test_plain_settings_reach_the_functions(prod: Templates) -> None:
    sender = _environment(prod, "sender")
    assert sender["MAX_ATTEMPTS"] == str(prod.settings.max_attempts)
    assert sender["METADATA_IN_HEADERS"] == "true"
    assert sender["MESSAGE_TAG_NAME"] == "campaign"
    assert json.loads(sender["SEND_DEFAULTS"]) == {"reply_to": ["support@example.com"]}
    assert json.loads(sender["SOURCE_BUCKETS"]) == ["example-invoices"]
    assert (sender["LEDGER_DAYS"], sender["DOUBT_SECONDS"], sender["ON_UNKNOWN"]) == ("7", "120", "resend")
    assert sender["SCHEDULE_GROUP_NAME"] == "mailbus-prod"
    assert (sender["SES_CONNECT_TIMEOUT"], sender["SES_READ_TIMEOUT"]) == ("3", "15")
    assert sender["CONFIGURATION_SET_NAME"] == "mailbus-prod"
    assert sender["POWERTOOLS_SERVICE_NAME"] == "sender"
    assert sender["POWERTOOLS_LOG_LEVEL"] == "INFO"


def test_the_sender_is_told_each_of_its_queues_by_url_and_arn(prod: Templates) -> None:
    sender = _environment(prod, "sender")
    for variable, lane in (("SEND_QUEUE", "Transactional"), ("BULK_QUEUE", "Bulk")):
        for form in ("URL", "ARN"):
            assert prod.text("mail", sender[f"{variable}_{form}"]) == f"<Mail/Sending/{lane}/Queue>"
    assert prod.text("mail", sender["DEAD_LETTER_QUEUE_ARN"]) == "<Mail/Sending/DeadLetters/Queue>"
    assert prod.text("mail", sender["SCHEDULE_ROLE_ARN"]) == "<Mail/Sending/Scheduling/Role>"


def test_each_flow_has_its_own_dead_letter_queue_to_write_to(prod: Templates) -> None:
    for name, flow in (("sender", "Sending"), ("tracking", "Tracking"), ("inbound", "Inbound")):
        url = _environment(prod, name)["DEAD_LETTER_QUEUE_URL"]
        assert prod.text("mail", url) == f"<Mail/{flow}/DeadLetters/Queue>"


def test_every_handler_that_is_deployed_exists(prod: Templates) -> None:
    for function in prod.of_type("AWS::Lambda::Function"):
        folder, module, name = function.properties["Handler"].split(".")
        source = ast.parse((ROOT / "functions" / folder / f"{module}.py").read_text())
        assert name in {node.name for node in source.body if isinstance(node, ast.FunctionDef)}


def test_functions_run_on_arm_in_an_account_and_on_the_host_on_a_laptop(
    prod: Templates, local: Templates
) -> None:
    assert _of_functions(prod, "Architectures") == {"arm64"}
    assert _of_functions(local, "Architectures") <= {"arm64", "x86_64"}
    assert local.settings.architecture == "host"


def test_logs_are_kept_as_long_as_the_settings_say_and_no_longer(prod: Templates) -> None:
    groups = prod.of_type("AWS::Logs::LogGroup")
    assert len(groups) == len(prod.of_type("AWS::Lambda::Function"))
    assert {group.properties["RetentionInDays"] for group in groups} == {90}


WRITE_LOGS = ["logs:CreateLogStream", "logs:PutLogEvents"]
READ_QUEUE = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
ARN = "arn:aws:ses:us-east-1:111122223333"
RIGHTS: dict[str, set[tuple[str, str]]] = {
    "Mail/Sending/Sender": {
        *((action, "<Mail/Sending/Sender/Log>") for action in WRITE_LOGS),
        *(
            (action, f"<Mail/Sending/{lane}/Queue>")
            for action in (*READ_QUEUE, "sqs:SendMessage", "sqs:ChangeMessageVisibility")
            for lane in ("Transactional", "Bulk")
        ),
        ("sqs:SendMessage", "<Mail/Sending/DeadLetters/Queue>"),
        # What is in a transaction counts as the single actions.
        *(
            (f"dynamodb:{action}", "<State/Ledger/Table>")
            for action in ("GetItem", "PutItem", "UpdateItem", "BatchGetItem", "BatchWriteItem")
        ),
        ("s3:GetObject", "<State/Jobs/Bucket>/*"),
        ("s3:GetObjectVersion", "<State/Jobs/Bucket>/*"),
        ("s3:GetObject", "arn:aws:s3:::example-invoices/*"),
        ("s3:GetObjectVersion", "arn:aws:s3:::example-invoices/*"),
        ("s3:PutObject", "<State/Jobs/Bucket>/jobs/*"),
        ("s3:PutObject", "<State/Jobs/Bucket>/scheduled/*"),
        ("scheduler:CreateSchedule", f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule/mailbus-prod/*"),
        ("iam:PassRole", "<Mail/Sending/Scheduling/Role>"),
        ("events:PutEvents", "<State/Events/Bus>"),
        *(
            (f"ses:{action}", resource)
            for action in (
                "SendEmail",
                "SendRawEmail",
                "SendTemplatedEmail",
                "SendBulkEmail",
                "SendBulkTemplatedEmail",
            )
            for resource in (
                f"{ARN}:identity/<Mail/Identity/Identity>",
                f"{ARN}:configuration-set/mailbus-prod",
                f"{ARN}:template/*",
            )
        ),
        # SES gives these two no resource to scope to.
        ("ses:ApplyTrackingConfigurationOverrides", "*"),
        ("ses:GetAccount", "*"),
    },
    "Mail/Sending/Scheduling": {
        ("sqs:SendMessage", "<Mail/Sending/Transactional/Queue>"),
        ("sqs:SendMessage", "<Mail/Sending/Bulk/Queue>"),
        ("sqs:SendMessage", "<Mail/Sending/DeadLetters/Queue>"),
    },
    "Mail/Tracking/Tracker": {
        *((action, "<Mail/Tracking/Tracker/Log>") for action in WRITE_LOGS),
        *((action, "<Mail/Tracking/Work/Queue>") for action in READ_QUEUE),
        ("sqs:SendMessage", "<Mail/Tracking/DeadLetters/Queue>"),
        ("dynamodb:BatchGetItem", "<State/Ledger/Table>"),
        ("dynamodb:UpdateItem", "<State/Ledger/Table>"),
        ("s3:PutObject", "<State/EspEvents/Bucket>/esp-events/*"),
        ("events:PutEvents", "<State/Events/Bus>"),
    },
    "Mail/Inbound/Reader": {
        *((action, "<Mail/Inbound/Reader/Log>") for action in WRITE_LOGS),
        *((action, "<Mail/Inbound/Work/Queue>") for action in READ_QUEUE),
        ("sqs:SendMessage", "<Mail/Inbound/DeadLetters/Queue>"),
        ("events:PutEvents", "<State/Events/Bus>"),
        ("s3:GetObject", "<State/InboundMail/Bucket>/raw/*"),
        ("s3:PutObject", "<State/InboundMail/Bucket>/parts/*"),
    },
    # SES gives these two no resource to scope to.
    "Receiving/Activation/Activator": {
        *((action, "<Receiving/Activation/Activator/Log>") for action in WRITE_LOGS),
        ("ses:DescribeActiveReceiptRuleSet", "*"),
        ("ses:SetActiveReceiptRuleSet", "*"),
    },
}


# What an application needs: docs/client.md and the client's errors name the same.
TO_SEND: set[tuple[str, str]] = {
    *(
        (action, f"<Mail/Sending/{lane}/Queue>")
        for action in ("sqs:SendMessage", "sqs:ListQueueTags")
        for lane in ("Transactional", "Bulk")
    ),
    ("dynamodb:UpdateItem", "<State/Ledger/Table>"),
    ("s3:PutObject", "<State/Jobs/Bucket>/jobs/*"),
    ("s3:PutObject", "<State/Jobs/Bucket>/scheduled/*"),
}


def test_each_function_may_do_what_it_does_and_nothing_else(prod: Templates) -> None:
    granted: dict[str, set[tuple[str, str]]] = {}
    for policy in prod.of_type("AWS::IAM::Policy"):
        rights = granted.setdefault(policy.path.partition("/Role/")[0], set())
        rights |= _allowed(prod, policy)
    assert granted == RIGHTS


def test_an_application_that_may_send_may_do_that_alone(
    app_in: Callable[[Path], Any], tmp_path: Path, settings: Settings
) -> None:
    app = app_in(tmp_path)
    state, mail, _receiving = deployment(app, settings=settings)
    sending = cast("Mail", mail.node.find_child("Mail")).sending
    sending.grant_send(iam.Role(mail, "Web", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com")))
    assert state.node.id == "mailbus-prod-state"
    templates = Templates(app, settings)
    assert _allowed(templates, templates.one("AWS::IAM::Policy", "Web")) == TO_SEND


def test_roles_hold_no_policies_of_somebody_elses_making(prod: Templates) -> None:
    for role in prod.of_type("AWS::IAM::Role"):
        assert set(role.properties) == {"AssumeRolePolicyDocument"}


# Alarms


def test_somebody_is_told_of_paused_sending_late_jobs_and_every_dead_letter(prod: Templates) -> None:
    alarms = {}
    for alarm in prod.of_type("AWS::CloudWatch::Alarm"):
        given = alarm.properties
        dimensions = {item["Name"]: prod.text("mail", item["Value"]) for item in given["Dimensions"]}
        alarms[alarm.path.rpartition("/")[2]] = (given["MetricName"], dimensions, given["Threshold"])
        assert given["ComparisonOperator"] == "GreaterThanThreshold"
        assert given["TreatMissingData"] == "notBreaching"
        assert (given["Period"], given["DatapointsToAlarm"]) == (300, 1)
        assert given["AlarmActions"] == given["OKActions"] == [TOPIC]
    visible = "ApproximateNumberOfMessagesVisible"
    assert alarms == {
        "SendingPaused": ("SendingPaused", {"service": "<Mail/Sending/Sender/Function>"}, 0),
        "LateJobs": (
            "ApproximateAgeOfOldestMessage",
            {"QueueName": "<Mail/Sending/Transactional/Queue>"},
            900,
        ),
        "WaitingJobs": ("WaitingJobSeconds", {"service": "<Mail/Sending/Sender/Function>"}, 900),
        "SendDeadLetters": (visible, {"QueueName": "<Mail/Sending/DeadLetters/Queue>"}, 0),
        "TrackingDeadLetters": (visible, {"QueueName": "<Mail/Tracking/DeadLetters/Queue>"}, 0),
        "InboundDeadLetters": (visible, {"QueueName": "<Mail/Inbound/DeadLetters/Queue>"}, 0),
    }


@pytest.mark.parametrize("alarm", ["SendingPaused", "WaitingJobs"])
def test_an_alarm_looks_at_exactly_what_the_deployed_sender_publishes(
    prod: Templates, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, alarm: str
) -> None:
    given = prod.one("AWS::CloudWatch::Alarm", alarm).properties
    for name, value in _environment(prod, "sender").items():
        if name.startswith("POWERTOOLS_"):
            monkeypatch.setenv(name, value)
    put_metric("<Mail/Sending/Sender/Function>", given["MetricName"], 1)
    published = json.loads(capsys.readouterr().out)
    (told,) = published["_aws"]["CloudWatchMetrics"]
    (names,) = told["Dimensions"]
    assert told["Namespace"] == given["Namespace"]
    assert [metric["Name"] for metric in told["Metrics"]] == [given["MetricName"]]
    assert {name: published[name] for name in names} == {
        item["Name"]: prod.text("mail", item["Value"]) for item in given["Dimensions"]
    }


def test_paused_sending_is_the_sum_of_what_the_sender_counts(prod: Templates) -> None:
    alarm = prod.one("AWS::CloudWatch::Alarm", "SendingPaused").properties
    assert (alarm["Namespace"], alarm["Statistic"]) == ("Mailbus", "Sum")


def test_a_job_that_waits_is_an_alarm_until_it_can_no_longer_be_the_one_that_comes_back_late(
    prod: Templates,
) -> None:
    alarm = prod.one("AWS::CloudWatch::Alarm", "WaitingJobs").properties
    assert (alarm["Namespace"], alarm["Statistic"]) == ("Mailbus", "Maximum")
    assert alarm["Period"] * alarm["EvaluationPeriods"] == max(delay.longest for delay in DELAYS.values())


def test_every_other_alarm_ends_with_its_cause(prod: Templates) -> None:
    for alarm in prod.of_type("AWS::CloudWatch::Alarm"):
        if not alarm.path.endswith("/WaitingJobs"):
            assert alarm.properties["EvaluationPeriods"] == 1


def test_without_a_topic_alarms_just_show(local: Templates) -> None:
    for alarm in local.of_type("AWS::CloudWatch::Alarm"):
        assert "AlarmActions" not in alarm.properties


# Other settings


def test_without_an_inbound_domain_nothing_is_deployed_for_receiving(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    off = msgspec.structs.replace(settings, inbound=msgspec.structs.replace(settings.inbound, domain=None))
    templates = synthesize(off)
    assert list(templates.raw) == ["state", "mail"]
    assert {_name(function) for function in templates.of_type("AWS::Lambda::Function")} == {
        "sender",
        "tracking",
    }


def test_settings_of_receiving_reach_the_rule_and_its_activation(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    inbound = msgspec.structs.replace(
        settings.inbound,
        domain="mail.example.org",
        rules=(Rule(name="support", recipients=("support@mail.example.org",)),),
        displace_active_rule_set=True,
    )
    templates = synthesize(
        msgspec.structs.replace(settings, identity="shop@example.com", region="eu-west-1", inbound=inbound)
    )
    rule = templates.one("AWS::SES::ReceiptRule").properties["Rule"]
    assert rule["Recipients"] == ["support@mail.example.org"]
    assert templates.one("Custom::ActiveReceiptRuleSet").properties["Displace"] == "true"
    # An address proves no domain, and a domain that mail is received for has to be proven.
    assert [
        identity.properties["EmailIdentity"] for identity in templates.of_type("AWS::SES::EmailIdentity")
    ] == [
        "shop@example.com",
        "mail.example.org",
    ]
    assert not [name for name in templates.outputs("mail") if name.startswith("DkimRecord")]
    assert list(templates.outputs("receiving")) == [
        "RuleSetName",
        "InboundDkimRecord1",
        "InboundDkimRecord2",
        "InboundDkimRecord3",
        "MxRecord1",
    ]
    assert templates.outputs("receiving")["MxRecord1"] == (
        "mail.example.org MX 10 inbound-smtp.eu-west-1.amazonaws.com"
    )


def test_all_of_it_fits_into_a_stack_of_somebody_elses_app(
    app_in: Callable[[Path], Any], tmp_path: Path, settings: Settings
) -> None:
    stack = Stack(app_in(tmp_path), "Shop", env=Environment(region="us-east-1"))
    Mailbus(stack, "Mail", settings=settings)
    template = Template.from_stack(stack)
    template.resource_count_is("AWS::Lambda::Function", 4)
    template.resource_count_is("AWS::SQS::Queue", 7)
    template.resource_count_is("AWS::SES::ReceiptRule", 1)


def test_somebody_elses_stack_has_to_be_in_the_region_of_the_settings(
    app_in: Callable[[Path], Any], tmp_path: Path, settings: Settings
) -> None:
    stack = Stack(app_in(tmp_path), "Shop", env=Environment(region="eu-west-1"))
    with pytest.raises(ConfigurationError, match="the settings say us-east-1, but the stack is in eu-west-1"):
        Mailbus(stack, "Mail", settings=settings)


def _environment(templates: Templates, name: str) -> dict[str, Any]:
    (function,) = [f for f in templates.of_type("AWS::Lambda::Function") if _name(f) == name]
    variables: dict[str, Any] = function.properties["Environment"]["Variables"]
    return variables


def _patience(templates: Templates, mapping: Resource) -> tuple[int, int, int]:
    """A source's seconds: the function's timeout, the batch's window, how long a message is invisible."""
    function = _referred(templates, mapping, mapping.properties["FunctionName"])
    queue = _referred(templates, mapping, mapping.properties["EventSourceArn"])
    return (
        function.properties["Timeout"],
        mapping.properties["MaximumBatchingWindowInSeconds"],
        queue.properties["VisibilityTimeout"],
    )


def _allowed(templates: Templates, policy: Resource) -> set[tuple[str, str]]:
    """Each action with each of its resources; nothing may be denied."""
    assert {statement["Effect"] for statement in _statements(policy)} == {"Allow"}
    return {
        (action, templates.text(policy.stack, resource))
        for statement in _statements(policy)
        for action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    }


def _statements(policy: Resource) -> list[dict[str, Any]]:
    statements: list[dict[str, Any]] = policy.properties["PolicyDocument"]["Statement"]
    return statements


def _denies_plain_connections(policy: Resource, principal: Any, action: str) -> bool:
    return any(
        (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", principal, action)
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for statement in _statements(policy)
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _name(function: Resource) -> str:
    name: str = function.properties["Handler"].partition(".")[0]
    return name


def _of_functions(templates: Templates, name: str) -> set[str]:
    return {
        value
        for function in templates.of_type("AWS::Lambda::Function")
        for value in function.properties[name]
    }


def _referred(templates: Templates, resource: Resource, reference: Any) -> Resource:
    path = templates.text(resource.stack, reference).strip("<>")
    (found,) = [other for other in templates.resources if other.path == path]
    return found
