"""SendEmail: one message."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from mailbus_local.ses.sending.acceptance import accept, resolve_identity
from mailbus_local.ses.sending.calls import Caller, SendCall
from mailbus_local.ses.sending.preparation import PreparedMessage, prepare_message, with_tenant
from mailbus_local.ses.sending.rights import actions_of
from mailbus_local.ses.sending.template_content import load_template, template_name
from mailbus_local.ses.state.faults import SEND_EMAIL

if TYPE_CHECKING:
    from mailbus_local.ses.requests import SendEmail, TemplateContent
    from mailbus_local.ses.state.simulator import SimulatorState


LARGE_BYTES: Final = 256 * 1024


async def send_email(state: SimulatorState, request: SendEmail, caller: Caller) -> str:
    """Accept a message and publish its events. Return its message id."""
    template = request.content.template
    content = await load_template(state, template) if template is not None else None
    prepared = await _prepare(request, content)
    if request.tenant_name:
        prepared = with_tenant(prepared, request.tenant_name)
    call = SendCall(
        operation=SEND_EMAIL,
        actions=actions_of(request.content),
        caller=caller,
        overrides=request.configuration_overrides,
        template_name=template_name(template) if template is not None else "",
        feedback_address=request.feedback_forwarding_email_address,
        list_management=request.list_management_options,
    )
    sender = await resolve_identity(state, prepared, call, request.from_email_address_identity_arn)
    return accept(state, prepared, sender, call)


async def _prepare(request: SendEmail, content: TemplateContent | None) -> PreparedMessage:
    """Validate and compose a message; a large one in a thread, so that it does not block other requests."""
    raw = request.content.raw
    if raw is not None and len(raw.data) > LARGE_BYTES:
        return await asyncio.to_thread(prepare_message, request, content)
    return prepare_message(request, content)
