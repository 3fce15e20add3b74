from __future__ import annotations

import io
import json
from base64 import b64encode
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mailbus.events import RawMessage
from mailbus_cli.room.received_store import BEGINNING_BYTES, read
from tests.unit.mailbus_cli.room.mails import received

KEY = b"k" * 32
IV = b"i" * 12
RAW = b"Subject: Hello\r\n\r\n" + b"x" * (2 * BEGINNING_BYTES)
ENVELOPE = {
    "x-amz-key-v2": b64encode(b"wrapped").decode(),
    "x-amz-wrap-alg": "kms",
    "x-amz-cek-alg": "AES/GCM/NoPadding",
    "x-amz-iv": b64encode(IV).decode(),
    "x-amz-matdesc": json.dumps({"aws:ses:message-id": "in-1", "aws:ses:source-account": "000000000000"}),
}


class FakeAws:
    """A deployment's clients of S3 and KMS with one object."""

    def __init__(
        self, content: bytes, metadata: dict[str, str] | None = None, *, error: Exception | None = None
    ) -> None:
        self.outputs = {"InboundBucketName": "inbound"}
        self.unwrapped: list[Any] = []
        self._content, self._metadata, self._error = content, metadata or {}, error

    def client(self, _service: str) -> FakeAws:
        return self

    def get_object(self, *, Bucket: str, Key: str, Range: str | None = None) -> dict[str, Any]:  # noqa: N803
        assert (Bucket, Key) == ("inbound", "raw/in-1")
        if self._error is not None:
            raise self._error
        kept = self._content if Range is None else self._content[: int(Range.rpartition("-")[2]) + 1]
        total = {"ContentRange": f"bytes 0-{len(kept) - 1}/{len(self._content)}"} if Range else {}
        return {"Body": io.BytesIO(kept), "ContentLength": len(kept), "Metadata": self._metadata, **total}

    def decrypt(self, *, CiphertextBlob: bytes, EncryptionContext: dict[str, str]) -> dict[str, bytes]:  # noqa: N803
        self.unwrapped.append((CiphertextBlob, EncryptionContext))
        return {"Plaintext": KEY}


def error_of(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "GetObject")


def test_a_raw_mail_is_read_whole() -> None:
    found = read(FakeAws(RAW), received())  # type: ignore[arg-type]
    assert (found.content, found.is_whole, found.problem) == (RAW, True, None)


def test_the_list_reads_its_beginning_alone() -> None:
    found = read(FakeAws(RAW), received(), beginning=True)  # type: ignore[arg-type]
    assert (found.content, found.is_whole) == (RAW[:BEGINNING_BYTES], False)


def test_an_encrypted_mail_is_decrypted_with_the_operators_rights() -> None:
    aws = FakeAws(AESGCM(KEY).encrypt(IV, b"Subject: Hello\r\n\r\n", None), ENVELOPE)
    for beginning in (False, True):
        found = read(aws, received(), beginning=beginning)  # type: ignore[arg-type]
        assert (found.content, found.is_encrypted) == (b"Subject: Hello\r\n\r\n", True)
    assert aws.unwrapped[0] == (b"wrapped", json.loads(ENVELOPE["x-amz-matdesc"]))


def test_an_altered_mail_is_not_shown() -> None:
    content = bytearray(AESGCM(KEY).encrypt(IV, b"Subject: Hello\r\n\r\n", None))
    content[0] ^= 1
    found = read(FakeAws(bytes(content), ENVELOPE), received())  # type: ignore[arg-type]
    assert found.content is None
    assert "tag does not match" in (found.problem or "")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (error_of("NoSuchKey"), "retention.raw_days"),
        (error_of("AccessDenied"), "`s3:GetObject`"),
        (error_of("AccessDeniedException"), "`kms:Decrypt`"),
        (error_of("InvalidRange"), "empty"),
        (error_of("SlowDown"), "SlowDown: try again"),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:9"), "cannot be reached"),
    ],
)
def test_the_reason_why_a_mail_is_not_read_says_what_to_do(error: Exception, words: str) -> None:
    found = read(FakeAws(b"", error=error), received())  # type: ignore[arg-type]
    assert found.content is None
    assert words in (found.problem or "")


@pytest.mark.parametrize("raw", [None, RawMessage(bucket="others", key="raw/in-1", size=1)])
def test_only_the_stages_own_bucket_is_read(raw: RawMessage | None) -> None:
    aws = FakeAws(RAW, error=AssertionError("nothing is read"))
    found = read(aws, msgspec.structs.replace(received(), raw=raw))  # type: ignore[arg-type]
    assert found.content is None
    assert found.problem
