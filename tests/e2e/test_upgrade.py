"""An upgrade and a rollback with mail in flight: nothing is lost, nothing is sent twice.

The version before is read from the repository's history, so its messages, items, schedules and templates are
real ones.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from mailbus import Client
from mailbus_local import assembly
from tests.architecture.source_tree import ROOT
from tests.e2e.scheduler import Scheduler
from tests.e2e.system import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.e2e.local import Local
    from tests.e2e.system import System

# The version before: what it has put into queues, tables, buckets and schedules must be read. A release
# changes it.
BEFORE = "a9dba07f54461954c1a4b2d31130241f9975cb24"
# A rollback takes from the roles, before it replaces the functions, what that version does not need.
NOT_NEEDED_BEFORE = ("dynamodb:PartiQLInsert",)
# messages a second, so that a deployment ends before the backlog does
RATE = 8
BACKLOG = 120
SOON_SECONDS = 15
# much longer than SQS delays a message: the job gets a schedule, also if it is looked at again
LATER_SECONDS = 60 * 60


@pytest.fixture(scope="module")
def source_before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source of the version before."""
    git = shutil.which("git")
    assert git is not None, "git has the version before"
    archive = subprocess.run([git, "archive", BEFORE], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        pytest.fail(
            f"the version before, {BEFORE[:10]}, is not in this repository: fetch its whole history "
            f"(git fetch --unshallow). git: {archive.stderr.decode().strip()}"
        )
    directory = tmp_path_factory.mktemp("before")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(directory, filter="data")
    return directory


def _assembly(source: Path, directory: Path) -> Path:
    """Synthesize the stage `local` of a version of the source; return its assembly for the embedded AWS."""
    path = [str(source / name) for name in ("functions", "infra", "cli")]
    # an upgrade keeps the settings
    settings = ROOT / "infra" / "mailbus_local" / "mailbus.toml"
    done = subprocess.run(
        [sys.executable, "-m", "mailbus_local.synthesis", str(settings), str(directory / "synthesized")],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path), "CDK_VALIDATION": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assembly.adapt(directory / "synthesized", directory / "adapted")
    return directory / "adapted"


@pytest.fixture(scope="module")
def deploy(
    system: System, source_before: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], None]]:
    """Deploy the version `before`, or the one that is `now` in this checkout; in the end it is the latter."""
    directories = {name: tmp_path_factory.mktemp(name) for name in ("now", "before")}
    assemblies = {
        "now": _assembly(ROOT, directories["now"]),
        "before": _assembly(source_before, directories["before"]),
    }
    deployed = ["now"]

    def deploy(version: str) -> None:
        system.deploy(assemblies[version], directories[version] / "outputs.json")
        deployed.append(version)

    yield deploy
    if deployed[-1] != "now":
        deploy("now")


class Mail:
    """The jobs of the journey, by id, and how many mails each is to become."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.mails: dict[str, int] = {}
        self.scheduled: list[str] = []
        self._scheduler = Scheduler(system)

    def enqueue(self, count: int, queue: str = "SendQueueUrl", **fields: Any) -> list[str]:
        jobs = [self.system.job(**fields) for _ in range(count)]
        self.system.enqueue_together([json.dumps(job) for job in jobs], queue)
        self.mails |= {job["job_id"]: len(job["to"]) if "merge_data" in job else 1 for job in jobs}
        return [job["job_id"] for job in jobs]

    def receive(self) -> None:
        """Let a mail arrive; wait for its event."""
        message_id = self.system.receive(b"Subject: Hello\r\n\r\nHello\r\n")
        assert len(self.system.wait(1, message_id=message_id)) == 1

    def make_scheduled_due(self) -> None:
        """Make the jobs that have a schedule due now."""
        for job_id in self.scheduled:
            self._scheduler.make_due(job_id)

    def enqueue_each_kind(self) -> None:
        """Enqueue scheduled jobs, a backlog in both lanes, merges and a large job."""
        self.scheduled += self.enqueue(2, send_at=time.time() + LATER_SECONDS)
        for job_id in self.scheduled:
            self._scheduler.wait(job_id)
        self.enqueue(BACKLOG // 2)
        self.enqueue(BACKLOG // 2, "BulkQueueUrl")
        people = [f"success+{number}@simulator.amazonses.com" for number in range(5)]
        self.enqueue(2, to=people, merge_data={address: {"name": address} for address in people})
        self.enqueue(3, send_at=time.time() + SOON_SECONDS)
        client = Client(
            self.system.outputs["SendQueueUrl"],
            sqs=self.system.client("sqs"),
            s3=self.system.client("s3"),
            dynamodb=self.system.client("dynamodb"),
        )
        large = self.system.job(text="Long. " * 300_000)
        client.send(large)
        self.mails[large["job_id"]] = 1

    def wait_for(self, job_id: str) -> None:
        """Wait until each mail of a job is delivered."""
        mails = self.mails[job_id]
        assert len(self.system.wait(mails, job_id=job_id, event_type="delivered")) == mails

    def accepted(self) -> Counter[str]:
        """Return how many mails of each job SES has accepted."""
        found = Counter(message["tags"].get("mailbus-job-id") for message in self.system.accepted())
        return Counter({job_id: found[job_id] for job_id in self.mails if found[job_id]})


def test_mail_in_flight_survives_an_upgrade_and_a_rollback(
    local: Local, system: System, deploy: Callable[[str], None]
) -> None:
    local.may_be_denied.update(NOT_NEEDED_BEFORE)
    deploy("before")
    dead = {
        name: system.count_dead_letters(name)
        for name in system.outputs
        if name.endswith("DeadLetterQueueUrl")
    }
    rate = system.account()["max_send_rate"]
    system.change_account(max_send_rate=RATE)
    mail = Mail(system)
    mail.receive()
    mail.enqueue_each_kind()
    eventually(mail.accepted, "the version before sends")

    # an upgrade while most of it waits; jobs of the new version for the old one to take over
    deploy("now")
    assert mail.accepted().total() < sum(mail.mails.values())
    mail.receive()
    mail.enqueue_each_kind()
    reached = mail.accepted().total()
    eventually(lambda: mail.accepted().total() > reached, "the new version sends")

    deploy("before")
    assert mail.accepted().total() < sum(mail.mails.values())
    reached = mail.accepted().total()
    eventually(lambda: mail.accepted().total() > reached, "the version before sends again")
    system.change_account(max_send_rate=rate)
    mail.receive()

    # workers die when the embedded AWS changes a function, so that some mail is in doubt for two minutes
    for job_id in mail.mails.keys() - set(mail.scheduled):
        mail.wait_for(job_id)
    system.wait_until_empty("SendQueueUrl")
    mail.make_scheduled_due()
    for job_id in mail.scheduled:
        mail.wait_for(job_id)
    assert mail.accepted() == Counter(mail.mails)
    for name, count in dead.items():
        assert system.count_dead_letters(name) == count, name
