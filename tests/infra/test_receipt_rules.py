"""The receipt rules, the key that encrypts mail, and the rights of SES and of the function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from aws_cdk import Environment, Stack
from aws_cdk.assertions import Template

from mailbus_cdk.mailbus import Mailbus
from mailbus_cdk.settings.receiving import Inbound, Rule
from mailbus_cdk.settings.tables import Webhook
from tests.infra.templates import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aws_cdk import App

    from mailbus_cdk.settings import Settings
    from tests.infra.templates import Resource, Templates

RULES = (
    Rule(
        name="alerts",
        recipients=("alerts@inbound.example.com", "alerts@eu.inbound.example.com"),
        action="sns",
        require_tls=True,
        stop=True,
    ),
    Rule(name="notes", recipients=("notes@inbound.example.com",), action="sns", encoding="UTF-8", scan=False),
    Rule(name="regions", recipients=(".inbound.example.com",), enabled=False),
    Rule(
        name="noreply",
        recipients=("noreply@inbound.example.com", "noreply@example.org"),
        action="bounce",
        message="Nobody reads this mailbox",
    ),
    Rule(name="the_rest.2"),
)
DOMAINS = ("inbound.example.com", "example.org", "in.example.org")
IN_EVERY_WAY = Inbound(domains=DOMAINS, rules=RULES, encrypt=True)
RULE_ARNS = f"arn:aws:ses:us-east-1:{ACCOUNT}:receipt-rule-set/*:receipt-rule/mailbus-prod.*"


@pytest.fixture(scope="module")
def synthesized(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> Callable[[Inbound], Templates]:
    return lambda inbound: synthesize(msgspec.structs.replace(settings, inbound=inbound))


@pytest.fixture(scope="module")
def stacks(synthesized: Callable[[Inbound], Templates]) -> Templates:
    """Return a deployment with every way of receiving."""
    return synthesized(IN_EVERY_WAY)


def _rules(templates: Templates) -> list[Resource]:
    """Return the rules in the order in which SES applies them."""
    after = {
        templates.text("receiving", rule.properties["After"]) if "After" in rule.properties else "": rule
        for rule in templates.of_type("AWS::SES::ReceiptRule")
    }
    ordered: list[Resource] = []
    while after:
        ordered.append(after.pop(f"<{ordered[-1].path}>" if ordered else ""))
    return ordered


def _name(rule: Resource) -> str:
    """Return the name of a rule in the settings."""
    name: str = rule.properties["Rule"]["Name"]
    assert name.startswith("mailbus-prod.")
    return name.removeprefix("mailbus-prod.")


def _rule(templates: Templates, name: str) -> dict[str, Any]:
    found = next(rule for rule in _rules(templates) if _name(rule) == name)
    properties: dict[str, Any] = found.properties["Rule"]
    return properties


def _allows(templates: Templates, kind: str, path: str) -> list[dict[str, Any]]:
    statements = templates.one(kind, path).properties[
        "KeyPolicy" if kind == "AWS::KMS::Key" else "PolicyDocument"
    ]["Statement"]
    return [statement for statement in statements if statement["Effect"] == "Allow"]


# Rules


def test_each_rule_comes_after_the_one_before_it(stacks: Templates) -> None:
    rules = _rules(stacks)
    assert [_name(rule) for rule in rules] == [rule.name for rule in RULES]
    assert {stacks.text("receiving", rule.properties["RuleSetName"]) for rule in rules} == {
        "<Receiving/RuleSet>"
    }


def test_rules_are_as_in_the_settings(stacks: Templates) -> None:
    rules = [rule.properties["Rule"] for rule in _rules(stacks)]
    assert [
        (rule["Enabled"], rule["ScanEnabled"], rule["TlsPolicy"], rule["Recipients"]) for rule in rules
    ] == [
        (True, True, "Require", ["alerts@inbound.example.com", "alerts@eu.inbound.example.com"]),
        (True, False, "Optional", ["notes@inbound.example.com"]),
        (False, True, "Optional", [".inbound.example.com"]),
        (True, True, "Optional", ["noreply@inbound.example.com", "noreply@example.org"]),
        (True, True, "Optional", list(DOMAINS)),
    ]


def test_mail_is_in_the_notification_in_the_encoding_of_the_settings(stacks: Templates) -> None:
    encodings = {}
    for name in ("alerts", "notes"):
        action = _rule(stacks, name)["Actions"][0]["SNSAction"]
        assert stacks.text("receiving", action["TopicArn"]) == "<Mail/Inbound/Receipts/Topic>"
        encodings[name] = action["Encoding"]
    assert encodings == {"alerts": "Base64", "notes": "UTF-8"}


def test_mail_is_stored_and_published(stacks: Templates) -> None:
    (action,) = _rule(stacks, "the_rest.2")["Actions"]
    assert {key: stacks.text("receiving", value) for key, value in action["S3Action"].items()} == {
        "BucketName": "<State/InboundMail/Bucket>",
        "ObjectKeyPrefix": "raw/",
        "TopicArn": "<Mail/Inbound/Receipts/Topic>",
        "KmsKeyArn": "<State/InboundMail/Key>",
    }


def test_a_rule_with_stop_has_it_as_its_last_action(stacks: Templates) -> None:
    stops = {_name(rule): rule.properties["Rule"]["Actions"][1:] for rule in _rules(stacks)}
    assert stops == {
        "alerts": [{"StopAction": {"Scope": "RuleSet"}}],
        "notes": [],
        "regions": [],
        "noreply": [{"StopAction": {"Scope": "RuleSet"}}],
        "the_rest.2": [],
    }


def test_a_rule_that_moves_or_changes_stays_the_same_resource(
    synthesized: Callable[[Inbound], Templates], stacks: Templates
) -> None:
    moved = (RULES[4], msgspec.structs.replace(RULES[1], recipients=(), stop=True), RULES[0])
    after = synthesized(Inbound(domains=("inbound.example.com",), rules=moved))
    ids = {
        templates: {_name(rule): rule.logical_id for rule in _rules(templates)}
        for templates in (stacks, after)
    }
    assert list(ids[after]) == ["the_rest.2", "notes", "alerts"]
    assert {name: ids[stacks][name] for name in ids[after]} == ids[after]


def test_a_rule_of_another_name_is_another_resource(
    synthesized: Callable[[Inbound], Templates], stacks: Templates
) -> None:
    # SES has no other way: a rule keeps its name.
    renamed = msgspec.structs.replace(RULES[4], name="the-rest.2")
    after = synthesized(Inbound(domains=("inbound.example.com",), rules=(*RULES[:3], renamed)))
    assert _rules(after)[3].logical_id != _rules(stacks)[4].logical_id


def test_mail_that_is_not_received_bounces_with_its_reply(stacks: Templates) -> None:
    assert _rule(stacks, "noreply")["Actions"][0] == {
        "BounceAction": {
            "SmtpReplyCode": "550",
            "StatusCode": "5.1.1",
            "Message": "Nobody reads this mailbox",
            "Sender": "mailer-daemon@inbound.example.com",
        }
    }


def test_ses_knows_the_sender_of_a_bounce_before_the_rule(stacks: Templates) -> None:
    identity = stacks.one("AWS::SES::EmailIdentity", "Receiving/Domains")
    for rule in _rules(stacks):
        assert identity.logical_id in rule.depends_on


def test_the_set_is_active_with_all_of_its_rules_or_not_at_all(stacks: Templates) -> None:
    activation = stacks.one("Custom::ActiveReceiptRuleSet")
    assert {rule.logical_id for rule in _rules(stacks)} <= set(activation.depends_on)


def test_ses_has_its_rights_before_any_rule_is_created_in_one_stack_too(
    app_in: Callable[[Path], App], tmp_path: Path, settings: Settings
) -> None:
    stack = Stack(app_in(tmp_path), "Shop", env=Environment(region="us-east-1"))
    Mailbus(stack, "Mail", settings=msgspec.structs.replace(settings, inbound=IN_EVERY_WAY))
    template = Template.from_stack(stack)
    rights = {
        logical_id
        for kind, path in (("AWS::SNS::TopicPolicy", "Receipts"), ("AWS::S3::BucketPolicy", "InboundMail"))
        for logical_id in template.find_resources(kind)
        if path in logical_id
    }
    assert len(rights) == 2
    rules = template.find_resources("AWS::SES::ReceiptRule")
    assert len(rules) == len(RULES)
    for rule in rules.values():
        assert rights <= set(rule["DependsOn"])


def test_every_domain_of_a_rule_has_its_mx_record(stacks: Templates) -> None:
    records = {name: value for name, value in stacks.outputs("receiving").items() if name.startswith("Mx")}
    assert records == {
        "MxRecord1": "inbound.example.com MX 10 inbound-smtp.us-east-1.amazonaws.com",
        "MxRecord2": "eu.inbound.example.com MX 10 inbound-smtp.us-east-1.amazonaws.com",
        "MxRecord3": "*.inbound.example.com MX 10 inbound-smtp.us-east-1.amazonaws.com",
        "MxRecord4": "example.org MX 10 inbound-smtp.us-east-1.amazonaws.com",
        "MxRecord5": "in.example.org MX 10 inbound-smtp.us-east-1.amazonaws.com",
    }


def test_received_mail_is_scanned_stored_and_published(prod: Templates) -> None:
    rule = prod.one("AWS::SES::ReceiptRule").properties["Rule"]
    assert (rule["Enabled"], rule["ScanEnabled"], rule["Recipients"]) == (True, True, ["inbound.example.com"])
    (action,) = rule["Actions"]
    assert {key: prod.text("receiving", value) for key, value in action["S3Action"].items()} == {
        "BucketName": "<State/InboundMail/Bucket>",
        "ObjectKeyPrefix": "raw/",
        "TopicArn": "<Mail/Inbound/Receipts/Topic>",
    }


def test_settings_of_receiving_reach_the_rule_and_its_activation(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    inbound = msgspec.structs.replace(
        settings.inbound,
        domains=("mail.example.org",),
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


# Encryption


def test_the_key_of_mail_is_retained_and_rotated(stacks: Templates) -> None:
    key = stacks.one("AWS::KMS::Key", "State/InboundMail")
    assert (key.stack, key.deletion_policy) == ("state", "RetainExceptOnCreate")
    assert key.properties["EnableKeyRotation"] is True
    assert stacks.text("state", stacks.outputs("state")["InboundKeyArn"]) == f"<{key.path}>"


def test_ses_encrypts_only_mail_of_this_deployments_rules(
    stacks: Templates,
) -> None:
    (encrypts,) = [
        statement
        for statement in _allows(stacks, "AWS::KMS::Key", "State/InboundMail")
        if statement.get("Sid") == "SesEncryptsReceivedMail"
    ]
    assert encrypts["Principal"] == {"Service": "ses.amazonaws.com"}
    assert encrypts["Action"] == ["kms:Encrypt", "kms:GenerateDataKey*"]
    assert encrypts["Condition"]["Null"] == {
        "kms:EncryptionContext:aws:ses:rule-name": "false",
        "kms:EncryptionContext:aws:ses:message-id": "false",
    }
    assert encrypts["Condition"]["StringEquals"] == {
        "aws:SourceAccount": {"Ref": "AWS::AccountId"},
        "kms:EncryptionContext:aws:ses:source-account": {"Ref": "AWS::AccountId"},
    }


def test_ses_uses_the_key_for_rules_of_this_deployment_only(stacks: Templates) -> None:
    by_ses = [
        statement
        for statement in _allows(stacks, "AWS::KMS::Key", "State/InboundMail")
        if statement["Principal"] == {"Service": "ses.amazonaws.com"}
    ]
    assert len(by_ses) == 2
    for statement in by_ses:
        condition = statement["Condition"]
        assert condition["StringEquals"]["aws:SourceAccount"] == {"Ref": "AWS::AccountId"}
        assert stacks.text("state", condition["ArnLike"]["aws:SourceArn"]) == RULE_ARNS


def test_the_keys_policy_names_only_the_account_and_ses(stacks: Templates) -> None:
    account, *others = _allows(stacks, "AWS::KMS::Key", "State/InboundMail")
    assert set(account["Principal"]) == {"AWS"}
    assert all(statement["Principal"] == {"Service": "ses.amazonaws.com"} for statement in others)


def test_without_encryption_there_is_no_key_and_no_right_to_decrypt(prod: Templates) -> None:
    assert not [key for key in prod.of_type("AWS::KMS::Key") if "InboundMail" in key.path]
    assert "InboundKeyArn" not in prod.outputs("state")
    assert "KmsKeyArn" not in _rule(prod, "store")["Actions"][0]["S3Action"]
    assert "kms:Decrypt" not in _granted(prod)


# Rights of the function


def _granted(templates: Templates) -> dict[str, set[str]]:
    """Return the resources of each of the function's actions on S3 and KMS."""
    granted: dict[str, set[str]] = {}
    for statement in _allows(templates, "AWS::IAM::Policy", "Mail/Inbound/Reader"):
        for action in statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]:
            resources = statement["Resource"]
            for resource in resources if isinstance(resources, list) else [resources]:
                granted.setdefault(action, set()).add(templates.text("mail", resource))
    return {action: on for action, on in granted.items() if action.startswith(("s3:", "kms:"))}


def test_the_function_may_decrypt_with_the_one_key_and_store_mail_of_notifications(
    stacks: Templates,
) -> None:
    bucket = "<State/InboundMail/Bucket>"
    assert _granted(stacks) == {
        "s3:GetObject": {f"{bucket}/raw/*"},
        "s3:PutObject": {f"{bucket}/raw/*", f"{bucket}/parts/*"},
        "kms:Decrypt": {"<State/InboundMail/Key>"},
    }


def test_if_ses_stores_all_mail_the_function_cannot_change_it(
    synthesized: Callable[[Inbound], Templates],
) -> None:
    templates = synthesized(Inbound(domains=("inbound.example.com",), rules=(RULES[2], RULES[4])))
    assert _granted(templates)["s3:PutObject"] == {"<State/InboundMail/Bucket>/parts/*"}


def test_the_function_may_store_mail_of_notifications_over_https(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    elsewhere = Webhook(topic_arns=("arn:aws:sns:eu-west-1:444455556666:received-mail",))
    templates = synthesize(msgspec.structs.replace(settings, webhook=elsewhere))
    assert "<State/InboundMail/Bucket>/raw/*" in _granted(templates)["s3:PutObject"]


@pytest.mark.parametrize("encrypt", [True, False])
def test_the_function_is_configured_for_encrypted_mail(
    synthesized: Callable[[Inbound], Templates],
    encrypt: bool,  # noqa: FBT001 - pytest's
) -> None:
    templates = synthesized(Inbound(domains=("inbound.example.com",), encrypt=encrypt))
    function = templates.one("AWS::Lambda::Function", "Inbound/Reader")
    assert function.properties["Environment"]["Variables"]["ENCRYPTED"] == str(encrypt).lower()


def test_rules_of_this_deployment_and_no_others_publish_to_the_topic(stacks: Templates) -> None:
    (publishes,) = _allows(stacks, "AWS::SNS::TopicPolicy", "Inbound/Receipts")
    assert publishes["Principal"] == {"Service": "ses.amazonaws.com"}
    sources = publishes["Condition"]["ArnLike"]["aws:SourceArn"]
    assert stacks.text("mail", sources[0] if isinstance(sources, list) else sources) == RULE_ARNS
