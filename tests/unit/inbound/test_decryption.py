"""How an encrypted mail is decrypted, and what is reported when it, or its metadata, was altered."""

from __future__ import annotations

import io
import json
import tracemalloc
from base64 import b64encode, encodebytes
from typing import TYPE_CHECKING, Any

import pytest

from inbound import decryption
from inbound.handler import process
from mailbus.errors import InboundError
from tests.unit.inbound.encrypted_mail import (
    CONTEXT,
    MAIL,
    SECRET,
    EncryptingWorld,
    FakeKms,
    encrypted,
    matdesc,
    store_encrypted,
)
from tests.unit.inbound.world import (
    FOLDER,
    MESSAGE_ID,
    RAW_KEY,
    World,
    received,
    record,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def test_an_encrypted_mail_has_the_same_event_as_a_clear_one() -> None:
    world, clear = store_encrypted(), World(MAIL)
    for either in (world, clear):
        assert process([record(received())], either.wiring) == ()
    encrypted_size = world.detail["raw"].pop("size")
    assert world.detail["event_type"] == "inbound"
    assert world.detail["message"] == clear.detail["message"]
    assert world.detail["message"]["text"] == SECRET.decode()
    assert world.stored(f"{FOLDER}1-plan.csv") == b"noon;bridge"
    assert encrypted_size == len(world.stored(RAW_KEY)) == len(MAIL) + 16


def test_a_second_delivery_of_an_encrypted_mail_writes_the_same_keys_and_the_same_event() -> None:
    world = store_encrypted()
    for delivery in (1, 2):
        assert process([record(received(), receive_count=delivery)], world.wiring) == ()
    first, second = world.details
    assert first == second
    assert world.s3.writes == [f"{FOLDER}1-plan.csv"] * 2


def test_the_stored_mail_stays_encrypted() -> None:
    world = store_encrypted()
    process([record(received())], world.wiring)
    assert SECRET not in world.stored(RAW_KEY)
    assert RAW_KEY not in world.s3.writes


def _titled(metadata: dict[str, str]) -> dict[str, str]:
    return {name.title(): value for name, value in metadata.items()}


def _without_what_may_be_missing(metadata: dict[str, str]) -> dict[str, str]:
    optional = {"x-amz-tag-len", "x-amz-unencrypted-content-length"}
    return {name: value for name, value in metadata.items() if name not in optional}


def _with_what_others_add(metadata: dict[str, str]) -> dict[str, str]:
    return {**metadata, "x-amz-unencrypted-content-md5": "0000", "reviewed-by": "ada"}


def _spaced(metadata: dict[str, str]) -> dict[str, str]:
    return {**metadata, "x-amz-matdesc": json.dumps(CONTEXT, indent=1)}


def _reordered(metadata: dict[str, str]) -> dict[str, str]:
    return {**metadata, "x-amz-matdesc": json.dumps(dict(reversed(CONTEXT.items())))}


def _escaped(metadata: dict[str, str]) -> dict[str, str]:
    return {**metadata, "x-amz-matdesc": json.dumps(CONTEXT).replace(":ses:", r"\u003ases\u003a")}


def _as_s3_returns_what_is_not_ascii(metadata: dict[str, str]) -> dict[str, str]:
    encoded = b64encode(metadata["x-amz-matdesc"].encode()).decode()
    return {**metadata, "x-amz-matdesc": f"=?UTF-8?B?{encoded}?="}


@pytest.mark.parametrize(
    "spelled",
    [
        _titled,
        _without_what_may_be_missing,
        _with_what_others_add,
        _spaced,
        _reordered,
        _escaped,
        _as_s3_returns_what_is_not_ascii,
    ],
)
def test_metadata_is_read_in_every_spelling(
    spelled: Callable[[dict[str, str]], dict[str, str]],
) -> None:
    kms = FakeKms()
    content, metadata = encrypted(MAIL, kms)
    world = EncryptingWorld(content, spelled(metadata), kms)
    assert process([record(received())], world.wiring) == ()
    assert world.detail["message"]["text"] == SECRET.decode()


def test_a_key_that_is_bound_to_its_cipher_is_unwrapped() -> None:
    context = {**CONTEXT, "aws:x-amz-cek-alg": "AES/GCM/NoPadding"}
    world = store_encrypted(context=context, x_amz_wrap_alg="kms+context")
    assert process([record(received())], world.wiring) == ()
    assert world.detail["event_type"] == "inbound"


NEVER_WRITTEN_BY_SES: list[tuple[dict[str, Any], str]] = [
    ({"x_amz_key_v2": None}, "no x-amz-key-v2"),
    ({"x_amz_key_v2": None, "x_amz_key": "d3JhcHBlZA=="}, "older envelope"),
    ({"x_amz_key_v2": None, "x_amz_3": "d3JhcHBlZA==", "x_amz_c": "115"}, "another version"),
    ({"x_amz_key_v2": ""}, "x-amz-key-v2 has 0 bytes"),
    ({"x_amz_key_v2": "not base64!"}, "x-amz-key-v2 is not base64"),
    ({"x_amz_key_v2": "Schlüssel"}, "x-amz-key-v2 is not base64"),
    ({"x_amz_key_v2": "AAAA" * 2049}, "x-amz-key-v2 has 6147 bytes"),
    ({"x_amz_iv": None}, "no x-amz-iv"),
    ({"x_amz_iv": ""}, "x-amz-iv has 0 bytes, not 12"),
    ({"x_amz_iv": b64encode(bytes(16)).decode()}, "x-amz-iv has 16 bytes, not 12"),
    ({"x_amz_iv": "AAAAAAAAAAAAAAAA, AAAAAAAAAAAAAAAA"}, "x-amz-iv is not base64"),
    ({"x_amz_wrap_alg": None}, "x-amz-wrap-alg is missing"),
    ({"x_amz_wrap_alg": "AES"}, "x-amz-wrap-alg is 'AES'"),
    ({"x_amz_wrap_alg": "AES/GCM"}, "not wrapped by KMS"),
    ({"x_amz_wrap_alg": "RSA-OAEP-SHA1"}, "'RSA-OAEP-SHA1'"),
    ({"x_amz_wrap_alg": "kms+context"}, "does not bind aws:x-amz-cek-alg"),
    ({"x_amz_cek_alg": None}, "x-amz-cek-alg is missing"),
    ({"x_amz_cek_alg": "AES/CBC/PKCS5Padding"}, "'AES/CBC/PKCS5Padding'"),
    ({"x_amz_cek_alg": "AES/CTR/NoPadding"}, "only AES/GCM/NoPadding"),
    ({"x_amz_tag_len": "96"}, "x-amz-tag-len is '96', not 128"),
    ({"x_amz_tag_len": ""}, "x-amz-tag-len is ''"),
    ({"x_amz_unencrypted_content_length": "1"}, "it was cut or extended"),
    ({"x_amz_unencrypted_content_length": str(len(MAIL) + 16)}, "it was cut or extended"),
    ({"x_amz_unencrypted_content_length": "-1"}, "'-1', not a number of bytes"),
    ({"x_amz_unencrypted_content_length": "9" * 5000}, "not a number of bytes"),
    ({"x_amz_matdesc": None}, "no x-amz-matdesc"),
    ({"x_amz_matdesc": ""}, "not a JSON object"),
    ({"x_amz_matdesc": "store"}, "not a JSON object"),
    ({"x_amz_matdesc": "[]"}, "not a JSON object"),
    ({"x_amz_matdesc": '{"aws:ses:message-id": 1}'}, "not a JSON object"),
    ({"x_amz_matdesc": '{"aws:ses:message-id": {"a": "b"}}'}, "not a JSON object"),
    ({"x_amz_matdesc": "[" * 100_000}, "not a JSON object"),
    ({"x_amz_matdesc": "=?UTF-8?B?////?="}, "not a JSON object"),
    ({"x_amz_matdesc": "=?no-such-charset?B?e30=?="}, "not a JSON object"),
    ({"x_amz_matdesc": "{}"}, "no aws:ses:message-id"),
    ({"x_amz_matdesc": matdesc(message_id=None)}, "no aws:ses:message-id"),
    ({"x_amz_matdesc": matdesc(message_id="o3vrnil0e2ic28trm7df")}, "bound to another mail"),
    ({"x_amz_matdesc": matdesc(source_account=None)}, "no aws:ses:source-account"),
    ({"x_amz_matdesc": matdesc(source_account="999999999999")}, "'999999999999', not 210987654321"),
    ({"X_Amz_Iv": "AAAAAAAAAAAAAAAA"}, "x-amz-iv twice"),
]


@pytest.mark.parametrize(("changed", "quoted"), NEVER_WRITTEN_BY_SES)
def test_metadata_that_ses_never_writes_is_reported_without_calling_kms(
    changed: dict[str, Any], quoted: str
) -> None:
    world = store_encrypted(**changed)
    reason = world.reason_of_failure()
    assert reason.startswith("the mail is encrypted, and ")
    assert quoted in reason
    assert "receipt rule with a KMS key. The raw message is kept" in reason
    assert len(reason) < 500
    assert world.kms.asked == 0


def test_a_mail_with_any_encryption_metadata_is_not_read_as_clear() -> None:
    names = list(encrypted(MAIL, FakeKms())[1])
    for name in names:
        removed: dict[str, Any] = {other.replace("-", "_"): None for other in names if other != name}
        world = store_encrypted(**removed)
        assert "the mail is encrypted" in world.reason_of_failure()


def _flipped(position: int) -> Callable[[bytes], bytes]:
    def flip(content: bytes) -> bytes:
        altered = bytearray(content)
        altered[position] ^= 1
        return bytes(altered)

    return flip


@pytest.mark.parametrize("position", [0, 40, -17, -16, -1])
def test_an_altered_encrypted_mail_or_tag_is_reported(position: int) -> None:
    assert "its tag does not match" in store_encrypted(altered=_flipped(position)).reason_of_failure()


def test_every_altered_byte_is_detected() -> None:
    kms = FakeKms()
    key = bytes(range(32))
    content, metadata = encrypted(MAIL, kms, key=key)
    envelope = decryption.read_envelope(metadata)
    assert decryption.decrypt(envelope, key, content) == MAIL
    for position in range(len(content)):
        with pytest.raises(InboundError):
            decryption.decrypt(envelope, key, _flipped(position)(content))


@pytest.mark.parametrize("kept", [len(MAIL) + 15, len(MAIL), 17, 16, 15, 1, 0])
@pytest.mark.parametrize("length", [None, str(len(MAIL))])
def test_a_cut_encrypted_mail_is_reported(kept: int, length: str | None) -> None:
    world = store_encrypted(altered=lambda content: content[:kept], x_amz_unencrypted_content_length=length)
    assert "cut" in world.reason_of_failure()


def test_an_extended_encrypted_mail_is_reported() -> None:
    world = store_encrypted(altered=lambda content: content + b"\0", x_amz_unencrypted_content_length=None)
    assert "its tag does not match" in world.reason_of_failure()


def test_another_initialization_vector_is_reported() -> None:
    assert "its tag does not match" in store_encrypted(x_amz_iv="AAAAAAAAAAAAAAAA").reason_of_failure()


def test_a_clear_mail_with_encryption_metadata_is_reported() -> None:
    world = store_encrypted(altered=lambda _: MAIL, x_amz_unencrypted_content_length=None)
    assert "its tag does not match" in world.reason_of_failure()


def test_another_rules_context_is_refused_by_kms() -> None:
    world = store_encrypted(x_amz_matdesc=matdesc(rule_name="another"))
    assert "KMS returned InvalidCiphertextException" in world.reason_of_failure()


def test_the_key_of_another_mail_does_not_decrypt_this_one() -> None:
    kms = FakeKms()
    content, _ = encrypted(MAIL, kms)
    _, of_another = encrypted(b"Subject: another\r\n\r\n", kms)
    of_another["x-amz-unencrypted-content-length"] = str(len(MAIL))
    assert "its tag does not match" in EncryptingWorld(content, of_another, kms).reason_of_failure()


def test_an_encrypted_object_at_another_mails_key_is_reported() -> None:
    kms = FakeKms()
    content, metadata = encrypted(MAIL, kms, context={**CONTEXT, "aws:ses:message-id": "another-mails-id"})
    reason = EncryptingWorld(content, metadata, kms).reason_of_failure()
    assert f"'another-mails-id', not {MESSAGE_ID}" in reason
    assert kms.asked == 0


def test_an_encrypted_mail_is_freed_before_the_clear_one_is_parsed() -> None:
    mail = MAIL.replace(b"noon;bridge", encodebytes(bytes(3_000_000)))
    kms = FakeKms()
    of_clear, of_encrypted = (
        _peak_bytes(EncryptingWorld(content, metadata, kms))
        for content, metadata in ((mail, {}), encrypted(mail, kms))
    )
    assert of_encrypted < of_clear + len(mail) // 4


def _peak_bytes(world: EncryptingWorld) -> int:
    """Receive a mail from an S3 that stores nothing; return the memory that it took."""
    fetch = world.s3.get_object
    world.s3.get_object = lambda **asked: _fresh(fetch(**asked))  # type: ignore[method-assign] # as above
    world.s3.put_object = lambda **_: None  # type: ignore[method-assign] # as above
    tracemalloc.start()
    try:
        assert process([record(received())], world.wiring) == ()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _fresh(answer: dict[str, Any]) -> dict[str, Any]:
    return {**answer, "Body": io.BytesIO(bytearray(answer["Body"].read()))}
