"""The settings of a deployment, as the sender's tests have them."""

from __future__ import annotations

from typing import Final

from mailbus.environment import SenderSettings

SETTINGS: Final = SenderSettings(
    event_bus_name="mailbus",
    dead_letter_queue_url="https://sqs.us-east-1.amazonaws.com/000000000000/send-dead-letters",
    send_queue_url="https://sqs.us-east-1.amazonaws.com/000000000000/send",
    send_queue_arn="arn:aws:sqs:us-east-1:000000000000:send",
    bulk_queue_url="https://sqs.us-east-1.amazonaws.com/000000000000/bulk",
    bulk_queue_arn="arn:aws:sqs:us-east-1:000000000000:bulk",
    dead_letter_queue_arn="arn:aws:sqs:us-east-1:000000000000:send-dead-letters",
    configuration_set_name="mailbus",
    metadata_in_headers=True,
    jobs_bucket_name="mailbus-jobs",
    schedule_group_name="mailbus",
    schedule_role_arn="arn:aws:iam::000000000000:role/mailbus-schedules",
    max_attempts=5,
    ledger_table_name="mailbus-ledger",
    ledger_days=7,
    rate_cache_seconds=60.0,
    bulk_share=0.8,
    doubt_seconds=300.0,
    on_unknown="resend",
)
