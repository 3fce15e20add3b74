"""Advice for a mail that the sender's role or an identity's policy does not allow, by the resource SES names.

SES's texts end with it: "User `arn:…' is not authorized to perform `ses:SendEmail' on resource
`arn:…:identity/…'" (https://github.com/danielireson/formplug/pull/11); in the sandbox it may be a recipient's
(https://github.com/aws/aws-sdk-js/issues/3641).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

_RESOURCE: Final = re.compile(
    r"on resource:?\s+[`'\"]?(arn:[^:\s]+:ses:[^:\s]*:[^:\s]*:(identity|configuration-set)/([^\s`'\"]+))"
)
_DENIED: Final = "the sender's role or the identity's policy does not allow this: "
#: If SES does not name what it is about.
GENERAL: Final = (
    f"{_DENIED}add what the job uses to the settings other_identities and other_configuration_sets, or a "
    "recipient's identity, which SES asks for in the sandbox, to sandbox_recipients, and deploy again"
)
_CONFIGURATION_SET: Final = (
    "the sender's role does not allow the configuration set: add {name} to the setting "
    "other_configuration_sets, and deploy again"
)
_SENDER: Final = (
    f"{_DENIED}add {{name}}, the From address's identity, to the setting other_identities, and deploy again"
)
_RECIPIENT: Final = (
    "the sender's role does not allow a recipient's identity, which SES asks for in the sandbox: add {name} "
    "to the setting sandbox_recipients, and deploy again"
)


def advice(message: str, params: Mapping[str, Any]) -> str:
    """Return what to do after SES denied a call with these parameters."""
    found = _RESOURCE.search(message)
    if found is None:
        return GENERAL
    arn, kind, name = found.groups()
    if kind == "configuration-set":
        return _CONFIGURATION_SET.format(name=name)
    if arn == params.get("FromEmailAddressIdentityArn"):
        return _SENDER.format(name=arn)
    return (_SENDER if _covers(name, params.get("FromEmailAddress", "")) else _RECIPIENT).format(name=name)


def _covers(identity: str, sender: str) -> bool:
    """Return whether an identity is that of a mailbox: its address, its domain, or a domain above."""
    address = sender.rpartition("<")[2].removesuffix(">").lower()
    domain, identity = address.rpartition("@")[2], identity.lower()
    return address == identity or f".{domain}".endswith(f".{identity}")
