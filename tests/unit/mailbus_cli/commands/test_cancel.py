"""`mailbus cancel` before any call; what it cancels is in tests/e2e/test_commands.py."""

from __future__ import annotations

import pytest

from mailbus_cli import frame


@pytest.mark.parametrize("job", ["ann@example.org", "", "ä", "x" * 129])
def test_what_can_be_no_job_is_refused_before_any_call(capsys: pytest.CaptureFixture[str], job: str) -> None:
    assert frame.run(["cancel", "--stage", "prod", "order-17", job]) == 2
    assert capsys.readouterr().err == (
        f"mailbus: {job!r} is no id of a job: it must be 1 to 128 characters of A-Z a-z 0-9 _ -\n"
        "hint: `mailbus status ADDRESS` shows the ids of jobs\n"
    )


def test_without_a_job_the_argument_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.run(["cancel", "--local"]) == 2
    assert capsys.readouterr().err == "mailbus: Missing argument 'JOB'\nhint: mailbus cancel --help\n"
