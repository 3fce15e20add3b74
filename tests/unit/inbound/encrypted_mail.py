"""Mail as SES stores it with "Encrypt message", written independently of the function, and a fake KMS."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM

from inbound.handler import process
from tests.unit.fakes.clients import refusal
from tests.unit.inbound.world import BUCKET, MESSAGE_ID, RAW_KEY, SETTINGS, World, received, record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mailbus.environment import InboundSettings

ACCOUNT = "210987654321"
KMS_KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1379c3ab-4633-4de2-9b66-1b5538fa28a6"
CONTEXT = {
    "aws:ses:message-id": MESSAGE_ID,
    "aws:ses:rule-name": "store",
    "aws:ses:source-account": ACCOUNT,
    "kms_cmk_id": KMS_KEY,
}
SECRET = b"Meet at noon."
MAIL = (
    b"From: Ada <ada@example.org>\r\nTo: support@inbound.example.com\r\nSubject: The plan\r\n"
    b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
    b"--b\r\n\r\n" + SECRET + b"\r\n"
    b'--b\r\nContent-Type: text/csv\r\nContent-Disposition: attachment; filename="plan.csv"\r\n\r\n'
    b"noon;bridge\r\n--b--\r\n"
)
ENCRYPTED = msgspec.structs.replace(SETTINGS, encrypted=True)


class FakeKms:
    """KMS: wraps keys for a context, and unwraps them only with it; `outage` is each call's error code."""

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
            raise refusal(self.outage, operation="Decrypt")
        key, context = self._wrapped.get(CiphertextBlob, (b"", {}))
        if not key or context != EncryptionContext:
            altered = "InvalidCiphertextException"
            raise refusal(altered, operation="Decrypt")
        return {"Plaintext": key, "KeyId": KMS_KEY, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}


def encrypted(
    mail: bytes,
    kms: FakeKms,
    *,
    context: Mapping[str, str] | None = None,
    key: bytes | None = None,
    wrapped_key: bytes | None = None,
) -> tuple[bytes, dict[str, str]]:
    """Return an encrypted mail and its object's metadata. `wrapped_key` is the key that KMS wraps instead."""
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


def matdesc(**changed: str | None) -> str:
    context: dict[str, str | None] = {name.removeprefix("aws:ses:"): value for name, value in CONTEXT.items()}
    context |= {name.replace("_", "-"): value for name, value in changed.items()}
    return json.dumps({f"aws:ses:{name}": value for name, value in context.items() if value is not None})


class EncryptingWorld(World):
    """The function, with an encrypted mail in its bucket."""

    def __init__(
        self, content: bytes, metadata: Mapping[str, str], kms: FakeKms, settings: InboundSettings = SETTINGS
    ) -> None:
        super().__init__(content, kms=kms)
        self.wiring = msgspec.structs.replace(self.wiring, settings=settings)
        self.s3.metadata = dict(metadata)
        self.kms = kms

    def reason_of_failure(self, receive_count: int = 1) -> str:
        """Receive a mail that must not be read, and return the reason; its content is nowhere to be found."""
        assert process([record(received(), receive_count=receive_count)], self.wiring) == ()
        assert self.detail["event_type"] == "inbound_failed"
        assert self.detail["message"] is None
        assert self.detail["raw"] == {
            "bucket": BUCKET,
            "key": RAW_KEY,
            "size": len(self.stored(RAW_KEY)),
        }
        assert self.s3.writes == []
        everything = json.dumps(self.details) + self.logged.getvalue()
        assert SECRET.decode() not in everything
        reason: str = self.detail["description"]
        return reason


def store_encrypted(
    *,
    altered: Callable[[bytes], bytes] = lambda content: content,
    context: Mapping[str, str] | None = None,
    outage: str | None = None,
    **changed: str | None,
) -> EncryptingWorld:
    """Store a mail as SES does; `changed` metadata has underscores in its names, None removes it."""
    kms = FakeKms(outage)
    content, metadata = encrypted(MAIL, kms, context=context)
    for name, value in changed.items():
        spelled = name.replace("_", "-")
        if value is None:
            del metadata[spelled]
        else:
            metadata[spelled] = value
    return EncryptingWorld(altered(content), metadata, kms)
