"""What becomes of a mail that SES encrypted, and of one that somebody meddled with."""

from __future__ import annotations

import io
import json
import tracemalloc
from base64 import b64encode, encodebytes
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError

from inbound import decryption
from inbound.aws.s3 import RAW_BYTES
from inbound.handler import process
from inbound.receive import PATIENCE
from mailbus.errors import InboundError
from tests.unit.inbound.arrivals import (
    BUCKET,
    MESSAGE_ID,
    PLACE,
    RAW_KEY,
    SETTINGS,
    TOPIC,
    Room,
    received,
    record,
)
from tests.unit.inbound.sealed import ACCOUNT, CONTEXT, FakeKms, sealed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mailbus.environment import InboundSettings

SECRET = b"Meet at noon."
MAIL = (
    b"From: Ada <ada@example.org>\r\nTo: support@inbound.example.com\r\nSubject: The plan\r\n"
    b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
    b"--b\r\n\r\n" + SECRET + b"\r\n"
    b'--b\r\nContent-Type: text/csv\r\nContent-Disposition: attachment; filename="plan.csv"\r\n\r\n'
    b"noon;bridge\r\n--b--\r\n"
)


class _Vault(Room):
    """The function, with an encrypted mail in its bucket."""

    def __init__(
        self, content: bytes, metadata: Mapping[str, str], kms: FakeKms, settings: InboundSettings = SETTINGS
    ) -> None:
        super().__init__(content, kms=kms)
        self.wiring = msgspec.structs.replace(self.wiring, settings=settings)
        self.s3.metadata = dict(metadata)
        self.kms = kms

    def reason_of_failure(self, receive_count: int = 1) -> str:
        """Receive the mail, which must not be read: nothing of it is published, stored or logged."""
        assert process([record(received(), receive_count=receive_count)], self.wiring) == ()
        assert self.detail["event_type"] == "inbound_failed"
        assert self.detail["message"] is None
        assert self.detail["raw"] == {
            "bucket": BUCKET,
            "key": RAW_KEY,
            "size": len(self.stored(RAW_KEY)),
        }
        assert self.s3.written == []
        told = json.dumps(self.details) + self.logged.getvalue()
        assert SECRET.decode() not in told
        reason: str = self.detail["description"]
        return reason


def _vault(
    *,
    altered: Callable[[bytes], bytes] = lambda content: content,
    context: Mapping[str, str] | None = None,
    outage: str | None = None,
    **changed: str | None,
) -> _Vault:
    """Store a mail as SES does; `changed` metadata is named with underscores, None takes it away."""
    kms = FakeKms(outage)
    content, metadata = sealed(MAIL, kms, context=context)
    for name, value in changed.items():
        spelled = name.replace("_", "-")
        if value is None:
            del metadata[spelled]
        else:
            metadata[spelled] = value
    return _Vault(altered(content), metadata, kms)


def test_an_encrypted_mail_becomes_the_event_of_a_clear_one() -> None:
    vault, clear = _vault(), Room(MAIL)
    for room in (vault, clear):
        assert process([record(received())], room.wiring) == ()
    encrypted_size = vault.detail["raw"].pop("size")
    assert vault.detail["event_type"] == "inbound"
    assert vault.detail["message"] == clear.detail["message"]
    assert vault.detail["message"]["text"] == SECRET.decode()
    assert vault.stored(f"{PLACE}1-plan.csv") == b"noon;bridge"
    assert encrypted_size == len(vault.stored(RAW_KEY)) == len(MAIL) + 16


def test_a_second_delivery_of_an_encrypted_mail_writes_the_same_keys_and_the_same_event() -> None:
    vault = _vault()
    for delivery in (1, 2):
        assert process([record(received(), receive_count=delivery)], vault.wiring) == ()
    first, second = vault.details
    assert first == second
    assert vault.s3.written == [f"{PLACE}1-plan.csv"] * 2


def test_the_stored_mail_stays_encrypted() -> None:
    vault = _vault()
    process([record(received())], vault.wiring)
    assert SECRET not in vault.stored(RAW_KEY)
    assert RAW_KEY not in vault.s3.written


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
def test_an_envelope_is_read_however_it_is_spelled(
    spelled: Callable[[dict[str, str]], dict[str, str]],
) -> None:
    kms = FakeKms()
    content, metadata = sealed(MAIL, kms)
    vault = _Vault(content, spelled(metadata), kms)
    assert process([record(received())], vault.wiring) == ()
    assert vault.detail["message"]["text"] == SECRET.decode()


def test_a_key_that_is_also_bound_to_its_cipher_is_unwrapped() -> None:
    context = {**CONTEXT, "aws:x-amz-cek-alg": "AES/GCM/NoPadding"}
    vault = _vault(context=context, x_amz_wrap_alg="kms+context")
    assert process([record(received())], vault.wiring) == ()
    assert vault.detail["event_type"] == "inbound"


def _matdesc(**changed: str | None) -> str:
    context = {name.removeprefix("aws:ses:"): value for name, value in CONTEXT.items()}
    context |= {name.replace("_", "-"): value for name, value in changed.items()}
    return json.dumps({f"aws:ses:{name}": value for name, value in context.items() if value is not None})


HOPELESS: list[tuple[dict[str, Any], str]] = [
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
    ({"x_amz_unencrypted_content_length": "1"}, "it is cut, or was added to"),
    ({"x_amz_unencrypted_content_length": str(len(MAIL) + 16)}, "it is cut, or was added to"),
    ({"x_amz_unencrypted_content_length": "-1"}, "'-1', no number of bytes"),
    ({"x_amz_unencrypted_content_length": "9" * 5000}, "no number of bytes"),
    ({"x_amz_matdesc": None}, "no x-amz-matdesc"),
    ({"x_amz_matdesc": ""}, "no JSON object"),
    ({"x_amz_matdesc": "store"}, "no JSON object"),
    ({"x_amz_matdesc": "[]"}, "no JSON object"),
    ({"x_amz_matdesc": '{"aws:ses:message-id": 1}'}, "no JSON object"),
    ({"x_amz_matdesc": '{"aws:ses:message-id": {"a": "b"}}'}, "no JSON object"),
    ({"x_amz_matdesc": "[" * 100_000}, "no JSON object"),
    ({"x_amz_matdesc": "=?UTF-8?B?////?="}, "no JSON object"),
    ({"x_amz_matdesc": "=?no-such-charset?B?e30=?="}, "no JSON object"),
    ({"x_amz_matdesc": "{}"}, "no aws:ses:message-id"),
    ({"x_amz_matdesc": _matdesc(message_id=None)}, "no aws:ses:message-id"),
    ({"x_amz_matdesc": _matdesc(message_id="o3vrnil0e2ic28trm7df")}, "bound to another mail"),
    ({"x_amz_matdesc": _matdesc(source_account=None)}, "no aws:ses:source-account"),
    ({"x_amz_matdesc": _matdesc(source_account="999999999999")}, "'999999999999', not 210987654321"),
    ({"X_Amz_Iv": "AAAAAAAAAAAAAAAA"}, "x-amz-iv twice"),
]


@pytest.mark.parametrize(("changed", "said"), HOPELESS)
def test_what_ses_never_writes_is_reported_before_kms_is_asked(changed: dict[str, Any], said: str) -> None:
    vault = _vault(**changed)
    reason = vault.reason_of_failure()
    assert reason.startswith("the mail is encrypted, and ")
    assert said in reason
    assert "receipt rule with a KMS key. The raw message is kept" in reason
    assert len(reason) < 500
    assert vault.kms.asked == 0


def test_what_is_left_of_an_envelope_is_not_taken_for_a_clear_mail() -> None:
    names = list(sealed(MAIL, FakeKms())[1])
    for name in names:
        vault = _vault(**{other.replace("-", "_"): None for other in names if other != name})
        assert "the mail is encrypted" in vault.reason_of_failure()


ENCRYPTED = msgspec.structs.replace(SETTINGS, encrypted=True)


@pytest.mark.parametrize("metadata", [{}, {"etag-of-source": "9b2cf5"}], ids=["none", "a copy's own"])
def test_where_mail_is_encrypted_an_object_without_an_envelope_is_not_read(metadata: dict[str, str]) -> None:
    content, _ = sealed(MAIL, FakeKms())
    vault = _Vault(content, metadata, FakeKms(), ENCRYPTED)
    assert "its object has no envelope in its metadata" in vault.reason_of_failure(PATIENCE)
    assert vault.kms.asked == 0


def test_where_mail_is_encrypted_a_clear_one_under_the_raw_prefix_is_not_read() -> None:
    forged = MAIL.replace(b"Ada <ada@example.org>", b"The CEO <ceo@example.com>")
    vault = _Vault(forged, {}, FakeKms(), ENCRYPTED)
    assert "it was not SES that wrote it" in vault.reason_of_failure(PATIENCE)


def test_a_clear_mail_waits_for_a_deployment_that_ends_the_encryption() -> None:
    vault = _Vault(MAIL, {}, FakeKms(), ENCRYPTED)
    arrived = record(received(), receive_count=PATIENCE - 1)
    assert process([arrived], vault.wiring) == (arrived,)
    assert vault.details == []
    vault.wiring = msgspec.structs.replace(vault.wiring, settings=SETTINGS)
    assert process([record(received(), receive_count=PATIENCE)], vault.wiring) == ()
    assert vault.detail["message"]["text"] == SECRET.decode()


def test_where_mail_is_encrypted_it_is_read_as_elsewhere() -> None:
    kms = FakeKms()
    content, metadata = sealed(MAIL, kms)
    vault = _Vault(content, metadata, kms, ENCRYPTED)
    assert process([record(received())], vault.wiring) == ()
    assert vault.detail["message"]["text"] == SECRET.decode()


def test_where_mail_is_encrypted_that_in_a_notification_stays_in_clear_and_is_read_twice() -> None:
    room = Room()
    room.wiring = msgspec.structs.replace(room.wiring, settings=ENCRYPTED)
    action = {"type": "SNS", "topicArn": TOPIC, "encoding": "BASE64"}
    told = received(receipt__action=action, content=b64encode(MAIL).decode())
    for delivery in (1, 2):
        assert process([record(told, receive_count=delivery)], room.wiring) == ()
    first, second = room.details
    assert first == second
    assert first["message"]["text"] == SECRET.decode()


def test_where_mail_is_encrypted_a_clear_one_that_lay_there_before_a_notification_is_not_read() -> None:
    vault = _Vault(MAIL.replace(b"noon", b"dusk"), {}, FakeKms(), ENCRYPTED)
    action = {"type": "SNS", "topicArn": TOPIC, "encoding": "BASE64"}
    told = received(receipt__action=action, content=b64encode(MAIL).decode())
    assert process([record(told, receive_count=PATIENCE)], vault.wiring) == ()
    assert vault.detail["event_type"] == "inbound_failed"


def _flipped(position: int) -> Callable[[bytes], bytes]:
    def flip(content: bytes) -> bytes:
        altered = bytearray(content)
        altered[position] ^= 1
        return bytes(altered)

    return flip


@pytest.mark.parametrize("position", [0, 40, -17, -16, -1])
def test_an_altered_mail_or_tag_is_reported_and_not_read(position: int) -> None:
    assert "its tag does not fit" in _vault(altered=_flipped(position)).reason_of_failure()


def test_no_single_altered_byte_goes_unnoticed() -> None:
    kms = FakeKms()
    key = bytes(range(32))
    content, metadata = sealed(MAIL, kms, key=key)
    envelope = decryption.read_envelope(metadata)
    assert decryption.decrypt(envelope, key, content) == MAIL
    for position in range(len(content)):
        with pytest.raises(InboundError):
            decryption.decrypt(envelope, key, _flipped(position)(content))


@pytest.mark.parametrize("kept", [len(MAIL) + 15, len(MAIL), 17, 16, 15, 1, 0])
@pytest.mark.parametrize("length", [None, str(len(MAIL))])
def test_a_cut_mail_is_reported_and_not_read(kept: int, length: str | None) -> None:
    vault = _vault(altered=lambda content: content[:kept], x_amz_unencrypted_content_length=length)
    assert "cut" in vault.reason_of_failure()


def test_a_mail_that_was_added_to_is_reported_and_not_read() -> None:
    vault = _vault(altered=lambda content: content + b"\0", x_amz_unencrypted_content_length=None)
    assert "its tag does not fit" in vault.reason_of_failure()


def test_another_initialization_vector_is_noticed() -> None:
    assert "its tag does not fit" in _vault(x_amz_iv="AAAAAAAAAAAAAAAA").reason_of_failure()


def test_a_clear_mail_with_an_envelope_is_not_read() -> None:
    vault = _vault(altered=lambda _: MAIL, x_amz_unencrypted_content_length=None)
    assert "its tag does not fit" in vault.reason_of_failure()


def test_another_rules_context_is_refused_by_kms() -> None:
    vault = _vault(x_amz_matdesc=_matdesc(rule_name="another"))
    assert "KMS answers InvalidCiphertextException" in vault.reason_of_failure()


def test_the_key_of_another_mail_does_not_open_this_one() -> None:
    kms = FakeKms()
    content, _ = sealed(MAIL, kms)
    _, of_another = sealed(b"Subject: another\r\n\r\n", kms)
    of_another["x-amz-unencrypted-content-length"] = str(len(MAIL))
    assert "its tag does not fit" in _Vault(content, of_another, kms).reason_of_failure()


def test_a_whole_object_under_the_name_of_another_mail_is_not_read() -> None:
    kms = FakeKms()
    content, metadata = sealed(MAIL, kms, context={**CONTEXT, "aws:ses:message-id": "another-mails-id"})
    reason = _Vault(content, metadata, kms).reason_of_failure()
    assert f"'another-mails-id', not {MESSAGE_ID}" in reason
    assert kms.asked == 0


@pytest.mark.parametrize("length", [1, 16, 24, 31, 33, 64])
def test_a_key_of_a_wrong_length_is_reported(length: int) -> None:
    kms = FakeKms()
    content, metadata = sealed(MAIL, kms, wrapped_key=bytes(length))
    assert f"its key has {length} bytes" in _Vault(content, metadata, kms).reason_of_failure()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("DisabledException", "enable"),
        ("IncorrectKeyException", "may use"),
        ("InvalidCiphertextException", "altered"),
        ("InvalidKeyUsageException", "symmetric"),
        ("KMSInvalidStateException", "cancel"),
        ("NotFoundException", "gone"),
        ("UnsupportedOperationException", "symmetric"),
        ("ValidationException", "none that KMS made"),
    ],
)
def test_what_kms_refuses_for_good_is_reported_with_what_to_do(code: str, said: str) -> None:
    reason = _vault(outage=code).reason_of_failure()
    assert f"KMS answers {code}" in reason
    assert said in reason


@pytest.mark.parametrize(
    "code",
    [
        "ThrottlingException",
        "KMSInternalException",
        "DependencyTimeoutException",
        "KeyUnavailableException",
        "RequestLimitExceeded",
        "InternalFailure",
        "ServiceUnavailable",
        "503",
    ],
)
def test_kmss_passing_trouble_gives_the_record_back_however_often(code: str) -> None:
    vault = _vault(outage=code)
    late = record(received(), receive_count=SETTINGS.max_receives - 1)
    assert process([late], vault.wiring) == (late,)
    assert (vault.events.taken, vault.sqs.sent, vault.s3.written) == ([], [], [])
    assert code in vault.logged.getvalue()


@pytest.mark.parametrize("error", [EndpointConnectionError, ConnectTimeoutError])
def test_kms_out_of_reach_gives_the_record_back(error: type[Exception]) -> None:
    vault = _vault()

    def unreachable(**_: object) -> None:
        raise error(endpoint_url="https://kms.eu-west-1.amazonaws.com")  # type: ignore[call-arg] # botocore's

    vault.kms.decrypt = unreachable  # type: ignore[assignment,method-assign] # for this test alone
    given = record(received())
    assert process([given], vault.wiring) == (given,)
    assert vault.events.taken == []


def test_trouble_with_kms_that_never_passes_is_kept_with_its_code() -> None:
    vault = _vault(outage="ThrottlingException")
    assert process([record(received(), receive_count=SETTINGS.max_receives)], vault.wiring) == ()
    (letter,) = vault.sqs.sent
    assert letter["attributes"]["Code"] == "ThrottlingException"
    assert vault.events.taken == []


def test_a_key_that_may_not_be_used_is_waited_for_then_reported() -> None:
    vault = _vault(outage="AccessDeniedException")
    for delivery in range(1, PATIENCE):
        early = record(received(), receive_count=delivery)
        assert process([early], vault.wiring) == (early,)
    assert vault.events.taken == []
    assert process([record(received(), receive_count=PATIENCE)], vault.wiring) == ()
    assert vault.detail["event_type"] == "inbound_failed"
    assert "kms:Decrypt" in vault.detail["description"]
    assert vault.detail["raw"]["size"] == len(MAIL) + 16


def test_a_right_that_came_late_opens_the_mail() -> None:
    vault = _vault(outage="AccessDeniedException")
    early = record(received())
    assert process([early], vault.wiring) == (early,)
    vault.kms.outage = None
    assert process([record(received(), receive_count=2)], vault.wiring) == ()
    assert vault.detail["event_type"] == "inbound"


def test_an_encrypted_object_larger_than_any_mail_is_not_fetched() -> None:
    kms = FakeKms()
    content, metadata = sealed(MAIL, kms)
    vault = _Vault(content, metadata, kms)
    fetch = vault.s3.get_object
    vault.s3.get_object = lambda **asked: {  # type: ignore[method-assign] # for this test alone
        **fetch(**asked),
        "ContentLength": RAW_BYTES + 1,
        "Body": None,
    }
    assert process([record(received())], vault.wiring) == ()
    assert vault.detail["event_type"] == "inbound_failed"
    assert f"{RAW_BYTES + 1} bytes" in vault.detail["description"]
    assert kms.asked == 0


def test_a_mail_of_another_account_is_opened_where_its_topic_is_of_that_account() -> None:
    kms = FakeKms()
    other = "999999999999"
    content, metadata = sealed(MAIL, kms, context={**CONTEXT, "aws:ses:source-account": other})
    vault = _Vault(content, metadata, kms)
    told = record(received())
    foreign = type(told)(
        message_id="1", receipt_handle="1", body=told.body.replace(f":{ACCOUNT}:mailbus", f":{other}:mailbus")
    )
    assert process([foreign], vault.wiring) == ()
    assert vault.detail["event_type"] == "inbound"


def test_neither_the_log_nor_a_dead_letter_has_anything_of_an_encrypted_mail() -> None:
    vault = _vault()
    process([record(received())], vault.wiring)
    logged = vault.logged.getvalue() + json.dumps(vault.sqs.sent)
    assert [word for word in ("noon", "plan", "ada@", "kms_cmk_id") if word in logged] == []


def test_an_encrypted_mail_is_out_of_the_memory_before_the_clear_one_is_read() -> None:
    mail = MAIL.replace(b"noon;bridge", encodebytes(bytes(3_000_000)))
    kms = FakeKms()
    clear, encrypted = (
        _peak_bytes(_Vault(content, metadata, kms)) for content, metadata in ((mail, {}), sealed(mail, kms))
    )
    assert encrypted < clear + len(mail) // 4


def _peak_bytes(vault: _Vault) -> int:
    """Receive the mail from an S3 that keeps nothing; returns the memory that it took."""
    fetch = vault.s3.get_object
    vault.s3.get_object = lambda **asked: _fresh(fetch(**asked))  # type: ignore[method-assign] # as above
    vault.s3.put_object = lambda **_: None  # type: ignore[method-assign] # as above
    tracemalloc.start()
    try:
        assert process([record(received())], vault.wiring) == ()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _fresh(answer: dict[str, Any]) -> dict[str, Any]:
    return {**answer, "Body": io.BytesIO(bytearray(answer["Body"].read()))}
