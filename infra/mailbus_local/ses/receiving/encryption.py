"""SES's "Encrypt message": client-side encryption in the format of the S3 encryption client, version 2.

https://docs.aws.amazon.com/kms/latest/developerguide/services-ses.html
https://docs.aws.amazon.com/ses/latest/dg/receiving-email-action-s3.html
"""

from __future__ import annotations

import json
import os
from base64 import b64encode
from typing import TYPE_CHECKING, Final

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_kms.client import KMSClient

IV_BYTES: Final = 12


class StoredObject(msgspec.Struct, frozen=True, kw_only=True):
    """An S3 object. The names in `metadata` lack S3's prefix `x-amz-meta-`."""

    content: bytes
    metadata: dict[str, str]


def encrypt(mail: bytes, key_arn: str, context: Mapping[str, str], kms: KMSClient) -> StoredObject:
    """Return a mail encrypted with its own data key, which KMS encrypts with `context`.

    Errors of KMS are raised unchanged.
    """
    bound = {**context, "kms_cmk_id": key_arn}
    made = kms.generate_data_key(KeyId=key_arn, KeySpec="AES_256", EncryptionContext=bound)
    iv = os.urandom(IV_BYTES)
    return StoredObject(
        content=AESGCM(made["Plaintext"]).encrypt(iv, mail, None),
        metadata={
            "x-amz-key-v2": b64encode(made["CiphertextBlob"]).decode(),
            "x-amz-iv": b64encode(iv).decode(),
            "x-amz-cek-alg": "AES/GCM/NoPadding",
            "x-amz-wrap-alg": "kms",
            "x-amz-tag-len": "128",
            "x-amz-unencrypted-content-length": str(len(mail)),
            "x-amz-matdesc": json.dumps(bound, separators=(",", ":")),
        },
    )
