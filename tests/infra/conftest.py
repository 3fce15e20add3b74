"""Stages that are synthesized once for all tests: starting jsii and packaging take seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from mailbus_cdk.mailbus import deployment
from mailbus_cdk.settings import Settings
from mailbus_cdk.settings.receiving import Inbound
from mailbus_cdk.settings.tables import Alarms, Retention, Timeline
from mailbus_local.stage import PACKAGED, load_settings
from tests.infra.templates import ACCOUNT, Templates, new_app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aws_cdk import App

TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:alarms"
# Independent of mailbus.toml, which users change.
PROD = Settings(
    stage="prod",
    region="us-east-1",
    identity="example.com",
    log_retention_days=90,
    retention=Retention(parts_days=60, event_archive_days=90),
    message_tag_name="campaign",
    send_defaults={"reply_to": ["support@example.com"]},
    source_buckets=("example-invoices",),
    alarms=Alarms(topic_arn=TOPIC),
    timeline=Timeline(days=30),
    inbound=Inbound(domains=("inbound.example.com",)),
)


@pytest.fixture(scope="session")
def app_in() -> Callable[[Path], App]:
    return new_app


@pytest.fixture(scope="session")
def synthesize(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Settings], Templates]:
    made: dict[bytes, Templates] = {}

    def synthesized(settings: Settings) -> Templates:
        key = msgspec.json.encode(settings)
        if key not in made:
            app = new_app(tmp_path_factory.mktemp("cdk-out"))
            deployment(app, settings=settings)
            made[key] = Templates(app, settings)
        return made[key]

    return synthesized


@pytest.fixture(scope="session")
def settings() -> Settings:
    return PROD


@pytest.fixture(scope="session")
def prod(synthesize: Callable[[Settings], Templates], settings: Settings) -> Templates:
    return synthesize(settings)


@pytest.fixture(scope="session")
def local(synthesize: Callable[[Settings], Templates]) -> Templates:
    return synthesize(load_settings(PACKAGED))
