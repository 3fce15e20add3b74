from __future__ import annotations

from typing import TYPE_CHECKING

from mailbus_local import used_rights
from mailbus_local.used_rights import UsedRight, UsedRights

if TYPE_CHECKING:
    from pathlib import Path

SESSION = "arn:aws:sts::000000000000:assumed-role/sender-role/session"
BUCKET = "arn:aws:s3:::jobs"


def test_a_right_is_noted_once_and_of_objects_the_first_of_a_prefix(tmp_path: Path) -> None:
    file = tmp_path / used_rights.FILE
    used = UsedRights(file)
    for key in ("jobs/1", "jobs/2", "scheduled/1"):
        used.note(SESSION, "s3:PutObject", f"{BUCKET}/{key}")
    used.note(SESSION, "s3:GetObject", f"{BUCKET}/jobs/1")
    for table in ("ledger", "timeline", "ledger"):
        used.note(SESSION, "dynamodb:GetItem", f"arn:aws:dynamodb:us-east-1:000000000000:table/{table}")

    assert sorted((right.action, right.resource.rpartition(":")[2]) for right in used_rights.read(file)) == [
        ("dynamodb:GetItem", "table/ledger"),
        ("dynamodb:GetItem", "table/timeline"),
        ("s3:GetObject", "jobs/jobs/1"),
        ("s3:PutObject", "jobs/jobs/1"),
        ("s3:PutObject", "jobs/scheduled/1"),
    ]


def test_callers_without_a_role_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / used_rights.FILE
    UsedRights(file).note("arn:aws:iam::000000000000:root", "s3:PutObject", f"{BUCKET}/jobs/1")
    assert used_rights.read(file) == frozenset()


def test_several_processes_write_one_file(tmp_path: Path) -> None:
    file = tmp_path / used_rights.FILE
    for action in ("ses:SendEmail", "ses:SendRawEmail"):
        UsedRights(file).note(SESSION, action, "*")
    assert used_rights.read(file) == {
        UsedRight(role="sender-role", action=action, resource="*")
        for action in ("ses:SendEmail", "ses:SendRawEmail")
    }
