"""Configuration sets and their event destinations."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from mailbus.ses_events import SES_EVENT_TYPES
from mailbus_cdk.settings.tables import SessionParams
from tests.infra.rights import RIGHTS_BY_SETTING
from tests.infra.templates import (
    ACCOUNT,
    SES_ARN,
    Templates,
    statements,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailbus_cdk.settings import Settings


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


def test_an_existing_configuration_set_only_gets_an_event_destination(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    templates = synthesize(
        msgspec.structs.replace(settings, configuration_set_name="shop", configuration_set_exists=True)
    )
    assert "AWS::SES::ConfigurationSet" not in {resource.type for resource in templates.resources}
    destination = templates.one("AWS::SES::ConfigurationSetEventDestination").properties
    assert destination["ConfigurationSetName"] == "shop"
    assert destination["EventDestination"]["Name"] == "mailbus-prod"
    assert templates.environment("sender")["CONFIGURATION_SET_NAME"] == "shop"


OTHERS = ("newsletters", "receipts")


def test_other_configuration_sets_get_an_event_destination_and_nothing_else(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    templates = synthesize(msgspec.structs.replace(settings, other_configuration_sets=OTHERS))
    own = templates.one("AWS::SES::ConfigurationSet")
    destinations = templates.of_type("AWS::SES::ConfigurationSetEventDestination")
    assert [destination.properties["ConfigurationSetName"] for destination in destinations] == [
        {"Ref": own.logical_id},
        "newsletters",
        "receipts",
    ]
    for destination in destinations:
        event_destination = destination.properties["EventDestination"]
        assert event_destination == destinations[0].properties["EventDestination"]
        assert set(destination.depends_on) >= {
            templates.one("AWS::KMS::Key").logical_id,
            templates.one("AWS::SNS::TopicPolicy", "Tracking").logical_id,
        }


def test_other_configuration_sets_may_publish_to_the_tracking_topic(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    templates = synthesize(msgspec.structs.replace(settings, other_configuration_sets=OTHERS))
    (allowed,) = [
        statement
        for statement in statements(templates.one("AWS::SNS::TopicPolicy", "Tracking"))
        if statement["Effect"] == "Allow"
    ]
    assert [templates.text("mail", arn) for arn in allowed["Condition"]["ArnLike"]["aws:SourceArn"]] == [
        f"{SES_ARN}:configuration-set/{name}" for name in ("mailbus-prod", "newsletters", "receipts")
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
    rights = templates.rights(templates.one("AWS::IAM::Policy", "Sending/Sender"))
    assert ("ses:SendEmail", f"arn:aws:ses:eu-west-1:{ACCOUNT}:configuration-set/newsletters") in rights
    assert "AWS::SES::ConfigurationSetEventDestination" not in {
        resource.type for resource in templates.resources
    }


def test_links_and_pixels_can_have_a_custom_domain(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    tracking = msgspec.structs.replace(settings.tracking, custom_redirect_domain="links.example.com")
    templates = synthesize(msgspec.structs.replace(settings, tracking=tracking))
    # SES would refuse the set with a domain that it has not verified, as on a first deployment
    made = templates.one("AWS::SES::ConfigurationSet")
    assert set(made.properties) == {"Name"}
    wanted = {"ConfigurationSetName": "mailbus-prod", "Domain": "links.example.com"}
    resource = templates.one("Custom::RedirectDomain")
    assert wanted.items() <= resource.properties.items()
    assert set(resource.depends_on) >= {
        made.logical_id,
        templates.one("AWS::IAM::Policy", "RedirectDomain").logical_id,
    }
    assert templates.outputs("mail")["RedirectRecord1"] == ("links.example.com CNAME r.us-east-1.awstrack.me")


def test_a_custom_domain_is_tried_again_until_ses_has_verified_it(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    tracking = msgspec.structs.replace(settings.tracking, custom_redirect_domain="links.example.com")
    templates = synthesize(msgspec.structs.replace(settings, tracking=tracking))
    rule = templates.one("AWS::Events::Rule", "RedirectDomain").properties
    assert rule["ScheduleExpression"] == "rate(15 minutes)"
    (target,) = rule["Targets"]
    assert json.loads(target["Input"]) == {
        "ConfigurationSetName": "mailbus-prod",
        "Domain": "links.example.com",
    }
    rights = templates.rights(templates.one("AWS::IAM::Policy", "RedirectDomain"))
    assert rights == RIGHTS_BY_SETTING["Mail/Tracking/RedirectDomain/Function"]
