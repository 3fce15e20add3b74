"""Nothing is created twice, and nothing with a target that does not exist; the errors are SES's."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.mailbus_local.simulated_ses import ACCOUNT, REGION

if TYPE_CHECKING:
    from tests.unit.mailbus_local.simulated_ses import InboundEnvironment, SesEnvironment

NO_TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:no-such-topic"
NO_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000"
CONTENT = {"Subject": "Hello", "Text": "Hello {{name}}"}
TO_TOPIC = {"Enabled": True, "MatchingEventTypes": ["SEND"], "SnsDestination": {"TopicArn": NO_TOPIC}}
# Calls of both APIs that create something; `NAME` is a name that only one test has.
CREATIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "identity": ("sesv2", "create_email_identity", {"EmailIdentity": "NAME.example.org"}),
    "address": ("sesv2", "create_email_identity", {"EmailIdentity": "NAME@example.org"}),
    "configuration set": ("sesv2", "create_configuration_set", {"ConfigurationSetName": "NAME"}),
    "pool": ("sesv2", "create_dedicated_ip_pool", {"PoolName": "NAME"}),
    "template": ("sesv2", "create_email_template", {"TemplateName": "NAME", "TemplateContent": CONTENT}),
    "tenant": ("sesv2", "create_tenant", {"TenantName": "NAME"}),
    "v1 configuration set": ("ses", "create_configuration_set", {"ConfigurationSet": {"Name": "NAME"}}),
    "v1 template": ("ses", "create_template", {"Template": {"TemplateName": "NAME", "SubjectPart": "Hello"}}),
    "rule set": ("ses", "create_receipt_rule_set", {"RuleSetName": "NAME"}),
}
# MiniStack does not have these.
NOT_SIMULATED: dict[str, tuple[str, dict[str, Any]]] = {
    "create_contact_list": ("sesv2", {"ContactListName": "NAME"}),
    "create_contact": ("sesv2", {"ContactListName": "NAME", "EmailAddress": "ann@example.net"}),
    "create_email_identity_policy": (
        "sesv2",
        {"EmailIdentity": "example.com", "PolicyName": "NAME", "Policy": "{}"},
    ),
    "create_custom_verification_email_template": (
        "sesv2",
        {
            "TemplateName": "NAME",
            "FromEmailAddress": "shop@example.com",
            "TemplateSubject": "Hello",
            "TemplateContent": "<p>Hello</p>",
            "SuccessRedirectionURL": "https://example.com/yes",
            "FailureRedirectionURL": "https://example.com/no",
        },
    ),
    "create_configuration_set_event_destination": (
        "ses",
        {
            "ConfigurationSetName": "NAME",
            "EventDestination": {"Name": "NAME", "MatchingEventTypes": ["send"]},
        },
    ),
    "clone_receipt_rule_set": ("ses", {"RuleSetName": "NAME", "OriginalRuleSetName": "NAME"}),
    "create_receipt_filter": (
        "ses",
        {"Filter": {"Name": "NAME", "IpFilter": {"Policy": "Block", "Cidr": "10.0.0.1/24"}}},
    ),
}


def _named(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {key: _named(inner, name) for key, inner in value.items()}
    return value.replace("NAME", name) if isinstance(value, str) else value


def _error(call: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.parametrize(("service", "operation", "parameters"), CREATIONS.values(), ids=CREATIONS)
def test_nothing_is_created_twice(
    env: SesEnvironment, service: str, operation: str, parameters: dict[str, Any]
) -> None:
    create = getattr(env.sesv2 if service == "sesv2" else env.ses, operation)
    named = _named(parameters, uuid.uuid4().hex)
    create(**named)
    code, _ = _error(create, **named)
    assert "AlreadyExists" in code


@pytest.mark.parametrize(("service", "parameters"), NOT_SIMULATED.values(), ids=NOT_SIMULATED)
def test_what_is_not_simulated_is_refused_at_once(
    env: SesEnvironment, request: pytest.FixtureRequest, service: str, parameters: dict[str, Any]
) -> None:
    operation = request.node.callspec.id
    call = getattr(env.sesv2 if service == "sesv2" else env.ses, operation)
    code, _ = _error(call, **_named(parameters, uuid.uuid4().hex))
    assert code in {"NotFoundException", "InvalidAction"}


def test_an_identity_that_exists_is_refused_in_the_words_of_ses(env: SesEnvironment, domain: str) -> None:
    assert _error(env.sesv2.create_email_identity, EmailIdentity=domain) == (
        "AlreadyExistsException",
        f"Email identity {domain} already exist.",
    )


def test_a_domain_is_the_same_identity_in_any_case(env: SesEnvironment, domain: str) -> None:
    code, _ = _error(env.sesv2.create_email_identity, EmailIdentity=domain.upper())
    assert code == "AlreadyExistsException"


def test_an_identity_of_the_first_api_is_not_created_by_the_second(env: SesEnvironment) -> None:
    name = f"{uuid.uuid4().hex}.example.org"
    env.ses.verify_domain_identity(Domain=name)
    assert _error(env.sesv2.create_email_identity, EmailIdentity=name)[0] == "AlreadyExistsException"


def test_an_identity_can_be_created_again_after_it_was_deleted(env: SesEnvironment, domain: str) -> None:
    env.sesv2.delete_email_identity(EmailIdentity=domain)
    assert env.sesv2.create_email_identity(EmailIdentity=domain)["IdentityType"] == "DOMAIN"


@pytest.mark.parametrize("body", [b"{}", b"not JSON", b'{"EmailIdentity": 1}'])
def test_a_request_of_another_form_is_an_error_of_ses(env: SesEnvironment, body: bytes) -> None:
    answer = env.http.post(f"{env.simulator.url}/v2/email/identities", content=body)
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (400, "SerializationException")


def test_an_event_destination_needs_its_topic(env: SesEnvironment) -> None:
    create = env.sesv2.create_configuration_set_event_destination
    named = {"ConfigurationSetName": env.configuration_set, "EventDestinationName": "events"}
    missing = ("BadRequestException", f"SNS topic <{NO_TOPIC}> not found.")

    assert _error(create, **named, EventDestination=TO_TOPIC) == missing
    env.publish_events("SEND")
    update = env.sesv2.update_configuration_set_event_destination
    assert _error(update, **named, EventDestination=TO_TOPIC) == missing

    found = {**TO_TOPIC, "SnsDestination": {"TopicArn": env.topic}}
    assert _error(create, **named, EventDestination=found)[0] == "AlreadyExistsException"


def _rule(*actions: dict[str, Any]) -> dict[str, Any]:
    return {"Name": "rule", "Enabled": True, "Actions": list(actions)}


BOUNCE = {"SmtpReplyCode": "550", "Message": "No", "Sender": "daemon@elsewhere.example"}
REFUSED_RULES: dict[str, tuple[list[dict[str, Any]], tuple[str, str]]] = {
    "a bucket": (
        [{"S3Action": {"BucketName": "no-such-bucket-here"}}],
        ("InvalidS3Configuration", "Could not write to bucket: no-such-bucket-here"),
    ),
    "a topic of mail": (
        [{"SNSAction": {"TopicArn": NO_TOPIC}}],
        ("InvalidSnsTopic", f"Could not publish to SNS topic: {NO_TOPIC}"),
    ),
    "a topic of any action": (
        [{"StopAction": {"Scope": "RuleSet", "TopicArn": NO_TOPIC}}],
        ("InvalidSnsTopic", f"Could not publish to SNS topic: {NO_TOPIC}"),
    ),
    "a sender of bounces": (
        [{"BounceAction": BOUNCE}],
        ("InvalidParameterValue", "Identity is not verified: daemon@elsewhere.example"),
    ),
    "too many actions": (
        [{"AddHeaderAction": {"HeaderName": f"X-{n}", "HeaderValue": "1"}} for n in range(11)],
        ("LimitExceeded", "Too many actions"),
    ),
}


@pytest.mark.parametrize(("actions", "error"), REFUSED_RULES.values(), ids=REFUSED_RULES)
def test_a_rule_needs_its_targets(
    inbound: InboundEnvironment, actions: list[dict[str, Any]], error: tuple[str, str]
) -> None:
    create = inbound.env.ses.create_receipt_rule
    assert _error(create, RuleSetName=inbound.rule_set, Rule=_rule(*actions)) == error
    assert inbound.env.ses.describe_receipt_rule_set(RuleSetName=inbound.rule_set)["Rules"] == []


def test_a_rule_needs_its_key(inbound: InboundEnvironment) -> None:
    create = inbound.env.ses.create_receipt_rule
    rule = _rule(inbound.s3_action(kms_key=NO_KEY))
    assert _error(create, RuleSetName=inbound.rule_set, Rule=rule) == (
        "InvalidS3Configuration",
        f"Unable to use AWS KMS key: {NO_KEY}",
    )


def test_a_rule_has_a_name_of_its_own_in_a_set_that_exists(inbound: InboundEnvironment) -> None:
    create = inbound.env.ses.create_receipt_rule
    create(RuleSetName=inbound.rule_set, Rule=_rule(inbound.sns_action()))
    assert _error(create, RuleSetName=inbound.rule_set, Rule=_rule(inbound.sns_action())) == (
        "AlreadyExists",
        "Rule already exists: rule",
    )
    other = {**_rule(), "Name": "other"}
    assert _error(create, RuleSetName=inbound.rule_set, Rule=other, After="third")[0] == "RuleDoesNotExist"
    assert _error(create, RuleSetName="no-such-set", Rule=other)[0] == "RuleSetDoesNotExist"


def test_a_rule_set_has_at_most_200_rules(inbound: InboundEnvironment) -> None:
    for number in range(200):
        inbound.add_rule(Recipients=[f"r{number}@inbound.example.com"])
    create = inbound.env.ses.create_receipt_rule
    assert _error(create, RuleSetName=inbound.rule_set, Rule=_rule()) == ("LimitExceeded", "Too many rules")


def test_a_bounce_may_be_from_an_address_of_a_verified_domain(inbound: InboundEnvironment) -> None:
    inbound.add_rule({"BounceAction": {**BOUNCE, "Sender": "daemon@in.example.com"}})
    assert inbound.receive("noreply@in.example.com").json()["smtp_reply"] == "550 No"
