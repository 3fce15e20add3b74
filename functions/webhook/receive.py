"""Verifies a message, then queues it or confirms its subscription. Its content is not processed here.

SNS retries after a server's error, for an hour at most, and never after a client's error:
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
from webhook.http import RAW_HEADER, TYPE_HEADER, Response
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

# The limit of an SQS message. SNS publishes 256 KiB, which escaping hardly doubles.
BODY_BYTES: Final = 1024 * 1024

_STATUSES: Final = (
    (WiringError, HTTPStatus.FORBIDDEN),
    (SignatureError, HTTPStatus.FORBIDDEN),
    (InvalidNotification, HTTPStatus.BAD_REQUEST),
)


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """The function's settings and clients.

    `routes` maps each path to the URL of its queue; only messages of `topic_arns` are queued.
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


def receive(request: Request, webhook: Webhook) -> Response:
    """Return the response to a request. Never raises."""
    try:
        return _receive(request, webhook)
    except (InvalidNotification, SignatureError) as error:
        status = next(status for kind, status in _STATUSES if isinstance(error, kind))
        return _refuse(Response(status=status, reason=str(error)), request, webhook)
    except Exception as error:  # noqa: BLE001 - SNS retries after an unexpected error
        webhook.log.error(  # noqa: TRY400 - a traceback ends in the error's text, which may quote the message
            "message not processed", error=type(error).__name__, request_id=request.request_id
        )
        return Response(status=HTTPStatus.INTERNAL_SERVER_ERROR)


def _receive(request: Request, webhook: Webhook) -> Response:
    queue_url = webhook.routes.get(request.resource)
    if queue_url is None:
        reason = f"this deployment has no queue for {request.resource}"
        return _refuse(Response(status=HTTPStatus.NOT_FOUND, reason=reason), request, webhook)
    body = request.text()
    if len(body.encode()) > BODY_BYTES:
        response = Response(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, reason="larger than what SNS posts")
        return _refuse(response, request, webhook)
    message = _parse(request, body)
    now = webhook.now()
    require_certificate_url(message.signing_cert_url)
    require_recent(message, now)
    certificate = webhook.certificates.get(message.signing_cert_url, now)
    if isinstance(certificate, Unreachable):
        return _retry_later("signing certificate", certificate.reason, request, webhook)
    verify(message, certificate, now)
    return _process(request, body, message, queue_url, webhook)


def _parse(request: Request, body: str) -> Message:
    if (request.header(RAW_HEADER) or "").lower() == "true":
        reason = "raw delivery: turn RawMessageDelivery off, Mailbus needs SNS's envelope"
        raise InvalidNotification(reason)
    message = parse_message(body)
    if request.header(TYPE_HEADER) not in {None, type_of(message)}:
        reason = f"the header {TYPE_HEADER} contradicts the message's Type"
        raise InvalidNotification(reason)
    return message


def _process(request: Request, body: str, message: Message, queue_url: str, webhook: Webhook) -> Response:
    """Act on a message that SNS signed."""
    if message.topic_arn not in webhook.topic_arns:
        reason = f"topic {message.topic_arn} is not in webhook.topic_arns: add it, and deploy"
        if isinstance(message, SubscriptionConfirmation):
            _report_unconfirmed(message, "its topic is not in webhook.topic_arns", request, webhook)
        raise WiringError(reason)
    match message:
        case Notification():
            return _queue(request, body, message, queue_url, webhook)
        case SubscriptionConfirmation():
            return _confirm(request, message, webhook)
        case UnsubscribeConfirmation():
            _report_unconfirmed(message, "somebody ended it", request, webhook)
            return Response(status=HTTPStatus.OK)


def _queue(request: Request, body: str, message: Notification, queue_url: str, webhook: Webhook) -> Response:
    failure = webhook.queues.send(queue_url, body)
    if failure is not None:
        return _retry_later("queue", failure, request, webhook)
    webhook.log.info(
        "message queued",
        topic_arn=message.topic_arn,
        sns_message_id=message.message_id,
        resource=request.resource,
        request_id=request.request_id,
    )
    return Response(status=HTTPStatus.OK)


def _confirm(request: Request, message: SubscriptionConfirmation, webhook: Webhook) -> Response:
    if not webhook.confirm_subscriptions:
        _report_unconfirmed(message, "webhook.confirm_subscriptions is off", request, webhook)
        reason = "subscriptions must be confirmed by hand: the token is in the log"
        return _refuse(Response(status=HTTPStatus.FORBIDDEN, reason=reason), request, webhook)
    outcome = webhook.subscriptions.confirm(message.topic_arn, message.token)
    if isinstance(outcome, NotConfirmed):
        _report_unconfirmed(message, outcome.code, request, webhook)
        return _retry_later("confirmation", outcome.code, request, webhook)
    webhook.log.info(
        "subscription confirmed",
        topic_arn=message.topic_arn,
        subscription_arn=outcome.subscription_arn,
        request_id=request.request_id,
    )
    return Response(status=HTTPStatus.OK)


def _report_unconfirmed(
    message: SubscriptionConfirmation | UnsubscribeConfirmation,
    reason: str,
    request: Request,
    webhook: Webhook,
) -> None:
    """Log the token and the topic, to confirm by hand; only for messages that SNS signed."""
    webhook.put_metric(UNCONFIRMED_SUBSCRIPTIONS, 1)
    webhook.log.warning(
        "subscription not confirmed; to confirm it, use this token",
        reason=reason,
        topic_arn=message.topic_arn,
        token=message.token,
        message_type=type_of(message),
        request_id=request.request_id,
    )


def _refuse(response: Response, request: Request, webhook: Webhook) -> Response:
    webhook.put_metric(REFUSED_MESSAGES, 1)
    webhook.log.warning(
        "message refused", status=int(response.status), reason=response.reason, request_id=request.request_id
    )
    return response


def _retry_later(what: str, error: str, request: Request, webhook: Webhook) -> Response:
    """Return a response after which SNS retries."""
    webhook.log.warning("message not processed", unavailable=what, error=error, request_id=request.request_id)
    return Response(status=HTTPStatus.SERVICE_UNAVAILABLE)
