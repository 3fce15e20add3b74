from __future__ import annotations

from typing import TYPE_CHECKING

from mailbus_local.denials import Denial, read, record

if TYPE_CHECKING:
    from pathlib import Path

DENIAL = Denial(
    principal="arn:aws:sts::000000000000:assumed-role/mailbus-sender/mailbus-sender-function",
    action="ses:SendRawEmail",
    resource="arn:aws:ses:us-east-1:000000000000:identity/example.com",
)


def test_denials_are_read_once_each_in_their_order(tmp_path: Path) -> None:
    file = tmp_path / "denials.jsonl"
    other = Denial(principal="sns.amazonaws.com", action="sqs:SendMessage", resource="arn:queue")
    for denial in (DENIAL, other, DENIAL):
        record(file, denial)
    assert read(file) == (DENIAL, other)


def test_without_a_file_nothing_was_denied(tmp_path: Path) -> None:
    assert read(tmp_path / "denials.jsonl") == ()


def test_a_denial_names_role_action_and_resource() -> None:
    assert str(DENIAL) == (
        "mailbus-sender may not ses:SendRawEmail on arn:aws:ses:us-east-1:000000000000:identity/example.com"
    )


def test_a_service_and_a_user_are_named_as_they_are() -> None:
    for principal in ("sns.amazonaws.com", "arn:aws:iam::000000000000:user/ann"):
        assert Denial(principal=principal, action="a", resource="r").role == principal
