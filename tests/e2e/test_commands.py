"""`mailbus send`, `cancel` and `init` through the deployed stacks, also with this system for an account."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from typing import TYPE_CHECKING

from tests import fake_dns
from tests.e2e.commands import STAGE

if TYPE_CHECKING:
    from tests.e2e.commands import Commands
    from tests.e2e.system import System

MAIL = ("--from", "shop@example.com", "--to", "success@simulator.amazonses.com", "--text", "Hello")
TEMPLATE = {
    "from_email": "News <news@example.com>",
    "subject": "{{name}}, here is November",
    "html": "<p>Dear {{name}}</p>",
    "tags": ["news"],
    "metadata": {"code": "{{code}}"},
}


def _job_id() -> str:
    return f"order-{uuid.uuid4().hex}"


def test_a_mail_of_options_is_sent(system: System, commands: Commands) -> None:
    (commands.folder / "invoice.txt").write_text("17 euros")
    job = _job_id()
    done = commands("send", "--local", *MAIL, "--subject", "Zoë", "--attach", "invoice.txt", "--job-id", job)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{job}\n", "")
    system.wait(1, job_id=job, event_type="delivered")
    [message] = system.sent_for(job)
    assert "invoice.txt" in message["raw"]


def test_a_job_is_sent_from_a_stage_and_verbose_names_the_calls_without_content(
    system: System, commands: Commands
) -> None:
    job = system.job(text="what the mail says")
    done = commands(
        *("send", "-", "--stage", STAGE, "--lane", "bulk", "--json", "--verbose"),
        text=json.dumps(job),
        environment=commands.account(),
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "enqueued": [job["job_id"]],
        "already": 0,
        "failed": [],
        "invalid": [],
        "untried": 0,
    }
    calls = [line.split()[0] for line in done.stderr.splitlines()]
    assert set(calls) == {"ssm.GetParametersByPath", "sqs.SendMessageBatch"}
    assert "what the mail says" not in done.stderr
    system.wait(1, job_id=job["job_id"], event_type="delivered")


def test_rows_of_a_file_are_sent_once_however_often_the_command_runs(
    system: System, commands: Commands
) -> None:
    campaign = f"november-{uuid.uuid4().hex[:8]}"
    rows = "".join(
        f"success+{number}@simulator.amazonses.com;Tom & {number};{number}\n" for number in range(3)
    )
    (commands.folder / "rows.csv").write_text(f"email;name;code\n{rows}")
    template = commands.folder / "rows.json"
    template.write_text(json.dumps(TEMPLATE))
    options = ("--csv", "rows.csv", "--template", "rows.json", "--campaign", campaign, "--key", "code")

    first = commands("send", "--local", *options)
    assert (first.returncode, first.stdout) == (0, "3 enqueued\n"), first.stderr
    jobs = [f"{campaign}-{number}" for number in range(3)]
    for job in jobs:
        system.wait(1, job_id=job, event_type="delivered")

    again = commands("send", "--local", *options)
    assert (again.returncode, again.stdout, again.stderr) == (0, "0 enqueued, 3 enqueued before\n", "")

    template.write_text(json.dumps({**TEMPLATE, "subject": "other"}))
    other = commands("send", "--local", *options)
    assert (other.returncode, other.stdout) == (1, "")
    lines = other.stderr.splitlines()
    assert lines[0] == (
        f"rows.csv, line 2, column code: the job {jobs[0]} was enqueued before with other content; "
        "another --campaign makes new jobs"
    )
    assert lines[3] == "mailbus: 3 of 3 jobs cannot be enqueued; nothing was enqueued"

    messages = [system.sent_for(job) for job in jobs]
    assert [len(copies) for copies in messages] == [1, 1, 1]
    assert "Dear Tom &amp; 1</p>" in messages[1][0]["raw"]


def test_jobs_are_cancelled_or_it_is_too_late(system: System, commands: Commands) -> None:
    sent, scheduled, never = _job_id(), _job_id(), _job_id()
    commands("send", "--local", *MAIL, "--job-id", sent)
    later = str(int(time.time()) + 3600)
    commands("send", "--local", *MAIL, "--job-id", scheduled, "--send-at", later)
    system.wait(1, job_id=sent, event_type="delivered")
    system.wait_for_record(scheduled, lambda record: record.state == "scheduled")

    done = commands("cancel", "--local", sent, scheduled, never)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == f"{sent}\ttoo_late\n{scheduled}\tcancelled\n{never}\tcancelled\n"
    again = commands("cancel", "--local", "--json", scheduled)
    assert (again.returncode, json.loads(again.stdout)) == (0, {scheduled: "already_cancelled"})


def test_the_records_of_a_deployed_stage_are_watched_until_all_are_there(commands: Commands) -> None:
    environment = commands.account()
    records = [
        text.split(" ", 2)
        for name, text in commands.outputs.items()
        if name.startswith(("DkimRecord", "RedirectRecord", "MxRecord"))
    ]
    (commands.folder / "mailbus.toml").write_text(
        f'[stages.{STAGE}]\nregion = "{commands.outputs["region"]}"\nidentity = "example.com"\n'
    )
    with fake_dns.running() as dns:
        environment["MAILBUS_DNS_SERVER"] = dns.address
        for name, kind, value in records[1:]:
            dns.set(name, kind, f"{value}.")
        name, kind, value = records[0]
        dns.set(f"{name}.example.com", kind, f"{value}.")

        once = commands("init", "--json", environment=environment)
        assert once.returncode == 1, once.stderr
        found = json.loads(once.stdout)["records"]
        assert {record["state"] for record in found[1:]} == {"there"}
        assert found[0]["note"] == (
            f"is at {name}.example.com: the provider adds example.com; enter only "
            f"{name.removesuffix('.example.com')}"
        )

        with subprocess.Popen(
            [str(commands.program), "init", "--watch"],
            cwd=commands.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as watching:
            assert watching.stdout is not None
            assert watching.stderr is not None
            lines = [watching.stdout.readline() for _ in records]
            assert [line.split("\t")[0] for line in lines] == ["wrong", *["there"] * (len(records) - 1)]
            dns.set(name, kind, f"{value}.")
            assert watching.stdout.read() == f"there\t{name}\tCNAME\t\n"
            assert "all records are there" in watching.stderr.read()
        assert watching.returncode == 0


def test_a_stage_that_is_not_there_is_a_line_and_a_hint(commands: Commands) -> None:
    done = commands("send", "--stage", "prdo", *MAIL, environment=commands.account())
    assert (done.returncode, done.stdout) == (1, "")
    reason, hint = done.stderr.splitlines()
    assert reason.startswith("mailbus: there is no stage prdo in ")
    assert hint.startswith("hint: AWS_ENDPOINT_URL leads to http://127.0.0.1:")
