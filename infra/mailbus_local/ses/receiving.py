"""The receiving side: which rules take a mail, and what their actions do.

https://docs.aws.amazon.com/ses/latest/dg/receiving-email-concepts.html
Simulated are the actions S3 (with "Encrypt message"), SNS, AddHeader, Bounce and Stop. IP filters, TLS
policy and the mail that a Bounce action sends to the sender are not: the bounce is the reply of the
SMTP conversation.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus_local.ses import identities, receipts
from mailbus_local.ses.addresses import parse
from mailbus_local.ses.encryption import StoredObject, encrypted
from mailbus_local.ses.messages import new_inbound_id
from mailbus_local.ses.mime import Header
from mailbus_local.ses.publisher import Publication
from mailbus_local.ses.receipts import ActionDone, Envelope, Verdicts
from mailbus_local.ses.refusals import InvalidControl, NotReceived, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from mailbus_local.ses.events import Origin
    from mailbus_local.ses.publisher import Publisher
    from mailbus_local.ses.resources import (
        Action,
        BounceAction,
        Clients,
        Resources,
        Rule,
        S3Action,
        SnsAction,
    )

MAX_MAIL_BYTES: Final = 40 * 1024 * 1024
MAX_SNS_BYTES: Final = 150 * 1024
# of a message: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
MAX_PUBLISHED_BYTES: Final = 256 * 1024
UNKNOWN_RECIPIENT: Final = "550 5.1.1 Requested action not taken: mailbox unavailable"
TOO_LARGE: Final = "552 5.3.4 Message too large"
TOO_LARGE_FOR_SNS: Final = "552 5.3.4 Message too large for an SNS action (150 KB)"
TRY_LATER: Final = "451 4.3.0 Temporary service failure"


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a mail: the rules that took it, the recipients that they matched."""

    message_id: str
    rules: tuple[str, ...]
    recipients: tuple[str, ...]


def matches(rule: Rule, recipient: str) -> bool:
    """Tell whether a rule's conditions hold for an address.

    https://docs.aws.amazon.com/ses/latest/dg/receiving-email-receipt-rules-console-walkthrough.html
    """
    if not rule.recipients:
        return True
    local, _, domain = recipient.lower().rpartition("@")
    unlabelled = f"{local.partition('+')[0]}@{domain}"
    return any(
        condition in {f"{local}@{domain}", unlabelled, domain}
        or (condition.startswith(".") and domain.endswith(condition))
        for condition in (text.lower() for text in rule.recipients)
    )


def taken(rule: Rule, recipients: tuple[str, ...], known: Collection[str]) -> tuple[str, ...]:
    """Pick the recipients that a rule takes: it is enabled, it matches, their domain is verified."""
    return tuple(
        recipient
        for recipient in recipients
        if rule.enabled
        and matches(rule, recipient)
        and identities.owns(recipient.rpartition("@")[2].lower(), known)
    )


class Receiver:
    """Takes mail in. Everything but the storing happens on the event loop."""

    def __init__(
        self,
        clients: Clients,
        resources: Resources,
        publisher: Publisher,
        origin: Origin,
        clock: Callable[[], float],
    ) -> None:
        self._clients = clients
        self._resources = resources
        self._publisher = publisher
        self._account_id = origin.account_id
        self._clock = clock

    async def accepts(self, recipient: str) -> bool:
        """Tell whether any rule takes mail for this address (SMTP asks at RCPT)."""
        try:
            parse(recipient)
        except Refusal:
            return False
        known = await self._resources.identities()
        return any(taken(rule, (recipient,), known) for rule in await self._resources.rules())

    async def receive(self, mail_from: str, recipients: tuple[str, ...], raw: bytes, peer: str) -> Received:
        """Apply the active rule set to a mail; a `NotReceived` holds the reply of a refusal.

        Recipients without a rule are left out; it is refused where none is left.
        """
        if len(raw) > MAX_MAIL_BYTES:
            raise NotReceived(TOO_LARGE)
        known = await self._resources.identities()
        matched = [
            (rule, mine) for rule in await self._resources.rules() if (mine := taken(rule, recipients, known))
        ]
        if not matched:
            raise NotReceived(UNKNOWN_RECIPIENT)
        for rule, _ in matched:
            _check(rule)
        envelope = Envelope(
            message_id=new_inbound_id(),
            mail_from=mail_from,
            recipients=recipients,
            peer=peer,
            received_at=self._clock(),
        )
        return await self._apply(matched, envelope, raw)

    async def _apply(
        self, matched: list[tuple[Rule, tuple[str, ...]]], envelope: Envelope, raw: bytes
    ) -> Received:
        scanned = any(rule.scan_enabled for rule in _asked([rule for rule, _ in matched]))
        found = await asyncio.to_thread(receipts.verdicts, raw, scanned=scanned)
        added: list[Header] = []
        names: list[str] = []
        reached: dict[str, None] = {}
        for rule, recipients in matched:
            names.append(rule.name)
            reached |= dict.fromkeys(recipients)
            for action in rule.actions:
                header = action.add_header_action
                if header is not None:
                    added.append(Header(name=header.header_name, value=header.header_value))
                    continue
                mail = receipts.stored(raw, envelope, found, added)
                await self._act(
                    action,
                    _Work(
                        rule=rule.name, mail=mail, envelope=envelope, recipients=recipients, verdicts=found
                    ),
                )
                if action.stop_action is not None:
                    return _received(envelope, names, reached)
        return _received(envelope, names, reached)

    async def _act(self, action: Action, work: _Work) -> None:
        if action.s3_action is not None:
            await self._store(action.s3_action, work)
        elif action.sns_action is not None:
            self._publish(action.sns_action, work)
        elif action.bounce_action is not None:
            self._bounce(action.bounce_action, work)
        elif action.stop_action is not None:
            topic = action.stop_action.topic_arn
            self._tell(topic, work, ActionDone(type="Stop", topic_arn=topic))

    async def _store(self, action: S3Action, work: _Work) -> None:
        key = action.object_key_prefix + work.envelope.message_id
        try:
            await asyncio.to_thread(self._put, action, key, work)
        except (ClientError, BotoCoreError) as error:
            with_key = f" with key {action.kms_key_arn}" if action.kms_key_arn else ""
            reply = f"{TRY_LATER}: bucket {action.bucket_name}{with_key}: {error}"
            raise NotReceived(reply, status=502) from error
        done = ActionDone(
            type="S3",
            topic_arn=action.topic_arn,
            bucket_name=action.bucket_name,
            object_key_prefix=action.object_key_prefix or None,
            object_key=key,
        )
        self._tell(action.topic_arn, work, done)

    def _put(self, action: S3Action, key: str, work: _Work) -> None:
        stored = StoredObject(content=work.mail, metadata={})
        if action.kms_key_arn:
            context = {
                "aws:ses:message-id": work.envelope.message_id,
                "aws:ses:rule-name": work.rule,
                "aws:ses:source-account": self._account_id,
            }
            stored = encrypted(work.mail, action.kms_key_arn, context, self._clients.kms)
        self._clients.s3.put_object(
            Bucket=action.bucket_name, Key=key, Body=stored.content, Metadata=stored.metadata
        )

    def _publish(self, action: SnsAction, work: _Work) -> None:
        if len(work.mail) > MAX_SNS_BYTES:
            raise NotReceived(TOO_LARGE_FOR_SNS)
        done = ActionDone(
            type="SNS", topic_arn=action.topic_arn, encoding=receipts.encoding_name(action.encoding)
        )
        told = receipts.with_content(
            receipts.notification(work.mail, work.envelope, work.recipients, work.verdicts, done),
            work.mail,
            action.encoding,
        )
        # control characters take six bytes each in JSON
        if len(receipts.encode(told).encode()) > MAX_PUBLISHED_BYTES:
            raise NotReceived(TOO_LARGE_FOR_SNS)
        self._submit(action.topic_arn, told)

    def _bounce(self, action: BounceAction, work: _Work) -> None:
        done = ActionDone(
            type="Bounce",
            topic_arn=action.topic_arn,
            smtp_reply_code=action.smtp_reply_code,
            status_code=action.status_code,
            message=action.message,
            sender=action.sender,
        )
        self._tell(action.topic_arn, work, done)
        reply = (action.smtp_reply_code, action.status_code, action.message)
        raise NotReceived(" ".join(part for part in reply if part))

    def _tell(self, topic_arn: str | None, work: _Work, done: ActionDone) -> None:
        if topic_arn is not None:
            self._submit(
                topic_arn,
                receipts.notification(work.mail, work.envelope, work.recipients, work.verdicts, done),
            )

    def _submit(self, topic_arn: str, told: receipts.Notification) -> None:
        self._publisher.submit(
            Publication(
                topic_arn=topic_arn,
                text=receipts.encode(told),
                subject="Amazon SES Email Receipt Notification",
                order_key=told.mail.message_id,
            )
        )

    async def rule_made(self, rule: Rule, region: str) -> None:
        """Do what SES does when a rule is made: try its bucket and its topic."""
        mail = receipts.setup_mail(region, rule.name)
        envelope = Envelope(
            message_id=receipts.SETUP_ID,
            mail_from="no-reply-aws@amazon.com",
            recipients=("recipient@example.com",),
            peer="127.0.0.1",
            received_at=self._clock(),
        )
        work = _Work(
            rule=rule.name,
            mail=mail,
            envelope=envelope,
            recipients=envelope.recipients,
            verdicts=receipts.verdicts(mail, scanned=True),
        )
        for action in rule.actions:
            if action.s3_action is not None:
                await self._store(action.s3_action, work)
            elif action.sns_action is not None:
                self._publish(action.sns_action, work)


class _Work(msgspec.Struct, frozen=True, kw_only=True):
    """What an action of a rule works on; `mail` is as SES hands it on."""

    rule: str
    mail: bytes
    envelope: Envelope
    recipients: tuple[str, ...]
    verdicts: Verdicts


def _asked(rules: list[Rule]) -> Iterator[Rule]:
    """Leave out the rules behind one that stops."""
    for rule in rules:
        yield rule
        if any(action.stop_action is not None for action in rule.actions):
            return


def _received(envelope: Envelope, names: list[str], reached: dict[str, None]) -> Received:
    return Received(message_id=envelope.message_id, rules=tuple(names), recipients=tuple(reached))


def _check(rule: Rule) -> None:
    """Refuse a rule that cannot be simulated before any of its actions is done."""
    for action in rule.actions:
        simulated = (
            action.s3_action,
            action.sns_action,
            action.add_header_action,
            action.stop_action,
            action.bounce_action,
        )
        if all(part is None for part in simulated):
            reason = (
                f"rule {rule.name}: this action is not simulated; S3, SNS, AddHeader, Bounce and Stop are"
            )
            raise InvalidControl(reason, 501)
