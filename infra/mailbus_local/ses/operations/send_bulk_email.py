"""SendBulkEmail: up to 50 messages of one template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus_local.ses.addresses import parse
from mailbus_local.ses.errors import (
    BAD_REQUEST,
    MESSAGE_REJECTED,
    NOT_FOUND,
    QUOTA_EXCEEDED,
    SENDING_PAUSED,
    TOO_MANY_REQUESTS,
    SesError,
)
from mailbus_local.ses.requests import BulkEntry, BulkResult, SendBulkEmail, Template, TemplateContent
from mailbus_local.ses.sending.acceptance import accept, check_sandbox, resolve_identity
from mailbus_local.ses.sending.calls import Caller, SendCall
from mailbus_local.ses.sending.preparation import (
    PreparedMessage,
    TemplateMessage,
    prepare_template_message,
    with_tenant,
)
from mailbus_local.ses.sending.rights import BULK
from mailbus_local.ses.sending.template_content import load_template, template_name
from mailbus_local.ses.sending.template_rendering import Data, parse_data
from mailbus_local.ses.sending.validation import check_headers, check_tags
from mailbus_local.ses.state.faults import SEND_BULK_EMAIL

if TYPE_CHECKING:
    from mailbus_local.ses.state.simulator import SimulatorState

MAX_ENTRIES: Final = 50
_ENTRY_STATUSES: Final = {
    BAD_REQUEST: "INVALID_PARAMETER",
    MESSAGE_REJECTED: "MESSAGE_REJECTED",
    NOT_FOUND: "CONFIGURATION_SET_NOT_FOUND",
    SENDING_PAUSED: "ACCOUNT_SENDING_PAUSED",
    TOO_MANY_REQUESTS: "ACCOUNT_THROTTLED",
}


async def send_bulk_email(
    state: SimulatorState, request: SendBulkEmail, caller: Caller
) -> tuple[BulkResult, ...]:
    """Accept the entries one by one. Raise for an error that concerns them all."""
    state.account.count_bulk_call()
    template = request.default_content.template
    if template is None:
        raise SesError(BAD_REQUEST, "DefaultContent.Template is required.")
    if not 1 <= len(request.bulk_email_entries) <= MAX_ENTRIES:
        raise SesError(BAD_REQUEST, f"BulkEmailEntries must have 1 to {MAX_ENTRIES} entries.")
    state.account.require_enabled()
    check_tags(request.default_email_tags)
    check_headers(template.headers)
    shared = _Shared(template=template, content=await load_template(state, template))
    call = SendCall(
        operation=SEND_BULK_EMAIL,
        actions=BULK,
        caller=caller,
        overrides=request.configuration_overrides,
        template_name=template_name(template),
        feedback_address=request.feedback_forwarding_email_address,
    )
    return tuple(
        [await _send_entry(state, request, entry, shared, call) for entry in request.bulk_email_entries]
    )


class _Shared(msgspec.Struct, frozen=True, kw_only=True):
    """The template of a bulk call."""

    template: Template
    content: TemplateContent


async def _send_entry(
    state: SimulatorState, request: SendBulkEmail, entry: BulkEntry, shared: _Shared, call: SendCall
) -> BulkResult:
    fault = state.faults.next(SEND_BULK_EMAIL, of_entry=True)
    if fault is not None:
        state.account.counters.faulted += 1
        return BulkResult(status=fault.error, error=fault.message or f"Simulated {fault.error}.")
    try:
        prepared = _prepare_entry(request, entry, shared)
    except SesError as error:
        return BulkResult(status=_entry_status(error), error=error.reason)
    # The sender and the configuration set belong to the call, so an error in them fails the whole call.
    sender = await resolve_identity(
        state, prepared, call, request.from_email_address_identity_arn, recipients=False
    )
    try:
        if not state.account.limits.production_access:
            await check_sandbox(state, prepared)
        message_id = accept(state, prepared, sender, call)
    except SesError as error:
        return BulkResult(status=_entry_status(error), error=error.reason)
    return BulkResult(status="SUCCESS", message_id=message_id)


def _entry_status(error: SesError) -> str:
    if error.reason == QUOTA_EXCEEDED:
        return "ACCOUNT_DAILY_QUOTA_EXCEEDED"
    return _ENTRY_STATUSES.get(error.code, "FAILED")


def _prepare_entry(request: SendBulkEmail, entry: BulkEntry, shared: _Shared) -> PreparedMessage:
    template, content = shared.template, shared.content
    own = check_headers(entry.replacement_headers)
    replaced = {header.name.lower() for header in own}
    kept = (h for h in check_headers(template.headers) if h.name.lower() not in replaced)
    prepared = prepare_template_message(
        TemplateMessage(
            sender=request.from_email_address,
            destination=entry.destination,
            reply_to=request.reply_to_addresses,
            template=template,
            content=content,
            data=_merge_data(
                template.template_data,
                entry.replacement_email_content.replacement_template.replacement_template_data,
            ),
            headers=(*kept, *own),
        )
    )
    tags = {tag.name: tag for tag in (*request.default_email_tags, *check_tags(entry.replacement_tags))}
    return_path = request.feedback_forwarding_email_address
    prepared = msgspec.structs.replace(
        prepared,
        senders=prepared.senders + ((parse(return_path),) if return_path else ()),
        tags=tuple(tags.values()),
        configuration_set=request.configuration_set_name,
    )
    return with_tenant(prepared, request.tenant_name) if request.tenant_name else prepared


def _merge_data(default: str | None, own: str | None) -> str | None:
    """Return the default data, overridden by the entry's own: objects are merged, all else is replaced.

    https://github.com/domdomegg/aws-ses-v2-local/issues/102 has what SES does.
    """
    if not default or not own:
        return own or default
    try:
        return msgspec.json.encode(_merge(parse_data(default), parse_data(own))).decode()
    except ValueError as error:
        raise SesError(BAD_REQUEST, "TemplateData is not a JSON object.") from error


def _merge(default: Data, own: Data) -> Data:
    merged = dict(default)
    for name, value in own.items():
        known = merged.get(name)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            merged[name] = _merge(known, value)
        else:
            merged[name] = value
    return merged
