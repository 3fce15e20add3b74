"""A Django project's mail arrives at SES through the deployed stacks."""

from __future__ import annotations

import email
import email.policy
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from mailbus_local.environment import variables
from tests.architecture.source_tree import FUNCTIONS, ROOT

if TYPE_CHECKING:
    from email.message import EmailMessage

    from tests.e2e.system import System

PROJECT = ROOT / "tests" / "installed" / "django_project"
JOURNEYS = (
    *("check", "sendtestemail", "mail_admins", "logging", "password_reset", "attachments"),
    *("fork", "threads"),
)


@pytest.fixture(scope="module")
def taken(system: System) -> System:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(FUNCTIONS),
        "PROJECT": "",
        **variables(system.outputs),
    }
    done = subprocess.run(
        [sys.executable, "journeys.py", *JOURNEYS],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return system


def mails(system: System, person: str, count: int) -> list[EmailMessage]:
    """Wait until the mails to a person are delivered; return them in order of their subjects."""
    delivered = system.wait(
        count, event_type="delivered", recipient=f"success+{person}@simulator.amazonses.com"
    )
    raws = [system.sent_message(event["message_id"])["raw"] for event in delivered]
    parsed: list[Any] = [email.message_from_string(raw, policy=email.policy.default) for raw in raws]
    return sorted(parsed, key=lambda mail: str(mail["Subject"]))


def test_test_mails_arrive(taken: System) -> None:
    (mail,) = mails(taken, "sendtestemail", 1)
    assert mail["From"] == "Shop <shop@example.com>"
    assert "If you're reading this, it was successful." in mail.get_content()
    (managers,) = mails(taken, "managers", 1)
    assert "sent to the site managers" in managers.get_content()


def test_admins_get_mail_and_the_log_of_errors(taken: System) -> None:
    found = mails(taken, "admins", 3)
    subjects = [mail["Subject"] for mail in found]
    assert subjects[:2] == [
        "[Django] ERROR (EXTERNAL IP): Internal Server Error: /fail/",
        "[Django] Stock is low",
    ]
    assert subjects[2].startswith("[Django] Test email from ")
    log = found[0].get_body(("plain",))
    assert log is not None
    assert "ZeroDivisionError" in log.get_content()


def test_a_link_to_reset_the_password_arrives(taken: System) -> None:
    (mail,) = mails(taken, "password_reset", 1)
    assert "http://testserver/accounts/reset/" in mail.get_content()


def test_attached_files_and_mails_arrive(taken: System) -> None:
    (mail,) = mails(taken, "attachments", 1)
    parts = {part.get_filename(): part for part in mail.walk() if part.get_filename()}
    assert list(parts) == ["logo.png", "items.csv", "received.eml", "written.eml"]
    assert parts["items.csv"].get_content() == "item;price\r\n"
    assert parts["logo.png"]["Content-ID"] == "<logo>"
    assert parts["received.eml"].get_content()["Subject"] == "What was received"
    assert parts["written.eml"].get_content()["Subject"] == "What was written"


def test_mail_of_processes_and_threads_arrives(taken: System) -> None:
    assert [mail["Subject"] for mail in mails(taken, "fork", 3)] == ["Before", "Child", "Parent"]
    assert len({mail["Subject"] for mail in mails(taken, "threads", 16)}) == 16
