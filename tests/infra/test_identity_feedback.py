"""The topics of SES's feedback notifications of identities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from mailbus_cdk.settings.tables import Tracking
from tests.infra.rights import RIGHTS_BY_SETTING

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailbus_cdk.settings import Settings
    from tests.infra.templates import Resource, Templates

IDENTITIES = ("example.com", "example.net", "billing@example.org")
RESOURCE = "Custom::IdentityNotifications"
READ = "Custom::IdentityNotificationsBefore"
ARN = "arn:aws:ses:us-east-1:111122223333"


@pytest.fixture(scope="module")
def notified_settings(settings: Settings) -> Settings:
    return msgspec.structs.replace(
        settings,
        other_identities=("example.net", "billing@example.org"),
        tracking=Tracking(notified_identities=IDENTITIES),
    )


@pytest.fixture(scope="module")
def notified(synthesize: Callable[[Settings], Templates], notified_settings: Settings) -> Templates:
    return synthesize(notified_settings)


def of_identity(templates: Templates, name: str, kind: str = RESOURCE) -> Resource:
    (found,) = [r for r in templates.of_type(kind) if r.properties["Identity"] == name]
    return found


def test_without_notified_identities_nothing_is_deployed_for_them(prod: Templates) -> None:
    assert [resource.path for resource in prod.resources if "IdentityFeedback" in resource.path] == []
    assert RESOURCE not in {resource.type for resource in prod.resources}


@pytest.mark.parametrize("name", IDENTITIES)
def test_an_identitys_notifications_go_to_the_tracking_topic_and_displace_no_other(
    notified: Templates, name: str
) -> None:
    properties = of_identity(notified, name).properties
    assert notified.text("mail", properties["TopicArn"]) == "<Mail/Tracking/Events/Topic>"
    assert properties["Displace"] == "false"
    assert properties["ServiceTimeout"] == "300"


def test_another_topic_is_displaced_if_the_settings_say_so(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    tracking = Tracking(notified_identities=("example.com",), displace_notification_topics=True)
    templates = synthesize(msgspec.structs.replace(settings, tracking=tracking))
    assert templates.one(RESOURCE).properties["Displace"] == "true"


@pytest.mark.parametrize("name", IDENTITIES)
def test_ses_finds_its_rights_before_the_topic_is_set(notified: Templates, name: str) -> None:
    assert set(of_identity(notified, name).depends_on) >= {
        notified.one("AWS::KMS::Key").logical_id,
        notified.one("AWS::SNS::TopicPolicy", "Tracking").logical_id,
        notified.one("AWS::IAM::Policy", "IdentityFeedback/Function").logical_id,
    }


def test_identities_are_set_one_after_the_other_since_ses_takes_one_call_a_second(
    notified: Templates,
) -> None:
    (first, second, third) = (of_identity(notified, name).logical_id for name in IDENTITIES)
    (read, second_read, third_read) = (of_identity(notified, name, READ).depends_on for name in IDENTITIES)
    assert first in second_read
    assert second in third_read
    assert {first, second, third}.isdisjoint(read)
    assert notified.one("AWS::SES::EmailIdentity").logical_id in read


@pytest.mark.parametrize("name", IDENTITIES)
def test_the_topics_are_read_before_any_is_set(notified: Templates, name: str) -> None:
    reads, sets = of_identity(notified, name, READ), of_identity(notified, name)
    assert reads.properties["ReadOnly"] == "true"
    assert "ReadOnly" not in sets.properties
    assert sets.properties["State"] == {"Ref": reads.logical_id}
    same = ("ServiceToken", "ServiceTimeout", "Identity", "TopicArn", "Displace")
    assert {key: reads.properties[key] for key in same} == {key: sets.properties[key] for key in same}
    assert notified.one("AWS::IAM::Policy", "IdentityFeedback/Function").logical_id in reads.depends_on


def test_lambda_does_not_retry_a_call(notified: Templates) -> None:
    (once,) = [
        c for c in notified.of_type("AWS::Lambda::EventInvokeConfig") if "IdentityFeedback/Function" in c.path
    ]
    assert once.properties["MaximumRetryAttempts"] == 0
    assert (
        notified.text("mail", once.properties["FunctionName"]) == "<Mail/IdentityFeedback/Function/Function>"
    )


def test_notified_identities_and_no_others_may_publish_to_the_tracking_topic(notified: Templates) -> None:
    policy: dict[str, Any] = notified.one("AWS::SNS::TopicPolicy", "Tracking").properties["PolicyDocument"]
    (allowed,) = [statement for statement in policy["Statement"] if statement["Effect"] == "Allow"]
    assert [notified.text("mail", arn) for arn in allowed["Condition"]["ArnLike"]["aws:SourceArn"]] == [
        f"{ARN}:configuration-set/mailbus-prod",
        *(f"{ARN}:identity/{name}" for name in IDENTITIES),
    ]
    assert allowed["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}


def test_the_function_may_only_read_and_set_topics_and_write_its_log(notified: Templates) -> None:
    policy = notified.one("AWS::IAM::Policy", "IdentityFeedback/Function")
    assert notified.rights(policy) == RIGHTS_BY_SETTING["Mail/IdentityFeedback/Function"]


def test_the_function_has_no_settings(notified: Templates) -> None:
    (function,) = [
        f for f in notified.of_type("AWS::Lambda::Function") if "IdentityFeedback/Function" in f.path
    ]
    assert function.properties["Handler"] == "identity_feedback.handler.lambda_handler"
    assert set(function.properties["Environment"]["Variables"]) == {"POWERTOOLS_SERVICE_NAME"}
