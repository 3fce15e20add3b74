"""The edge to S3: SES's own JSON that is too large for the bus."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from mailbus.events import StoredObject

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client


class EspEvents:
    """Writes under one prefix of one bucket."""

    def __init__(self, client: S3Client, *, bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix

    def store(self, esp_event: bytes) -> StoredObject:
        """Store SES's JSON under a key made of its content. Errors of boto3 pass through."""
        key = f"{self._prefix}{hashlib.sha256(esp_event).hexdigest()}.json"
        self._client.put_object(Bucket=self._bucket, Key=key, Body=esp_event, ContentType="application/json")
        return StoredObject(bucket=self._bucket, key=key)
