"""The fixture `mailbus_system` in an application's tests: those of docs/testing.md, as they stand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.architecture.source_tree import ROOT
from tests.installed.interpreters import MIDDLE, NEWEST

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import CompletedProcess

    from tests.installed.environments import Environment, Installer

PAGE = (ROOT / "docs" / "testing.md").read_text()
FILES = dict(re.findall(r"^```py\n# (\w+\.py)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
SETTINGS = """
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
USE_TZ = True
"""
# what a user's tests may meet besides
MORE = """
import json
import os
from pathlib import Path

import boto3
import pytest
import shop
from botocore.exceptions import ClientError


def test_the_environment_leads_to_the_system_only(mailbus_system):
    found = {name for name in os.environ if name.startswith("AWS_")}
    assert found == {name for name in mailbus_system.env if name.startswith("AWS_")}


def test_a_mail_that_does_not_come_shows_what_did(mailbus_system):
    mailbus_system.add_fault("MessageRejected", message="Email address is not verified.")
    shop.confirm(2001, "eve@example.com")
    shop.confirm(2002, "bob@example.com")
    mailbus_system.inbox.wait_for(to="bob@example.com")
    mailbus_system.inbox.wait_for(to="eve@example.com")


def test_each_test_begins_with_nothing(mailbus_system):
    assert not mailbus_system.inbox
    assert not mailbus_system.events
    assert not mailbus_system.dead_letters()


def send_by_a_role_without_rights(mailbus_system, name):
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    role = mailbus_system.client("iam").create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    keys = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="web")["Credentials"]
    sqs = boto3.client(
        "sqs",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        sqs.send_message(QueueUrl=mailbus_system.queue_url, MessageBody="{}")


def test_what_a_role_may_not_is_an_error(mailbus_system):
    send_by_a_role_without_rights(mailbus_system, "web")


def test_what_a_role_may_not_can_be_asserted(mailbus_system):
    send_by_a_role_without_rights(mailbus_system, "other")
    [denial] = mailbus_system.denials()
    assert (denial.role, denial.action) == ("other", "sqs:SendMessage")


def test_the_environment_is_as_before():
    assert os.environ["AWS_PROFILE"] == "of-the-developer"
    assert "SEND_QUEUE_URL" not in os.environ


def test_nothing_of_mailbus_was_written_here():
    assert not list(Path.cwd().glob("*mailbus*"))
"""


@pytest.fixture(scope="module")
def environment(install: Installer) -> Environment:
    return install(MIDDLE, "mailbus[local,django]", "pytest", "pytest-xdist", "pytest-django", lock="dev")


@pytest.fixture(scope="module")
def run(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> CompletedProcess[str]:
    """Run the page's tests, and some more, in a worker of pytest-xdist; each has a system of its own."""
    project = tmp_path_factory.mktemp("project")
    for name, code in {**FILES, "test_more.py": MORE, "settings.py": SETTINGS}.items():
        (project / name).write_text(code)
    return environment.run(
        *("-m", "pytest", "--numprocesses=1", "--verbose"),
        *("-W", "error", "--basetemp", str(project / "tmp")),
        cwd=project,
        env={"AWS_PROFILE": "of-the-developer", "DJANGO_SETTINGS_MODULE": "settings"},
        check=False,
    )


def outcomes(run: CompletedProcess[str]) -> dict[str, str]:
    found = re.findall(r"(PASSED|FAILED|ERROR) \S+::(\w+)", run.stdout)
    return {name: outcome for outcome, name in found}


def test_the_tests_of_the_page_pass_and_the_failures_are_the_only_ones(run: CompletedProcess[str]) -> None:
    failures = {
        "test_a_mail_that_does_not_come_shows_what_did": "FAILED",
        "test_what_a_role_may_not_is_an_error": "ERROR",
    }
    expected = {
        name: failures.get(name, "PASSED")
        for code in (*FILES.values(), MORE)
        for name in re.findall(r"^ *def (test_\w+)", code, re.MULTILINE)
    }
    assert outcomes(run) == expected, run.stdout[-6000:] + run.stderr


def test_a_failure_shows_the_line_of_the_test_and_what_happened_instead(run: CompletedProcess[str]) -> None:
    report = run.stdout.partition("= FAILURES =")[2]
    assert '>       mailbus_system.inbox.wait_for(to="eve@example.com")\n' in report.replace("    >", ">")
    lines = [line.removeprefix("E").strip() for line in report.splitlines() if line.startswith("E ")]
    assert lines[0] == "AssertionError: no mail with to='eve@example.com': its job failed"
    assert lines[1] == "mails that arrived:"
    assert re.fullmatch(r"to bob@example.com: 'Order 2002' \(job \w+\)", lines[2])
    assert re.fullmatch(
        r"rejected MessageRejected for eve@example.com \(job \w+\): .*not verified.*", lines[4]
    )
    assert re.fullmatch(r"send: SendError: MessageRejected: Email address is not verified.*", lines[-1])
    assert "waiting.py" not in report


def test_an_error_at_the_end_of_a_test_lists_what_was_denied(run: CompletedProcess[str]) -> None:
    report = run.stdout.partition("= ERRORS =")[2]
    assert "ERROR at teardown of test_what_a_role_may_not_is_an_error" in report
    assert re.search(
        r"^mailbus_system: no policy allows this:\n  web may not sqs:SendMessage on arn:aws:sqs:\S+$",
        report,
        re.MULTILINE,
    ), report


def test_without_the_extra_the_fixture_says_what_to_install(install: Installer, tmp_path: Path) -> None:
    environment = install(NEWEST, "mailbus", "pytest", lock="dev")
    (tmp_path / "test_mail.py").write_text("def test_mail(mailbus_system):\n    pass\n")
    done = environment.run("-m", "pytest", cwd=tmp_path, check=False)
    assert re.search(
        r"^mailbus_system needs Mailbus's extra `local`: install mailbus\[local\] from where this mailbus "
        r"came from \(missing: aiosmtpd, .*\)$",
        done.stdout,
        re.MULTILINE,
    ), done.stdout


def test_a_run_that_does_not_use_it_imports_nothing_of_mailbus(
    environment: Environment, tmp_path: Path
) -> None:
    (tmp_path / "test_mine.py").write_text(
        "import sys\n\n\ndef test_mine():\n"
        "    loaded = {name for name in sys.modules if name.partition('.')[0].startswith('mailbus')}\n"
        "    assert loaded == {'mailbus_local', 'mailbus_local.pytest_plugin'}\n"
        "    assert not {'boto3', 'botocore', 'msgspec'} & set(sys.modules)\n"
    )
    environment.run("-m", "pytest", cwd=tmp_path)
