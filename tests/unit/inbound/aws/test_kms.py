"""What the inbound function does when KMS answers, refuses or fails."""

from __future__ import annotations

import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError

from inbound.handler import process
from inbound.receive import DELIVERIES_UNTIL_REPORTED
from tests.unit.inbound.encrypted_mail import (
    MAIL,
    EncryptingWorld,
    FakeKms,
    encrypted,
    store_encrypted,
)
from tests.unit.inbound.world import (
    SETTINGS,
    received,
    record,
)


@pytest.mark.parametrize("length", [1, 16, 24, 31, 33, 64])
def test_a_key_of_the_wrong_length_is_reported(length: int) -> None:
    kms = FakeKms()
    content, metadata = encrypted(MAIL, kms, wrapped_key=bytes(length))
    assert f"its key has {length} bytes" in EncryptingWorld(content, metadata, kms).reason_of_failure()


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("DisabledException", "enable"),
        ("IncorrectKeyException", "may use"),
        ("InvalidCiphertextException", "altered"),
        ("InvalidKeyUsageException", "symmetric"),
        ("KMSInvalidStateException", "cancel"),
        ("NotFoundException", "deleted"),
        ("UnsupportedOperationException", "symmetric"),
        ("ValidationException", "not made by KMS"),
    ],
)
def test_permanent_errors_of_kms_are_reported_with_what_to_do(code: str, advice: str) -> None:
    reason = store_encrypted(outage=code).reason_of_failure()
    assert f"KMS returned {code}" in reason
    assert advice in reason


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
def test_temporary_errors_of_kms_requeue_the_record(code: str) -> None:
    world = store_encrypted(outage=code)
    late = record(received(), receive_count=SETTINGS.max_receives - 1)
    assert process([late], world.wiring) == (late,)
    assert (world.events.taken, world.sqs.sent, world.s3.writes) == ([], [], [])
    assert code in world.logged.getvalue()


@pytest.mark.parametrize("error", [EndpointConnectionError, ConnectTimeoutError])
def test_an_unreachable_kms_requeues_the_record(error: type[Exception]) -> None:
    world = store_encrypted()

    def unreachable(**_: object) -> None:
        raise error(endpoint_url="https://kms.eu-west-1.amazonaws.com")  # type: ignore[call-arg] # botocore's

    world.kms.decrypt = unreachable  # type: ignore[assignment,method-assign] # for this test alone
    given = record(received())
    assert process([given], world.wiring) == (given,)
    assert world.events.taken == []


def test_a_lasting_error_of_kms_is_dead_lettered_with_its_code() -> None:
    world = store_encrypted(outage="ThrottlingException")
    assert process([record(received(), receive_count=SETTINGS.max_receives)], world.wiring) == ()
    (letter,) = world.sqs.sent
    assert letter["attributes"]["Code"] == "ThrottlingException"
    assert world.events.taken == []


def test_a_denied_key_is_retried_then_reported() -> None:
    world = store_encrypted(outage="AccessDeniedException")
    for delivery in range(1, DELIVERIES_UNTIL_REPORTED):
        early = record(received(), receive_count=delivery)
        assert process([early], world.wiring) == (early,)
    assert world.events.taken == []
    assert process([record(received(), receive_count=DELIVERIES_UNTIL_REPORTED)], world.wiring) == ()
    assert world.detail["event_type"] == "inbound_failed"
    assert "kms:Decrypt" in world.detail["description"]
    assert world.detail["raw"]["size"] == len(MAIL) + 16


def test_a_mail_is_decrypted_once_its_key_is_allowed() -> None:
    world = store_encrypted(outage="AccessDeniedException")
    early = record(received())
    assert process([early], world.wiring) == (early,)
    world.kms.outage = None
    assert process([record(received(), receive_count=2)], world.wiring) == ()
    assert world.detail["event_type"] == "inbound"
