"""What SES checks when something is created, and MiniStack does not: names that exist, targets that do not.

The words are those of SES, as people met them:
https://github.com/anomalyco/sst/issues/4556 (identities),
https://github.com/aws/aws-cdk/issues/3726 (buckets; others met `No such bucket: …` for a missing one),
https://github.com/hashicorp/terraform-provider-aws/issues/14773 (topics),
https://github.com/floci-io/floci/pull/3119 (limits, senders of bounces).
A missing topic of an event destination is `InvalidSNSDestination` in SES's first API, where MiniStack has no
such call; the second API has only `BadRequestException` for it
(https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_CreateConfigurationSetEventDestination.html).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus_local.ses.errors import (
    ALREADY_EXISTS,
    BAD_REQUEST,
    INVALID_PARAMETER,
    INVALID_S3,
    INVALID_TOPIC,
    SERIALIZATION,
    TOO_MANY,
    SesError,
)
from mailbus_local.ses.state.identities import covering_identity, is_verified_domain
from mailbus_local.ses.state.receipt_rules import MAX_ACTIONS, MAX_RULES, Action, CreateReceiptRule
from mailbus_local.ses.state.resources import Topic

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mailbus_local.ses.state.resources import Resources
    from mailbus_local.ses.state.simulator import SimulatorState

    Check = Callable[[bytes, SimulatorState], Awaitable[None]]


class _CreateEmailIdentity(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    email_identity: str


class _EventDestinationDefinition(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    sns_destination: Topic | None = None


class _PutEventDestination(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    event_destination: _EventDestinationDefinition


class _TrackingOptions(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    custom_redirect_domain: str | None = None
    https_policy: str | None = None


class _CreateConfigurationSet(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    tracking_options: _TrackingOptions = _TrackingOptions()


async def check_creation(method: str, path: str, body: bytes, state: SimulatorState) -> None:
    """Raise SES's error if a call of its second API creates or sets what SES refuses."""
    for checked, pattern, check in _CHECKS:
        if method == checked and pattern.fullmatch(path):
            try:
                await check(body, state)
            except msgspec.MsgspecError as error:
                raise SesError(SERIALIZATION, str(error)) from error


async def _email_identity(body: bytes, state: SimulatorState) -> None:
    resources = state.resources
    name = msgspec.json.decode(body, type=_CreateEmailIdentity).email_identity
    resources.clear()
    if _identity_key(name) in {_identity_key(known) for known in await resources.identities()}:
        raise SesError(ALREADY_EXISTS, f"Email identity {name} already exist.")


def _identity_key(identity: str) -> str:
    """Return one key for all spellings of an identity, as of an address: its domain ignores case."""
    local, at, domain = identity.rpartition("@")
    return f"{local}{at}{domain.lower()}"


async def _event_destination(body: bytes, state: SimulatorState) -> None:
    resources = state.resources
    topic = msgspec.json.decode(body, type=_PutEventDestination).event_destination.sns_destination
    if topic is not None and not await resources.topic_exists(topic.topic_arn):
        raise SesError(BAD_REQUEST, f"SNS topic <{topic.topic_arn}> not found.")


async def _configuration_set(body: bytes, state: SimulatorState) -> None:
    await _require_verified(msgspec.json.decode(body, type=_CreateConfigurationSet).tracking_options, state)


async def _tracking_options(body: bytes, state: SimulatorState) -> None:
    await _require_verified(msgspec.json.decode(body or b"{}", type=_TrackingOptions), state)


async def _require_verified(options: _TrackingOptions, state: SimulatorState) -> None:
    """Raise SES's error for a domain of tracked links that is not verified, or an HTTPS policy without one.

    It is `InvalidTrackingOptions` in the first API; the second one has only `BadRequestException` for it:
    https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_PutConfigurationSetTrackingOptions.html
    The words are those of https://github.com/floci-io/floci, SesConfigurationSetService.java.
    """
    domain = options.custom_redirect_domain
    if domain is None:
        if options.https_policy is not None:
            raise SesError(BAD_REQUEST, "CustomRedirectDomain must be specified.")
        return
    state.resources.clear()
    verified = set(await state.resources.identities()) - state.identity_states.unverified
    if not is_verified_domain(domain, verified):
        raise SesError(BAD_REQUEST, f"Domain <{domain}> is not verified under this account.")


_DESTINATIONS: Final = r"/v2/email/configuration-sets/[^/]+/event-destinations"
_CHECKS: Final[tuple[tuple[str, re.Pattern[str], Check], ...]] = (
    ("POST", re.compile(r"/v2/email/identities"), _email_identity),
    ("POST", re.compile(r"/v2/email/configuration-sets"), _configuration_set),
    ("PUT", re.compile(r"/v2/email/configuration-sets/[^/]+/tracking-options"), _tracking_options),
    ("POST", re.compile(_DESTINATIONS), _event_destination),
    ("PUT", re.compile(rf"{_DESTINATIONS}/[^/]+"), _event_destination),
)


async def check_receipt_rule(call: CreateReceiptRule, resources: Resources) -> None:
    """Raise SES's error if there are too many rules or actions, or a rule's target does not exist."""
    if len(call.rule.actions) > MAX_ACTIONS:
        raise SesError(TOO_MANY, "Too many actions")
    if await resources.rule_count(call.rule_set) >= MAX_RULES:
        raise SesError(TOO_MANY, "Too many rules")
    for action in call.rule.actions:
        await _check_targets(action, resources)


async def _check_targets(action: Action, resources: Resources) -> None:
    topic = action.topic_arn
    if topic is not None and not await resources.topic_exists(topic):
        raise SesError(INVALID_TOPIC, f"Could not publish to SNS topic: {topic}")
    if stored := action.s3_action:
        if not await resources.bucket_exists(stored.bucket_name):
            raise SesError(INVALID_S3, f"Could not write to bucket: {stored.bucket_name}")
        if stored.kms_key_arn and not await resources.key_is_usable(stored.kms_key_arn):
            raise SesError(INVALID_S3, f"Unable to use AWS KMS key: {stored.kms_key_arn}")
    bounce = action.bounce_action
    if bounce is not None and not covering_identity(bounce.sender, await resources.identities()):
        raise SesError(INVALID_PARAMETER, f"Identity is not verified: {bounce.sender}")
