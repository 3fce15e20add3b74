"""Who may call what, decided by an evaluator of policies: services of AWS, and applications that send."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest
from aws_cdk import aws_iam as iam

from mailbus.ledger import items
from mailbus.ledger.cancellation import cancel
from mailbus.ledger.lanes import RATE_KEY
from mailbus.ledger.table import LedgerTable
from mailbus_cdk.mailbus import deployment
from tests.infra.policies import PERMISSION, document, has_document, role_may, service_may, source_arn
from tests.infra.templates import ACCOUNT, SES_ARN, Templates
from tests.infra.variants import variant

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mailbus_cdk.mail import Mail
    from mailbus_cdk.settings import Settings
    from tests.infra.templates import Resource

OTHER_ACCOUNT = "444455556666"
SET = f"{SES_ARN}:configuration-set/mailbus-prod"
RULE = f"{SES_ARN}:receipt-rule-set/active:receipt-rule/mailbus-prod.10"
GROUP = f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule-group/mailbus-prod"
SES, SNS, EVENTS = "ses.amazonaws.com", "sns.amazonaws.com", "events.amazonaws.com"
SCHEDULER, LAMBDA = "scheduler.amazonaws.com", "lambda.amazonaws.com"
API_GATEWAY = "apigateway.amazonaws.com"
CLOUDWATCH = "cloudwatch.amazonaws.com"
ALARM = f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:mailbus-prod-BouncePause"
API = f"arn:aws:execute-api:us-east-1:{ACCOUNT}:<Webhook/Api/RestApi>"
API_STAGE = f"{API}/<Webhook/Api/RestApi/DeploymentStage.prod>"
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


def _alarm(action: str, policy: str, source: str = ALARM) -> Call:
    return Call(service=CLOUDWATCH, action=action, policy=policy, resource=f"<{policy}>", source=source)


def _fan_out(service: str, queue: str, source: str) -> Call:
    return Call(
        service=service,
        action="sqs:SendMessage",
        policy=queue,
        resource=f"<{queue}>",
        source=f"<{source}>",
        names_account=False,
    )


def _invoke(service: str, permission: str, function: str, source: str) -> Call:
    return Call(
        service=service,
        action="lambda:InvokeFunction",
        policy=permission,
        resource=f"<{function}/Function>",
        source=source,
        names_account=False,
    )


# The policies that a deployment cannot work without: https://docs.aws.amazon.com/ses/latest/dg/receiving-email-permissions.html
# and https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
# A permission's path ends where the CDK puts names of the app into it.
CALLS = [
    _ses("sns:Publish", "Mail/Tracking/Events/Topic", SET),
    _ses("sns:Publish", "Mail/Tracking/Events/Topic", f"{SES_ARN}:identity/example.net"),
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
    _alarm("sns:Publish", "Mail/Guard/Topic"),
    _alarm("sns:Publish", "Mail/Guard/Topic", ALARM.replace("Bounce", "Complaint")),
    _alarm("kms:GenerateDataKey", "Mail/TopicKey/Key", ""),
    _alarm("kms:Decrypt", "Mail/TopicKey/Key", ""),
    _fan_out(SNS, "Mail/Guard/DeadLetters/Queue", "Mail/Guard/Topic"),
    _invoke(SNS, "Mail/Guard/Function/Function/", "Mail/Guard/Function", "<Mail/Guard/Topic>"),
    Call(
        service=SCHEDULER,
        action="sts:AssumeRole",
        policy="Mail/Sending/Scheduling/Role",
        resource="*",
        source=GROUP,
    ),
    _invoke(
        EVENTS,
        "Mail/Tracking/RedirectDomain/Schedule/",
        "Mail/Tracking/RedirectDomain/Function",
        "<Mail/Tracking/RedirectDomain/Schedule>",
    ),
    _invoke(
        API_GATEWAY,
        "Webhook/Authorizer/Function/",
        "Webhook/Authorizer",
        f"{API}/authorizers/<Webhook/Api/Authorizer>",
    ),
    *(
        _invoke(
            API_GATEWAY,
            f"Webhook/Api/RestApi/Default/{path}/POST/",
            "Webhook/Receiver",
            f"{API_STAGE}/POST/{path}",
        )
        for path in ("tracking", "inbound")
    ),
]
# Roles that a service gets from whoever deploys, who needs the right to pass them: no source calls.
PASSED = {LAMBDA: "/Role", API_GATEWAY: "Webhook/Api/RestApi/CloudWatchRole"}


@pytest.fixture(scope="module")
def fullest(synthesize: Callable[[Settings], Templates]) -> Templates:
    # with its own name, so that another stage's is another one
    named = msgspec.structs.replace(variant("everything", "us-east-1"), configuration_set_name=None)
    return synthesize(named)


def _path(resource: Resource) -> str:
    """Return the path by which the table names the policy of a resource."""
    if resource.type == PERMISSION:
        return resource.path.rpartition("/")[0] + "/"
    return resource.path.removesuffix("/Policy")


def policy_of(templates: Templates, path: str) -> dict[str, Any]:
    """Return the policy of a construct: its own, or that of the resource beside it."""
    (found,) = [one for one in templates.resources if has_document(one) and _path(one) == path]
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
def test_a_service_may_call_for_the_right_source_alone(fullest: Templates, call: Call) -> None:
    source = source_arn(fullest, call.source)
    assert _may(fullest, call, account=ACCOUNT, source=source, service=call.service)

    foreign = source.replace(ACCOUNT, OTHER_ACCOUNT)
    assert not _may(fullest, call, account=OTHER_ACCOUNT, source=foreign, service=call.service)
    if call.names_account:
        assert not _may(fullest, call, account=OTHER_ACCOUNT, source=source, service=call.service)
    if source:
        assert not _may(fullest, call, account=ACCOUNT, source=foreign, service=call.service)
        other = f"{source.rpartition(':')[0]}:other"
        assert not _may(fullest, call, account=ACCOUNT, source=other, service=call.service)
        staging = source.replace("mailbus-prod", "mailbus-staging")
        assert staging == source or not _may(
            fullest, call, account=ACCOUNT, source=staging, service=call.service
        )
    assert not _may(fullest, call, account=ACCOUNT, source=source, service="ec2.amazonaws.com")


def test_every_policy_that_names_a_service_is_in_the_table(fullest: Templates) -> None:
    named = {
        (_path(resource), statement["Principal"]["Service"])
        for resource in fullest.resources
        if has_document(resource)
        for statement in document(fullest, resource)["Statement"]
        if isinstance(statement.get("Principal"), dict) and "Service" in statement["Principal"]
    }
    calls = {(call.policy, call.service) for call in CALLS}
    assert calls <= named
    for path, service in named - calls:
        assert path.endswith(PASSED[service])
        (statement,) = policy_of(fullest, path)["Statement"]
        assert (statement["Action"], statement["Principal"]) == ("sts:AssumeRole", {"Service": service})


def test_every_permission_of_a_function_names_its_source(fullest: Templates) -> None:
    for permission in fullest.of_type(PERMISSION):
        assert ACCOUNT in str(document(fullest, permission)["Statement"][0]["Condition"])


def test_ses_encrypts_with_the_key_only_what_it_has_received_by_a_rule(fullest: Templates) -> None:
    key = policy_of(fullest, "State/InboundMail/Key")
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
