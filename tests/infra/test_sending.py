"""The lanes, the sender and what it may do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest
from aws_cdk import aws_iam as iam

from mailbus_cdk.mailbus import deployment
from mailbus_cdk.settings.checks import (
    ARN_CHARACTERS,
    FREE_ENVIRONMENT_BYTES,
    OTHERS_CHARACTERS,
    SEND_DEFAULTS_BYTES,
)
from mailbus_cdk.settings.tables import Bulk, ClientParams, Sender, SessionParams, Transactional
from tests.infra.rights import TO_SEND
from tests.infra.templates import (
    ACCOUNT,
    SES_ARN,
    Templates,
    folder,
    listed,
    statements,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mailbus_cdk.mail import Mail
    from mailbus_cdk.settings import Settings


def test_both_lanes_lead_to_the_one_sender_each_with_its_own_limits(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    templates = synthesize(
        msgspec.structs.replace(
            settings,
            transactional=Transactional(max_concurrency=20),
            bulk=Bulk(max_concurrency=2, share=0.25),
        )
    )
    fed = {}
    for mapping in templates.of_type("AWS::Lambda::EventSourceMapping"):
        function = templates.referred(mapping, mapping.properties["FunctionName"])
        if folder(function) == "sender":
            fed[templates.referred(mapping, mapping.properties["EventSourceArn"]).path] = (
                mapping.properties["BatchSize"],
                mapping.properties["MaximumBatchingWindowInSeconds"],
                mapping.properties["ScalingConfig"]["MaximumConcurrency"],
            )
    assert fed == {
        "Mail/Sending/Transactional/Queue": (10, 0, 20),
        "Mail/Sending/Bulk/Queue": (10, 0, 2),
    }
    assert templates.environment("sender")["BULK_SHARE"] == "0.25"


@pytest.mark.parametrize(("rate", "workers", "jobs"), [(1, 2, 2), (14, 2, 10), (1_000, 28, 10)])
def test_workers_and_batches_follow_the_expected_rate(
    synthesize: Callable[[Settings], Templates], settings: Settings, rate: float, workers: int, jobs: int
) -> None:
    templates = synthesize(msgspec.structs.replace(settings, expected_rate=rate))
    for lane in ("Transactional", "Bulk"):
        mapping = templates.one("AWS::Lambda::EventSourceMapping", f"Sender/{lane}").properties
        assert mapping["ScalingConfig"] == {"MaximumConcurrency": workers}
        assert (mapping["BatchSize"], mapping["MaximumBatchingWindowInSeconds"]) == (jobs, 0)
    assert float(templates.environment("sender")["EXPECTED_RATE"]) == rate


def test_a_laptops_sender_expects_no_rate_of_the_simulated_account(local: Templates) -> None:
    assert "EXPECTED_RATE" not in local.environment("sender")


def test_the_tags_of_a_send_queue_name_the_ledger_and_the_jobs_bucket(prod: Templates) -> None:
    for lane in ("Transactional", "Bulk"):
        queue = prod.one("AWS::SQS::Queue", f"Sending/{lane}")
        assert {tag["Key"]: prod.text("mail", tag["Value"]) for tag in queue.properties["Tags"]} == {
            "mailbus:stage": "prod",
            "mailbus:ledger-table": "<State/Ledger/Table>",
            "mailbus:jobs-bucket": "<State/Jobs/Bucket>",
        }


OTHERS: dict[str, Any] = {
    "other_identities": ("example.net", "arn:aws:ses:us-east-1:444455556666:identity/partner.example"),
    "other_configuration_sets": ("newsletters", "receipts"),
    "sandbox_recipients": ("operator@example.org",),
}


def test_jobs_may_use_the_other_identities_and_configuration_sets(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    templates = synthesize(msgspec.structs.replace(settings, **OTHERS))
    rights = templates.rights(templates.one("AWS::IAM::Policy", "Sending/Sender"))
    for action in ("ses:SendEmail", "ses:SendRawEmail", "ses:SendBulkEmail"):
        assert {resource for allowed, resource in rights if allowed == action} == {
            f"{SES_ARN}:identity/<Mail/Identity/Identity>",
            f"{SES_ARN}:identity/example.net",
            "arn:aws:ses:us-east-1:444455556666:identity/partner.example",
            f"{SES_ARN}:identity/operator@example.org",
            f"{SES_ARN}:configuration-set/mailbus-prod",
            f"{SES_ARN}:configuration-set/newsletters",
            f"{SES_ARN}:configuration-set/receipts",
            f"{SES_ARN}:template/*",
        }


def test_without_bulk_calls_the_sender_has_no_right_to_them(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    templates = synthesize(msgspec.structs.replace(settings, sender=Sender(merge_by="SendEmail")))
    rights = templates.rights(templates.one("AWS::IAM::Policy", "Sending/Sender"))
    assert {action for action, _ in rights if action.startswith("ses:Send")} == {
        "ses:SendEmail",
        "ses:SendRawEmail",
        "ses:SendTemplatedEmail",
    }
    assert templates.environment("sender")["MERGE_BY"] == "SendEmail"


def test_as_many_others_as_the_settings_accept_fit_into_policies(
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
        sum(action == "ses:SendEmail" for policy in policies for action, _ in templates.rights(policy)) > each
    )
    limits = {"AWS::IAM::Policy": 10_240, "AWS::IAM::ManagedPolicy": 6144}
    for policy in policies:
        resolved = [
            {
                **statement,
                "Resource": [templates.text("mail", each) for each in listed(statement["Resource"])],
            }
            for statement in statements(policy)
        ]
        assert len(json.dumps(resolved, separators=(",", ":"))) < limits[policy.type]


def test_ses_of_another_account_is_reached_by_its_role_and_nothing_is_created_there(
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
    rights = templates.rights(templates.one("AWS::IAM::Policy", "Sending/Sender"))
    assert ("sts:AssumeRole", role) in rights
    assert not [action for action, _ in rights if action.startswith("ses:")]
    sender = templates.environment("sender")
    assert (sender["SES_ROLE_ARN"], sender["SES_REGION"]) == (role, "eu-west-1")
    assert not {resource.type for resource in templates.resources if resource.stack == "mail"} & {
        "AWS::SES::EmailIdentity",
        "AWS::SES::ConfigurationSet",
        "AWS::SES::ConfigurationSetEventDestination",
    }


def test_the_senders_rights_are_for_ses_of_the_other_region(
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
    rights = templates.rights(templates.one("AWS::IAM::Policy", "Sending/Sender"))
    assert {resource for action, resource in rights if action == "ses:SendEmail"} == {
        f"arn:aws:ses:eu-west-1:{ACCOUNT}:identity/example.com",
        f"arn:aws:ses:eu-west-1:{ACCOUNT}:configuration-set/shop",
        f"arn:aws:ses:eu-west-1:{ACCOUNT}:template/*",
    }


def test_the_sender_passes_the_role_of_schedules_to_scheduler_only(prod: Templates) -> None:
    policy = prod.one("AWS::IAM::Policy", "Sending/Sender")
    (statement,) = [
        statement for statement in statements(policy) if "iam:PassRole" in listed(statement["Action"])
    ]
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}


def test_scheduler_acts_for_this_account_and_this_group_only(prod: Templates) -> None:
    role = prod.one("AWS::IAM::Role", "Scheduling").properties["AssumeRolePolicyDocument"]
    (statement,) = role["Statement"]
    assert statement["Principal"] == {"Service": "scheduler.amazonaws.com"}
    condition = statement["Condition"]["StringEquals"]
    assert {key: prod.text("mail", value) for key, value in condition.items()} == {
        "aws:SourceAccount": ACCOUNT,
        "aws:SourceArn": f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule-group/mailbus-prod",
    }


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
    environment = synthesize(longest).environment("sender")
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


def test_settings_reach_the_sender(prod: Templates) -> None:
    sender = prod.environment("sender")
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


def test_the_sender_gets_each_of_its_queues_by_url_and_arn(prod: Templates) -> None:
    sender = prod.environment("sender")
    for variable, lane in (("SEND_QUEUE", "Transactional"), ("BULK_QUEUE", "Bulk")):
        for form in ("URL", "ARN"):
            assert prod.text("mail", sender[f"{variable}_{form}"]) == f"<Mail/Sending/{lane}/Queue>"
    assert prod.text("mail", sender["DEAD_LETTER_QUEUE_ARN"]) == "<Mail/Sending/DeadLetters/Queue>"
    assert prod.text("mail", sender["SCHEDULE_ROLE_ARN"]) == "<Mail/Sending/Scheduling/Role>"


def test_an_application_that_may_send_has_no_other_rights(
    app_in: Callable[[Path], Any], tmp_path: Path, settings: Settings
) -> None:
    app = app_in(tmp_path)
    state, mail, _receiving = deployment(app, settings=settings)
    sending = cast("Mail", mail.node.find_child("Mail")).sending
    sending.grant_send(iam.Role(mail, "Web", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com")))
    assert state.node.id == "mailbus-prod-state"
    templates = Templates(app, settings)
    assert templates.rights(templates.one("AWS::IAM::Policy", "Web")) == TO_SEND


def test_the_senders_timeout_leaves_room_for_the_timeouts_of_ses(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    slow = ClientParams(connect_timeout=5, read_timeout=40.5)
    templates = synthesize(msgspec.structs.replace(settings, client_params=slow))
    sender = templates.one("AWS::Lambda::Function", "Sending/Sender").properties
    assert sender["Timeout"] == 88
    assert templates.environment("sender")["SES_READ_TIMEOUT"] == "40.5"
    queue = templates.one("AWS::SQS::Queue", "Sending/Transactional").properties
    assert queue["VisibilityTimeout"] == 88 + 30


def test_the_rate_is_cached_for_a_minute_and_on_a_laptop_for_a_second(
    prod: Templates, local: Templates
) -> None:
    assert prod.environment("sender")["RATE_CACHE_SECONDS"] == "60"
    assert local.environment("sender")["RATE_CACHE_SECONDS"] == "1"
