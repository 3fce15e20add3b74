"""Clients of the embedded AWS."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config

from mailbus_local.ministack import CREDENTIALS


def client(service: str, *, url: str, region: str) -> Any:
    """Return a boto3 client of a service that listens at a URL on this machine, which no proxy leads to."""
    return boto3.client(
        service,  # type: ignore[call-overload]  # the stubs know literal names only
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=Config(proxies={}),
    )
