"""The edge to the simulated SES: what only the laptop has, such as the content of sent mail."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus_local.testing.control import Control
from mailbus_local.testing.errors import ControlError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailbus_cli.deployment import Deployment

_SUFFIX: Final = "/_simulator"


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message that the simulated SES accepted, with its bytes."""

    message_id: str
    accepted_at: float
    recipients: tuple[str, ...]
    configuration_set: str | None
    overrides: dict[str, Any]
    tags: dict[str, str]
    raw: bytes


def control(deployment: Deployment) -> Control | None:
    """Return the control API of the laptop's SES; None for an account."""
    url = deployment.simulator_url
    return None if url is None else Control(url.removesuffix(_SUFFIX))


def message(deployment: Deployment, message_id: str) -> Message | None:
    """Return a message; None in an account, and of a message from before the system was started again."""
    api = control(deployment)
    if api is None:
        return None
    try:
        found = api.request("GET", f"messages/{message_id}")
    except ControlError:
        return None
    return Message(
        message_id=found["message_id"],
        accepted_at=found["accepted_at"],
        recipients=tuple(found["recipients"]),
        configuration_set=found["configuration_set"],
        overrides=found["overrides"],
        tags=found["tags"],
        raw=b64decode(found["content"]),
    )


def destinations(deployment: Deployment, configuration_set: str | None) -> Sequence[dict[str, Any]]:
    """Return the event destinations of a configuration set."""
    if configuration_set is None:
        return ()
    answer = deployment.client("sesv2").get_configuration_set_event_destinations(
        ConfigurationSetName=configuration_set
    )
    found: list[dict[str, Any]] = answer["EventDestinations"]
    return found
