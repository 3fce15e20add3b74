from __future__ import annotations

from typing import Any

import pytest

from mailbus_cli.doctor.checks.schedules import judge_group, judge_rights, judge_trust

GROUP = "arn:aws:scheduler:eu-west-1:111122223333:schedule-group/mailbus-prod"
TRUST: dict[str, Any] = {
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "scheduler.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": "111122223333", "aws:SourceArn": GROUP}},
        }
    ]
}
QUEUES = {name: f"arn:aws:sqs:eu-west-1:111122223333:{name}" for name in ("transactional", "bulk")}


def _rights(*names: str) -> dict[str, Any]:
    resources = [QUEUES[name] for name in names]
    return {"Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": resources}]}


@pytest.mark.parametrize(
    ("group", "level"), [({"State": "ACTIVE"}, "ok"), ({"State": "DELETING"}, "problem"), (None, "problem")]
)
def test_the_group_of_schedules_is_active(group: dict[str, str] | None, level: str) -> None:
    assert judge_group("mailbus-prod", group).level == level


def test_scheduler_may_assume_its_role_for_this_group_alone() -> None:
    assert judge_trust("role", TRUST, GROUP).level == "ok"
    assert judge_trust("role", TRUST, f"{GROUP}-other").level == "problem"
    assert judge_trust("role", None, GROUP).level == "problem"


@pytest.mark.parametrize(
    ("policies", "level", "text"),
    [
        ([_rights("transactional", "bulk")], "ok", "role"),
        ([_rights("transactional"), _rights("bulk")], "ok", "role"),
        ([_rights("transactional")], "problem", "may not write to the queue bulk"),
        ([], "problem", "may not write to the queue transactional, bulk"),
    ],
)
def test_scheduler_may_write_to_both_queues(policies: list[dict[str, Any]], level: str, text: str) -> None:
    verdict = judge_rights("role", policies, QUEUES)
    assert verdict.level == level
    assert text in verdict.text
