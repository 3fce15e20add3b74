"""Parses the properties of the custom resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from activation.decision import Desired, parse_state

if TYPE_CHECKING:
    from mailbus.aws.custom_resource import Request


class _Properties(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """CloudFormation passes every value as a string."""

    rule_set_name: str
    displace: Literal["true", "false"] = "false"
    shared: Literal["true", "false"] = "false"
    read_only: Literal["true", "false"] = "false"
    state: str | None = None


def parse_desired(request: Request) -> Desired:
    """Return the desired state; a missing or wrong property is a `ConfigurationError`."""
    properties = request.properties(_Properties)
    return Desired(
        request_type=request.request_type,
        rule_set=properties.rule_set_name,
        displace=properties.displace == "true",
        shared=properties.shared == "true",
        read_only=properties.read_only == "true",
        # A creation has no id yet, and neither has its deletion if its response was lost.
        before=parse_state(request.physical_resource_id) or parse_state(properties.state),
    )
