"""The content of a template message: stored, or inline in the request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailbus_local.ses.errors import BAD_REQUEST, SesError
from mailbus_local.ses.sending.template_rendering import is_simple

if TYPE_CHECKING:
    from mailbus_local.ses.requests import Template, TemplateContent
    from mailbus_local.ses.state.simulator import SimulatorState

MAX_INLINE_TEMPLATE_BYTES: Final = 1024 * 1024


def template_name(template: Template) -> str:
    """Return the name of a stored template, empty for an inline one."""
    if template.template_name:
        return template.template_name
    return (template.template_arn or "").rpartition("template/")[2]


async def load_template(state: SimulatorState, template: Template) -> TemplateContent:
    """Return the content of a template. Raise if it is missing or not valid."""
    name = template_name(template)
    if name:
        return await state.resources.template(name)
    content = template.template_content
    if content is None:
        raise SesError(
            BAD_REQUEST, "Template must have one of TemplateName, TemplateArn and TemplateContent."
        )
    texts = [text or "" for text in (content.subject, content.text, content.html)]
    size = sum(len(text.encode()) for text in texts)
    if size > MAX_INLINE_TEMPLATE_BYTES:
        raise SesError(BAD_REQUEST, f"TemplateContent is larger than {MAX_INLINE_TEMPLATE_BYTES} bytes.")
    if not all(is_simple(text) for text in texts):
        # The text is SES's own: https://github.com/aws/aws-sdk-js-v3/issues/6657
        raise SesError(BAD_REQUEST, "Template contains unsupported operations.")
    return content
