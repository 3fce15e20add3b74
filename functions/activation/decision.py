"""Decides what to do about the one active receipt rule set of an account and region."""

from __future__ import annotations

from typing import Final

import msgspec

from mailbus.aws.custom_resource import RequestType
from mailbus.errors import ConfigurationError

_PREFIX: Final = "receipt-rule-set/"
_DISPLACED: Final = "/displaced/"
# The physical id of a resource that was not created: its deletion changes nothing.
PLACEHOLDER_ID: Final = "no-receipt-rule-set"


class State(msgspec.Struct, frozen=True, kw_only=True):
    """A rule set that this stack has activated, and the one that it displaced.

    CloudFormation keeps it between requests, as the physical id of a resource: of the one that activates the
    set, and before that of the read-only one.
    """

    rule_set: str
    displaced: str | None = None

    def physical_id(self) -> str:
        """Return the state as a physical id; names of rule sets have no slash."""
        return f"{_PREFIX}{self.rule_set}" + (f"{_DISPLACED}{self.displaced}" if self.displaced else "")


def parse_state(physical_id: str | None) -> State | None:
    """Return the state in a physical id; None if it is another kind of id."""
    if physical_id is None or not physical_id.startswith(_PREFIX):
        return None
    rule_set, _, displaced = physical_id.removeprefix(_PREFIX).partition(_DISPLACED)
    return State(rule_set=rule_set, displaced=displaced or None)


class Desired(msgspec.Struct, frozen=True, kw_only=True):
    """A request to make `rule_set` active, or no longer. `before` is the state until now.

    A `read_only` request changes nothing, and its result is the state that a change will have.
    """

    request_type: RequestType
    rule_set: str
    displace: bool
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
    displaced = desired.before.displaced if desired.before else None
    own = {desired.rule_set, desired.before.rule_set if desired.before else desired.rule_set}
    if active is None or active in own:
        after = State(rule_set=desired.rule_set, displaced=displaced)
        return Decision(activate=None if active == desired.rule_set else desired.rule_set, after=after)
    if desired.displace:
        # If an update changes the physical id, CloudFormation deletes the old one, and our set with it:
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requesttypes-update.html
        same = desired.before is not None and desired.before.rule_set == desired.rule_set
        after = State(rule_set=desired.rule_set, displaced=displaced if same else active)
        return Decision(activate=desired.rule_set, after=after)
    reason = (
        f"the receipt rule set {active!r} is active, and an account has one active set per region; deploy to "
        f"another region or account, or deactivate it (aws ses set-active-receipt-rule-set), or set "
        f"inbound.displace_active_rule_set = true in mailbus.toml to displace it while this stack exists"
    )
    raise ConfigurationError(reason)


def _delete(desired: Desired, active: str | None) -> Decision:
    if desired.before is None or active != desired.before.rule_set:
        return Decision(after=desired.before or State(rule_set=desired.rule_set))
    if desired.before.displaced:
        return Decision(activate=desired.before.displaced, after=desired.before)
    return Decision(deactivate=True, after=desired.before)
