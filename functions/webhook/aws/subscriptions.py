"""The edge to SNS: confirms subscriptions, each in its topic's region."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import msgspec
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.aws.sessions import error_code

if TYPE_CHECKING:
    from collections.abc import Callable

    import boto3
    from types_boto3_sns.client import SNSClient


class Confirmed(msgspec.Struct, frozen=True, kw_only=True):
    """A confirmed subscription."""

    subscription_arn: str


class NotConfirmed(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription that could not be confirmed. `code` is SNS's, or botocore's own."""

    code: str


class Subscriptions:
    """Confirms subscriptions; `client` returns the client of a region."""

    def __init__(self, client: Callable[[str], SNSClient]) -> None:
        self._client = client

    def confirm(self, topic_arn: str, token: str) -> Confirmed | NotConfirmed:
        """Confirm a subscription; repeating it does no harm."""
        region = topic_arn.split(":")[3]
        try:
            answer = self._client(region).confirm_subscription(TopicArn=topic_arn, Token=token)
        except (BotoCoreError, ClientError) as error:
            return NotConfirmed(code=error_code(error))
        return Confirmed(subscription_arn=answer["SubscriptionArn"])


def unsigned_clients(session: boto3.Session, config: Config) -> Callable[[str], SNSClient]:
    """Return a function that makes the client of a region, once for each.

    The clients do not sign, as SNS's own confirmation link does not: a signed call needs the permission of
    the topic's owner (https://docs.aws.amazon.com/sns/latest/api/API_ConfirmSubscription.html).
    """
    unsigned = config.merge(Config(signature_version=UNSIGNED))
    return functools.cache(lambda region: session.client("sns", region_name=region, config=unsigned))
