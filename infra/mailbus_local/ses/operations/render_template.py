"""TestRenderEmailTemplate: the MIME content that a stored template and its data make.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_TestRenderEmailTemplate.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailbus_local.ses import mime
from mailbus_local.ses.errors import BAD_REQUEST, SesError
from mailbus_local.ses.requests import RenderTemplate, parse_request
from mailbus_local.ses.sending.preparation import render_template

if TYPE_CHECKING:
    from mailbus_local.ses.state.simulator import SimulatorState


async def render_email_template(state: SimulatorState, name: str, body: bytes) -> dict[str, str]:
    """Return the rendered template. Raise if it does not exist, or cannot be rendered."""
    request = parse_request(body, RenderTemplate)
    content = await state.resources.template(name)
    rendered = render_template(content, request.template_data)
    if rendered.failure is not None:
        raise SesError(BAD_REQUEST, rendered.failure)
    raw = mime.compose(
        mime.MessageFields(
            sender="",
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
        )
    )
    return {"RenderedTemplate": raw.decode("ascii")}
