from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import msgspec
import pytest
from aws_lambda_powertools import Logger
from botocore.stub import Stubber

from identity_feedback.aws.identity_topics import IdentityTopics
from identity_feedback.decision import (
    KINDS,
    NOTHING,
    Decision,
    Found,
    Request,
    Setting,
    Standing,
    decide,
    standing,
)
from identity_feedback.handler import Wiring, serve
from mailbus.aws.custom_resource import parse_call
from mailbus.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_ses.client import SESClient

    from identity_feedback.decision import Kind

IDENTITY = "example.net"
OURS = "arn:aws:sns:eu-west-1:111122223333:mailbus-prod-mail-TrackingEventsTopic5B3A-Xc1"
FORMER = "arn:aws:sns:eu-west-1:111122223333:mailbus-prod-mail-TrackingEventsTopic5B3A-Aa9"
THEIRS = "arn:aws:sns:eu-west-1:111122223333:helpdesk-bounces"
LATER = "arn:aws:sns:eu-west-1:444455556666:central-feedback"
OUR_ID = "identity-notifications/example.net"
DISPLACING_ID = f"{OUR_ID}/displaced/Bounce={THEIRS};Complaint+headers={THEIRS}"


def ours(*kinds: Kind) -> tuple[Setting, ...]:
    return tuple(Setting(kind=kind, topic=OURS, headers=True) for kind in kinds or KINDS)


def nothing(*kinds: Kind) -> tuple[Setting, ...]:
    return tuple(Setting(kind=kind) for kind in kinds or KINDS)


def found(*settings: Setting, forwarding: bool = True) -> Found:
    """What SES has set: nothing where nothing is said."""
    said = {setting.kind: setting for setting in settings}
    return Found(settings=tuple(said.get(kind, Setting(kind=kind)) for kind in KINDS), forwarding=forwarding)


THEIR_BOUNCES = Setting(kind="Bounce", topic=THEIRS)
THEIR_COMPLAINTS = Setting(kind="Complaint", topic=THEIRS, headers=True)
ALONE = Standing(identity=IDENTITY)
DISPLACING = Standing(identity=IDENTITY, displaced=(THEIR_BOUNCES, THEIR_COMPLAINTS))
FORMER_BOUNCES = Standing(identity=IDENTITY, displaced=(THEIR_BOUNCES,))
FORMER_IDENTITY = Standing(identity="example.org", displaced=(THEIR_BOUNCES,))


def request(
    activity: str,
    *,
    displace: bool = False,
    looks: bool = False,
    before: Standing | None = None,
    former: str | None = None,
) -> Request:
    return Request(
        activity=activity,
        identity=IDENTITY,
        topic=OURS,
        displace=displace,
        looks=looks,
        former_topic=former,
        before=before,
    )


# What is decided

DECISIONS: dict[str, tuple[Request, Found | None, Decision]] = {
    "creating where nothing is set sets all three, with headers": (
        request("Create"),
        found(),
        Decision(changes=ours(), after=ALONE),
    ),
    "creating turns headers on where the topic is ours already": (
        request("Create"),
        found(Setting(kind="Bounce", topic=OURS), *ours("Complaint", "Delivery")),
        Decision(changes=ours("Bounce"), after=ALONE),
    ),
    "creating a second time changes nothing": (
        request("Create"),
        found(*ours()),
        Decision(after=ALONE),
    ),
    "creating may displace another's when told to, and remembers it": (
        request("Create", displace=True),
        found(THEIR_BOUNCES, THEIR_COMPLAINTS),
        Decision(changes=ours(), after=DISPLACING),
    ),
    "creating again after it failed in the middle goes on, and remembers what is not displaced yet": (
        request("Create", displace=True),
        found(*ours("Bounce"), THEIR_COMPLAINTS),
        Decision(
            changes=ours("Complaint", "Delivery"),
            after=Standing(identity=IDENTITY, displaced=(THEIR_COMPLAINTS,)),
        ),
    ),
    "looking changes nothing, and says what is going to be displaced": (
        request("Create", displace=True, looks=True),
        found(THEIR_BOUNCES, THEIR_COMPLAINTS),
        Decision(after=DISPLACING),
    ),
    "looking again keeps what was displaced since": (
        request("Update", displace=True, looks=True, before=DISPLACING, former=OURS),
        found(*ours()),
        Decision(after=DISPLACING),
    ),
    "creating after it was looked displaces what was found then": (
        request("Create", displace=True, before=DISPLACING),
        found(THEIR_BOUNCES, THEIR_COMPLAINTS),
        Decision(changes=ours(), after=DISPLACING),
    ),
    "creating a second time after it was looked forgets nothing": (
        request("Create", displace=True, before=DISPLACING),
        found(*ours("Bounce"), THEIR_COMPLAINTS),
        Decision(changes=ours("Complaint", "Delivery"), after=DISPLACING),
    ),
    "updating what is set does nothing and keeps what was displaced": (
        request("Update", before=DISPLACING, former=OURS),
        found(*ours()),
        Decision(after=DISPLACING),
    ),
    "updating to another topic takes over from our former one": (
        request("Update", before=DISPLACING, former=FORMER),
        found(*(Setting(kind=kind, topic=FORMER, headers=True) for kind in KINDS)),
        Decision(changes=ours(), after=DISPLACING),
    ),
    "rolling an update back in the middle finds the topics of both": (
        request("Update", before=ALONE, former=FORMER),
        found(Setting(kind="Bounce", topic=FORMER, headers=True), *ours("Complaint", "Delivery")),
        Decision(changes=ours("Bounce"), after=ALONE),
    ),
    "updating sets again what somebody cleared": (
        request("Update", before=DISPLACING, former=OURS),
        found(*ours("Complaint")),
        Decision(changes=ours("Bounce", "Delivery"), after=DISPLACING),
    ),
    "updating displaces another's that came later, under the id that ours had": (
        request("Update", displace=True, before=ALONE, former=OURS),
        found(*ours("Bounce", "Complaint"), Setting(kind="Delivery", topic=LATER)),
        Decision(changes=ours("Delivery"), after=ALONE),
    ),
    "updating to another identity begins anew there": (
        request("Update", displace=True, before=FORMER_IDENTITY, former=OURS),
        found(THEIR_BOUNCES, THEIR_COMPLAINTS),
        Decision(changes=ours(), after=DISPLACING),
    ),
    "deleting clears what is ours": (
        request("Delete", before=ALONE),
        found(*ours()),
        Decision(changes=nothing(), after=ALONE),
    ),
    "deleting gives back what was displaced": (
        request("Delete", before=DISPLACING),
        found(*ours()),
        Decision(changes=(THEIR_BOUNCES, THEIR_COMPLAINTS, *nothing("Delivery")), after=DISPLACING),
    ),
    "deleting leaves another's alone": (
        request("Delete", before=DISPLACING),
        found(Setting(kind="Bounce", topic=LATER), *ours("Complaint")),
        Decision(changes=(THEIR_COMPLAINTS,), after=DISPLACING),
    ),
    "deleting a second time changes nothing": (
        request("Delete", before=DISPLACING),
        found(THEIR_BOUNCES, THEIR_COMPLAINTS),
        Decision(after=DISPLACING),
    ),
    "deleting after a creation whose answer got lost clears what that had set": (
        request("Delete"),
        found(*ours("Bounce")),
        Decision(changes=nothing("Bounce"), after=ALONE),
    ),
    "deleting where the identity is gone does nothing": (
        request("Delete", before=DISPLACING),
        None,
        Decision(after=DISPLACING),
    ),
    "deleting without forwarding is well where others are told again": (
        request("Delete", before=DISPLACING),
        found(*ours(), forwarding=False),
        Decision(changes=(THEIR_BOUNCES, THEIR_COMPLAINTS, *nothing("Delivery")), after=DISPLACING),
    ),
    "deleting has mail forwarded where nobody else would be told": (
        request("Delete", before=ALONE),
        found(*ours(), forwarding=False),
        Decision(forward=True, changes=nothing(), after=ALONE),
    ),
    "deleting has mail forwarded where others are told of bounces alone": (
        request("Delete", before=FORMER_BOUNCES),
        found(*ours(), forwarding=False),
        Decision(
            forward=True, changes=(THEIR_BOUNCES, *nothing("Complaint", "Delivery")), after=FORMER_BOUNCES
        ),
    ),
    "deleting leaves forwarding off where our topic has deliveries alone": (
        request("Delete", before=ALONE),
        found(THEIR_BOUNCES, THEIR_COMPLAINTS, *ours("Delivery"), forwarding=False),
        Decision(changes=nothing("Delivery"), after=ALONE),
    ),
}


@pytest.mark.parametrize(("asked", "now", "decided"), DECISIONS.values(), ids=DECISIONS)
def test_what_is_decided(asked: Request, now: Found | None, decided: Decision) -> None:
    assert decide(asked, now) == decided


NOW = (
    found(),
    found(*ours()),
    found(THEIR_BOUNCES, THEIR_COMPLAINTS),
    found(*(Setting(kind=kind, topic=LATER) for kind in KINDS)),
)


@pytest.mark.parametrize("now", NOW)
@pytest.mark.parametrize("before", [ALONE, DISPLACING])
def test_an_update_of_the_same_identity_keeps_its_id_or_cloudformation_would_delete_it(
    before: Standing, now: Found
) -> None:
    after = decide(request("Update", displace=True, before=before, former=OURS), now).after
    assert after.physical_id() == before.physical_id()


def test_deleting_the_former_identity_after_an_update_leaves_the_new_one_alone() -> None:
    update = request("Update", displace=True, before=FORMER_IDENTITY, former=OURS)
    after = decide(update, found()).after
    assert after.physical_id() != FORMER_IDENTITY.physical_id()
    clean_up = msgspec.structs.replace(
        request("Delete", before=FORMER_IDENTITY), identity=FORMER_IDENTITY.identity
    )
    assert decide(clean_up, found(*ours())).changes == (THEIR_BOUNCES, *nothing("Complaint", "Delivery"))


@pytest.mark.parametrize("looks", [True, False])
@pytest.mark.parametrize("activity", ["Create", "Update"])
def test_topics_that_are_set_already_are_not_hijacked(activity: str, looks: bool) -> None:  # noqa: FBT001 - pytest's
    with pytest.raises(ConfigurationError) as refused:
        decide(request(activity, looks=looks), found(THEIR_BOUNCES, *ours("Complaint")))
    assert f"(Bounce to {THEIRS})" in str(refused.value)
    assert "tracking.displace_notification_topics = true" in str(refused.value)


@pytest.mark.parametrize("activity", ["Create", "Update"])
def test_an_identity_that_ses_does_not_have_is_refused_by_name(activity: str) -> None:
    with pytest.raises(ConfigurationError, match=r"no identity example\.net .* verify it first"):
        decide(request(activity), None)


def test_topics_too_long_to_be_remembered_are_not_displaced() -> None:
    long_ones = (
        Setting(kind=kind, topic=f"arn:aws-us-gov:sns:us-gov-west-1:111122223333:{kind}-{'x' * 240}")
        for kind in KINDS
    )
    domain = f"{'a' * 60}.{'b' * 60}.example.net"
    asked = msgspec.structs.replace(request("Create", displace=True), identity=domain)
    with pytest.raises(ConfigurationError, match="too long to be remembered"):
        decide(asked, found(*long_ones))


@pytest.mark.parametrize("stands", [ALONE, DISPLACING, Standing(identity="billing+eu@example.org")])
def test_a_standing_survives_as_physical_id(stands: Standing) -> None:
    assert standing(stands.physical_id()) == stands


def test_an_id_is_read_as_it_was_written_by_former_versions() -> None:
    assert standing(OUR_ID) == ALONE
    assert standing(DISPLACING_ID) == DISPLACING


@pytest.mark.parametrize(
    "other",
    [
        None,
        "",
        NOTHING,
        "2026/11/22/[$LATEST]d41d8cd98f00b204e9800998ecf8427e",
        f"{OUR_ID}/displaced/Opened={THEIRS}",
        f"{OUR_ID}/displaced/=",
    ],
)
def test_another_physical_id_is_no_standing(other: str | None) -> None:
    assert standing(other) is None


# What CloudFormation gets

CREATE: dict[str, Any] = {
    "RequestType": "Create",
    "ServiceToken": "arn:aws:lambda:eu-west-1:111122223333:function:mailbus-prod-mail-Notifier",
    "ResponseURL": "https://cloudformation-custom-resource-response-euwest1.s3-eu-west-1.amazonaws.com/arn%3Aaws",
    "StackId": "arn:aws:cloudformation:eu-west-1:111122223333:stack/mailbus-prod-mail/5b1c0d50",
    "RequestId": "7bfe2d54-710a-4f6f-9b3e-7b6a5e0ef5b1",
    "ResourceType": "Custom::IdentityNotifications",
    "LogicalResourceId": "MailNotificationsexamplenet1F0AC4E2",
    "ResourceProperties": {
        "ServiceToken": "arn:aws:lambda:eu-west-1:111122223333:function:mailbus-prod-mail-Notifier",
        "Identity": IDENTITY,
        "TopicArn": OURS,
        "Displace": "false",
    },
}
DISPLACE = {
    **CREATE,
    "ResourceProperties": {**CREATE["ResourceProperties"], "Displace": "true"},
}
UPDATE = {
    **CREATE,
    "RequestType": "Update",
    "PhysicalResourceId": OUR_ID,
    "OldResourceProperties": {**CREATE["ResourceProperties"], "TopicArn": FORMER},
}
DELETE = {**CREATE, "RequestType": "Delete", "PhysicalResourceId": DISPLACING_ID}
# Of each identity one resource looks, and the other one is told what that found.
LOOK = {
    **DISPLACE,
    "ResourceType": "Custom::IdentityNotificationsBefore",
    "LogicalResourceId": CREATE["LogicalResourceId"],
    "ResourceProperties": {**DISPLACE["ResourceProperties"], "Look": "true"},
}
LOOKED = {
    **DISPLACE,
    "ResourceProperties": {**DISPLACE["ResourceProperties"], "Standing": DISPLACING_ID},
}


class Ses:
    """SES as botocore knows it, with the calls that are to come and their answers."""

    def __init__(self) -> None:
        self.client: SESClient = boto3.client(
            "ses", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        self.stub = Stubber(self.client)
        self.stub.activate()

    def has(self, *settings: Setting, forwarding: bool = True) -> None:
        """Let the identity be there, with these settings."""
        attributes: dict[str, Any] = {"ForwardingEnabled": forwarding}
        for setting in settings:
            attributes[f"{setting.kind}Topic"] = setting.topic
            attributes[f"HeadersIn{setting.kind}NotificationsEnabled"] = setting.headers
        self._answers(
            {IDENTITY: {"BounceTopic": "", "ComplaintTopic": "", "DeliveryTopic": "", **attributes}}
        )

    def has_none(self) -> None:
        self._answers({})

    def takes_topic(self, kind: str, topic: str | None) -> None:
        asked = {"Identity": IDENTITY, "NotificationType": kind, **({"SnsTopic": topic} if topic else {})}
        self.stub.add_response("set_identity_notification_topic", {}, asked)

    def takes_forwarding(self) -> None:
        asked = {"Identity": IDENTITY, "ForwardingEnabled": True}
        self.stub.add_response("set_identity_feedback_forwarding_enabled", {}, asked)

    def takes_headers(self, kind: str, *, enabled: bool) -> None:
        asked = {"Identity": IDENTITY, "NotificationType": kind, "Enabled": enabled}
        self.stub.add_response("set_identity_headers_in_notifications_enabled", {}, asked)

    def refuses(self, operation: str, code: str, message: str) -> None:
        self.stub.add_client_error(operation, code, message)

    def _answers(self, attributes: dict[str, Any]) -> None:
        self.stub.add_response(
            "get_identity_notification_attributes",
            {"NotificationAttributes": attributes},
            {"Identities": [IDENTITY]},
        )


@pytest.fixture
def ses() -> Iterator[Ses]:
    stubbed = Ses()
    yield stubbed
    stubbed.stub.assert_no_pending_responses()


def served(event: dict[str, Any], ses: Ses) -> dict[str, str]:
    wiring = Wiring(topics=IdentityTopics(ses.client), log=Logger(service="identity_feedback"))
    reply = serve(event, parse_call(event), wiring)
    assert (reply.stack_id, reply.request_id, reply.logical_resource_id) == (
        CREATE["StackId"],
        CREATE["RequestId"],
        CREATE["LogicalResourceId"],
    )
    return {"status": reply.status, "id": reply.physical_resource_id, "reason": reply.reason}


def test_all_three_topics_are_set_each_before_its_headers(ses: Ses) -> None:
    ses.has()
    for kind in KINDS:
        ses.takes_topic(kind, OURS)
        ses.takes_headers(kind, enabled=True)
    assert served(CREATE, ses) == {"status": "SUCCESS", "id": OUR_ID, "reason": ""}


def test_a_refusal_is_told_to_cloudformation(ses: Ses) -> None:
    ses.has(THEIR_BOUNCES)
    reply = served(CREATE, ses)
    assert (reply["status"], reply["id"]) == ("FAILED", NOTHING)
    assert reply["reason"].startswith("ConfigurationError: notifications of example.net go elsewhere already")


def test_the_rollback_of_a_refusal_touches_nothing(ses: Ses) -> None:
    assert served({**DELETE, "PhysicalResourceId": NOTHING}, ses) == {
        "status": "SUCCESS",
        "id": NOTHING,
        "reason": "",
    }


def test_the_id_remembers_what_is_displaced(ses: Ses) -> None:
    ses.has(THEIR_BOUNCES, THEIR_COMPLAINTS)
    for kind in KINDS:
        ses.takes_topic(kind, OURS)
        ses.takes_headers(kind, enabled=True)
    assert served(DISPLACE, ses) == {"status": "SUCCESS", "id": DISPLACING_ID, "reason": ""}


def test_a_creation_that_fails_in_the_middle_is_rolled_back_to_what_there_was(ses: Ses) -> None:
    ses.has(THEIR_BOUNCES, THEIR_COMPLAINTS)
    ses.takes_topic("Bounce", OURS)
    ses.takes_headers("Bounce", enabled=True)
    ses.refuses("set_identity_notification_topic", "Throttling", "Rate exceeded")
    failed = served(DISPLACE, ses)
    assert (failed["status"], failed["id"]) == ("FAILED", DISPLACING_ID)
    assert "Rate exceeded" in failed["reason"]

    ses.has(*ours("Bounce"), THEIR_COMPLAINTS)
    ses.takes_topic("Bounce", THEIRS)
    ses.takes_headers("Bounce", enabled=False)
    rolled_back = {**DISPLACE, "RequestType": "Delete", "PhysicalResourceId": failed["id"]}
    assert served(rolled_back, ses)["status"] == "SUCCESS"


def test_what_is_there_is_noted_before_anything_is_set(ses: Ses) -> None:
    ses.has(THEIR_BOUNCES, THEIR_COMPLAINTS)
    assert served(LOOK, ses) == {"status": "SUCCESS", "id": DISPLACING_ID, "reason": ""}


def test_who_has_only_looked_has_nothing_to_undo(ses: Ses) -> None:
    deleted = {**LOOK, "RequestType": "Delete", "PhysicalResourceId": DISPLACING_ID}
    assert served(deleted, ses) == {"status": "SUCCESS", "id": DISPLACING_ID, "reason": ""}


def test_a_creation_that_lambda_hands_over_twice_forgets_nothing_that_it_displaced(ses: Ses) -> None:
    ses.has(THEIR_BOUNCES, THEIR_COMPLAINTS)
    for kind in KINDS:
        ses.takes_topic(kind, OURS)
        ses.takes_headers(kind, enabled=True)
    assert served(LOOKED, ses)["id"] == DISPLACING_ID

    ses.has(*ours())
    assert served(LOOKED, ses) == {"status": "SUCCESS", "id": DISPLACING_ID, "reason": ""}


def test_a_creation_whose_answer_got_lost_is_rolled_back_to_what_there_was(ses: Ses) -> None:
    ses.has(*ours())
    ses.takes_topic("Bounce", THEIRS)
    ses.takes_headers("Bounce", enabled=False)
    ses.takes_topic("Complaint", THEIRS)
    ses.takes_headers("Complaint", enabled=True)
    ses.takes_headers("Delivery", enabled=False)
    ses.takes_topic("Delivery", None)
    # without an answer CloudFormation makes an id up
    made_up = "mailbus-prod-mail-MailNotificationsexamplenet1F0AC4E2-1QZ8XK0WN5T7B"
    rolled_back = {**LOOKED, "RequestType": "Delete", "PhysicalResourceId": made_up}
    assert served(rolled_back, ses)["status"] == "SUCCESS"


def test_an_update_brings_over_what_goes_to_our_former_topic(ses: Ses) -> None:
    ses.has(*(Setting(kind=kind, topic=FORMER, headers=True) for kind in KINDS))
    for kind in KINDS:
        ses.takes_topic(kind, OURS)
        ses.takes_headers(kind, enabled=True)
    assert served(UPDATE, ses) == {"status": "SUCCESS", "id": OUR_ID, "reason": ""}


def test_an_update_that_fails_in_the_middle_keeps_its_id(ses: Ses) -> None:
    ses.has(*ours("Complaint", "Delivery"))
    ses.refuses("set_identity_notification_topic", "InvalidParameterValue", "SNS topic is not accessible")
    failed = served({**UPDATE, "PhysicalResourceId": DISPLACING_ID}, ses)
    assert (failed["status"], failed["id"]) == ("FAILED", DISPLACING_ID)


def test_what_was_displaced_is_set_again_after_deletion_and_the_rest_cleared(ses: Ses) -> None:
    ses.has(*ours())
    ses.takes_topic("Bounce", THEIRS)
    ses.takes_headers("Bounce", enabled=False)
    ses.takes_topic("Complaint", THEIRS)
    ses.takes_headers("Complaint", enabled=True)
    # SES takes headers off while there is a topic only
    ses.takes_headers("Delivery", enabled=False)
    ses.takes_topic("Delivery", None)
    assert served(DELETE, ses) == {"status": "SUCCESS", "id": DISPLACING_ID, "reason": ""}


def test_a_topic_that_was_displaced_and_is_gone_since_holds_no_deletion_up(ses: Ses) -> None:
    ses.has(*ours("Bounce"))
    ses.refuses("set_identity_notification_topic", "InvalidParameterValue", f"SNS topic <{THEIRS}> not found")
    ses.takes_forwarding()
    ses.takes_headers("Bounce", enabled=False)
    ses.takes_topic("Bounce", None)
    assert served(DELETE, ses)["status"] == "SUCCESS"


def test_bounces_and_complaints_are_told_by_mail_before_their_last_topic_is_taken_away(ses: Ses) -> None:
    ses.has(*ours(), forwarding=False)
    ses.takes_forwarding()
    for kind in KINDS:
        ses.takes_headers(kind, enabled=False)
        ses.takes_topic(kind, None)
    assert served({**DELETE, "PhysicalResourceId": OUR_ID}, ses) == {
        "status": "SUCCESS",
        "id": OUR_ID,
        "reason": "",
    }


def test_a_deletion_that_ses_refuses_for_another_reason_fails_with_it(ses: Ses) -> None:
    ses.has(*ours("Bounce"))
    ses.refuses(
        "set_identity_notification_topic", "AccessDenied", "not authorized to perform ses:SetIdentity"
    )
    reply = served(DELETE, ses)
    assert (reply["status"], reply["id"]) == ("FAILED", DISPLACING_ID)
    assert "not authorized" in reply["reason"]


def test_an_identity_that_is_gone_holds_no_deletion_up(ses: Ses) -> None:
    ses.has_none()
    assert served(DELETE, ses) == {"status": "SUCCESS", "id": DISPLACING_ID, "reason": ""}


def test_an_error_before_anything_is_set_leaves_nothing_to_roll_back(ses: Ses) -> None:
    ses.refuses("get_identity_notification_attributes", "AccessDenied", "not authorized to perform ses:Get")
    reply = served(CREATE, ses)
    assert (reply["status"], reply["id"]) == ("FAILED", NOTHING)
    assert "not authorized" in reply["reason"]


@pytest.mark.parametrize(
    ("properties", "named"),
    [
        ({}, "Identity"),
        ({"Identity": IDENTITY}, "TopicArn"),
        ({"Identity": None, "TopicArn": OURS}, "Identity"),
        ({"Identity": IDENTITY, "TopicArn": OURS, "Displace": "perhaps"}, "Displace"),
        ("example.net", "ResourceProperties"),
        (None, "ResourceProperties"),
    ],
)
def test_wrong_properties_fail_by_name(properties: object, named: str, ses: Ses) -> None:
    reply = served({**CREATE, "ResourceProperties": properties}, ses)
    assert (reply["status"], reply["id"]) == ("FAILED", NOTHING)
    assert named in reply["reason"]
