"""What the stack asks of an identity's resource, read into a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from identity_feedback.decision import Request, standing
from mailbus.aws.custom_resource import OLD_PROPERTIES, parse_properties

if TYPE_CHECKING:
    from mailbus.aws.custom_resource import Call


class _Properties(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    identity: str
    topic_arn: str
    displace: Literal["true", "false"] = "false"
    look: Literal["true", "false"] = "false"
    standing: str | None = None


class _Former(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    topic_arn: str | None = None


def parse_request(event: dict[str, Any], call: Call) -> Request:
    """Read what is asked; a property that is missing or wrong is a `ConfigurationError`."""
    properties = parse_properties(event, _Properties)
    former = (
        parse_properties(event, _Former, key=OLD_PROPERTIES) if call.request_type == "Update" else _Former()
    )
    return Request(
        activity=call.request_type,
        identity=properties.identity,
        topic=properties.topic_arn,
        displace=properties.displace == "true",
        former_topic=former.topic_arn,
        looks=properties.look == "true",
        # A creation has no id yet, nor has its deletion if it never came to answer.
        before=standing(call.physical_resource_id) or standing(properties.standing),
    )
