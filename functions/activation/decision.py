"""Decides what to do about the one active receipt rule set of an account and region."""

from __future__ import annotations

from typing import Final

import msgspec

from mailbus.aws.custom_resource import RequestType
from mailbus.environment import NAME_PREFIX
from mailbus.errors import ConfigurationError

_PREFIX: Final = "receipt-rule-set/"
_SHARED_PREFIX: Final = "shared-receipt-rule-set/"
_DISPLACED: Final = "/displaced/"
# The physical id of a resource that was not created: its deletion changes nothing.
PLACEHOLDER_ID: Final = "no-receipt-rule-set"


class State(msgspec.Struct, frozen=True, kw_only=True):
    """A rule set that this stack has activated, and the one that it displaced.

    CloudFormation keeps it between requests, as the physical id of a resource: of the one that activates the
    set, and before that of the read-only one. A `shared` set is not the stack's own: others have rules in it.
    """

    rule_set: str
    displaced: str | None = None
    shared: bool = False

    def physical_id(self) -> str:
        """Return the state as a physical id; names of rule sets have no slash."""
        if self.shared:
            return f"{_SHARED_PREFIX}{self.rule_set}"
        return f"{_PREFIX}{self.rule_set}" + (f"{_DISPLACED}{self.displaced}" if self.displaced else "")


def parse_state(physical_id: str | None) -> State | None:
    """Return the state in a physical id; None if it is another kind of id."""
    if physical_id is None:
        return None
    if physical_id.startswith(_SHARED_PREFIX):
        return State(rule_set=physical_id.removeprefix(_SHARED_PREFIX), shared=True)
    if not physical_id.startswith(_PREFIX):
        return None
    rule_set, _, displaced = physical_id.removeprefix(_PREFIX).partition(_DISPLACED)
    return State(rule_set=rule_set, displaced=displaced or None)


class Desired(msgspec.Struct, frozen=True, kw_only=True):
    """A request to make `rule_set` active, or no longer. `before` is the state until now.

    A `read_only` request changes nothing, and its result is the state that a change will have. A `shared` set
    is activated only if none is active, and never deactivated.
    """

    request_type: RequestType
    rule_set: str
    displace: bool
    shared: bool = False
    read_only: bool = False
    before: State | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Activate a set, deactivate the active one, or neither; `after` is the state then."""

    activate: str | None = None
    deactivate: bool = False
    after: State


def decide(desired: Desired, active: str | None) -> Decision:
    """Return what to do when `active` is the active set. Another's set is displaced on request only.

    Raise `ConfigurationError` if another's set is active and must not be displaced.
    """
    create_or_update = desired.request_type != "Delete"
    decision = _create_or_update(desired, active) if create_or_update else _delete(desired, active)
    return Decision(after=decision.after) if desired.read_only else decision


def _create_or_update(desired: Desired, active: str | None) -> Decision:
    # A set that was shared is not ours to replace, and neither is one that was displaced for a shared one.
    before = desired.before if desired.before and not desired.before.shared else None
    displaced = before.displaced if before and not desired.shared else None
    own = {desired.rule_set, before.rule_set if before else desired.rule_set}
    if active is None or active in own:
        after = State(rule_set=desired.rule_set, displaced=displaced, shared=desired.shared)
        return Decision(activate=None if active == desired.rule_set else desired.rule_set, after=after)
    if desired.displace and not desired.shared:
        # If an update changes the physical id, CloudFormation deletes the old one, and our set with it:
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requesttypes-update.html
        same = before is not None and before.rule_set == desired.rule_set
        after = State(rule_set=desired.rule_set, displaced=displaced if same else active)
        return Decision(activate=desired.rule_set, after=after)
    raise ConfigurationError(_refusal(desired, active))


def _refusal(desired: Desired, active: str) -> str:
    """Return why another active set is left alone, and what to do."""
    if desired.shared:
        return (
            f"inbound.rule_set_name is {desired.rule_set!r}, but the receipt rule set {active!r} is active, "
            "and an account has one active set per region; name the active one, or activate yours "
            f"(aws ses set-active-receipt-rule-set --rule-set-name {desired.rule_set})"
        )
    share = (
        "create a set that belongs to no stage (aws ses create-receipt-rule-set), and name it as "
        "inbound.rule_set_name in mailbus.toml, for the stage that owns the active set, which is deployed "
        "first, and for this one"
        # the set of another stage, which is deleted with that stage and with all rules in it
        if active.startswith(NAME_PREFIX)
        else f'set inbound.rule_set_name = "{active}" in mailbus.toml, to add the rules of this stage to it'
    )
    return (
        f"the receipt rule set {active!r} is active, and an account has one active set per region; {share}; "
        "or deploy to another region or account; or deactivate it (aws ses set-active-receipt-rule-set); or "
        "set inbound.displace_active_rule_set = true to displace it while this stack exists"
    )


def _delete(desired: Desired, active: str | None) -> Decision:
    before = desired.before
    if before is None or before.shared or active != before.rule_set:
        return Decision(after=before or State(rule_set=desired.rule_set, shared=desired.shared))
    if before.displaced:
        return Decision(activate=before.displaced, after=before)
    return Decision(deactivate=True, after=before)
