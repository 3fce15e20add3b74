"""The deployment of the sender's tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from mailbus.environment import SenderSettings
from tests.unit.fakes.dynamodb import TABLE

DAY: Final = 24 * 3600
START: Final = datetime(2026, 11, 22, 12, 0, tzinfo=UTC).timestamp()
SEND_QUEUE: Final = "arn:aws:sqs:eu-west-1:210987654321:mailbus-dev-send"
BULK_QUEUE: Final = "arn:aws:sqs:eu-west-1:210987654321:mailbus-dev-bulk"
DEAD_LETTERS: Final = "https://sqs.eu-west-1.amazonaws.com/210987654321/mailbus-dev-dead"
JOBS_BUCKET: Final = "mailbus-dev-jobs"
VISIBILITY_SECONDS: Final = 90
FUNCTION_SECONDS: Final = 60.0
CANCELLED_SECONDS: Final = 7 * 24 * 3600
MESSAGE_BYTES: Final = 1024 * 1024
SETTINGS: Final = SenderSettings(
    event_bus_name="mailbus-dev",
    dead_letter_queue_url=DEAD_LETTERS,
    dead_letter_queue_arn="arn:aws:sqs:eu-west-1:210987654321:mailbus-dev-dead",
    send_queue_url="https://sqs.eu-west-1.amazonaws.com/210987654321/mailbus-dev-send",
    send_queue_arn=SEND_QUEUE,
    bulk_queue_url="https://sqs.eu-west-1.amazonaws.com/210987654321/mailbus-dev-bulk",
    bulk_queue_arn=BULK_QUEUE,
    configuration_set_name="mailbus-dev",
    metadata_in_headers=True,
    source_buckets=("shop-invoices",),
    jobs_bucket_name=JOBS_BUCKET,
    schedule_group_name="mailbus-dev",
    schedule_role_arn="arn:aws:iam::210987654321:role/mailbus-dev-schedules",
    max_attempts=5,
    ledger_table_name=TABLE,
    ledger_days=7,
    rate_cache_seconds=60,
    expected_rate=14,
    bulk_share=0.5,
    tracking_queue_url="https://sqs.eu-west-1.amazonaws.com/123456789012/mailbus-dev-tracking",
    doubt_seconds=120,
    on_unknown="resend",
)
