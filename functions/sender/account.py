"""The edge to the SES account: how many recipients a second it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from types_boto3_sesv2.client import SESV2Client


class Account:
    """Asks SES, at most once a second: https://docs.aws.amazon.com/ses/latest/dg/quotas.html."""

    def __init__(self, client: SESV2Client) -> None:
        self._client = client

    def max_send_rate(self) -> float | None:
        """Read the rate, in recipients a second; None where SES does not say."""
        try:
            rate = self._client.get_account()["SendQuota"]["MaxSendRate"]
        except (ClientError, BotoCoreError, KeyError):
            return None
        return rate if rate > 0 else None
