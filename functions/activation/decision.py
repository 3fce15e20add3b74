"""What to do about the one active receipt rule set of an account and region."""

from __future__ import annotations

from typing import Final

import msgspec

from mailbus.aws.custom_resource import Activity
from mailbus.errors import ConfigurationError

_PREFIX: Final = "receipt-rule-set/"
_DISPLACED: Final = "/displaced/"
# What a resource is called that never came to be: deleting it changes nothing.
NOTHING: Final = "no-receipt-rule-set"


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A set that this stack has activated, and the one whose place it took.

    CloudFormation keeps it between calls: as the physical id of the resource that activates the set, and from
    before that as that of the one that looked.
    """

    rule_set: str
    displaced: str | None = None

    def physical_id(self) -> str:
        """Write the standing as an id; names of rule sets hold no slash."""
        return f"{_PREFIX}{self.rule_set}" + (f"{_DISPLACED}{self.displaced}" if self.displaced else "")


def standing(physical_id: str | None) -> Standing | None:
    """Read a standing back; None for an id that is none."""
    if physical_id is None or not physical_id.startswith(_PREFIX):
        return None
    rule_set, _, displaced = physical_id.removeprefix(_PREFIX).partition(_DISPLACED)
    return Standing(rule_set=rule_set, displaced=displaced or None)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What the stack wants: `rule_set` active, or no longer; `before` is how it stood till now.

    One that `looks` changes nothing: its answer is how it will stand.
    """

    activity: Activity
    rule_set: str
    displace: bool
    looks: bool = False
    before: Standing | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Activate a set, deactivate whichever is active, or neither; then this is how it stands."""

    activate: str | None = None
    deactivate: bool = False
    after: Standing


def decide(request: Request, active: str | None) -> Decision:
    """Decide by the set that is active now; another's is displaced on request only.

    Raises `ConfigurationError` where it stands in the way.
    """
    decision = _leave(request, active) if request.activity == "Delete" else _enter(request, active)
    return Decision(after=decision.after) if request.looks else decision


def _enter(request: Request, active: str | None) -> Decision:
    displaced = request.before.displaced if request.before else None
    own = {request.rule_set, request.before.rule_set if request.before else request.rule_set}
    if active is None or active in own:
        after = Standing(rule_set=request.rule_set, displaced=displaced)
        return Decision(activate=None if active == request.rule_set else request.rule_set, after=after)
    if request.displace:
        # An update that changes the id has CloudFormation delete the former one, and with it our own set:
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requesttypes-update.html
        same = request.before is not None and request.before.rule_set == request.rule_set
        after = Standing(rule_set=request.rule_set, displaced=displaced if same else active)
        return Decision(activate=request.rule_set, after=after)
    reason = (
        f"the receipt rule set {active!r} is active, and one only can be, per account and region; deploy to "
        f"another region or account, or deactivate it (aws ses set-active-receipt-rule-set), or set "
        f"inbound.displace_active_rule_set = true in mailbus.toml to take its place while this stack stands"
    )
    raise ConfigurationError(reason)


def _leave(request: Request, active: str | None) -> Decision:
    if request.before is None or active != request.before.rule_set:
        return Decision(after=request.before or Standing(rule_set=request.rule_set))
    if request.before.displaced:
        return Decision(activate=request.before.displaced, after=request.before)
    return Decision(deactivate=True, after=request.before)
