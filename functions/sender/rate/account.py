"""The edge to the SES account: how many recipients a second it may send to, and how many more today."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from sender.rate.slots import Limits

if TYPE_CHECKING:
    from types_boto3_sesv2.client import SESV2Client

# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendQuota.html
UNLIMITED: Final = -1


class Account:
    """Asks SES for the limits; it answers once a second.

    https://docs.aws.amazon.com/ses/latest/dg/quotas.html
    """

    def __init__(self, client: SESV2Client) -> None:
        self._client = client

    def limits(self) -> Limits | None:
        """Return the rate and what is left of the 24-hour quota; None if SES does not report them."""
        try:
            quota = self._client.get_account()["SendQuota"]
            rate, most, sent = quota["MaxSendRate"], quota["Max24HourSend"], quota["SentLast24Hours"]
        except (ClientError, BotoCoreError, KeyError):
            return None
        if rate <= 0:
            return None
        if most == UNLIMITED:
            return Limits(max_send_rate=rate)
        return Limits(
            max_send_rate=rate,
            quota_left=max(0, math.floor(most - sent)),
            quota_percent=100 * sent / most if most > 0 else None,
        )
