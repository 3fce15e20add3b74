"""`[events] accounts` and `organization`: who else may subscribe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailbus_cdk.settings import Settings
from mailbus_cdk.settings.tables import Events
from tests.unit.mailbus_cdk.settings.stage_file import FILE, rejected

if TYPE_CHECKING:
    from pathlib import Path

ACCOUNT = 'must be an account\'s id of 12 digits in quotes, such as "111122223333"'
ORGANIZATION = "must be the id of an organization of AWS Organizations, such as o-exampleorgid"


def test_nobody_else_may_subscribe_by_default() -> None:
    assert (Events().accounts, Events().organization) == ((), None)


def test_accounts_and_an_organization_are_read(tmp_path: Path) -> None:
    path = tmp_path / "mailbus.toml"
    path.write_text(f'{FILE}\n[events]\naccounts = ["444455556666"]\norganization = "o-exampleorgid"\n')
    events = Settings.load(path, "dev").events
    assert (events.accounts, events.organization) == (("444455556666",), "o-exampleorgid")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("accounts = [444455556666]", "[events] accounts #1: must be a string, not an integer"),
        ('accounts = ["4444-5555-6666"]', f"[events] accounts #1: {ACCOUNT}"),
        ('accounts = ["o-exampleorgid"]', f"[events] accounts #1: {ACCOUNT}"),
        (
            f"accounts = {[f'4444555566{number:02}' for number in range(41)]}",
            "[events] accounts: must be at most 40 accounts; for more, set organization",
        ),
        ('organization = "ou-ab12-11111111"', f"[events] organization: {ORGANIZATION}"),
    ],
)
def test_what_names_no_account_is_refused_with_what_to_write(tmp_path: Path, line: str, reason: str) -> None:
    message = rejected(tmp_path / "mailbus.toml", f"{FILE}\n[events]\n{line}\n")
    assert reason in message
