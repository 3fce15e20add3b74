"""Mail as SES's "Encrypt message" stores it, made without what reads it; and KMS, judging as KMS does."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM

from tests.unit.inbound.arrivals import MESSAGE_ID, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

ACCOUNT = "210987654321"
KMS_KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1379c3ab-4633-4de2-9b66-1b5538fa28a6"
CONTEXT = {
    "aws:ses:message-id": MESSAGE_ID,
    "aws:ses:rule-name": "store",
    "aws:ses:source-account": ACCOUNT,
    "kms_cmk_id": KMS_KEY,
}


class FakeKms:
    """Wraps keys for a context, and unwraps them for that alone; `outage` is the code of every answer."""

    def __init__(self, outage: str | None = None) -> None:
        self.outage = outage
        self.asked = 0
        self._wrapped: dict[bytes, tuple[bytes, dict[str, str]]] = {}

    def wrap(self, key: bytes, context: Mapping[str, str]) -> bytes:
        blob = b"\x01\x02\x02\x00" + os.urandom(180)
        self._wrapped[blob] = (key, dict(context))
        return blob

    def decrypt(
        self,
        *,
        CiphertextBlob: bytes,  # noqa: N803 - AWS's name
        EncryptionContext: Mapping[str, str],  # noqa: N803 - AWS's name
    ) -> dict[str, Any]:
        self.asked += 1
        if self.outage is not None:
            raise refusal(self.outage, "Decrypt")
        key, context = self._wrapped.get(CiphertextBlob, (b"", {}))
        if not key or context != EncryptionContext:
            altered = "InvalidCiphertextException"
            raise refusal(altered, "Decrypt")
        return {"Plaintext": key, "KeyId": KMS_KEY, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}


def sealed(
    mail: bytes,
    kms: FakeKms,
    *,
    context: Mapping[str, str] | None = None,
    key: bytes | None = None,
    wrapped_key: bytes | None = None,
) -> tuple[bytes, dict[str, str]]:
    """Encrypt a mail; returns the object and its metadata. KMS wraps `wrapped_key` where it is another."""
    bound = CONTEXT if context is None else context
    key = os.urandom(32) if key is None else key
    iv = os.urandom(12)
    encryptor = Cipher(AES(key), GCM(iv)).encryptor()
    content = encryptor.update(mail) + encryptor.finalize() + encryptor.tag
    return content, {
        "x-amz-key-v2": b64encode(kms.wrap(key if wrapped_key is None else wrapped_key, bound)).decode(),
        "x-amz-iv": b64encode(iv).decode(),
        "x-amz-cek-alg": "AES/GCM/NoPadding",
        "x-amz-wrap-alg": "kms",
        "x-amz-tag-len": "128",
        "x-amz-unencrypted-content-length": str(len(mail)),
        "x-amz-matdesc": json.dumps(bound, separators=(",", ":")),
    }
