"""`mailbus dead-letters` through the deployed stacks, here and with this system for an account."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.architecture.source_tree import ROOT
from tests.e2e.commands import STAGE
from tests.e2e.system import SOURCE_BUCKET, eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.commands import Commands
    from tests.e2e.system import System


def listed(commands: Commands, *options: str) -> list[dict[str, Any]]:
    done = commands("dead-letters", "list", "--local", "--json", *options)
    assert done.returncode == 0, done.stderr
    letters: list[dict[str, Any]] = json.loads(done.stdout)["letters"]
    return letters


def wait_for(commands: Commands, *jobs: str) -> list[dict[str, Any]]:
    """Wait until there is a dead letter of each of these jobs."""

    def found() -> list[dict[str, Any]]:
        letters = [letter for letter in listed(commands) if letter["job_id"] in jobs]
        return letters if {letter["job_id"] for letter in letters} == set(jobs) else []

    return eventually(found, f"dead letters of {len(jobs)} jobs")


def editor(commands: Commands, before: str, after: str) -> dict[str, str]:
    """Return an environment whose editor replaces a text."""
    script: Path = commands.folder / f"editor-{uuid.uuid4().hex}"
    script.write_text(f"#!/bin/sh\nsed -i 's/{before}/{after}/' \"$1\"\n")
    script.chmod(0o700)
    return {**commands.here, "EDITOR": str(script)}


def test_an_invalid_job_is_found_corrected_and_delivered_once(system: System, commands: Commands) -> None:
    job = system.send(tag=["tickets"])
    [letter] = wait_for(commands, job)
    assert (letter["error"], letter["path"], letter["lane"]) == ("InvalidJob", "$.tag", "transactional")

    shown = commands("dead-letters", "show", "--local", job)
    assert "$.tag is unknown; did you mean 'tags'?" in shown.stdout
    assert '"tag": [' in shown.stdout
    assert "It is on its way." not in shown.stdout
    assert "As it is, it fails again" in shown.stdout
    assert "It is on its way." in commands("dead-letters", "show", "--local", job, "--body").stdout

    # an editor that makes another mistake
    wrong = commands(
        *("dead-letters", "redrive", "--local", job, "--edit"),
        environment=editor(commands, '"tag"', '"tagg"'),
    )
    assert wrong.returncode == 1
    assert "$.tagg is unknown" in wrong.stderr

    done = commands(
        *("dead-letters", "redrive", "--local", job, "--edit"),
        environment=editor(commands, '"tag"', '"tags"'),
    )
    assert (done.returncode, done.stdout) == (0, f"{job}\tredriven\ttransactional\n"), done.stderr
    system.wait(1, job_id=job, event_type="delivered")
    assert len(system.sent_for(job)) == 1
    assert job not in {letter["job_id"] for letter in listed(commands)}


def test_a_bulk_job_goes_back_to_its_lane_by_the_stage(system: System, commands: Commands) -> None:
    job = system.job(expires_at=1000)
    system.enqueue(json.dumps(job), "BulkQueueUrl")
    [letter] = wait_for(commands, job["job_id"])
    assert (letter["error"], letter["lane"]) == ("Expired", "bulk")
    account = commands.account()
    redrive = ("dead-letters", "redrive", "--stage", STAGE, job["job_id"])
    plan = commands(*redrive, "--dry-run", environment=account)
    assert plan.stdout.split("\t")[:2] == [job["job_id"], "bulk"]
    done = commands(*redrive, environment=account)
    assert (done.returncode, done.stdout) == (0, f"{job['job_id']}\tredriven\tbulk\n"), done.stderr
    # it has expired: it is dead again
    [again] = eventually(
        lambda: [
            one for one in listed(commands) if one["job_id"] == job["job_id"] and one["id"] != letter["id"]
        ],
        "the job is dead again",
    )
    assert again["lane"] == "bulk"
    gone = commands("dead-letters", "delete", "--stage", STAGE, job["job_id"], "--yes", environment=account)
    assert (gone.returncode, gone.stdout) == (0, f"{job['job_id']}\tdeleted\t\n"), gone.stderr
    assert job["job_id"] not in {one["job_id"] for one in listed(commands)}


def test_a_notification_goes_back_to_the_tracking_queue(system: System, commands: Commands) -> None:
    message = {"Type": "Notification", "MessageId": uuid.uuid4().hex, "TopicArn": "arn:aws:sns:us-east-1:1:x"}
    body = json.dumps({**message, "Message": "no notification", "Timestamp": "2026-11-28T14:00:00Z"})
    system.enqueue(body, "TrackingQueueUrl")

    def found() -> list[dict[str, Any]]:
        return [
            one for one in listed(commands, "--queue", "tracking") if one["error"] == "InvalidNotification"
        ]

    [letter] = eventually(found, "the notification is dead")
    done = commands("dead-letters", "redrive", "--local", letter["id"], "--json")
    assert json.loads(done.stdout) == [{"id": letter["id"], "result": "redriven", "reason": None}]
    refused = commands("dead-letters", "redrive", "--local", letter["id"])
    assert refused.stderr.startswith("mailbus: there is no dead letter")
    [again] = eventually(found, "the notification is dead again")
    assert again["id"] != letter["id"]
    assert commands("dead-letters", "delete", "--local", again["id"], "--yes").returncode == 0


def missing_file(system: System, jobs: int) -> tuple[list[str], str]:
    """Enqueue jobs with a file that is not there yet; return their ids and the file's key."""
    key = f"late-{uuid.uuid4().hex}.txt"
    at = {"bucket": SOURCE_BUCKET, "key": key}
    file = {"filename": "a.txt", "content_type": "text/plain", "s3": at}
    return [system.send(attachments=[file]) for _ in range(jobs)], key


def test_many_letters_are_redriven_by_their_error(system: System, commands: Commands) -> None:
    jobs, key = missing_file(system, 23)
    wait_for(commands, *jobs)
    redrive = ("dead-letters", "redrive", "--local", "--error", "InvalidJob at $.attachments[0].s3")
    asked = commands(*redrive)
    assert asked.returncode == 2
    assert "add --yes" in asked.stderr
    # what was missing is there now
    system.put_object(SOURCE_BUCKET, key, b"late")
    done = commands(*redrive, "--yes", "--queue", "send")
    assert done.returncode == 0, done.stderr
    assert "Redriving: " in done.stderr
    for job in jobs:
        system.wait(1, job_id=job, event_type="delivered")
        assert len(system.sent_for(job)) == 1


@pytest.mark.parametrize("ends", [signal.SIGKILL, signal.SIGINT])
def test_a_redrive_that_is_killed_is_repeated_and_sends_each_mail_once(
    system: System, commands: Commands, ends: signal.Signals
) -> None:
    jobs, key = missing_file(system, 15)
    wait_for(commands, *jobs)
    system.put_object(SOURCE_BUCKET, key, b"late")
    running = subprocess.Popen(
        [str(commands.program), "dead-letters", "redrive", "--local", *jobs, "--verbose"],
        cwd=commands.folder,
        env=dict(commands.here),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stderr is not None
    for line in running.stderr:
        if "SendMessageBatch" in line:
            running.send_signal(ends)
            break
    running.communicate(timeout=60)

    def repeated() -> bool:
        # what the killed one had received is hidden for some seconds; what it sent is there twice
        left = {letter["job_id"] for letter in listed(commands, "--queue", "send")}.intersection(jobs)
        if left:
            commands("dead-letters", "redrive", "--local", *left)
        return all(system.sent_for(job) for job in jobs)

    eventually(repeated, "all mails are sent")
    for job in jobs:
        system.wait(1, job_id=job, event_type="delivered")
        assert len(system.sent_for(job)) == 1


def test_the_examples_of_the_page_on_dead_letters_run(system: System, commands: Commands) -> None:
    system.send(job_id="ticket-3317", tag=["tickets"])
    system.add_faults({"operation": "SendEmail", "error": "MessageRejected", "count": 1})
    system.send(job_id="order-10144")
    wait_for(commands, "ticket-3317", "order-10144")
    page = (ROOT / "docs" / "dead-letters.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 5
    environment = {**commands.account(), "EDITOR": editor(commands, '"tag"', '"tags"')["EDITOR"]}
    for block in blocks:
        done = subprocess.run(
            ["/bin/sh", "-e", "-c", block],
            cwd=commands.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        # other tests' letters are redriven too, and some are being read
        assert done.returncode in {0, 1}, done.stderr
        assert "Traceback" not in done.stderr
    system.wait(1, job_id="ticket-3317", event_type="delivered")
    assert len(system.sent_for("ticket-3317")) == 1
