"""Which receipt rule set is activated, deactivated or left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from activation.decision import PLACEHOLDER_ID, Decision, Desired, State, decide, parse_state
from mailbus.errors import ConfigurationError

if TYPE_CHECKING:
    from mailbus.aws.custom_resource import RequestType

OURS = "mailbus-prod"


THEIRS = "helpdesk-rules"


def desired(
    request_type: RequestType, *, displace: bool = False, read_only: bool = False, before: State | None = None
) -> Desired:
    return Desired(
        request_type=request_type, rule_set=OURS, displace=displace, read_only=read_only, before=before
    )


SHARED = "all-stages"


SHARED_STATE = State(rule_set=SHARED, shared=True)


def shared(request_type: RequestType, *, read_only: bool = False, before: State | None = None) -> Desired:
    return Desired(
        request_type=request_type,
        rule_set=SHARED,
        displace=False,
        shared=True,
        read_only=read_only,
        before=before,
    )


OURS_ALONE = State(rule_set=OURS)


OURS_DISPLACING = State(rule_set=OURS, displaced=THEIRS)


DECISIONS = {
    "creating activates ours if none is active": (
        desired("Create"),
        None,
        Decision(activate=OURS, after=OURS_ALONE),
    ),
    "creating does nothing if ours is already active": (
        desired("Create"),
        OURS,
        Decision(after=OURS_ALONE),
    ),
    "creating displaces another's on request, and stores it": (
        desired("Create", displace=True),
        THEIRS,
        Decision(activate=OURS, after=OURS_DISPLACING),
    ),
    "a read-only creation changes nothing, and returns what will be displaced": (
        desired("Create", displace=True, read_only=True),
        THEIRS,
        Decision(after=OURS_DISPLACING),
    ),
    "a read-only update keeps what was displaced meanwhile": (
        desired("Update", displace=True, read_only=True, before=OURS_DISPLACING),
        OURS,
        Decision(after=OURS_DISPLACING),
    ),
    "creating displaces what the read-only resource found": (
        desired("Create", displace=True, before=OURS_DISPLACING),
        THEIRS,
        Decision(activate=OURS, after=OURS_DISPLACING),
    ),
    "creating a second time keeps what the read-only resource found": (
        desired("Create", displace=True, before=OURS_DISPLACING),
        OURS,
        Decision(after=OURS_DISPLACING),
    ),
    "updating what is active does nothing and keeps what was displaced": (
        desired("Update", before=OURS_DISPLACING),
        OURS,
        Decision(after=OURS_DISPLACING),
    ),
    "updating activates ours again if somebody deactivated it": (
        desired("Update", before=OURS_DISPLACING),
        None,
        Decision(activate=OURS, after=OURS_DISPLACING),
    ),
    "updating to another name replaces our former set": (
        desired("Update", before=State(rule_set="mailbus-old", displaced=THEIRS)),
        "mailbus-old",
        Decision(activate=OURS, after=OURS_DISPLACING),
    ),
    "updating displaces another's that came later, and keeps the id": (
        desired("Update", displace=True, before=OURS_ALONE),
        THEIRS,
        Decision(activate=OURS, after=OURS_ALONE),
    ),
    "updating to another name displaces another's and stores it": (
        desired("Update", displace=True, before=State(rule_set="mailbus-old")),
        THEIRS,
        Decision(activate=OURS, after=OURS_DISPLACING),
    ),
    "deleting deactivates ours": (
        desired("Delete", before=OURS_ALONE),
        OURS,
        Decision(deactivate=True, after=OURS_ALONE),
    ),
    "deleting activates the displaced set": (
        desired("Delete", before=OURS_DISPLACING),
        OURS,
        Decision(activate=THEIRS, after=OURS_DISPLACING),
    ),
    "deleting leaves another's alone": (
        desired("Delete", before=OURS_DISPLACING),
        "newer-rules",
        Decision(after=OURS_DISPLACING),
    ),
    "deleting does nothing if none is active": (
        desired("Delete", before=OURS_ALONE),
        None,
        Decision(after=OURS_ALONE),
    ),
    "creating activates a shared set if none is active": (
        shared("Create"),
        None,
        Decision(activate=SHARED, after=SHARED_STATE),
    ),
    "creating does nothing if the shared set is active": (
        shared("Create"),
        SHARED,
        Decision(after=SHARED_STATE),
    ),
    "a read-only creation activates no shared set": (
        shared("Create", read_only=True),
        None,
        Decision(after=SHARED_STATE),
    ),
    "updating replaces our own set by a shared one, and forgets what ours displaced": (
        shared("Update", before=OURS_DISPLACING),
        OURS,
        Decision(activate=SHARED, after=SHARED_STATE),
    ),
    "updating activates a shared set again if somebody deactivated it": (
        shared("Update", before=SHARED_STATE),
        None,
        Decision(activate=SHARED, after=SHARED_STATE),
    ),
    "updating to a set of our own displaces the shared one on request": (
        desired("Update", displace=True, before=SHARED_STATE),
        SHARED,
        Decision(activate=OURS, after=State(rule_set=OURS, displaced=SHARED)),
    ),
    "deleting leaves a shared set active": (
        shared("Delete", before=SHARED_STATE),
        SHARED,
        Decision(after=SHARED_STATE),
    ),
    "deleting our former set leaves the shared one active": (
        desired("Delete", before=OURS_DISPLACING),
        SHARED,
        Decision(after=OURS_DISPLACING),
    ),
    "deleting does nothing if ours was never activated": (
        desired("Delete"),
        OURS,
        Decision(after=OURS_ALONE),
    ),
}


@pytest.mark.parametrize(("wanted", "active", "decision"), DECISIONS.values(), ids=DECISIONS)
def test_what_is_decided(wanted: Desired, active: str | None, decision: Decision) -> None:
    assert decide(wanted, active) == decision


@pytest.mark.parametrize("active", [None, OURS, THEIRS])
@pytest.mark.parametrize("before", [OURS_ALONE, OURS_DISPLACING, State(rule_set="mailbus-old")])
def test_deleting_the_former_resource_after_an_update_leaves_ours_active(
    before: State, active: str | None
) -> None:
    after = decide(desired("Update", displace=True, before=before), active).after
    replaced = after.physical_id() != before.physical_id()
    cleaned = decide(desired("Delete", before=before), OURS) if replaced else Decision(after=after)
    assert (cleaned.activate, cleaned.deactivate) == (None, False)


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_another_active_rule_set_is_displaced_on_request_only(
    request_type: RequestType,
    read_only: bool,  # noqa: FBT001 - pytest's
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        decide(desired(request_type, read_only=read_only, before=None), THEIRS)
    assert "'helpdesk-rules' is active" in str(refused.value)
    assert "inbound.displace_active_rule_set = true" in str(refused.value)


def test_the_error_names_the_set_to_add_the_rules_to() -> None:
    with pytest.raises(ConfigurationError, match=r'set inbound\.rule_set_name = "helpdesk-rules"'):
        decide(desired("Create"), THEIRS)


def test_the_set_of_another_stage_is_not_named_to_add_rules_to() -> None:
    with pytest.raises(ConfigurationError) as refused:
        decide(desired("Create"), "mailbus-dev")
    assert "create a set that belongs to no stage" in str(refused.value)
    assert '"mailbus-dev"' not in str(refused.value)


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_a_shared_set_never_displaces_another(request_type: RequestType) -> None:
    with pytest.raises(ConfigurationError) as refused:
        decide(shared(request_type, before=SHARED_STATE), THEIRS)
    assert str(refused.value).startswith(
        "inbound.rule_set_name is 'all-stages', but the receipt rule set 'helpdesk-rules' is active"
    )


def test_leaving_a_shared_set_does_not_replace_it() -> None:
    with pytest.raises(ConfigurationError, match="'all-stages' is active"):
        decide(desired("Update", before=SHARED_STATE), SHARED)


@pytest.mark.parametrize("state", [OURS_ALONE, OURS_DISPLACING, SHARED_STATE])
def test_a_state_is_stored_as_physical_id(state: State) -> None:
    assert parse_state(state.physical_id()) == state


@pytest.mark.parametrize(
    "other", [None, "", PLACEHOLDER_ID, "2026/11/22/[$LATEST]d41d8cd98f00b204e9800998ecf8427e"]
)
def test_another_physical_id_holds_no_state(other: str | None) -> None:
    assert parse_state(other) is None
