"""Several receiving domains, and stages that share a receipt rule set."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import msgspec
import pytest
from aws_cdk import Environment, Stack
from aws_cdk.assertions import Template

from mailbus_cdk.mailbus import Mailbus
from mailbus_cdk.settings.receiving import Inbound, Rule
from mailbus_cdk.settings.tables import Alarms
from tests.infra.templates import SES_ARN, statements

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aws_cdk import App

    from mailbus_cdk.settings import Settings
    from tests.infra.templates import Templates

DOMAINS = ("in.example.com", "example.org", "eu.example.org", "example.net", "example.info")
SHARED = Inbound(domains=("in.example.com",), rule_set_name="all-stages", rules=(Rule(name="store"),))


@pytest.fixture(scope="module")
def several(synthesize: Callable[[Settings], Templates], settings: Settings) -> Templates:
    """Return a deployment of five domains, two of which have an identity already."""
    return synthesize(
        msgspec.structs.replace(
            settings,
            other_identities=("example.net",),
            inbound=Inbound(domains=DOMAINS, existing_identities=("example.info",)),
        )
    )


@pytest.fixture(scope="module")
def shared(synthesize: Callable[[Settings], Templates], settings: Settings) -> Templates:
    return synthesize(msgspec.structs.replace(settings, inbound=SHARED))


@pytest.fixture(scope="module")
def dev(synthesize: Callable[[Settings], Templates], settings: Settings) -> Templates:
    """Return another stage with the same rule set."""
    inbound = msgspec.structs.replace(SHARED, domains=("dev.example.com",))
    return synthesize(msgspec.structs.replace(settings, stage="dev", inbound=inbound))


def test_an_identity_is_created_only_where_none_is(several: Templates) -> None:
    identities = several.of_type("AWS::SES::EmailIdentity")
    assert [(identity.stack, identity.properties["EmailIdentity"]) for identity in identities] == [
        ("mail", "example.com"),
        ("receiving", "example.org"),
    ]


def test_every_domain_has_its_records(several: Templates) -> None:
    assert [name for name in several.outputs("receiving") if name != "RuleSetName"] == [
        *(f"InboundDkimRecord{number}" for number in (1, 2, 3)),
        *(f"MxRecord{number}" for number in (1, 2, 3, 4, 5)),
    ]
    assert [
        value.split()[0] for name, value in several.outputs("receiving").items() if name.startswith("Mx")
    ] == list(DOMAINS)


def test_one_rule_stores_the_mail_of_all_domains(several: Templates) -> None:
    assert several.one("AWS::SES::ReceiptRule").properties["Rule"]["Recipients"] == list(DOMAINS)


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1", "ap-southeast-3"])
def test_mail_is_received_in_the_region_of_the_deployment(
    synthesize: Callable[[Settings], Templates], settings: Settings, region: str
) -> None:
    there = synthesize(msgspec.structs.replace(settings, region=region, alarms=Alarms()))
    assert there.outputs("receiving")["MxRecord1"].endswith(f" inbound-smtp.{region}.amazonaws.com")


def test_ses_finds_its_rights_before_the_receipt_rule_is_made(prod: Templates) -> None:
    assert set(prod.manifest["artifacts"]["mailbus-prod-receiving"]["dependencies"]) >= {
        "mailbus-prod-state",
        "mailbus-prod-mail",
    }


def test_in_one_stack_ses_knows_the_sending_identity_before_any_rule(
    app_in: Callable[[Path], App], tmp_path: Path, settings: Settings
) -> None:
    stack = Stack(app_in(tmp_path), "Shop", env=Environment(region="us-east-1"))
    Mailbus(stack, "Mail", settings=settings)
    template = Template.from_stack(stack)
    (identity,) = template.find_resources("AWS::SES::EmailIdentity")
    (rule,) = template.find_resources("AWS::SES::ReceiptRule").values()
    assert identity in rule["DependsOn"]


def test_a_shared_rule_set_is_neither_created_nor_deleted_with_a_stage(shared: Templates) -> None:
    assert not [one for one in shared.resources if one.type == "AWS::SES::ReceiptRuleSet"]
    assert shared.outputs("receiving")["RuleSetName"] == "all-stages"
    for kind in ("Custom::ActiveReceiptRuleSetBefore", "Custom::ActiveReceiptRuleSet"):
        properties = shared.one(kind).properties
        assert (properties["RuleSetName"], properties["Shared"], properties["Displace"]) == (
            "all-stages",
            "true",
            "false",
        )


def test_stages_have_rules_of_their_own_in_a_shared_rule_set(shared: Templates, dev: Templates) -> None:
    rules = [stage.one("AWS::SES::ReceiptRule").properties for stage in (shared, dev)]
    assert [(rule["RuleSetName"], rule["Rule"]["Name"]) for rule in rules] == [
        ("all-stages", "mailbus-prod.store"),
        ("all-stages", "mailbus-dev.store"),
    ]
    # At the beginning of the set, so that no stage depends on a rule of another.
    assert not [rule for rule in rules if "After" in rule]


def test_ses_may_store_and_publish_for_rules_of_the_stage_alone(shared: Templates) -> None:
    policy = shared.one("AWS::S3::BucketPolicy", "InboundMail")
    (allowed,) = [one for one in statements(policy) if one.get("Sid") == "SesStoresReceivedMail"]
    rules = shared.text("state", allowed["Condition"]["ArnLike"]["aws:SourceArn"])
    prefix = f"{SES_ARN}:receipt-rule-set/all-stages:receipt-rule"
    assert fnmatchcase(f"{prefix}/mailbus-prod.store", rules)
    assert not fnmatchcase(f"{prefix}/mailbus-prod-eu.store", rules)
    assert not fnmatchcase(f"{prefix}/mailbus-dev.store", rules)


def test_rules_in_another_rule_set_are_other_resources(shared: Templates, prod: Templates) -> None:
    # They are created in the one set before those of the other are deleted.
    assert shared.one("AWS::SES::ReceiptRule").logical_id != prod.one("AWS::SES::ReceiptRule").logical_id
