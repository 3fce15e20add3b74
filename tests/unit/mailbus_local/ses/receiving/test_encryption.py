from __future__ import annotations

import base64
import json

import pytest
from botocore.exceptions import ClientError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.unit.mailbus_local.simulated_ses import MAIL, InboundEnvironment


def test_an_encrypted_mail_can_be_decrypted_with_its_metadata(inbound: InboundEnvironment) -> None:
    key = inbound.env.kms.create_key()["KeyMetadata"]["Arn"]
    inbound.add_rule(inbound.s3_action(kms_key=key), Recipients=["inbound.example.com"])
    message_id = inbound.receive("support@inbound.example.com").json()["message_id"]
    response = inbound.env.s3.get_object(Bucket=inbound.bucket, Key=f"raw/{message_id}")
    content, metadata = response["Body"].read(), response["Metadata"]
    assert MAIL not in content
    context = json.loads(metadata.pop("x-amz-matdesc"))
    assert context == {
        "aws:ses:message-id": message_id,
        "aws:ses:rule-name": "rule-1",
        "aws:ses:source-account": "000000000000",
        "kms_cmk_id": key,
    }
    wrapped, iv = (base64.b64decode(metadata.pop(name)) for name in ("x-amz-key-v2", "x-amz-iv"))
    assert metadata == {
        "x-amz-cek-alg": "AES/GCM/NoPadding",
        "x-amz-wrap-alg": "kms",
        "x-amz-tag-len": "128",
        "x-amz-unencrypted-content-length": str(len(content) - 16),
    }
    with pytest.raises(ClientError, match="InvalidCiphertext"):
        inbound.env.kms.decrypt(
            CiphertextBlob=wrapped, EncryptionContext={**context, "aws:ses:rule-name": "rule-2"}
        )
    unwrapped = inbound.env.kms.decrypt(CiphertextBlob=wrapped, EncryptionContext=context)["Plaintext"]
    assert AESGCM(unwrapped).decrypt(iv, content, None).endswith(b"\r\n" + MAIL)
    with pytest.raises(InvalidTag):
        AESGCM(unwrapped).decrypt(iv, content[:-1], None)


def test_every_encrypted_mail_has_its_own_key_and_iv(inbound: InboundEnvironment) -> None:
    key = inbound.env.kms.create_key()["KeyMetadata"]["Arn"]
    inbound.add_rule(inbound.s3_action(kms_key=key), Recipients=["inbound.example.com"])
    ids = [inbound.receive("support@inbound.example.com").json()["message_id"] for _ in range(2)]
    first, second = (
        inbound.env.s3.head_object(Bucket=inbound.bucket, Key=f"raw/{message_id}")["Metadata"]
        for message_id in ids
    )
    assert first["x-amz-iv"] != second["x-amz-iv"]
    assert first["x-amz-key-v2"] != second["x-amz-key-v2"]


def test_the_setup_mail_of_an_encrypting_rule_is_encrypted(inbound: InboundEnvironment) -> None:
    key = inbound.env.kms.create_key()["KeyMetadata"]["Arn"]
    inbound.add_rule(inbound.s3_action(kms_key=key), Recipients=["inbound.example.com"])
    assert b"Amazon" not in inbound.stored("raw/AMAZON_SES_SETUP_NOTIFICATION")


@pytest.mark.parametrize("ended", ["disabled", "deleted"])
def test_an_unusable_key_is_a_temporary_failure(inbound: InboundEnvironment, ended: str) -> None:
    key = inbound.env.kms.create_key()["KeyMetadata"]["Arn"]
    inbound.add_rule(inbound.s3_action(kms_key=key), Recipients=["inbound.example.com"])
    if ended == "disabled":
        inbound.env.kms.disable_key(KeyId=key)
    else:
        inbound.env.kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    before = inbound.objects()
    response = inbound.receive("support@inbound.example.com")
    assert (response.status_code, response.json()["smtp_reply"][:9]) == (502, "451 4.3.0")
    assert key in response.json()["smtp_reply"]
    assert inbound.objects() == before
