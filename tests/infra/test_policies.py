"""Who may call what, decided by an evaluator of policies: services of AWS, and applications that send."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest
from aws_cdk import aws_iam as iam

from mailbus.ledger import items
from mailbus.ledger.cancellation import cancel
from mailbus.ledger.table import LedgerTable
from mailbus_cdk.mailbus import deployment
from mailbus_cdk.settings.receiving import Inbound
from sender.rate.table import RATE_KEY
from tests.infra.policies import document, role_may, service_may
from tests.infra.templates import ACCOUNT, SES_ARN, Templates

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mailbus_cdk.mail import Mail
    from mailbus_cdk.settings import Settings

OTHER_ACCOUNT = "444455556666"
SET = f"{SES_ARN}:configuration-set/mailbus-prod"
RULE = f"{SES_ARN}:receipt-rule-set/active:receipt-rule/mailbus-prod.10"
GROUP = f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule-group/mailbus-prod"
SES, SNS, EVENTS = "ses.amazonaws.com", "sns.amazonaws.com", "events.amazonaws.com"
SCHEDULER, LAMBDA = "scheduler.amazonaws.com", "lambda.amazonaws.com"
ENCRYPTED = {
    "kms:EncryptionContext:aws:ses:source-account": ACCOUNT,
    "kms:EncryptionContext:aws:ses:rule-name": "mailbus-prod.10",
    "kms:EncryptionContext:aws:ses:message-id": "m1",
}


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A call that AWS's services make in a deployment. `policy` is the construct whose policy decides."""

    service: str
    action: str
    policy: str
    resource: str
    source: str
    context: dict[str, str] = {}
    # services that say only for which resource they call
    names_account: bool = True


def _ses(action: str, policy: str, source: str, resource: str = "", **more: Any) -> Call:
    return Call(
        service=SES, action=action, policy=policy, resource=resource or f"<{policy}>", source=source, **more
    )


def _fan_out(service: str, queue: str, source: str) -> Call:
    return Call(
        service=service,
        action="sqs:SendMessage",
        policy=queue,
        resource=f"<{queue}>",
        source=f"<{source}>",
        names_account=False,
    )


# The policies that a deployment cannot work without: https://docs.aws.amazon.com/ses/latest/dg/receiving-email-permissions.html
# and https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
CALLS = [
    _ses("sns:Publish", "Mail/Tracking/Events/Topic", SET),
    _ses("sns:Publish", "Mail/Inbound/Receipts/Topic", RULE),
    _ses("s3:PutObject", "State/InboundMail/Bucket", RULE, "<State/InboundMail/Bucket>/raw/m1"),
    _ses("kms:GenerateDataKey", "State/InboundMail/Key", RULE, context=ENCRYPTED),
    _ses("kms:Encrypt", "State/InboundMail/Key", RULE, context=ENCRYPTED),
    _ses("kms:Decrypt", "State/InboundMail/Key", RULE),
    _ses("kms:GenerateDataKey", "Mail/TopicKey/Key", ""),
    _ses("kms:Decrypt", "Mail/TopicKey/Key", ""),
    _fan_out(SNS, "Mail/Tracking/Work/Queue", "Mail/Tracking/Events/Topic"),
    _fan_out(SNS, "Mail/Tracking/DeadLetters/Queue", "Mail/Tracking/Events/Topic"),
    _fan_out(SNS, "Mail/Inbound/Work/Queue", "Mail/Inbound/Receipts/Topic"),
    _fan_out(SNS, "Mail/Inbound/DeadLetters/Queue", "Mail/Inbound/Receipts/Topic"),
    _fan_out(EVENTS, "Mail/Timeline/Work/Queue", "Mail/Timeline/Rule"),
    _fan_out(EVENTS, "Mail/Timeline/DeadLetters/Queue", "Mail/Timeline/Rule"),
    Call(
        service=SCHEDULER,
        action="sts:AssumeRole",
        policy="Mail/Sending/Scheduling/Role",
        resource="*",
        source=GROUP,
    ),
]


@pytest.fixture(scope="module")
def encrypted(synthesize: Callable[[Settings], Templates], settings: Settings) -> Templates:
    return synthesize(
        msgspec.structs.replace(settings, inbound=Inbound(domains=("inbound.example.com",), encrypt=True))
    )


def policy_of(templates: Templates, path: str) -> dict[str, Any]:
    """Return the policy of a construct: its own, or that of the resource beside it."""
    (found,) = [
        resource
        for resource in templates.resources
        if resource.path in {path, f"{path}/Policy"}
        and {"PolicyDocument", "KeyPolicy", "AssumeRolePolicyDocument"} & resource.properties.keys()
    ]
    return document(templates, found)


def _may(templates: Templates, call: Call, *, account: str, source: str, service: str) -> bool:
    context = {"aws:SourceArn": source, "aws:SourceAccount": account} if call.names_account else {}
    return service_may(
        policy_of(templates, call.policy),
        service,
        call.action,
        call.resource,
        {**call.context, "aws:SourceArn": source, **context},
    )


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.action} {call.policy}")
def test_a_service_may_call_for_the_right_source_alone(encrypted: Templates, call: Call) -> None:
    assert _may(encrypted, call, account=ACCOUNT, source=call.source, service=call.service)

    foreign = call.source.replace(ACCOUNT, OTHER_ACCOUNT) if ACCOUNT in call.source else "arn:aws:other"
    if call.names_account:
        assert not _may(encrypted, call, account=OTHER_ACCOUNT, source=foreign, service=call.service)
        assert not _may(encrypted, call, account=OTHER_ACCOUNT, source=call.source, service=call.service)
    if call.source:
        assert not _may(encrypted, call, account=ACCOUNT, source=foreign, service=call.service)
        staging = call.source.replace("mailbus-prod", "mailbus-staging")
        assert staging == call.source or not _may(
            encrypted, call, account=ACCOUNT, source=staging, service=call.service
        )
    assert not _may(encrypted, call, account=ACCOUNT, source=call.source, service=LAMBDA)


def test_every_policy_that_names_a_service_is_in_the_table(encrypted: Templates) -> None:
    named = {
        (resource.path.removesuffix("/Policy"), statement["Principal"]["Service"])
        for resource in encrypted.resources
        if {"PolicyDocument", "KeyPolicy", "AssumeRolePolicyDocument"} & resource.properties.keys()
        for statement in document(encrypted, resource)["Statement"]
        if isinstance(statement.get("Principal"), dict) and "Service" in statement["Principal"]
    }
    functions = {(path, service) for path, service in named if service == LAMBDA}
    assert all(path.endswith("/Role") for path, _ in functions)
    assert named - functions == {(call.policy, call.service) for call in CALLS}


def test_ses_encrypts_with_the_key_only_what_it_has_received_by_a_rule(encrypted: Templates) -> None:
    key = policy_of(encrypted, "State/InboundMail/Key")
    source = {"aws:SourceArn": RULE, "aws:SourceAccount": ACCOUNT}
    for missing in ENCRYPTED:
        context = {name: value for name, value in ENCRYPTED.items() if name != missing}
        assert not service_may(key, SES, "kms:GenerateDataKey", "<State/InboundMail/Key>", source | context)


def test_the_sender_passes_one_role_to_the_scheduler_alone(prod: Templates) -> None:
    policy = document(prod, prod.one("AWS::IAM::Policy", "Sending/Sender"))
    role, to = "<Mail/Sending/Scheduling/Role>", {"iam:PassedToService": SCHEDULER}
    assert role_may(policy, "iam:PassRole", role, to)
    assert not role_may(policy, "iam:PassRole", "<Mail/Sending/Sender/Role>", to)
    assert not role_may(policy, "iam:PassRole", role, {"iam:PassedToService": LAMBDA})


def test_the_scheduler_enqueues_jobs_and_those_that_it_cannot_as_dead_letters(prod: Templates) -> None:
    # nothing on this machine evaluates its role, so a right that is missing fails here
    policy = document(prod, prod.one("AWS::IAM::Policy", "Sending/Scheduling"))
    for queue in ("Transactional", "Bulk", "DeadLetters"):
        assert role_may(policy, "sqs:SendMessage", f"<Mail/Sending/{queue}/Queue>", {})
        assert not role_may(policy, "sqs:ReceiveMessage", f"<Mail/Sending/{queue}/Queue>", {})
    assert not role_may(policy, "sqs:SendMessage", "<Mail/Tracking/Work/Queue>", {})


class Recorded:
    """DynamoDB, which answers that the condition holds, and records the keys of updates."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def update_item(self, **params: Any) -> dict[str, Any]:
        self.keys.append(params["Key"]["pk"]["S"])
        return {}


def test_an_application_that_may_send_writes_items_of_jobs_alone(
    app_in: Callable[[Path], Any], tmp_path: Path, settings: Settings
) -> None:
    app = app_in(tmp_path)
    _state, mail, _receiving = deployment(app, settings=settings)
    sending = cast("Mail", mail.node.find_child("Mail")).sending
    sending.grant_send(iam.Role(mail, "Web", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com")))
    templates = Templates(app, settings)
    policy = document(templates, templates.one("AWS::IAM::Policy", "Web"))
    table = "<State/Ledger/Table>"

    dynamodb = Recorded()
    ledger = LedgerTable(cast("Any", dynamodb), "ledger")
    assert cancel(ledger, "order-1001", now=time.time(), expires_at=0) == "cancelled"
    assert dynamodb.keys
    for key in dynamodb.keys:
        assert role_may(policy, "dynamodb:UpdateItem", table, {"dynamodb:LeadingKeys": [key]})
    for key in (RATE_KEY["pk"]["S"], items.message_key("m1")["pk"]["S"], "joby#1"):
        assert not role_may(policy, "dynamodb:UpdateItem", table, {"dynamodb:LeadingKeys": [key]})
    job = {"dynamodb:LeadingKeys": dynamodb.keys}
    for action in ("dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:Query"):
        assert not role_may(policy, action, table, job)
