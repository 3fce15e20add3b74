"""The edge to SES's settings of an identity's feedback notifications."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from identity_feedback.decision import FEEDBACK, Found, Setting
from mailbus.aws.sessions import error_code

if TYPE_CHECKING:
    from types_boto3_ses.client import SESClient

# SES's code for a topic that it cannot publish to; botocore's model of these calls names no errors.
INVALID: Final = "InvalidParameterValue"


class IdentityTopics:
    """The topics of feedback notifications of identities in this account and region."""

    def __init__(self, client: SESClient) -> None:
        self._client = client

    def find(self, identity: str) -> Found | None:
        """Return the settings of an identity; None if SES does not have it."""
        answer = self._client.get_identity_notification_attributes(Identities=[identity])
        attributes = answer["NotificationAttributes"].get(identity)
        if attributes is None:
            return None
        return Found(
            settings=(
                Setting(
                    kind="Bounce",
                    topic=attributes.get("BounceTopic") or None,
                    headers=attributes.get("HeadersInBounceNotificationsEnabled", False),
                ),
                Setting(
                    kind="Complaint",
                    topic=attributes.get("ComplaintTopic") or None,
                    headers=attributes.get("HeadersInComplaintNotificationsEnabled", False),
                ),
                Setting(
                    kind="Delivery",
                    topic=attributes.get("DeliveryTopic") or None,
                    headers=attributes.get("HeadersInDeliveryNotificationsEnabled", False),
                ),
            ),
            forwarding=attributes["ForwardingEnabled"],
        )

    def forward(self, identity: str) -> None:
        """Turn on SES's forwarding of bounces and complaints by mail."""
        self._client.set_identity_feedback_forwarding_enabled(Identity=identity, ForwardingEnabled=True)

    def apply(self, identity: str, setting: Setting) -> None:
        """Set the topic of notifications of a kind, and whether they have headers."""
        if setting.topic is None:
            self._clear(identity, setting)
            return
        self._client.set_identity_notification_topic(
            Identity=identity, NotificationType=setting.kind, SnsTopic=setting.topic
        )
        self._set_headers(identity, setting)

    def restore(self, identity: str, setting: Setting) -> None:
        """Apply a former setting; if its topic was deleted meanwhile, turn on forwarding by mail instead."""
        try:
            self.apply(identity, setting)
        except ClientError as error:
            if setting.topic is None or error_code(error) != INVALID:
                raise
            if setting.kind in FEEDBACK:
                self.forward(identity)
            self._clear(identity, Setting(kind=setting.kind))

    def _clear(self, identity: str, setting: Setting) -> None:
        # Headers can be turned off while there is a topic only:
        # https://docs.aws.amazon.com/ses/latest/APIReference/API_SetIdentityHeadersInNotificationsEnabled.html
        self._set_headers(identity, setting)
        self._client.set_identity_notification_topic(Identity=identity, NotificationType=setting.kind)

    def _set_headers(self, identity: str, setting: Setting) -> None:
        self._client.set_identity_headers_in_notifications_enabled(
            Identity=identity, NotificationType=setting.kind, Enabled=setting.headers
        )
