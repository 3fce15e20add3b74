"""Receives mail: matches it against the active receipt rules and performs their actions.

https://docs.aws.amazon.com/ses/latest/dg/receiving-email-concepts.html
The actions S3 (with "Encrypt message"), SNS, AddHeader, Bounce and Stop are simulated. IP filters and TLS
policies are not, and a Bounce action sends no mail: the bounce is the reply to the SMTP client.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus_local.ses.addresses import parse
from mailbus_local.ses.errors import InvalidControlRequest, MailRejected, SesError
from mailbus_local.ses.formats import Origin, new_inbound_id
from mailbus_local.ses.mime import Header
from mailbus_local.ses.publisher import Publication, Publisher
from mailbus_local.ses.receiving.encryption import StoredObject, encrypt
from mailbus_local.ses.receiving.notifications import (
    SETUP_ID,
    Envelope,
    Notification,
    ReceiptAction,
    build_notification,
    encode_notification,
    encoding_name,
    setup_mail,
    stored_mail,
    with_content,
)
from mailbus_local.ses.receiving.verdicts import NONE_GIVEN, GivenVerdicts, Verdicts, verdicts_on
from mailbus_local.ses.state.receipt_rules import (
    Action,
    BounceAction,
    Rule,
    S3Action,
    SnsAction,
    matching_recipients,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mailbus_local.ses.state.resources import Clients, Resources


MAX_MAIL_BYTES: Final = 40 * 1024 * 1024
MAX_SNS_BYTES: Final = 150 * 1024
# Of one message: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
MAX_PUBLISHED_BYTES: Final = 256 * 1024
UNKNOWN_RECIPIENT: Final = "550 5.1.1 Requested action not taken: mailbox unavailable"
TOO_LARGE: Final = "552 5.3.4 Message too large"
TOO_LARGE_FOR_SNS: Final = "552 5.3.4 Message too large for an SNS action (150 KB)"
TRY_LATER: Final = "451 4.3.0 Temporary service failure"


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """What a client says of a mail before it sends it; an empty `mail_from` is that of a bounce."""

    mail_from: str
    recipients: tuple[str, ...]
    peer: str


class ReceiveResult(msgspec.Struct, frozen=True, kw_only=True):
    """The rules that matched a mail, and the recipients that they matched."""

    message_id: str
    rules: tuple[str, ...]
    recipients: tuple[str, ...]


class Receiver:
    """Receives mail on the event loop; scanning and storing run in threads."""

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
        """Return whether any rule matches this address. SMTP asks for each RCPT command."""
        try:
            parse(recipient)
        except SesError:
            return False
        verified = await self._resources.identities()
        return any(
            matching_recipients(rule, (recipient,), verified) for rule in await self._resources.rules()
        )

    async def receive(
        self, transaction: Transaction, raw: bytes, given: GivenVerdicts = NONE_GIVEN
    ) -> ReceiveResult:
        """Apply the active rule set to a mail. Raise `MailRejected` with the SMTP reply if it rejects it.

        Recipients without a rule are dropped; the mail is rejected if none remains. `given` verdicts replace
        its own.
        """
        if len(raw) > MAX_MAIL_BYTES:
            raise MailRejected(TOO_LARGE)
        verified = await self._resources.identities()
        matched = [
            (rule, found)
            for rule in await self._resources.rules()
            if (found := matching_recipients(rule, transaction.recipients, verified))
        ]
        if not matched:
            raise MailRejected(UNKNOWN_RECIPIENT)
        for rule, _ in matched:
            _require_simulated(rule)
        envelope = Envelope(
            message_id=new_inbound_id(),
            mail_from=transaction.mail_from,
            recipients=transaction.recipients,
            peer=transaction.peer,
            received_at=self._clock(),
        )
        return await self._apply(matched, envelope, raw, given)

    async def _apply(
        self,
        matched: list[tuple[Rule, tuple[str, ...]]],
        envelope: Envelope,
        raw: bytes,
        given: GivenVerdicts,
    ) -> ReceiveResult:
        scanned = any(rule.scan_enabled for rule in _evaluated_rules([rule for rule, _ in matched]))
        verdicts = await asyncio.to_thread(verdicts_on, raw, given, scanned=scanned)
        added: list[Header] = []
        names: list[str] = []
        matched_recipients: dict[str, None] = {}
        for rule, recipients in matched:
            names.append(rule.name)
            matched_recipients |= dict.fromkeys(recipients)
            for action in rule.actions:
                header = action.add_header_action
                if header is not None:
                    added.append(Header(name=header.header_name, value=header.header_value))
                    continue
                mail = stored_mail(raw, envelope, verdicts, added)
                await self._perform(
                    action,
                    _ActionInput(
                        rule=rule.name, mail=mail, envelope=envelope, recipients=recipients, verdicts=verdicts
                    ),
                )
                if action.stop_action is not None:
                    return _result(envelope, names, matched_recipients)
        return _result(envelope, names, matched_recipients)

    async def _perform(self, action: Action, given: _ActionInput) -> None:
        if action.s3_action is not None:
            await self._store(action.s3_action, given)
        elif action.sns_action is not None:
            self._publish(action.sns_action, given)
        elif action.bounce_action is not None:
            self._bounce(action.bounce_action, given)
        elif action.stop_action is not None:
            topic = action.stop_action.topic_arn
            self._notify(topic, given, ReceiptAction(type="Stop", topic_arn=topic))

    async def _store(self, action: S3Action, given: _ActionInput) -> None:
        key = action.object_key_prefix + given.envelope.message_id
        try:
            await asyncio.to_thread(self._put, action, key, given)
        except (ClientError, BotoCoreError) as error:
            with_key = f" with key {action.kms_key_arn}" if action.kms_key_arn else ""
            reply = f"{TRY_LATER}: bucket {action.bucket_name}{with_key}: {error}"
            raise MailRejected(reply, status=502) from error
        done = ReceiptAction(
            type="S3",
            topic_arn=action.topic_arn,
            bucket_name=action.bucket_name,
            object_key_prefix=action.object_key_prefix or None,
            object_key=key,
        )
        self._notify(action.topic_arn, given, done)

    def _put(self, action: S3Action, key: str, given: _ActionInput) -> None:
        stored = StoredObject(content=given.mail, metadata={})
        if action.kms_key_arn:
            context = {
                "aws:ses:message-id": given.envelope.message_id,
                "aws:ses:rule-name": given.rule,
                "aws:ses:source-account": self._account_id,
            }
            stored = encrypt(given.mail, action.kms_key_arn, context, self._clients.kms)
        self._clients.s3.put_object(
            Bucket=action.bucket_name, Key=key, Body=stored.content, Metadata=stored.metadata
        )

    def _publish(self, action: SnsAction, given: _ActionInput) -> None:
        if len(given.mail) > MAX_SNS_BYTES:
            raise MailRejected(TOO_LARGE_FOR_SNS)
        done = ReceiptAction(type="SNS", topic_arn=action.topic_arn, encoding=encoding_name(action.encoding))
        notification = with_content(
            build_notification(given.mail, given.envelope, given.recipients, given.verdicts, done),
            given.mail,
            action.encoding,
        )
        # JSON writes a control character in six bytes.
        if len(encode_notification(notification).encode()) > MAX_PUBLISHED_BYTES:
            raise MailRejected(TOO_LARGE_FOR_SNS)
        self._submit(action.topic_arn, notification)

    def _bounce(self, action: BounceAction, given: _ActionInput) -> None:
        done = ReceiptAction(
            type="Bounce",
            topic_arn=action.topic_arn,
            smtp_reply_code=action.smtp_reply_code,
            status_code=action.status_code,
            message=action.message,
            sender=action.sender,
        )
        self._notify(action.topic_arn, given, done)
        reply = (action.smtp_reply_code, action.status_code, action.message)
        raise MailRejected(" ".join(part for part in reply if part))

    def _notify(self, topic_arn: str | None, given: _ActionInput, done: ReceiptAction) -> None:
        if topic_arn is not None:
            self._submit(
                topic_arn,
                build_notification(given.mail, given.envelope, given.recipients, given.verdicts, done),
            )

    def _submit(self, topic_arn: str, notification: Notification) -> None:
        self._publisher.submit(
            Publication(
                topic_arn=topic_arn,
                text=encode_notification(notification),
                subject="Amazon SES Email Receipt Notification",
                order_key=notification.mail.message_id,
            )
        )

    async def publish_setup_notification(self, rule: Rule, region: str) -> None:
        """Send SES's setup notification to the bucket and the topic of a new rule."""
        mail = setup_mail(region, rule.name)
        envelope = Envelope(
            message_id=SETUP_ID,
            mail_from="no-reply-aws@amazon.com",
            recipients=("recipient@example.com",),
            peer="127.0.0.1",
            received_at=self._clock(),
        )
        given = _ActionInput(
            rule=rule.name,
            mail=mail,
            envelope=envelope,
            recipients=envelope.recipients,
            verdicts=verdicts_on(mail, NONE_GIVEN, scanned=True),
        )
        for action in rule.actions:
            if action.s3_action is not None:
                await self._store(action.s3_action, given)
            elif action.sns_action is not None:
                self._publish(action.sns_action, given)


class _ActionInput(msgspec.Struct, frozen=True, kw_only=True):
    """The input of a rule's action; `mail` includes the headers that SES adds."""

    rule: str
    mail: bytes
    envelope: Envelope
    recipients: tuple[str, ...]
    verdicts: Verdicts


def _evaluated_rules(rules: list[Rule]) -> Iterator[Rule]:
    """Yield the rules up to the first one with a Stop action."""
    for rule in rules:
        yield rule
        if any(action.stop_action is not None for action in rule.actions):
            return


def _result(envelope: Envelope, names: list[str], matched_recipients: dict[str, None]) -> ReceiveResult:
    return ReceiveResult(
        message_id=envelope.message_id, rules=tuple(names), recipients=tuple(matched_recipients)
    )


def _require_simulated(rule: Rule) -> None:
    """Raise if a rule has an action that is not simulated, before any action is performed."""
    for action in rule.actions:
        simulated = (
            action.s3_action,
            action.sns_action,
            action.add_header_action,
            action.stop_action,
            action.bounce_action,
        )
        if all(field is None for field in simulated):
            reason = (
                f"rule {rule.name} has an action that is not simulated; "
                "S3, SNS, AddHeader, Bounce and Stop are"
            )
            raise InvalidControlRequest(reason, 501)
