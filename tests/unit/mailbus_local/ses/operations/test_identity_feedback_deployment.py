from __future__ import annotations

import uuid

import msgspec
import pytest
from aws_lambda_powertools import Logger

from identity_feedback.aws.identity_topics import IdentityTopics
from identity_feedback.handler import Wiring, apply
from mailbus.aws.custom_resource import Request
from tests.unit.mailbus_local.simulated_ses import NOTIFICATION_TYPES, UNSET, SesEnvironment


def deploy(
    env: SesEnvironment, domain: str, topic: str, request_type: str, physical_id: str | None = None
) -> str:
    """Call the custom resource's function as CloudFormation does. Return the physical id."""
    event = {
        "RequestType": request_type,
        "ResponseURL": "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/arn%3Aaws",
        "StackId": "arn:aws:cloudformation:us-east-1:000000000000:stack/mailbus-local-mail/5b1c0d50",
        "RequestId": "7bfe2d54-710a-4f6f-9b3e-7b6a5e0ef5b1",
        "LogicalResourceId": "MailNotificationsexamplenet1F0AC4E2",
        "PhysicalResourceId": physical_id,
        "ResourceProperties": {"Identity": domain, "TopicArn": topic, "Displace": "true"},
    }
    wiring = Wiring(topics=IdentityTopics(env.ses), log=Logger(service="identity_feedback"))
    outcome = apply(msgspec.convert(event, Request), wiring)
    assert outcome.failure is None
    return outcome.physical_id


@pytest.fixture
def tracking_topic(env: SesEnvironment) -> str:
    """The tracking topic of a deployment."""
    arn: str = env.sns.create_topic(Name=f"tracking-{uuid.uuid4().hex}")["TopicArn"]
    return arn


@pytest.mark.parametrize("displaced", [(), ("Bounce",), ("Bounce", "Complaint"), NOTIFICATION_TYPES])
@pytest.mark.parametrize("headers", [False, True])
def test_deleting_a_deployment_restores_the_previous_settings(
    env: SesEnvironment, domain: str, tracking_topic: str, displaced: tuple[str, ...], *, headers: bool
) -> None:
    if displaced:
        env.publish_notifications(domain, *displaced, headers=headers)
    before = env.notification_attributes(domain)
    physical_id = deploy(env, domain, tracking_topic, "Create")
    assert {
        env.notification_attributes(domain)[f"{notification_type}Topic"]
        for notification_type in NOTIFICATION_TYPES
    } == {tracking_topic}
    deploy(env, domain, tracking_topic, "Delete", physical_id)
    assert env.notification_attributes(domain) == before


def test_a_displaced_topic_that_was_deleted_is_not_restored(
    env: SesEnvironment, domain: str, tracking_topic: str
) -> None:
    env.publish_notifications(domain, "Bounce", headers=True)
    physical_id = deploy(env, domain, tracking_topic, "Create")
    env.sns.delete_topic(TopicArn=env.topic)
    deploy(env, domain, tracking_topic, "Delete", physical_id)
    assert env.notification_attributes(domain) == UNSET
