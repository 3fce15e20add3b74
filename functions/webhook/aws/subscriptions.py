"""The edge to SNS: confirms subscriptions, each in its topic's region."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.aws.sessions import error_code

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_sns.client import SNSClient


class Confirmed(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription that stands."""

    subscription_arn: str


class NotConfirmed(msgspec.Struct, frozen=True, kw_only=True):
    """One that does not. `code` is SNS's, or botocore's own."""

    code: str


class Subscriptions:
    """Confirms subscriptions by clients that it asks for by region."""

    def __init__(self, client: Callable[[str], SNSClient]) -> None:
        self._client = client

    def confirm(self, topic_arn: str, token: str) -> Confirmed | NotConfirmed:
        """Confirm a subscription; again makes no second one."""
        region = topic_arn.split(":")[3]
        try:
            answer = self._client(region).confirm_subscription(TopicArn=topic_arn, Token=token)
        except (BotoCoreError, ClientError) as error:
            return NotConfirmed(code=error_code(error))
        return Confirmed(subscription_arn=answer["SubscriptionArn"])
