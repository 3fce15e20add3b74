"""What becomes of a message: verify, then act, by its type. Nothing of it is processed here.

SNS tries again after a server's error, for an hour at most, and never after a client's:
https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import msgspec
from aws_lambda_powertools import Logger

from mailbus.errors import InvalidNotification, SignatureError, WiringError
from mailbus.metrics import REFUSED_MESSAGES, UNCONFIRMED_SUBSCRIPTIONS, Metric
from webhook.aws.queues import Queues
from webhook.aws.subscriptions import NotConfirmed, Subscriptions
from webhook.certificates import Certificates, Unreachable, require_certificate_url
from webhook.http import RAW_HEADER, TYPE_HEADER, Answer
from webhook.messages import (
    Notification,
    SubscriptionConfirmation,
    UnsubscribeConfirmation,
    parse_message,
    type_of,
)
from webhook.signature import require_recent, verify

if TYPE_CHECKING:
    from webhook.http import Request
    from webhook.messages import Message

# What a queue takes. SNS publishes 256 KiB, and escaping them makes hardly twice as much.
BODY_BYTES: Final = 1024 * 1024

_STATUSES: Final = (
    (WiringError, HTTPStatus.FORBIDDEN),
    (SignatureError, HTTPStatus.FORBIDDEN),
    (InvalidNotification, HTTPStatus.BAD_REQUEST),
)


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """What the function works with.

    `routes` says which queue's URL belongs to which path; only messages of `topic_arns` get there.
    """

    routes: Mapping[str, str]
    topic_arns: frozenset[str]
    confirm_subscriptions: bool
    certificates: Certificates
    queues: Queues
    subscriptions: Subscriptions
    log: Logger
    now: Callable[[], datetime]
    put_metric: Callable[[Metric, float], None]


def receive(request: Request, webhook: Webhook) -> Answer:
    """Answer a request; never raises."""
    try:
        return _receive(request, webhook)
    except (InvalidNotification, SignatureError) as error:
        status = next(status for kind, status in _STATUSES if isinstance(error, kind))
        return _refused(Answer(status=status, reason=str(error)), request, webhook)
    except Exception as error:  # noqa: BLE001 - what is not foreseen: SNS tries again, and nothing of it is logged
        webhook.log.error(  # noqa: TRY400 - a traceback ends in the error's text, which may quote the message
            "message not taken", error=type(error).__name__, request_id=request.request_id
        )
        return Answer(status=HTTPStatus.INTERNAL_SERVER_ERROR)


def _receive(request: Request, webhook: Webhook) -> Answer:
    queue_url = webhook.routes.get(request.resource)
    if queue_url is None:
        reason = f"nothing is received at {request.resource} in this deployment"
        return _refused(Answer(status=HTTPStatus.NOT_FOUND, reason=reason), request, webhook)
    body = request.text()
    if len(body.encode()) > BODY_BYTES:
        answer = Answer(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, reason="larger than what SNS posts")
        return _refused(answer, request, webhook)
    message = _parse(request, body)
    now = webhook.now()
    require_certificate_url(message.signing_cert_url)
    require_recent(message, now)
    certificate = webhook.certificates.get(message.signing_cert_url, now)
    if isinstance(certificate, Unreachable):
        return _not_now("signing certificate", certificate.reason, request, webhook)
    verify(message, certificate, now)
    return _act(request, body, message, queue_url, webhook)


def _parse(request: Request, body: str) -> Message:
    if (request.header(RAW_HEADER) or "").lower() == "true":
        reason = "raw delivery: turn RawMessageDelivery off, Mailbus needs SNS's envelope"
        raise InvalidNotification(reason)
    message = parse_message(body)
    if request.header(TYPE_HEADER) not in {None, type_of(message)}:
        reason = f"the header {TYPE_HEADER} contradicts the message's Type"
        raise InvalidNotification(reason)
    return message


def _act(request: Request, body: str, message: Message, queue_url: str, webhook: Webhook) -> Answer:
    """Do what a message asks for that SNS did sign."""
    if message.topic_arn not in webhook.topic_arns:
        reason = f"topic {message.topic_arn} is not on the list: add it to webhook.topic_arns, and deploy"
        if isinstance(message, SubscriptionConfirmation):
            _unconfirmed(message, "its topic is not on the list", request, webhook)
        raise WiringError(reason)
    match message:
        case Notification():
            return _forward(request, body, message, queue_url, webhook)
        case SubscriptionConfirmation():
            return _confirm(request, message, webhook)
        case UnsubscribeConfirmation():
            _unconfirmed(message, "somebody ended it", request, webhook)
            return Answer(status=HTTPStatus.OK)


def _forward(request: Request, body: str, message: Notification, queue_url: str, webhook: Webhook) -> Answer:
    failure = webhook.queues.put(queue_url, body)
    if failure is not None:
        return _not_now("queue", failure, request, webhook)
    webhook.log.info(
        "message taken",
        topic_arn=message.topic_arn,
        sns_message_id=message.message_id,
        resource=request.resource,
        request_id=request.request_id,
    )
    return Answer(status=HTTPStatus.OK)


def _confirm(request: Request, message: SubscriptionConfirmation, webhook: Webhook) -> Answer:
    if not webhook.confirm_subscriptions:
        _unconfirmed(message, "webhook.confirm_subscriptions is off", request, webhook)
        reason = "subscriptions are confirmed by hand here: the token is in the log"
        return _refused(Answer(status=HTTPStatus.FORBIDDEN, reason=reason), request, webhook)
    outcome = webhook.subscriptions.confirm(message.topic_arn, message.token)
    if isinstance(outcome, NotConfirmed):
        _unconfirmed(message, outcome.code, request, webhook)
        return _not_now("confirmation", outcome.code, request, webhook)
    webhook.log.info(
        "subscription confirmed",
        topic_arn=message.topic_arn,
        subscription_arn=outcome.subscription_arn,
        request_id=request.request_id,
    )
    return Answer(status=HTTPStatus.OK)


def _unconfirmed(
    message: SubscriptionConfirmation | UnsubscribeConfirmation,
    reason: str,
    request: Request,
    webhook: Webhook,
) -> None:
    """Say what is needed to confirm by hand: only ever of a message that SNS did sign."""
    webhook.put_metric(UNCONFIRMED_SUBSCRIPTIONS, 1)
    webhook.log.warning(
        "subscription not confirmed: to have it, confirm it by this token",
        reason=reason,
        topic_arn=message.topic_arn,
        token=message.token,
        message_type=type_of(message),
        request_id=request.request_id,
    )


def _refused(answer: Answer, request: Request, webhook: Webhook) -> Answer:
    webhook.put_metric(REFUSED_MESSAGES, 1)
    webhook.log.warning(
        "message refused", status=int(answer.status), reason=answer.reason, request_id=request.request_id
    )
    return answer


def _not_now(what: str, error: str, request: Request, webhook: Webhook) -> Answer:
    """Have SNS try again."""
    webhook.log.warning("message not taken", missing=what, error=error, request_id=request.request_id)
    return Answer(status=HTTPStatus.SERVICE_UNAVAILABLE)
