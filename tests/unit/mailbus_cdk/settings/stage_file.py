"""A settings file for the tests, and how they change it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailbus.errors import ConfigurationError
from mailbus_cdk.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from mailbus_cdk.settings.receiving import Inbound

FILE = """
region = "eu-west-1"
identity = "example.com"
max_attempts = 8
log_retention_days = 30

[retention]
raw_days = 90
parts_days = 30

[tracking]
displace_notification_topics = true

[inbound]
domains = ["inbound.example.com"]

[stages.dev]
identity = "dev.example.com"
architecture = "x86_64"

[stages.dev.retention]
raw_days = 28

[stages.prod]
"""
# Rules are added after it.
DOMAIN = 'domains = ["inbound.example.com"]'


def rejected(path: Path, text: str, stage: str = "dev") -> str:
    """Return the error, of one line, with which a file is rejected."""
    path.write_text(text)
    with pytest.raises(ConfigurationError) as error:
        Settings.load(path, stage)
    message = str(error.value)
    assert "\n" not in message
    return message


def receiving(path: Path, rules: str) -> Inbound:
    """Return the settings of receiving with these rules in the file."""
    path.write_text(FILE.replace(DOMAIN, f"{DOMAIN}\n{rules}"))
    return Settings.load(path, "dev").inbound
