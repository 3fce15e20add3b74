"""The Lambda function of the webhook's API: verifies SNS's messages and queues them."""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools import Logger

from mailbus.aws import sessions
from mailbus.environment import WebhookSettings, from_environment
from mailbus.metrics import put_metric
from webhook.aws.queues import Queues
from webhook.aws.subscriptions import Subscriptions, unsigned_clients
from webhook.certificates import Certificates, fetch, make_opener
from webhook.http import parse_request, proxy_response
from webhook.receive import Webhook, receive
from webhook.routes import INBOUND, TRACKING

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

MAX_ATTEMPTS: Final = 2
# All calls, and fetching a certificate, must fit into SNS's 15 s:
# https://docs.aws.amazon.com/sns/latest/dg/SendMessageToHttp.prepare.html
CONNECT_SECONDS: Final = 1.0
READ_SECONDS: Final = 3.0


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return the response for a REST API's proxy integration."""
    return proxy_response(receive(parse_request(event), wire(context.function_name)))


@functools.cache
def wire(function_name: str) -> Webhook:
    """Read the settings and make the clients, once per process."""
    settings = from_environment(WebhookSettings)
    session = sessions.open_session()
    config = sessions.config(
        max_attempts=MAX_ATTEMPTS, connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS
    )
    urls = {TRACKING: settings.tracking_queue_url, INBOUND: settings.inbound_queue_url}
    return Webhook(
        routes={route: url for route, url in urls.items() if url is not None},
        topic_arns=frozenset(settings.topic_arns),
        confirm_subscriptions=settings.confirm_subscriptions,
        certificates=Certificates(functools.partial(fetch, opener=make_opener())),
        queues=Queues(session.client("sqs", config=config)),
        subscriptions=Subscriptions(unsigned_clients(session, config)),
        log=Logger(),
        now=lambda: datetime.now(UTC),
        put_metric=functools.partial(put_metric, function_name),
    )
