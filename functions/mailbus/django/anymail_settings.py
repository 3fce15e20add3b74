"""The settings of Anymail that have no meaning for Mailbus, each with what to do.

https://anymail.dev/en/stable/esps/amazon_ses/#settings, https://anymail.dev/en/stable/installation/#configuration
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

_DEPLOYMENTS: Final = "The deployment calls SES: write {} in mailbus.toml, then remove this setting."
_EVENTS: Final = (
    "Events come from a queue and not by webhooks: remove this setting with the URLs of Anymail, and send "
    "its signals from a consumer of events."
)

WITHOUT_MEANING: Final[Mapping[str, str]] = MappingProxyType(
    {
        "AMAZON_SES_CLIENT_PARAMS": _DEPLOYMENTS.format("client_params"),
        "AMAZON_SES_SESSION_PARAMS": _DEPLOYMENTS.format("session_params"),
        "AMAZON_SES_CONFIGURATION_SET_NAME": _DEPLOYMENTS.format("configuration_set_name"),
        "AMAZON_SES_MESSAGE_TAG_NAME": _DEPLOYMENTS.format("message_tag_name"),
        "AMAZON_SES_AUTO_CONFIRM_SNS_SUBSCRIPTIONS": _EVENTS,
        "IGNORE_UNSUPPORTED_FEATURES": "What SES cannot do is refused with its reason: remove this setting.",
        "IGNORE_RECIPIENT_STATUS": "The status of a recipient comes as an event: remove this setting.",
        "DEBUG_API_REQUESTS": "The backend calls no service of mail: remove this setting.",
    }
)
