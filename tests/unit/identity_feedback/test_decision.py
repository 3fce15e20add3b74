"""Which topics of an identity's feedback are set, cleared or left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from identity_feedback.decision import (
    PLACEHOLDER_ID,
    Decision,
    Desired,
    Found,
    Setting,
    State,
    decide,
    parse_state,
)
from mailbus.errors import ConfigurationError
from mailbus.ses_events import FEEDBACK_TYPES

if TYPE_CHECKING:
    from mailbus.aws.custom_resource import RequestType
    from mailbus.ses_events import FeedbackType


IDENTITY = "example.net"


OURS = "arn:aws:sns:eu-west-1:111122223333:mailbus-prod-mail-TrackingEventsTopic5B3A-Xc1"


FORMER = "arn:aws:sns:eu-west-1:111122223333:mailbus-prod-mail-TrackingEventsTopic5B3A-Aa9"


THEIRS = "arn:aws:sns:eu-west-1:111122223333:helpdesk-bounces"


LATER = "arn:aws:sns:eu-west-1:444455556666:central-feedback"


OUR_ID = "identity-notifications/example.net"


DISPLACING_ID = f"{OUR_ID}/displaced/Bounce={THEIRS};Complaint+headers={THEIRS}"


def ours(*kinds: FeedbackType) -> tuple[Setting, ...]:
    return tuple(Setting(kind=kind, topic=OURS, headers=True) for kind in kinds or FEEDBACK_TYPES)


def nothing(*kinds: FeedbackType) -> tuple[Setting, ...]:
    return tuple(Setting(kind=kind) for kind in kinds or FEEDBACK_TYPES)


def found(*settings: Setting, forwarding: bool = True) -> Found:
    """The identity's settings in SES; kinds that are not given have none."""
    given = {setting.kind: setting for setting in settings}
    return Found(
        settings=tuple(given.get(kind, Setting(kind=kind)) for kind in FEEDBACK_TYPES), forwarding=forwarding
    )


THEIR_BOUNCES = Setting(kind="Bounce", topic=THEIRS)


THEIR_COMPLAINTS = Setting(kind="Complaint", topic=THEIRS, headers=True)


ALONE = State(identity=IDENTITY)


DISPLACING = State(identity=IDENTITY, displaced=(THEIR_BOUNCES, THEIR_COMPLAINTS))


FORMER_BOUNCES = State(identity=IDENTITY, displaced=(THEIR_BOUNCES,))


FORMER_IDENTITY = State(identity="example.org", displaced=(THEIR_BOUNCES,))


def desired(
    request_type: RequestType,
    *,
    displace: bool = False,
    read_only: bool = False,
    before: State | None = None,
    former: str | None = None,
) -> Desired:
    return Desired(
        request_type=request_type,
        identity=IDENTITY,
        topic=OURS,
        displace=displace,
        read_only=read_only,
        former_topic=former,
        before=before,
    )


DECISIONS: dict[str, tuple[Desired, Found | None, Decision]] = {
    "creating sets all three topics, with headers, if none is set": (
        desired("Create"),
        found(),
        Decision(changes=ours(), after=ALONE),
    ),
    "creating turns headers on if the topic is already ours": (
        desired("Create"),
        found(Setting(kind="Bounce", topic=OURS), *ours("Complaint", "Delivery")),
        Decision(changes=ours("Bounce"), after=ALONE),
    ),
    "creating a second time changes nothing": (
        desired("Create"),
        found(*ours()),
        Decision(after=ALONE),
    ),
    "creating displaces another's on request, and stores it": (
        desired("Create", displace=True),
        found(THEIR_BOUNCES, THEIR_COMPLAINTS),
        Decision(changes=ours(), after=DISPLACING),
    ),
    "creating again after a failure in the middle continues, and stores what is not displaced yet": (
        desired("Create", displace=True),
        found(*ours("Bounce"), THEIR_COMPLAINTS),
        Decision(
            changes=ours("Complaint", "Delivery"),
            after=State(identity=IDENTITY, displaced=(THEIR_COMPLAINTS,)),
        ),
    ),
    "a read-only creation changes nothing, and returns what will be displaced": (
        desired("Create", displace=True, read_only=True),
        found(THEIR_BOUNCES, THEIR_COMPLAINTS),
        Decision(after=DISPLACING),
    ),
    "a read-only update keeps what was displaced meanwhile": (
        desired("Update", displace=True, read_only=True, before=DISPLACING, former=OURS),
        found(*ours()),
        Decision(after=DISPLACING),
    ),
    "creating displaces what the read-only resource found": (
        desired("Create", displace=True, before=DISPLACING),
        found(THEIR_BOUNCES, THEIR_COMPLAINTS),
        Decision(changes=ours(), after=DISPLACING),
    ),
    "creating a second time keeps what the read-only resource found": (
        desired("Create", displace=True, before=DISPLACING),
        found(*ours("Bounce"), THEIR_COMPLAINTS),
        Decision(changes=ours("Complaint", "Delivery"), after=DISPLACING),
    ),
    "updating what is set does nothing and keeps what was displaced": (
        desired("Update", before=DISPLACING, former=OURS),
        found(*ours()),
        Decision(after=DISPLACING),
    ),
    "updating to another topic replaces our former one": (
        desired("Update", before=DISPLACING, former=FORMER),
        found(*(Setting(kind=kind, topic=FORMER, headers=True) for kind in FEEDBACK_TYPES)),
        Decision(changes=ours(), after=DISPLACING),
    ),
    "rolling an update back in the middle finds the topics of both": (
        desired("Update", before=ALONE, former=FORMER),
        found(Setting(kind="Bounce", topic=FORMER, headers=True), *ours("Complaint", "Delivery")),
        Decision(changes=ours("Bounce"), after=ALONE),
    ),
    "updating sets again what somebody cleared": (
        desired("Update", before=DISPLACING, former=OURS),
        found(*ours("Complaint")),
        Decision(changes=ours("Bounce", "Delivery"), after=DISPLACING),
    ),
    "updating displaces another's that came later, and keeps the id": (
        desired("Update", displace=True, before=ALONE, former=OURS),
        found(*ours("Bounce", "Complaint"), Setting(kind="Delivery", topic=LATER)),
        Decision(changes=ours("Delivery"), after=ALONE),
    ),
    "updating to another identity displaces its topics": (
        desired("Update", displace=True, before=FORMER_IDENTITY, former=OURS),
        found(THEIR_BOUNCES, THEIR_COMPLAINTS),
        Decision(changes=ours(), after=DISPLACING),
    ),
    "deleting clears what is ours": (
        desired("Delete", before=ALONE),
        found(*ours()),
        Decision(changes=nothing(), after=ALONE),
    ),
    "deleting sets what was displaced again": (
        desired("Delete", before=DISPLACING),
        found(*ours()),
        Decision(changes=(THEIR_BOUNCES, THEIR_COMPLAINTS, *nothing("Delivery")), after=DISPLACING),
    ),
    "deleting leaves another's alone": (
        desired("Delete", before=DISPLACING),
        found(Setting(kind="Bounce", topic=LATER), *ours("Complaint")),
        Decision(changes=(THEIR_COMPLAINTS,), after=DISPLACING),
    ),
    "deleting a second time changes nothing": (
        desired("Delete", before=DISPLACING),
        found(THEIR_BOUNCES, THEIR_COMPLAINTS),
        Decision(after=DISPLACING),
    ),
    "deleting after a creation whose response was lost clears what it had set": (
        desired("Delete"),
        found(*ours("Bounce")),
        Decision(changes=nothing("Bounce"), after=ALONE),
    ),
    "deleting does nothing if the identity no longer exists": (
        desired("Delete", before=DISPLACING),
        None,
        Decision(after=DISPLACING),
    ),
    "deleting leaves forwarding off if others get the feedback again": (
        desired("Delete", before=DISPLACING),
        found(*ours(), forwarding=False),
        Decision(changes=(THEIR_BOUNCES, THEIR_COMPLAINTS, *nothing("Delivery")), after=DISPLACING),
    ),
    "deleting turns forwarding on if nobody else would get the feedback": (
        desired("Delete", before=ALONE),
        found(*ours(), forwarding=False),
        Decision(forward=True, changes=nothing(), after=ALONE),
    ),
    "deleting turns forwarding on if others get only bounces": (
        desired("Delete", before=FORMER_BOUNCES),
        found(*ours(), forwarding=False),
        Decision(
            forward=True, changes=(THEIR_BOUNCES, *nothing("Complaint", "Delivery")), after=FORMER_BOUNCES
        ),
    ),
    "deleting leaves forwarding off if our topic gets only deliveries": (
        desired("Delete", before=ALONE),
        found(THEIR_BOUNCES, THEIR_COMPLAINTS, *ours("Delivery"), forwarding=False),
        Decision(changes=nothing("Delivery"), after=ALONE),
    ),
}


@pytest.mark.parametrize(("wanted", "now", "decision"), DECISIONS.values(), ids=DECISIONS)
def test_what_is_decided(wanted: Desired, now: Found | None, decision: Decision) -> None:
    assert decide(wanted, now) == decision


NOW = (
    found(),
    found(*ours()),
    found(THEIR_BOUNCES, THEIR_COMPLAINTS),
    found(*(Setting(kind=kind, topic=LATER) for kind in FEEDBACK_TYPES)),
)


@pytest.mark.parametrize("now", NOW)
@pytest.mark.parametrize("before", [ALONE, DISPLACING])
def test_an_update_of_the_same_identity_keeps_its_physical_id(before: State, now: Found) -> None:
    after = decide(desired("Update", displace=True, before=before, former=OURS), now).after
    assert after.physical_id() == before.physical_id()


def test_deleting_the_former_identity_after_an_update_leaves_the_new_one_alone() -> None:
    update = desired("Update", displace=True, before=FORMER_IDENTITY, former=OURS)
    after = decide(update, found()).after
    assert after.physical_id() != FORMER_IDENTITY.physical_id()
    clean_up = msgspec.structs.replace(
        desired("Delete", before=FORMER_IDENTITY), identity=FORMER_IDENTITY.identity
    )
    assert decide(clean_up, found(*ours())).changes == (THEIR_BOUNCES, *nothing("Complaint", "Delivery"))


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_other_topics_are_displaced_on_request_only(request_type: RequestType, read_only: bool) -> None:  # noqa: FBT001 - pytest's
    with pytest.raises(ConfigurationError) as refused:
        decide(desired(request_type, read_only=read_only), found(THEIR_BOUNCES, *ours("Complaint")))
    assert f"(Bounce to {THEIRS})" in str(refused.value)
    assert "tracking.displace_notification_topics = true" in str(refused.value)


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_an_identity_that_ses_does_not_have_is_refused_by_name(request_type: RequestType) -> None:
    with pytest.raises(ConfigurationError, match=r"no identity example\.net .* verify it first"):
        decide(desired(request_type), None)


def test_topics_with_names_too_long_to_be_stored_are_not_displaced() -> None:
    long_ones = (
        Setting(kind=kind, topic=f"arn:aws-us-gov:sns:us-gov-west-1:111122223333:{kind}-{'x' * 240}")
        for kind in FEEDBACK_TYPES
    )
    domain = f"{'a' * 60}.{'b' * 60}.example.net"
    wanted = msgspec.structs.replace(desired("Create", displace=True), identity=domain)
    with pytest.raises(ConfigurationError, match="too long to be stored"):
        decide(wanted, found(*long_ones))


@pytest.mark.parametrize("state", [ALONE, DISPLACING, State(identity="billing+eu@example.org")])
def test_a_state_is_stored_as_physical_id(state: State) -> None:
    assert parse_state(state.physical_id()) == state


def test_an_id_is_read_as_it_was_written_by_former_versions() -> None:
    assert parse_state(OUR_ID) == ALONE
    assert parse_state(DISPLACING_ID) == DISPLACING


@pytest.mark.parametrize(
    "other",
    [
        None,
        "",
        PLACEHOLDER_ID,
        "2026/11/22/[$LATEST]d41d8cd98f00b204e9800998ecf8427e",
        f"{OUR_ID}/displaced/Opened={THEIRS}",
        f"{OUR_ID}/displaced/=",
    ],
)
def test_another_physical_id_holds_no_state(other: str | None) -> None:
    assert parse_state(other) is None
