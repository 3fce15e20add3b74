"""SendEmail and SendBulkEmail: who may send, what is accepted, what is then reported.

Tenants, contact lists and cross-account identities are not simulated: `TenantName` only becomes the tag
`ses:tenant-name`, `ListManagementOptions` is kept with the message and does nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.ses_events import SES_EVENT_TYPES
from mailbus_local.ses import drafts, events, identities, mime, notifications
from mailbus_local.ses.account import Account
from mailbus_local.ses.addresses import parse
from mailbus_local.ses.events import Origin, Wanted
from mailbus_local.ses.faults import SEND_BULK_EMAIL, SEND_EMAIL, Faults
from mailbus_local.ses.mailboxes import is_simulated, outcome
from mailbus_local.ses.messages import Message, Store, new_id
from mailbus_local.ses.notifications import IdentityNotifications
from mailbus_local.ses.publisher import Publication, Publisher
from mailbus_local.ses.refusals import (
    BAD_REQUEST,
    MESSAGE_REJECTED,
    NOT_FOUND,
    QUOTA_EXCEEDED,
    SENDING_PAUSED,
    TOO_MANY_REQUESTS,
    Refusal,
)
from mailbus_local.ses.resources import ConfigurationSet, Resources
from mailbus_local.ses.templates import is_simple, parse_data
from mailbus_local.ses.wire import BulkResult, ListManagement, Overrides, Tag, Template, TemplateContent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailbus_local.ses.drafts import Draft
    from mailbus_local.ses.events import Event
    from mailbus_local.ses.wire import BulkEntry, SendBulkEmail, SendEmail

MAX_ENTRIES: Final = 50
LARGE_BYTES: Final = 256 * 1024

_ENTRY_STATUSES: Final = {
    BAD_REQUEST: "INVALID_PARAMETER",
    MESSAGE_REJECTED: "MESSAGE_REJECTED",
    NOT_FOUND: "CONFIGURATION_SET_NOT_FOUND",
    SENDING_PAUSED: "ACCOUNT_SENDING_PAUSED",
    TOO_MANY_REQUESTS: "ACCOUNT_THROTTLED",
}


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls, and from where."""

    identity: str
    source_ip: str


class World(msgspec.Struct, frozen=True, kw_only=True):
    """What sending works on."""

    origin: Origin
    account: Account
    faults: Faults
    store: Store
    resources: Resources
    notifications: IdentityNotifications
    publisher: Publisher
    clock: Callable[[], float]


class _Route(msgspec.Struct, frozen=True, kw_only=True):
    """By which identity and configuration set a message goes."""

    identity: str
    configuration_set: ConfigurationSet | None


async def send_email(world: World, request: SendEmail, caller: Caller) -> str:
    """Accept a message, and publish what becomes of it; the answer is its message id."""
    given = request.content.template
    template = await _template(world, given) if given is not None else None
    draft = await _drafted(request, template)
    if request.tenant_name:
        draft = _with_tenant(draft, request.tenant_name)
    route = await _route(world, draft, request.from_email_address_identity_arn)
    name = _template_name(given) if given is not None else ""
    return _accept(
        world,
        draft,
        route,
        _Call(
            operation=SEND_EMAIL,
            caller=caller,
            overrides=request.configuration_overrides,
            template_name=name,
            feedback_address=request.feedback_forwarding_email_address,
            list_management=request.list_management_options,
        ),
    )


async def send_bulk_email(world: World, request: SendBulkEmail, caller: Caller) -> tuple[BulkResult, ...]:
    """Accept the entries one by one; what concerns them all refuses the whole call."""
    template = request.default_content.template
    if template is None:
        raise Refusal(BAD_REQUEST, "DefaultContent.Template is required.")
    if not 1 <= len(request.bulk_email_entries) <= MAX_ENTRIES:
        raise Refusal(BAD_REQUEST, f"BulkEmailEntries must have 1 to {MAX_ENTRIES} entries.")
    world.account.require_enabled()
    drafts.check_tags(request.default_email_tags)
    drafts.check_headers(template.headers)
    shared = _Shared(template=template, content=await _template(world, template))
    call = _Call(
        operation=SEND_BULK_EMAIL,
        caller=caller,
        overrides=request.configuration_overrides,
        template_name=_template_name(template),
        feedback_address=request.feedback_forwarding_email_address,
    )
    return tuple([await _entry(world, request, entry, shared, call) for entry in request.bulk_email_entries])


class _Shared(msgspec.Struct, frozen=True, kw_only=True):
    """The template of a bulk call."""

    template: Template
    content: TemplateContent


class _Call(msgspec.Struct, frozen=True, kw_only=True):
    """What all messages of a call share."""

    operation: str
    caller: Caller
    overrides: Overrides
    template_name: str
    feedback_address: str | None = None
    list_management: ListManagement | None = None


async def _entry(
    world: World, request: SendBulkEmail, entry: BulkEntry, shared: _Shared, call: _Call
) -> BulkResult:
    fault = world.faults.next(SEND_BULK_EMAIL, of_entry=True)
    if fault is not None:
        world.account.counters.faulted += 1
        return BulkResult(status=fault.error, error=fault.message or f"Simulated {fault.error}.")
    try:
        draft = _bulk_draft(request, entry, shared)
    except Refusal as refusal:
        return BulkResult(status=_status(refusal), error=refusal.reason)
    # the sender and the configuration set are the call's: what is wrong with them refuses all of it
    route = await _route(world, draft, request.from_email_address_identity_arn, recipients=False)
    try:
        if not world.account.limits.production_access:
            await _check_sandbox(world, draft)
        message_id = _accept(world, draft, route, call)
    except Refusal as refusal:
        return BulkResult(status=_status(refusal), error=refusal.reason)
    return BulkResult(status="SUCCESS", message_id=message_id)


async def _drafted(request: SendEmail, template: TemplateContent | None) -> Draft:
    """Check and compose; a large message in a thread, so that others do not wait for it."""
    raw = request.content.raw
    if raw is not None and len(raw.data) > LARGE_BYTES:
        return await asyncio.to_thread(drafts.from_request, request, template)
    return drafts.from_request(request, template)


def _status(refusal: Refusal) -> str:
    if refusal.reason == QUOTA_EXCEEDED:
        return "ACCOUNT_DAILY_QUOTA_EXCEEDED"
    return _ENTRY_STATUSES.get(refusal.code, "FAILED")


def _bulk_draft(request: SendBulkEmail, entry: BulkEntry, shared: _Shared) -> Draft:
    template, content = shared.template, shared.content
    own = drafts.check_headers(entry.replacement_headers)
    replaced = {header.name.lower() for header in own}
    kept = (h for h in drafts.check_headers(template.headers) if h.name.lower() not in replaced)
    draft = drafts.from_template(
        drafts.Parts(
            sender=request.from_email_address,
            destination=entry.destination,
            reply_to=request.reply_to_addresses,
            template=template,
            content=content,
            data=_merged(
                template.template_data,
                entry.replacement_email_content.replacement_template.replacement_template_data,
            ),
            headers=(*kept, *own),
        )
    )
    tags = {
        tag.name: tag for tag in (*request.default_email_tags, *drafts.check_tags(entry.replacement_tags))
    }
    return_path = request.feedback_forwarding_email_address
    draft = msgspec.structs.replace(
        draft,
        senders=draft.senders + ((parse(return_path),) if return_path else ()),
        tags=tuple(tags.values()),
        configuration_set=request.configuration_set_name,
    )
    return _with_tenant(draft, request.tenant_name) if request.tenant_name else draft


def _merged(default: str | None, own: str | None) -> str | None:
    """Put an entry's values over the default ones."""
    if not default or not own:
        return own or default
    try:
        return msgspec.json.encode({**parse_data(default), **parse_data(own)}).decode()
    except ValueError as error:
        raise Refusal(BAD_REQUEST, "TemplateData is not a JSON object.") from error


def _with_tenant(draft: Draft, tenant: str) -> Draft:
    tag = Tag(name="ses:tenant-name", value=tenant)
    return msgspec.structs.replace(draft, tags=(*draft.tags, tag))


def _template_name(template: Template) -> str:
    if template.template_name:
        return template.template_name
    return (template.template_arn or "").rpartition("template/")[2]


async def _template(world: World, template: Template) -> TemplateContent:
    name = _template_name(template)
    if name:
        return await world.resources.template(name)
    content = template.template_content
    if content is None:
        raise Refusal(BAD_REQUEST, "Template must have one of TemplateName, TemplateArn and TemplateContent.")
    parts = [part or "" for part in (content.subject, content.text, content.html)]
    size = sum(len(part.encode()) for part in parts)
    if size > drafts.MAX_INLINE_TEMPLATE_BYTES:
        raise Refusal(
            BAD_REQUEST, f"TemplateContent is larger than {drafts.MAX_INLINE_TEMPLATE_BYTES} bytes."
        )
    if not all(is_simple(part) for part in parts):
        # in these words: https://github.com/aws/aws-sdk-js-v3/issues/6657
        raise Refusal(BAD_REQUEST, "Template contains unsupported operations.")
    return content


async def _route(world: World, draft: Draft, identity_arn: str | None, *, recipients: bool = True) -> _Route:
    known = await world.resources.identities()
    identities.require(draft.senders, known, world.origin.region)
    if recipients and not world.account.limits.production_access:
        await _check_sandbox(world, draft)
    identity = identities.covering(draft.sender.email, known) or draft.sender.email
    if identity_arn:
        identity = identity_arn.rpartition("identity/")[2]
        if identity not in known:
            raise Refusal(
                BAD_REQUEST, f"Invalid identity ARN <{identity_arn}>: it names no verified identity."
            )
    name = draft.configuration_set or await world.resources.default_configuration_set(identity)
    if not name:
        return _Route(identity=identity, configuration_set=None)
    found = await world.resources.configuration_set(name)
    if not found.sending_enabled:
        raise Refusal(SENDING_PAUSED, f"Sending is paused for configuration set <{name}>.")
    return _Route(identity=identity, configuration_set=found)


async def _check_sandbox(world: World, draft: Draft) -> None:
    """In the sandbox recipients need verification too, the mailbox simulator apart."""
    known = await world.resources.identities()
    unknown = (address for address in draft.recipients if not is_simulated(address.email))
    identities.require(unknown, known, world.origin.region)


def _accept(world: World, draft: Draft, route: _Route, call: _Call) -> str:
    counted = sum(not is_simulated(address.email) for address in draft.recipients)
    world.account.admit(len(draft.recipients), counted)
    now = world.clock()
    message_id = new_id(now)
    accepted = datetime.fromtimestamp(now, UTC)
    message = Message(
        message_id=message_id,
        accepted_at=now,
        source=draft.source,
        from_domain=draft.sender.domain,
        identity=route.identity,
        recipients=tuple(address.email for address in draft.recipients),
        operation=call.operation,
        configuration_set=route.configuration_set.name if route.configuration_set else None,
        tags=draft.tags,
        overrides=call.overrides,
        feedback_address=call.feedback_address,
        list_management=call.list_management,
        raw=mime.rewritten(draft.raw, message_id, accepted),
        headers=draft.headers,
        source_ip=call.caller.source_ip,
        caller=call.caller.identity,
        templated=draft.templated,
    )
    world.store.add(message)
    for event in _outcomes(world, message, draft, call.template_name):
        if route.configuration_set is not None:
            publish(world, event, message, route.configuration_set)
        notify(world, event, message)
    return message_id


def _outcomes(world: World, message: Message, draft: Draft, template_name: str) -> Iterable[Event]:
    """Make what SES reports of a message by itself, in order."""

    def event(wanted: Wanted) -> Event:
        return events.make(message, world.origin, world.clock(), wanted)

    yield event(Wanted(event_type="Send"))
    if draft.failure is not None:
        yield event(
            Wanted(event_type="Rendering Failure", template_name=template_name, error_message=draft.failure)
        )
        return
    if draft.virus:
        yield event(Wanted(event_type="Reject"))
        return
    by_outcome: dict[str, list[str]] = {}
    for recipient in message.recipients:
        by_outcome.setdefault(outcome(recipient), []).append(recipient)
    for recipient in (*by_outcome.get("delivered", ()), *by_outcome.get("complained", ())):
        yield event(Wanted(event_type="Delivery", recipient=recipient))
    yield from map(event, _failures(by_outcome))


def _failures(by_outcome: dict[str, list[str]]) -> Iterable[Wanted]:
    """Bounces and complaints; SES combines those of one request."""
    if bounced := by_outcome.get("bounced"):
        yield Wanted(event_type="Bounce", recipients=tuple(bounced))
    if suppressed := by_outcome.get("suppressed"):
        yield Wanted(
            event_type="Bounce",
            recipients=tuple(suppressed),
            bounce_sub_type="Suppressed",
            diagnostic_code=events.SUPPRESSED,
        )
    if complained := by_outcome.get("complained"):
        yield Wanted(event_type="Complaint", recipients=tuple(complained))


def publish(
    world: World, event: Event, message: Message, configuration_set: ConfigurationSet
) -> tuple[str, ...]:
    """Queue an event for the topics that want it; the answer names them."""
    topics = configuration_set.topics(SES_EVENT_TYPES[event.event_type].destination_name)
    if topics:
        text = events.encode(event)
        for topic in topics:
            world.publisher.submit(
                Publication(
                    topic_arn=topic,
                    text=text,
                    subject="Amazon SES Email Event Notification",
                    order_key=message.message_id,
                )
            )
    return topics


def notify(world: World, event: Event, message: Message) -> str | None:
    """Queue an event as a notification where the message's identity wants it; the answer names the topic.

    What an address has set goes before what its domain has
    (https://docs.aws.amazon.com/ses/latest/dg/configure-sns-notifications.html).
    """
    wanted = world.notifications.wanted(message.identity, event.event_type)
    if wanted is None or wanted.topic is None:
        return None
    told = notifications.make(event, message, world.origin, headers=wanted.headers)
    world.publisher.submit(
        Publication(topic_arn=wanted.topic, text=notifications.encode(told), order_key=message.message_id)
    )
    return wanted.topic
