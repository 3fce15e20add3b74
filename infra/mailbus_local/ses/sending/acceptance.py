"""Decides whether a message may be sent, accepts it, and publishes what happens to it.

Tenants, contact lists and cross-account identities are not simulated: `TenantName` only becomes the tag
`ses:tenant-name`, and `ListManagementOptions` is stored with the message and has no effect.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from mailbus_local.ses import mime
from mailbus_local.ses.addresses import parse
from mailbus_local.ses.errors import BAD_REQUEST, SENDING_PAUSED, SesError
from mailbus_local.ses.events.build import (
    ON_ACCOUNT_LIST,
    SUPPRESSED,
    SUPPRESSED_BY_ACCOUNT,
    EventRequest,
    build_event,
)
from mailbus_local.ses.events.publishing import notify, publish
from mailbus_local.ses.formats import identity_arn, new_message_id
from mailbus_local.ses.sending.mailbox_simulator import is_simulator_address, outcome
from mailbus_local.ses.sending.rights import send_checks
from mailbus_local.ses.state.identities import covering_identity, require_verified
from mailbus_local.ses.state.messages import Message
from mailbus_local.ses.state.resources import ConfigurationSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mailbus_local.ses.addresses import Address
    from mailbus_local.ses.events.shapes import Event
    from mailbus_local.ses.sending.calls import SendCall
    from mailbus_local.ses.sending.preparation import PreparedMessage
    from mailbus_local.ses.state.simulator import SimulatorState


class SendingIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """The identity and the configuration set that a message is sent with."""

    identity: str
    configuration_set: ConfigurationSet | None


async def resolve_identity(
    state: SimulatorState,
    prepared: PreparedMessage,
    call: SendCall,
    given_arn: str | None,
    *,
    recipients: bool = True,
) -> SendingIdentity:
    """Return the identity and configuration set of a message. Raise if it must not be sent with them.

    Without `recipients`, the recipients are not checked against the sandbox.
    """
    verified = await _verified(state)
    identity = given_arn.rpartition("identity/")[2] if given_arn else await _identity(state, prepared.sender)
    name = prepared.configuration_set or await state.resources.default_configuration_set(identity)
    own = given_arn or identity_arn(identity, state.origin)
    identities = (own, *_recipient_identities(state, prepared, verified))
    checks = send_checks(prepared, call, identities, name, state.origin)
    await state.authorization.require_send(call.caller.identity, checks)
    require_verified(prepared.senders, verified, state.origin.region)
    if recipients and not state.account.limits.production_access:
        await check_sandbox(state, prepared)
    if given_arn and identity not in verified:
        raise SesError(BAD_REQUEST, f"Invalid identity ARN <{given_arn}>: it names no verified identity.")
    if not name:
        return SendingIdentity(identity=identity, configuration_set=None)
    configuration_set = await state.resources.configuration_set(name)
    if not configuration_set.sending_enabled:
        raise SesError(SENDING_PAUSED, f"Sending is paused for configuration set <{name}>.")
    return SendingIdentity(identity=identity, configuration_set=configuration_set)


async def _identity(state: SimulatorState, sender: Address) -> str:
    """Return the identity of a sender: a verified one, else any, else the address."""
    for identities in (await _verified(state), await state.resources.identities()):
        if (found := covering_identity(sender.email, identities)) is not None:
            return found
    return sender.email


def _recipient_identities(
    state: SimulatorState, prepared: PreparedMessage, verified: frozenset[str]
) -> Iterator[str]:
    """Yield the ARNs of the identities of recipients, which the sandbox checks the caller's rights to."""
    if state.account.limits.production_access:
        return
    for recipient in prepared.recipients:
        identity = covering_identity(recipient.email, verified)
        if identity is not None:
            yield identity_arn(identity, state.origin)


async def check_sandbox(state: SimulatorState, prepared: PreparedMessage) -> None:
    """Raise if a recipient is not verified. The sandbox requires it, except for the mailbox simulator."""
    verified = await _verified(state)
    checked = (address for address in prepared.recipients if not is_simulator_address(address.email))
    require_verified(checked, verified, state.origin.region)


async def _verified(state: SimulatorState) -> frozenset[str]:
    return await state.resources.identities() - state.identity_states.unverified


def accept(state: SimulatorState, prepared: PreparedMessage, sender: SendingIdentity, call: SendCall) -> str:
    """Accept a message and publish its events. Return its message id."""
    counted = sum(not is_simulator_address(address.email) for address in prepared.recipients)
    state.account.admit(len(prepared.recipients), counted)
    now = state.clock()
    message_id = new_message_id(now)
    accepted = datetime.fromtimestamp(now, UTC)
    message = Message(
        message_id=message_id,
        accepted_at=now,
        source=prepared.source,
        from_domain=prepared.sender.domain,
        identity=sender.identity,
        recipients=tuple(address.email for address in prepared.recipients),
        operation=call.operation,
        configuration_set=sender.configuration_set.name if sender.configuration_set else None,
        tags=prepared.tags,
        overrides=call.overrides,
        feedback_address=call.feedback_address,
        list_management=call.list_management,
        raw=mime.rewrite(prepared.raw, message_id, accepted, state.origin.region),
        headers=prepared.headers,
        source_ip=call.caller.source_ip,
        caller=call.caller.identity,
        templated=prepared.templated,
    )
    state.store.add(message)
    for event in _events(state, message, prepared, call.template_name):
        if sender.configuration_set is not None:
            publish(state, event, message, sender.configuration_set)
        notify(state, event, message)
    return message_id


def _events(
    state: SimulatorState, message: Message, prepared: PreparedMessage, template_name: str
) -> Iterable[Event]:
    """Yield the events that SES publishes for a message by itself, in order."""

    def event(request: EventRequest) -> Event:
        return build_event(message, state.origin, state.clock(), request)

    yield event(EventRequest(event_type="Send"))
    if prepared.failure is not None:
        yield event(
            EventRequest(
                event_type="Rendering Failure", template_name=template_name, error_message=prepared.failure
            )
        )
        return
    if prepared.virus:
        yield event(EventRequest(event_type="Reject"))
        return
    by_outcome: dict[str, list[str]] = {}
    for recipient in message.recipients:
        by_outcome.setdefault(_outcome(state, recipient), []).append(recipient)
    for accepted in ("delivered", "autoresponded", "complained"):
        for recipient in by_outcome.get(accepted, ()):
            yield event(EventRequest(event_type="Delivery", recipient=recipient))
    yield from map(event, _feedback_events(by_outcome))


def _outcome(state: SimulatorState, recipient: str) -> str:
    """Return what becomes of a mail to this address: the account's suppression list comes first."""
    reason = state.suppression_list.reason_against(parse(recipient))
    return outcome(recipient) if reason is None else reason


def _feedback_events(by_outcome: dict[str, list[str]]) -> Iterable[EventRequest]:
    """Yield bounces and complaints; SES combines those of one message."""
    if bounced := by_outcome.get("bounced"):
        yield EventRequest(event_type="Bounce", recipients=tuple(bounced))
    if suppressed := by_outcome.get("suppressed"):
        yield EventRequest(
            event_type="Bounce",
            recipients=tuple(suppressed),
            bounce_sub_type="Suppressed",
            diagnostic_code=SUPPRESSED,
        )
    for recipient in by_outcome.get("autoresponded", ()):
        yield EventRequest(
            event_type="Bounce", recipient=recipient, bounce_type="Transient", with_report=False
        )
    if complained := by_outcome.get("complained"):
        yield EventRequest(event_type="Complaint", recipients=tuple(complained))
    if bounced_before := by_outcome.get("BOUNCE"):
        yield EventRequest(
            event_type="Bounce",
            recipients=tuple(bounced_before),
            bounce_sub_type=ON_ACCOUNT_LIST,
            diagnostic_code=SUPPRESSED_BY_ACCOUNT,
        )
    if complained_before := by_outcome.get("COMPLAINT"):
        yield EventRequest(
            event_type="Complaint",
            recipients=tuple(complained_before),
            complaint_sub_type=ON_ACCOUNT_LIST,
            feedback_type=None,
        )
