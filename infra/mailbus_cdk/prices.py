"""AWS's prices in us-east-1, for functions on arm64, without any free tier. Nothing here needs the CDK."""

from __future__ import annotations

from typing import Final

import msgspec

MILLION: Final = 1_000_000
#: When the oldest of the prices was read.
CHECKED: Final = "2026-11-22"


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """USD for `count` of a unit; `second_hand` if it was read in others' articles, not on AWS's page."""

    usd: float
    count: int = 1
    unit: str
    source: str
    second_hand: bool = False

    @property
    def each(self) -> float:
        """USD for one."""
        return self.usd / self.count

    @property
    def shown(self) -> str:
        """The price as text: `0.40 for a million requests`."""
        number = {1: "a", MILLION: "a million", 1_000: "a thousand"}[self.count]
        return f"{self.usd:.10g} for {number} {self.unit}"


_LAMBDA: Final = "https://aws.amazon.com/lambda/pricing/"
_SQS: Final = "https://aws.amazon.com/sqs/pricing/"
_SNS: Final = "https://aws.amazon.com/sns/pricing/"
_EVENTS: Final = "https://aws.amazon.com/eventbridge/pricing/"
_DYNAMODB: Final = "https://aws.amazon.com/dynamodb/pricing/on-demand/"
_CLOUDWATCH: Final = "https://aws.amazon.com/cloudwatch/pricing/"
_S3: Final = "https://aws.amazon.com/s3/pricing/"
_SES: Final = "https://aws.amazon.com/ses/pricing/"

LAMBDA_GB_SECONDS: Final = Price(usd=0.0000133334, unit="GB-second", source=_LAMBDA)
LAMBDA_INVOCATIONS: Final = Price(usd=0.20, count=MILLION, unit="invocations", source=_LAMBDA)
# of up to 64 KB each
SQS_REQUESTS: Final = Price(usd=0.40, count=MILLION, unit="requests", source=_SQS)
SNS_PUBLISHES: Final = Price(usd=0.50, count=MILLION, unit="messages", source=_SNS)
# of up to 64 KB each
EVENTS: Final = Price(usd=1.00, count=MILLION, unit="events", source=_EVENTS)
ARCHIVE_GB: Final = Price(usd=0.10, unit="GB archived", source=_EVENTS)
ARCHIVE_GB_MONTHS: Final = Price(usd=0.023, unit="GB-month in the archive", source=_EVENTS, second_hand=True)
SCHEDULES: Final = Price(usd=1.00, count=MILLION, unit="schedules", source=_EVENTS, second_hand=True)
WRITE_UNITS: Final = Price(usd=0.625, count=MILLION, unit="write units", source=_DYNAMODB)
READ_UNITS: Final = Price(usd=0.125, count=MILLION, unit="read units", source=_DYNAMODB)
TABLE_GB_MONTHS: Final = Price(usd=0.25, unit="GB-month in a table", source=_DYNAMODB)
BACKUP_GB_MONTHS: Final = Price(
    usd=0.20, unit="GB-month of point-in-time recovery", source=_DYNAMODB, second_hand=True
)
LOG_GB: Final = Price(usd=0.50, unit="GB logged", source=_CLOUDWATCH)
LOG_GB_MONTHS: Final = Price(usd=0.03, unit="GB-month of logs", source=_CLOUDWATCH, second_hand=True)
ALARM_METRICS: Final = Price(
    usd=0.10, unit="metric of an alarm, a month", source=_CLOUDWATCH, second_hand=True
)
CUSTOM_METRICS: Final = Price(
    usd=0.30, unit="metric of its own, a month", source=_CLOUDWATCH, second_hand=True
)
DASHBOARDS: Final = Price(usd=3.00, unit="dashboard, a month", source=_CLOUDWATCH, second_hand=True)
KEYS: Final = Price(
    usd=1.00, unit="key, a month", source="https://aws.amazon.com/kms/pricing/", second_hand=True
)
SECRETS: Final = Price(
    usd=0.40,
    unit="secret, a month",
    source="https://aws.amazon.com/secrets-manager/pricing/",
    second_hand=True,
)
S3_PUTS: Final = Price(usd=5.00, count=MILLION, unit="objects written", source=_S3)
S3_GETS: Final = Price(usd=0.40, count=MILLION, unit="objects read", source=_S3)
SES_A_LA_CARTE: Final = Price(
    usd=0.10, count=1_000, unit="recipients à la carte", source=_SES, second_hand=True
)
# the default of accounts since 2026-07-21
SES_ESSENTIALS: Final = Price(
    usd=0.16, count=1_000, unit="recipients in the plan Essentials", source=_SES, second_hand=True
)
SES_ATTACHMENT_GB: Final = Price(usd=0.12, unit="GB of attachments", source=_SES, second_hand=True)
