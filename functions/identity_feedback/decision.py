"""What to do about the topics that SES's feedback notifications of one identity go to."""

from __future__ import annotations

from typing import Final, Literal, get_args

import msgspec

from mailbus.aws.custom_resource import PHYSICAL_ID_BYTES, Activity
from mailbus.errors import ConfigurationError

Kind = Literal["Bounce", "Complaint", "Delivery"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
# What nobody is told of where neither a topic nor mail tells it.
FEEDBACK: Final[tuple[Kind, ...]] = ("Bounce", "Complaint")

_PREFIX: Final = "identity-notifications/"
_DISPLACED: Final = "/displaced/"
_WITH_HEADERS: Final = "+headers"
# What a resource is called that never came to be: deleting it changes nothing.
NOTHING: Final = "no-identity-notifications"


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """Where notifications of one kind go (an ARN, null for nowhere), and whether with the mail's headers."""

    kind: Kind
    topic: str | None = None
    headers: bool = False


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What SES has set for an identity: one setting of each kind.

    `forwarding` says whether it tells bounces and complaints by mail too.
    """

    settings: tuple[Setting, ...]
    forwarding: bool = True


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """An identity whose notifications come to this stack, and the settings whose place that took.

    CloudFormation keeps it between calls: as the physical id of the resource that sets them, and from before
    anything is set as that of the one that looked.
    """

    identity: str
    displaced: tuple[Setting, ...] = ()

    def physical_id(self) -> str:
        """Write the standing as an id; names of topics and kinds hold none of its signs."""
        displaced = ";".join(
            f"{was.kind}{_WITH_HEADERS if was.headers else ''}={was.topic}" for was in self.displaced
        )
        return f"{_PREFIX}{self.identity}" + (f"{_DISPLACED}{displaced}" if displaced else "")


def standing(physical_id: str | None) -> Standing | None:
    """Read a standing back; None for an id that is none."""
    if physical_id is None or not physical_id.startswith(_PREFIX):
        return None
    identity, _, displaced = physical_id.removeprefix(_PREFIX).partition(_DISPLACED)
    try:
        settings = tuple(_displaced(one) for one in displaced.split(";") if one)
    except msgspec.ValidationError:
        return None
    return Standing(identity=identity, displaced=settings)


def _displaced(text: str) -> Setting:
    what, _, topic = text.partition("=")
    kind = msgspec.convert(what.removesuffix(_WITH_HEADERS), Kind)
    return Setting(kind=kind, topic=topic, headers=what.endswith(_WITH_HEADERS))


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What the stack wants: an identity's notifications on `topic`, or no longer.

    One that `looks` changes nothing: its answer is how it will stand. `former_topic` is where an update finds
    those of its own, `before` how it stood till now.
    """

    activity: Activity
    identity: str
    topic: str
    displace: bool
    looks: bool = False
    former_topic: str | None = None
    before: Standing | None = None

    @property
    def own_topics(self) -> frozenset[str | None]:
        """Topics that were set by this stack."""
        return frozenset({self.topic, self.former_topic or self.topic})

    @property
    def remembered(self) -> tuple[Setting, ...] | None:
        """What this identity's notifications displaced when they were set; null where they never were."""
        return self.before.displaced if self.before and self.before.identity == self.identity else None


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Settings to change, in order; then this is how it stands.

    With `forward`, SES has to tell bounces and complaints by mail before that.
    """

    forward: bool = False
    changes: tuple[Setting, ...] = ()
    after: Standing


def decide(request: Request, found: Found | None) -> Decision:
    """Decide by what SES has set for the identity, null where it has none of that name.

    Another's topic is displaced on request only. Raises `ConfigurationError` where that, or SES's own rules,
    stand in the way; of what is to be left again nothing does.
    """
    decision = _leave(request, found) if request.activity == "Delete" else _enter(request, found)
    return Decision(after=decision.after) if request.looks else decision


def _enter(request: Request, found: Found | None) -> Decision:
    if found is None:
        reason = (
            f"SES has no identity {request.identity} in this account and region; verify it first, or remove "
            f"it from tracking.notified_identities in mailbus.toml"
        )
        raise ConfigurationError(reason)
    others = tuple(
        now for now in found.settings if now.topic is not None and now.topic not in request.own_topics
    )
    if others and not request.displace:
        raise ConfigurationError(_in_the_way(request.identity, others))
    wanted = (Setting(kind=kind, topic=request.topic, headers=True) for kind in KINDS)
    # An update that changes the id has CloudFormation delete the former one, and with it our own settings:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requesttypes-update.html
    displaced = others if request.remembered is None else request.remembered
    after = Standing(identity=request.identity, displaced=displaced)
    if len(after.physical_id().encode()) > PHYSICAL_ID_BYTES:
        reason = (
            f"the topics that notifications of {request.identity} go to now have names too long to be "
            f"remembered and set again later; clear them first (aws ses set-identity-notification-topic)"
        )
        raise ConfigurationError(reason)
    return Decision(changes=tuple(one for one in wanted if one not in found.settings), after=after)


def _in_the_way(identity: str, others: tuple[Setting, ...]) -> str:
    where = ", ".join(f"{now.kind} to {now.topic}" for now in others)
    return (
        f"notifications of {identity} go elsewhere already ({where}), and SES has one topic of each kind; "
        f"clear them (aws ses set-identity-notification-topic), or remove {identity} from "
        f"tracking.notified_identities in mailbus.toml, or set tracking.displace_notification_topics = true "
        f"there to have them come here while this stack stands"
    )


def _leave(request: Request, found: Found | None) -> Decision:
    after = request.before or Standing(identity=request.identity)
    if found is None:
        return Decision(after=after)
    displaced = {was.kind: was for was in request.remembered or ()}
    changes = tuple(
        displaced.get(now.kind, Setting(kind=now.kind))
        for now in found.settings
        if now.topic in request.own_topics
    )
    # SES takes no topic away while nobody else is told, and our topic is closed to it or gone by then:
    # https://docs.aws.amazon.com/ses/latest/APIReference/API_SetIdentityNotificationTopic.html
    silences = any(change.topic is None and change.kind in FEEDBACK for change in changes)
    return Decision(forward=silences and not found.forwarding, changes=changes, after=after)
