from __future__ import annotations

import io

import pytest
from rich.console import Console

from mailbus_local.demo import conclude
from mailbus_local.denials import Denial

DENIAL = Denial(
    principal="arn:aws:sts::000000000000:assumed-role/mailbus-sender/function",
    action="ses:SendRawEmail",
    resource="arn:aws:ses:us-east-1:000000000000:identity/example.com",
)


@pytest.mark.parametrize(
    ("denied", "good", "code"), [((), True, 0), ((), False, 1), ((DENIAL,), True, 1), ((DENIAL,), False, 1)]
)
def test_a_demo_fails_with_what_a_role_does_not_allow(
    denied: tuple[Denial, ...], *, good: bool, code: int
) -> None:
    console = Console(file=io.StringIO(), width=200)
    assert conclude(console, denied, good=good) == code
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert all(f"denied: {denial}" in text for denial in denied)
    assert ("all expected events arrived" in text) is good
