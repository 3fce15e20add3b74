"""The main variants of a stage's settings: together they set every key."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from mailbus_cdk.regions import RECEIVING_REGIONS
from mailbus_cdk.settings import Settings
from mailbus_cdk.settings.receiving import Inbound, Rule
from mailbus_cdk.settings.tables import (
    Alarms,
    Bulk,
    ClientParams,
    Events,
    Guard,
    Retention,
    Sender,
    SessionParams,
    Timeline,
    Tracking,
    Transactional,
    Webhook,
)
from tests.infra.templates import ACCOUNT

# The region of mailbus.toml, that of docs/account.md, and one without archives, schemas and receiving.
REGIONS: Final = ("us-east-1", "eu-west-1", "ca-west-1")

ELSEWHERE: Final = Webhook(topic_arns=("arn:aws:sns:eu-west-1:444455556666:mail-events",))
IN_EVERY_WAY: Final = Inbound(
    domains=("inbound.example.com", "example.org", "in.example.org"),
    rules=(
        Rule(
            name="alerts",
            recipients=("alerts@inbound.example.com",),
            action="sns",
            require_tls=True,
            stop=True,
        ),
        Rule(
            name="notes",
            recipients=("notes@inbound.example.com",),
            action="sns",
            encoding="UTF-8",
            scan=False,
            stop=True,
        ),
        Rule(name="regions", recipients=(".inbound.example.com",), enabled=False),
        Rule(
            name="noreply",
            recipients=("noreply@inbound.example.com",),
            action="bounce",
            smtp_reply_code="552",
            status_code="5.2.2",
            message="Nobody reads this mailbox",
            sender="bounces@example.com",
        ),
        Rule(name="the_rest.2"),
    ),
    encrypt=True,
    displace_active_rule_set=True,
    max_concurrency=4,
)

# Its ARNs are of the first region.
VARIANTS: Final[dict[str, dict[str, Any]]] = {
    "the least": {"identity": "shop@example.com"},
    "everything": {
        "identity": "example.com",
        "mail_from_domain": "bounces.example.com",
        "dmarc_policy": "quarantine",
        "dmarc_rua": ("dmarc@example.com",),
        "configuration_set_name": "shop",
        "other_identities": ("example.net", f"arn:aws:ses:us-east-1:{ACCOUNT}:identity/example.info"),
        "other_configuration_sets": ("newsletters", "receipts"),
        "sandbox_recipients": ("ada@example.org",),
        "expected_rate": 20,
        "message_tag_name": "campaign",
        "send_defaults": {"reply_to": ["support@example.com"]},
        "source_buckets": ("example-invoices",),
        "max_attempts": 2,
        "reserve_concurrency": True,
        "architecture": "x86_64",
        "log_retention_days": 90,
        "retention": Retention(raw_days=60, parts_days=30, event_archive_days=365),
        "events": Events(
            entry_bytes=1_000_000, sent=False, accounts=("444455556666",), organization="o-exampleorgid"
        ),
        "sender": Sender(on_unknown="fail", doubt_seconds=600, ledger_days=30),
        "transactional": Transactional(max_concurrency=20),
        "bulk": Bulk(max_concurrency=10, share=0.5),
        "tracking": Tracking(
            custom_redirect_domain="links.example.com",
            notified_identities=("example.com", "example.net"),
            displace_notification_topics=True,
            max_concurrency=20,
        ),
        "timeline": Timeline(days=30, max_concurrency=8),
        "inbound": IN_EVERY_WAY,
        "webhook": msgspec.structs.replace(ELSEWHERE, confirm_subscriptions=False, requests_a_second=500),
        "guard": Guard(
            review_bounce_rate=0.04,
            pause_bounce_rate=0.06,
            review_complaint_rate=0.0008,
            pause_complaint_rate=0.0015,
        ),
        "alarms": Alarms(
            topic_arn=f"arn:aws:sns:us-east-1:{ACCOUNT}:alarms", oldest_job_seconds=60, dashboard=False
        ),
        "client_params": ClientParams(connect_timeout=5, read_timeout=60),
    },
    "what exists is used": {
        "identity": "example.com",
        "identity_exists": True,
        "dmarc_policy": "none",
        "hosted_zone_id": "Z0123456789ABCDEFGHIJ",
        "configuration_set_name": "shop",
        "configuration_set_exists": True,
        "metadata_in_headers": False,
        "sender": Sender(merge_by="SendEmail"),
        "guard": Guard(enabled=False),
        "inbound": Inbound(
            domains=("in.example.org",), existing_identities=("example.org",), rule_set_name="all-stages"
        ),
    },
    "SES of another account": {
        "identity": "example.com",
        "identity_exists": True,
        "configuration_set_name": "shop",
        "configuration_set_exists": True,
        "session_params": SessionParams(
            role_arn="arn:aws:iam::444455556666:role/send-mail", region="eu-central-1"
        ),
        "inbound": Inbound(domains=("inbound.example.com",)),
        "webhook": ELSEWHERE,
    },
}


def variant(name: str, region: str, stage: str = "prod") -> Settings:
    """Return the settings of a variant in a region; without receiving, where SES has none."""
    chosen = _in_region(VARIANTS[name], region)
    if region not in RECEIVING_REGIONS:
        chosen.pop("inbound", None)
    return Settings(stage=stage, region=region, **chosen)


def _in_region(value: Any, region: str) -> Any:
    match value:
        case str():
            return value.replace(REGIONS[0], region)
        case dict():
            return {key: _in_region(item, region) for key, item in value.items()}
        case tuple():
            return tuple(_in_region(item, region) for item in value)
        case Alarms():
            return msgspec.structs.replace(value, topic_arn=_in_region(value.topic_arn, region))
        case _:
            return value
