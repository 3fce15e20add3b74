"""The operations that read and change an identity: its DKIM signatures and its MAIL FROM domain.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_PutEmailIdentityDkimAttributes.html,
API_PutEmailIdentityMailFromAttributes
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mailbus_local.ses.errors import NOT_FOUND, SesError
from mailbus_local.ses.requests import parse_request
from mailbus_local.ses.state.identity_states import OnMxFailure

if TYPE_CHECKING:
    from mailbus_local.ses.state.simulator import SimulatorState


class _Dkim(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    signing_enabled: bool = False


class _MailFrom(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    mail_from_domain: str | None = None
    behavior_on_mx_failure: OnMxFailure = "USE_DEFAULT_VALUE"


async def put_dkim_attributes(state: SimulatorState, name: str, body: bytes) -> dict[str, Any]:
    """Turn DKIM signatures on or off. Raise `SesError` if there is no such identity."""
    await _require(state, name)
    signs = parse_request(body, _Dkim).signing_enabled
    states = state.identity_states
    states.set(name, msgspec.structs.replace(states.settings(name), signs=signs))
    return {}


async def put_mail_from_attributes(state: SimulatorState, name: str, body: bytes) -> dict[str, Any]:
    """Set the MAIL FROM domain, or none. Raise `SesError` if there is no such identity."""
    await _require(state, name)
    request = parse_request(body, _MailFrom)
    states = state.identity_states
    states.set(
        name,
        msgspec.structs.replace(
            states.settings(name),
            mail_from_domain=request.mail_from_domain or None,
            on_mx_failure=request.behavior_on_mx_failure,
        ),
    )
    return {}


async def _require(state: SimulatorState, name: str) -> None:
    state.resources.clear()
    if name not in await state.resources.identities():
        raise SesError(NOT_FOUND, f"Email identity {name} does not exist.")
