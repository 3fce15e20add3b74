"""`mailbus status` and `tail` as processes on a terminal and in a pipe, and the page for support people."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import uuid
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from mailbus.timeline.table import TimelineTable
from mailbus_cli import event_stream
from tests.architecture.source_tree import ROOT
from tests.e2e.commands import STAGE
from tests.e2e.system import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mailbus_cli.deployment import Deployment
    from tests.e2e.commands import Commands
    from tests.e2e.local import Local
    from tests.e2e.system import System

PAGE = ROOT / "docs" / "where-is-my-mail.md"
EXAMPLE = re.compile(r"^```console\n\$ mailbus (status [^\n]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
BOUNCE = "bounce@simulator.amazonses.com"
# what is another one in each run
MASKS = (
    (r"[0-9a-f]{16}(-[0-9a-f]+){5}-[0-9]{6}", "MESSAGE"),
    (r"\d{4}-\d\d-\d\d", "DATE"),
    (r"\d\d:\d\d:\d\d(\.\d{3})?", "TIME"),
    (r"(?<=TIME)[+-]\d\d:\d\d|(?<=UTC)[+-]\d\d:\d\d", ""),
    (r"(?<=TIME )(\+[\d.]+|0) s ", ""),
)


def masked(text: str) -> list[str]:
    """The lines of a terminal without colours, columns, and what differs from run to run."""
    text = re.sub(r"\x1b\[[\d;]*m", "", text)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    for pattern, name in MASKS:
        lines = [re.sub(pattern, name, line) for line in lines]
    # on a busy machine SNS may date what was sent after what was delivered
    times = sorted(line for line in lines if line.startswith("TIME"))
    return [times.pop(0) if line.startswith("TIME") else line for line in lines if line]


def on_terminal(commands: Commands, environment: Mapping[str, str], *arguments: str) -> str:
    """Run `mailbus` on a terminal that is wide enough for whole lines; return what it shows."""
    terminal, inside = pty.openpty()
    with subprocess.Popen(
        [str(commands.program), *arguments],
        cwd=commands.folder,
        env={**environment, "COLUMNS": "400", "TERM": "xterm"},
        stdout=inside,
        stderr=inside,
        stdin=subprocess.DEVNULL,
    ):
        os.close(inside)
        shown = b""
        # Linux ends the other side of a closed terminal with an error
        with contextlib.suppress(OSError):
            while part := os.read(terminal, 65_536):
                shown += part
    os.close(terminal)
    return shown.decode()


def send(system: System, job_id: str, *to: str) -> None:
    """Send a mail, and wait until the timeline has all of its events."""
    system.send(job_id=job_id, to=list(to), tags=["receipt"])
    bounces = to.count(BOUNCE)
    for event_type, count in {"queued": len(to), "sent": len(to), "bounced": bounces}.items():
        system.wait(count, job_id=job_id, event_type=event_type)
    system.wait(len(to) - bounces, job_id=job_id, event_type="delivered")
    table = TimelineTable(system.client("dynamodb"), system.outputs["TimelineTableName"])

    def recorded() -> bool:
        kinds = [set(mail.seen) for mail in table.by_job(job_id)]
        return len(kinds) == len(to) and all(
            {"queued", "sent"} <= seen and seen & {"delivered", "bounced"} for seen in kinds
        )

    eventually(recorded, f"the mails of {job_id} in the timeline")
    system.wait_until_empty("TimelineQueueUrl")


def test_the_examples_of_the_page_show_what_the_command_shows(system: System, commands: Commands) -> None:
    own = uuid.uuid4().hex[:8]
    page = (
        PAGE.read_text()
        .replace("jane@", f"jane-{own}@")
        .replace("ada@", f"ada-{own}@")
        .replace("order-100", f"order-{own}-100")
    )
    (first, alone), (second, several) = EXAMPLE.findall(page)
    jane, environment = f"jane-{own}@example.net", commands.account()
    send(system, f"order-{own}-1001", jane)
    assert masked(on_terminal(commands, environment, *first.split())) == masked(alone)
    send(system, f"order-{own}-1002", f"ada-{own}@example.org", jane, BOUNCE)
    assert masked(on_terminal(commands, environment, *second.split())) == masked(several)


def test_a_scheduled_job_is_found_before_it_is_sent(system: System, commands: Commands) -> None:
    later = datetime.now(UTC) + timedelta(hours=2)
    job_id = system.send(send_at=later.isoformat())
    system.wait_for_record(job_id, lambda record: record.state == "scheduled")
    done = commands("status", "--local", "--json", job_id)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["job"]["status"], report["mails"]) == ("scheduled", [])
    assert abs(report["job"]["due"] - later.timestamp()) < 1


def test_a_stage_answers_by_address_and_message_and_says_what_it_does_not_find(
    system: System, commands: Commands
) -> None:
    address = f"ann-{uuid.uuid4().hex}@example.net"
    job_id = f"order-{uuid.uuid4().hex}"
    send(system, job_id, address)
    environment = commands.account()
    report = json.loads(
        commands("status", "--stage", STAGE, "--json", address, environment=environment).stdout
    )
    assert [one["event_type"] for one in report["events"]] == ["queued", "sent", "delivered"]
    message_id = report["mails"][0]["message_id"]
    by_message = commands("status", "--stage", STAGE, message_id, environment=environment)
    assert by_message.stdout.split("\t")[:3] == ["delivered", address, job_id]
    missing = commands("status", "--stage", STAGE, f"x{address}", environment=environment)
    assert (missing.returncode, missing.stdout) == (1, "")
    assert f"No mail to x{address}. The timeline of {STAGE} keeps " in missing.stderr


def tails(local: Local) -> tuple[set[str], set[str]]:
    """The names of the rules and of the queues of live events."""
    rules = local.client("events").list_rules(EventBusName=local.outputs["EventBusName"])["Rules"]
    urls = local.client("sqs").list_queues(QueueNamePrefix="mailbus-local-tail-").get("QueueUrls", ())
    return (
        {rule["Name"] for rule in rules if rule["Name"].startswith("mailbus-local-tail-")},
        {url.rpartition("/")[2] for url in urls},
    )


@contextlib.contextmanager
def tailing(commands: Commands, local: Local, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `mailbus tail` until it listens; yield it with the name of its rule and queue.

    A mail room of this system may have a rule and a queue of the same kind.
    """
    others, _ = tails(local)
    with subprocess.Popen(
        [str(commands.program), "tail", "--local", *options],
        cwd=commands.folder,
        env={**commands.here},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            eventually(lambda: _with_targets(local) - others, "a rule with a target")
            (name,) = _with_targets(local) - others
            yield process, name
        finally:
            if process.poll() is None:
                process.kill()


def _with_targets(local: Local) -> set[str]:
    bus, (rules, _) = local.outputs["EventBusName"], tails(local)
    events = local.client("events")
    return {rule for rule in rules if events.list_targets_by_rule(Rule=rule, EventBusName=bus)["Targets"]}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_events_are_shown_as_they_happen_and_nothing_is_left_after_a_signal(
    system: System, commands: Commands, local: Local, number: signal.Signals
) -> None:
    job_id = f"order-{uuid.uuid4().hex}"
    options = ("--job", job_id, "--type", "delivered", "--type", "bounced")
    with tailing(commands, local, *options) as (process, name):
        system.send()
        system.send(job_id=job_id, to=["success@simulator.amazonses.com", BOUNCE])
        assert process.stdout is not None
        lines = [process.stdout.readline().rstrip("\n").split("\t") for _ in range(2)]
        process.send_signal(number)
        rest, errors = process.communicate(timeout=60)
    assert (process.returncode, rest, errors) == (0, "", "")
    shown = {line[1]: line[2:] for line in lines}
    assert shown["delivered"] == ["success@simulator.amazonses.com", job_id, "250 2.0.0 OK"]
    assert shown["bounced"][:2] == [BOUNCE, job_id]
    assert shown["bounced"][2].startswith(
        "550 5.1.1 user unknown: simulator.amazonses.com has no such mailbox."
    )
    assert all(name not in names for names in tails(local))


def test_what_a_killed_run_left_is_removed_when_it_was_not_used_for_an_hour(
    commands: Commands, local: Local
) -> None:
    with tailing(commands, local, "--json") as (process, name):
        process.kill()
        process.wait(timeout=60)
    assert all(name in names for names in tails(local))
    stage: Any = SimpleNamespace(stage="local", client=local.client, output=local.outputs.__getitem__)
    deployment = cast("Deployment", stage)
    assert event_stream.remove_stale(deployment) == ()
    now = datetime.now(UTC) + timedelta(hours=1, minutes=1)
    removed = event_stream.remove_stale(deployment, now=lambda: now)
    assert name in {one.name for one in removed}
    assert all(name not in names for names in tails(local))
