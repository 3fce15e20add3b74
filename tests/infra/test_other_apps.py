"""Mailbus as a construct in somebody else's app, which sets no feature flags."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import App, Environment, Stack, Stage, Tags, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk.assertions import Annotations as Errors
from aws_cdk.assertions import Match
from aws_cdk.aws_lambda import Architecture
from cdk_nag import AwsSolutionsChecks

from mailbus.errors import ConfigurationError
from mailbus_cdk import Alarms, Inbound, Mailbus, Settings, Webhook
from mailbus_cdk.packaging import ARCHITECTURE_CONTEXT, target
from tests.infra.linters import lint
from tests.infra.templates import Templates, folder

if TYPE_CHECKING:
    from pathlib import Path

IRELAND = Environment(region="eu-west-1")
PROD = Settings(
    stage="prod",
    region="eu-west-1",
    identity="example.com",
    architecture="host",
    inbound=Inbound(domains=("inbound.example.com",), encrypt=True),
    webhook=Webhook(topic_arns=("arn:aws:sns:eu-west-2:111122223333:mail-events",)),
)
DEV = Settings(stage="dev", region="eu-west-1", identity="dev.example.com", architecture="host")
# a resource's name that no other in the account and region may have
NAMES = ("Name", "RegistryName", "ApiName", "RuleSetName", "EmailIdentity")


class Shop(Stack):
    """A stack with two stages, and a role that uses one."""

    def __init__(self, scope: Stage | App) -> None:
        super().__init__(scope, "Shop", env=IRELAND)
        self.mail = Mailbus(self, "Mail", settings=PROD)
        self.dev = Mailbus(self, "DevMail", settings=DEV)


class Web(Stack):
    """A stack with another role that does."""

    def __init__(self, scope: Stage | App, mail: Mailbus) -> None:
        super().__init__(scope, "Web", env=IRELAND)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"))
        mail.grant_send(role)
        mail.grant_read_inbound(role)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """The app, synthesized with cdk-nag, which fails if it finds anything."""
    app = App(
        outdir=str(tmp_path_factory.mktemp("out")),
        context={"aws:cdk:enable-path-metadata": True},
    )
    stack = Shop(app)
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    stack.mail.grant_send(role)
    Web(app, stack.mail)
    Tags.of(app).add("team", "shop")
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return Templates(app, PROD)


def test_cfn_lint_and_cdk_nag_find_nothing(shop: Templates) -> None:
    assert {name: lint(path, "eu-west-1") for name, path in shop.files.items()} == {"Shop": [], "Web": []}


def test_a_role_of_another_stack_may_send_and_read_received_mail(shop: Templates) -> None:
    (policy,) = [one for one in shop.of_type("AWS::IAM::Policy") if one.stack == "Web"]
    bucket, key = "<Mail/State/InboundMail/Bucket>", "<Mail/State/InboundMail/Key>"
    rights = shop.rights(policy)
    assert {
        ("s3:GetObject", f"{bucket}/raw/*"),
        ("s3:GetObject", f"{bucket}/parts/*"),
        ("kms:Decrypt", key),
        ("sqs:SendMessage", "<Mail/Mail/Sending/Transactional/Queue>"),
        ("s3:PutObject", "<Mail/State/Jobs/Bucket>/jobs/*"),
    } <= rights
    assert not [resource for _, resource in rights if "DevMail" in resource]


def test_the_stages_of_a_stack_have_no_name_in_common(shop: Templates) -> None:
    names = [
        (resource.type, value)
        for resource in shop.resources
        for name, value in resource.properties.items()
        if name in NAMES and isinstance(value, str)
    ]
    assert len(names) == len(set(names))
    assert {("AWS::Events::EventBus", f"mailbus-{stage}") for stage in ("dev", "prod")} <= set(names)


def test_tags_of_the_app_are_on_its_resources(shop: Templates) -> None:
    for kind in ("AWS::SQS::Queue", "AWS::S3::Bucket", "AWS::Lambda::Function", "AWS::KMS::Key"):
        for resource in shop.of_type(kind):
            assert {"Key": "team", "Value": "shop"} in resource.properties["Tags"], resource.path


@pytest.fixture(scope="module")
def mail(tmp_path_factory: pytest.TempPathFactory) -> Mailbus:
    stack = Stack(App(outdir=str(tmp_path_factory.mktemp("out"))), "Shop", env=IRELAND)
    return Mailbus(stack, "Mail", settings=PROD)


def _is_of(stack: Stack, resource: Any) -> str:
    """Return the path of the resource that a reference, such as an ARN, is of."""
    reference = stack.resolve(resource)
    name = reference.get("Ref") or reference["Fn::GetAtt"][0]
    (path,) = [
        construct.node.path
        for construct in stack.node.find_all()
        if hasattr(construct, "logical_id") and stack.resolve(construct.logical_id) == name
    ]
    return str(path).removeprefix("Shop/Mail/").removesuffix("/Resource")


def test_the_properties_are_the_parts_of_the_deployment(mail: Mailbus) -> None:
    stack = Stack.of(mail)
    assert mail.inbound_topic is not None
    assert mail.inbound_queue is not None
    assert mail.inbound_dead_letter_queue is not None
    assert mail.inbound_key is not None
    assert mail.event_archive is not None
    assert {
        _is_of(stack, arn)
        for arn in (
            mail.event_bus.event_bus_arn,
            mail.event_archive.archive_arn,
            mail.send_queue.queue_arn,
            mail.bulk_queue.queue_arn,
            mail.send_dead_letter_queue.queue_arn,
            mail.tracking_topic.topic_arn,
            mail.tracking_queue.queue_arn,
            mail.tracking_dead_letter_queue.queue_arn,
            mail.inbound_topic.topic_arn,
            mail.inbound_queue.queue_arn,
            mail.inbound_dead_letter_queue.queue_arn,
            mail.inbound_bucket.bucket_arn,
            mail.inbound_key.key_arn,
            mail.events_bucket.bucket_arn,
            mail.jobs_bucket.bucket_arn,
            mail.ledger_table.table_arn,
            mail.webhook_secret_arn,
        )
    } == {
        "State/Events/Bus",
        "State/Events/Bus/Archive/Archive",
        "Mail/Sending/Transactional/Queue",
        "Mail/Sending/Bulk/Queue",
        "Mail/Sending/DeadLetters/Queue",
        "Mail/Tracking/Events/Topic",
        "Mail/Tracking/Work/Queue",
        "Mail/Tracking/DeadLetters/Queue",
        "Mail/Inbound/Receipts/Topic",
        "Mail/Inbound/Work/Queue",
        "Mail/Inbound/DeadLetters/Queue",
        "State/InboundMail/Bucket",
        "State/InboundMail/Key",
        "State/EspEvents/Bucket",
        "State/Jobs/Bucket",
        "State/Ledger/Table",
        "Webhook/Credentials/Secret",
    }
    assert (mail.configuration_set_name, mail.rule_set_name) == ("mailbus-prod", "mailbus-prod")
    assert mail.webhook_url is not None
    assert mail.identity_arn
    assert {*mail.functions} == {
        *("sender", "tracking", "inbound", "guard", "activation", "webhook", "webhook-authorizer"),
    }
    assert {alarm.node.id for alarm in mail.alarms} >= {"SendDeadLetters", "LateJobs", "WebhookErrors"}


def test_the_dns_records_to_create_are_a_property(mail: Mailbus) -> None:
    assert [(record.type, record.name) for record in mail.dns_records][-1] == ("MX", "inbound.example.com")
    assert [record.type for record in mail.dns_records] == ["CNAME"] * 3 + ["MX"]


def test_the_same_stage_twice_in_a_region_is_an_error_that_says_what_to_do(mail: Mailbus) -> None:
    stack = Stack(Stack.of(mail), "Again")
    with pytest.raises(ConfigurationError) as error:
        Mailbus(stack, "Mail", settings=PROD)
    assert str(error.value) == (
        "stage: prod is deployed to eu-west-1 by Shop/Mail already; pass that construct on to use it, or "
        "choose another stage or region here"
    )


def test_two_stages_that_receive_in_a_region_share_a_rule_set(mail: Mailbus) -> None:
    receiving = Settings(
        stage="dev",
        region="eu-west-1",
        identity="dev.example.com",
        inbound=Inbound(domains=("inbound.dev.example.com",)),
    )
    with pytest.raises(ConfigurationError, match=r"^inbound.rule_set_name: dev and prod \(Shop/Mail\) would"):
        Mailbus(Stack(Stack.of(mail), "Receiving"), "Mail", settings=receiving)


@pytest.mark.parametrize("elsewhere", ["region", "account", "CDK stage"])
def test_the_same_stage_may_be_in_another(elsewhere: str) -> None:
    app = App()
    region = "us-east-1" if elsewhere == "region" else "eu-west-1"
    own, other = ("222222222222", "333333333333") if elsewhere == "account" else (None, None)
    scope = Stage(app, "Other") if elsewhere == "CDK stage" else app
    Mailbus(Stack(app, "A", env=Environment(account=own, region="eu-west-1")), "Mail", settings=DEV)
    settings = Settings(stage="dev", region=region, identity="example.com", architecture="host")
    mail = Mailbus(
        Stack(scope, "B", env=Environment(account=other, region=region)), "Mail", settings=settings
    )
    assert mail.settings.region == region


def test_the_region_may_be_unknown_at_synth_and_so_may_names_of_the_apps_own_resources(
    tmp_path: Path,
) -> None:
    app = App(outdir=str(tmp_path), context={"aws:cdk:enable-path-metadata": True})
    stack = Stack(app, "Shop")
    alarms, invoices = sns.Topic(stack, "Alarms"), s3.Bucket(stack, "Invoices")
    settings = Settings(
        stage="prod",
        region="eu-west-1",
        identity="example.com",
        architecture="host",
        source_buckets=(invoices.bucket_name,),
        alarms=Alarms(topic_arn=alarms.topic_arn),
    )
    Mailbus(stack, "Mail", settings=settings)
    templates = Templates(app, settings)
    (topic,) = (one for one in templates.of_type("AWS::SNS::Topic") if one.path.endswith("Alarms"))
    bucket = templates.one("AWS::S3::Bucket", "Invoices")
    for alarm in templates.of_type("AWS::CloudWatch::Alarm"):
        assert {"Ref": topic.logical_id} in alarm.properties["AlarmActions"]
    rules = json.loads((tmp_path / "Shop.template.json").read_text())["Rules"]
    (rule,) = [rule for name, rule in rules.items() if name.startswith("MailRegion")]
    assert rule["Assertions"] == [
        {
            "Assert": {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-west-1"]},
            "AssertDescription": "the settings of Mailbus are for eu-west-1: deploy the stack there, or "
            "correct region",
        }
    ]
    (sender,) = [f for f in templates.of_type("AWS::Lambda::Function") if folder(f) == "sender"]
    assert sender.properties["Environment"]["Variables"]["SOURCE_BUCKETS"] == {
        "Fn::Join": ["", ['["', {"Ref": bucket.logical_id}, '"]']]
    }


def test_an_app_on_the_embedded_aws_has_functions_for_this_machine(tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path), context={ARCHITECTURE_CONTEXT: "host"})
    settings = Settings(stage="prod", region="eu-west-1", identity="example.com")
    mail = Mailbus(Stack(app, "Shop"), "Mail", settings=settings)
    function = mail.functions["sender"]
    here = {"x86_64": Architecture.X86_64, "arm64": Architecture.ARM_64}[target("host").machine]
    assert function.architecture.name == here.name


def test_a_domain_of_the_documentation_is_an_error_of_the_cdk_but_on_the_embedded_aws(
    mail: Mailbus, tmp_path: Path
) -> None:
    assert Errors.from_stack(Stack.of(mail)).find_error("*", Match.any_value()) == []

    stack = Stack(App(outdir=str(tmp_path)), "Shop", env=IRELAND)
    inbound = Inbound(domains=("in.example.org",))
    settings = Settings(stage="prod", region="eu-west-1", identity="shop@example.com", inbound=inbound)
    Mailbus(stack, "Mail", settings=settings)

    found = Errors.from_stack(stack).find_error("*", Match.any_value())
    assert [(error.id, error.entry.data) for error in found] == [
        (
            "/Shop/Mail",
            (
                "identity: shop@example.com is reserved for documentation, and SES cannot verify it: write a "
                "domain of yours, or an address that you read"
            ),
        ),
        (
            "/Shop/Mail",
            (
                "inbound.domains: in.example.org is reserved for documentation, and receives no mail: write "
                "domains of yours, or none"
            ),
        ),
    ]
