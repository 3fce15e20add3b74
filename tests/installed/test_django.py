"""Everything of Django that sends mail, on each of its versions and each Python of this machine."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tests.installed.fake_sqs import FakeSqs
from tests.installed.interpreters import PYTHONS

if TYPE_CHECKING:
    from tests.installed.environments import Environment, Installer

# https://docs.djangoproject.com/en/stable/faq/install/#what-python-version-can-i-use-with-django
OLDEST_PYTHON = {"5.2": 10, "6.0": 12, "6.1": 12}
MATRIX = [
    (django, python)
    for django, oldest in OLDEST_PYTHON.items()
    for python in PYTHONS
    if int(python.partition(".")[2]) >= oldest
]
# before threads: a process with threads should not fork
JOURNEYS = [
    *("check", "sendtestemail", "mail_admins", "logging", "password_reset", "allauth", "attachments"),
    *("fork", "threads", "anymail", "using"),
]


class Run(msgspec.Struct, frozen=True):
    """The jobs that a project sent, and by which Django."""

    django: str
    jobs: list[dict[str, Any]]

    def to(self, person: str) -> list[dict[str, Any]]:
        return [job for job in self.jobs if job["to"] == [f"success+{person}@simulator.amazonses.com"]]


def take(
    environment: Environment, project: str, journeys: list[str], *, warnings: str = "error"
) -> list[dict[str, Any]]:
    """Run journeys of the project, without warnings; return the jobs that it sent."""
    home = environment.home / "project"
    if not home.exists():
        shutil.copytree(Path(__file__).with_name("django_project"), home)
    with FakeSqs() as sqs:
        variables = {**sqs.environment, "SEND_QUEUE_URL": sqs.queue_url, "PROJECT": project}
        environment.run("-W", warnings, "journeys.py", *journeys, cwd=home, env=variables)
    return sqs.jobs


def made(install: Installer, django: str, python: str) -> Environment:
    return install(python, "mailbus[django]", f"-r django-{django}", lock="runtime")


@pytest.fixture(scope="module", params=MATRIX, ids=lambda pair: f"django{pair[0]}-python{pair[1]}")
def run(request: pytest.FixtureRequest, install: Installer) -> Run:
    django, python = request.param
    return Run(django, take(made(install, django, python), "MAILERS APPS", JOURNEYS))


def test_test_mails_are_sent(run: Run) -> None:
    (sent,) = run.to("sendtestemail")
    assert sent["from_email"] == ['"Shop" <shop@example.com>']
    assert sent["text"] == "If you're reading this, it was successful."
    (managers,) = run.to("managers")
    assert "sent to the site managers" in managers["text"]


def test_admins_are_mailed_and_get_the_log_of_errors(run: Run) -> None:
    test, called, logged = run.to("admins")
    assert "sent to the site admins" in test["text"]
    assert (called["subject"], called["html"]) == ("[Django] Stock is low", "<p>Order more.</p>")
    assert logged["from_email"] == ["server@example.com"]
    assert logged["subject"] == "[Django] ERROR (EXTERNAL IP): Internal Server Error: /fail/"
    assert "ZeroDivisionError" in logged["text"]


def test_a_password_is_reset(run: Run) -> None:
    (sent,) = run.to("password_reset")
    assert sent["subject"] == "Password reset on testserver"
    assert "http://testserver/accounts/reset/" in sent["text"]


def test_allauth_confirms_an_address(run: Run) -> None:
    (sent,) = run.to("allauth")
    assert "http://testserver/allauth/confirm-email/" in sent["text"]


def test_files_and_mails_are_attached(run: Run) -> None:
    (sent,) = run.to("attachments")
    assert [(one["filename"], one["content_type"].partition(";")[0]) for one in sent["attachments"]] == [
        ("items.csv", "text/csv"),
        ("logo.png", "image/png"),
        ("received.eml", "message/rfc822"),
        ("written.eml", "message/rfc822"),
    ]


def test_processes_and_threads_send(run: Run) -> None:
    assert [sent["subject"] for sent in run.to("fork")] == ["Before", "Child", "Parent"]
    assert len({sent["subject"] for sent in run.to("threads")}) == len(run.to("threads")) == 16


def test_anymails_message_is_sent(run: Run) -> None:
    (sent,) = run.to("anymail")
    assert (sent["tags"], sent["metadata"]) == (["news"], {"issue": 12})


def test_a_mailer_has_options_of_its_own(run: Run) -> None:
    assert [sent["tags"] for sent in run.to("using")] == ([["mailer"]] if run.django == "6.1" else [])


def test_the_settings_that_django_has_deprecated_are_still_read(install: Installer) -> None:
    environment = made(install, *MATRIX[-1])
    jobs = take(environment, "", ["check", "sendtestemail", "mail_admins", "logging"], warnings="ignore")
    assert len(jobs) == 5
