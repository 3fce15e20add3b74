"""Decides what to do about the topics to which SES publishes the feedback of one identity."""

from __future__ import annotations

from typing import Final

import msgspec

from mailbus.aws.custom_resource import PHYSICAL_ID_BYTES, RequestType
from mailbus.errors import ConfigurationError
from mailbus.ses_events import FEEDBACK_TYPES, FeedbackType

# The kinds that are lost if SES neither publishes them to a topic nor forwards them by mail.
FEEDBACK: Final[tuple[FeedbackType, ...]] = ("Bounce", "Complaint")

_PREFIX: Final = "identity-notifications/"
_DISPLACED: Final = "/displaced/"
_WITH_HEADERS: Final = "+headers"
# The physical id of a resource that was not created: its deletion changes nothing.
PLACEHOLDER_ID: Final = "no-identity-notifications"


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """The topic (an ARN, None for none) of notifications of one kind, and if they have the mail's headers."""

    kind: FeedbackType
    topic: str | None = None
    headers: bool = False


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of an identity in SES, one of each kind.

    With `forwarding`, SES also forwards bounces and complaints by mail.
    """

    settings: tuple[Setting, ...]
    forwarding: bool = True


class State(msgspec.Struct, frozen=True, kw_only=True):
    """An identity whose notifications this stack receives, and the settings that it replaced.

    CloudFormation keeps it between requests, as the physical id of a resource: of the one that changes the
    settings, and before that of the read-only one.
    """

    identity: str
    displaced: tuple[Setting, ...] = ()

    def physical_id(self) -> str:
        """Return the state as a physical id; names of topics and kinds have none of its separators."""
        displaced = ";".join(
            f"{was.kind}{_WITH_HEADERS if was.headers else ''}={was.topic}" for was in self.displaced
        )
        return f"{_PREFIX}{self.identity}" + (f"{_DISPLACED}{displaced}" if displaced else "")


def parse_state(physical_id: str | None) -> State | None:
    """Return the state in a physical id; None if it is another kind of id."""
    if physical_id is None or not physical_id.startswith(_PREFIX):
        return None
    identity, _, displaced = physical_id.removeprefix(_PREFIX).partition(_DISPLACED)
    try:
        settings = tuple(_displaced(one) for one in displaced.split(";") if one)
    except msgspec.ValidationError:
        return None
    return State(identity=identity, displaced=settings)


def _displaced(text: str) -> Setting:
    what, _, topic = text.partition("=")
    kind = msgspec.convert(what.removesuffix(_WITH_HEADERS), FeedbackType)
    return Setting(kind=kind, topic=topic, headers=what.endswith(_WITH_HEADERS))


class Desired(msgspec.Struct, frozen=True, kw_only=True):
    """A request to publish an identity's notifications to `topic`, or no longer.

    A `read_only` request changes nothing, and its result is the state that a change will have. `former_topic`
    is this stack's topic before an update, `before` the state until now.
    """

    request_type: RequestType
    identity: str
    topic: str
    displace: bool
    read_only: bool = False
    former_topic: str | None = None
    before: State | None = None

    @property
    def own_topics(self) -> frozenset[str | None]:
        """The topics that this stack has set."""
        return frozenset({self.topic, self.former_topic or self.topic})

    @property
    def displaced(self) -> tuple[Setting, ...] | None:
        """The settings of this identity that were displaced; None if nothing was set for it yet."""
        return self.before.displaced if self.before and self.before.identity == self.identity else None


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Settings to change, in order; `after` is the state then.

    With `forward`, SES must forward bounces and complaints by mail before that.
    """

    forward: bool = False
    changes: tuple[Setting, ...] = ()
    after: State


def decide(desired: Desired, found: Found | None) -> Decision:
    """Return what to do when SES has these settings for the identity, None if it has no such identity.

    Another's topic is displaced on request only. Raise `ConfigurationError` if another's topic is set and
    must not be displaced, or if SES does not have the identity. A deletion never raises.
    """
    create_or_update = desired.request_type != "Delete"
    decision = _create_or_update(desired, found) if create_or_update else _delete(desired, found)
    return Decision(after=decision.after) if desired.read_only else decision


def _create_or_update(desired: Desired, found: Found | None) -> Decision:
    if found is None:
        reason = (
            f"SES has no identity {desired.identity} in this account and region; verify it first, or remove "
            f"it from tracking.notified_identities in mailbus.toml"
        )
        raise ConfigurationError(reason)
    others = tuple(
        now for now in found.settings if now.topic is not None and now.topic not in desired.own_topics
    )
    if others and not desired.displace:
        raise ConfigurationError(_taken(desired.identity, others))
    wanted = (Setting(kind=kind, topic=desired.topic, headers=True) for kind in FEEDBACK_TYPES)
    # If an update changes the physical id, CloudFormation deletes the old one, and our settings with it:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requesttypes-update.html
    displaced = others if desired.displaced is None else desired.displaced
    after = State(identity=desired.identity, displaced=displaced)
    if len(after.physical_id().encode()) > PHYSICAL_ID_BYTES:
        reason = (
            f"the names of the topics that notifications of {desired.identity} go to now are too long to be "
            f"stored and set again later; clear them first (aws ses set-identity-notification-topic)"
        )
        raise ConfigurationError(reason)
    return Decision(changes=tuple(one for one in wanted if one not in found.settings), after=after)


def _taken(identity: str, others: tuple[Setting, ...]) -> str:
    where = ", ".join(f"{now.kind} to {now.topic}" for now in others)
    return (
        f"notifications of {identity} already go elsewhere ({where}), and SES has one topic of each kind; "
        f"clear them (aws ses set-identity-notification-topic), or remove {identity} from "
        f"tracking.notified_identities in mailbus.toml, or set tracking.displace_notification_topics = true "
        f"there to have them come here while this stack exists"
    )


def _delete(desired: Desired, found: Found | None) -> Decision:
    after = desired.before or State(identity=desired.identity)
    if found is None:
        return Decision(after=after)
    displaced = {was.kind: was for was in desired.displaced or ()}
    changes = tuple(
        displaced.get(now.kind, Setting(kind=now.kind))
        for now in found.settings
        if now.topic in desired.own_topics
    )
    # SES refuses to clear a topic if the feedback would go nowhere else, and ours may be deleted already:
    # https://docs.aws.amazon.com/ses/latest/APIReference/API_SetIdentityNotificationTopic.html
    silent = any(change.topic is None and change.kind in FEEDBACK for change in changes)
    return Decision(forward=silent and not found.forwarding, changes=changes, after=after)
