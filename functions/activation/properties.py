"""What the stack asks of the receipt rule set's resource, read into a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from activation.decision import Request, standing
from mailbus.aws.custom_resource import parse_properties

if TYPE_CHECKING:
    from mailbus.aws.custom_resource import Call


class _Properties(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    rule_set_name: str
    displace: Literal["true", "false"] = "false"
    look: Literal["true", "false"] = "false"
    standing: str | None = None


def parse_request(event: dict[str, Any], call: Call) -> Request:
    """Read what is asked; a property that is missing or wrong is a `ConfigurationError`."""
    properties = parse_properties(event, _Properties)
    return Request(
        activity=call.request_type,
        rule_set=properties.rule_set_name,
        displace=properties.displace == "true",
        looks=properties.look == "true",
        # A creation has no id yet, nor has its deletion if it never came to answer.
        before=standing(call.physical_resource_id) or standing(properties.standing),
    )
