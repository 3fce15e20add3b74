"""Where each identity has its feedback notifications published.

https://docs.aws.amazon.com/ses/latest/dg/configure-sns-notifications.html
"""

from __future__ import annotations

from typing import Final

import msgspec

from mailbus.ses_events import FEEDBACK_TYPES, FeedbackType

# Each of these needs a destination: a topic, or forwarding by mail.
_REQUIRED: Final[tuple[FeedbackType, ...]] = ("Bounce", "Complaint")


class NotificationSetting(msgspec.Struct, frozen=True, kw_only=True):
    """The topic of one type of notification, and whether it includes headers."""

    topic: str | None = None
    headers: bool = False


class NotificationAttributes(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of an identity. `forwarding` (feedback by mail) is not simulated."""

    settings: dict[FeedbackType, NotificationSetting] = msgspec.field(
        default_factory=lambda: dict.fromkeys(FEEDBACK_TYPES, NotificationSetting())
    )
    forwarding: bool = True

    @property
    def drops_feedback(self) -> bool:
        """Whether bounces or complaints would have no destination."""
        return not self.forwarding and any(
            self.settings[notification_type].topic is None for notification_type in _REQUIRED
        )

    def with_setting(
        self, notification_type: FeedbackType, setting: NotificationSetting
    ) -> NotificationAttributes:
        """Return the attributes with another setting of one type."""
        return msgspec.structs.replace(self, settings={**self.settings, notification_type: setting})


class IdentityNotifications:
    """The notification attributes of all identities, by name."""

    def __init__(self) -> None:
        self._by_identity: dict[str, NotificationAttributes] = {}

    def get(self, identity: str) -> NotificationAttributes:
        """Return the attributes of an identity, the defaults if it has none."""
        return self._by_identity.get(identity.lower(), NotificationAttributes())

    def put(self, identity: str, attributes: NotificationAttributes) -> None:
        """Store the attributes of an identity."""
        self._by_identity[identity.lower()] = attributes

    def find(self, identity: str, notification_type: str) -> NotificationSetting | None:
        """Return the setting of an event type, None if it has no topic or is not a notification type."""
        setting = next(
            (self.get(identity).settings[known] for known in FEEDBACK_TYPES if known == notification_type),
            None,
        )
        return setting if setting is not None and setting.topic is not None else None
