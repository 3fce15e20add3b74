"""SES's event types: every spelling that AWS uses for each, and the events that Mailbus makes of it.

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, get_args

import msgspec

from mailbus.events import EventType

if TYPE_CHECKING:
    from collections.abc import Mapping


# what an identity's feedback notifications report, as `notificationType`
# https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
FeedbackType = Literal["Bounce", "Complaint", "Delivery"]
FEEDBACK_TYPES: Final[tuple[FeedbackType, ...]] = get_args(FeedbackType)


class SesEventType(msgspec.Struct, frozen=True, kw_only=True):
    """One event type of SES.

    `name` is the `eventType` of its JSON, `object_key` the member with its details, `destination_name` what
    the SES API calls it in an event destination. `event_types` are Mailbus's.
    """

    name: str
    object_key: str
    destination_name: str
    event_types: tuple[EventType, ...]

    @property
    def template_name(self) -> str:
        """The name in an event destination of a CloudFormation template.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-ses-configurationseteventdestination-eventdestination.html
        """
        first, *others = self.destination_name.lower().split("_")
        return first + "".join(word.capitalize() for word in others)


SEND: Final = SesEventType(name="Send", object_key="send", destination_name="SEND", event_types=("sent",))
REJECT: Final = SesEventType(
    name="Reject", object_key="reject", destination_name="REJECT", event_types=("rejected",)
)
BOUNCE: Final = SesEventType(
    name="Bounce", object_key="bounce", destination_name="BOUNCE", event_types=("bounced", "autoresponded")
)
COMPLAINT: Final = SesEventType(
    name="Complaint",
    object_key="complaint",
    destination_name="COMPLAINT",
    event_types=("complained",),
)
DELIVERY: Final = SesEventType(
    name="Delivery",
    object_key="delivery",
    destination_name="DELIVERY",
    event_types=("delivered",),
)
OPEN: Final = SesEventType(name="Open", object_key="open", destination_name="OPEN", event_types=("opened",))
CLICK: Final = SesEventType(
    name="Click", object_key="click", destination_name="CLICK", event_types=("clicked",)
)
RENDERING_FAILURE: Final = SesEventType(
    name="Rendering Failure",
    object_key="failure",
    destination_name="RENDERING_FAILURE",
    event_types=("failed",),
)
DELIVERY_DELAY: Final = SesEventType(
    name="DeliveryDelay",
    object_key="deliveryDelay",
    destination_name="DELIVERY_DELAY",
    event_types=("deferred",),
)
SUBSCRIPTION: Final = SesEventType(
    name="Subscription",
    object_key="subscription",
    destination_name="SUBSCRIPTION",
    event_types=("unsubscribed", "subscribed"),
)

SES_EVENT_TYPES: Final[Mapping[str, SesEventType]] = {
    event_type.name: event_type
    for event_type in (
        SEND,
        REJECT,
        BOUNCE,
        COMPLAINT,
        DELIVERY,
        OPEN,
        CLICK,
        RENDERING_FAILURE,
        DELIVERY_DELAY,
        SUBSCRIPTION,
    )
}
"""By `eventType`."""
