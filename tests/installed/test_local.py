"""The laptop without a checkout: an empty folder and an empty cache, the installed wheel, and a terminal."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.architecture.source_tree import ROOT
from tests.installed.account_room import assert_account_room
from tests.installed.interpreters import NEWEST
from tests.installed.local_system import LocalSystem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.installed.environments import Environment, Installer

SECONDS = 120.0
ALL_HELP = """
from mailbus_cli import discovery, frame
for name in discovery.names():
    assert frame.run([*name.split(), "--help"]) == 0
"""
COPY_PARAMETERS = """
import boto3
ssm = boto3.client("ssm")
for page in ssm.get_paginator("get_parameters_by_path").paginate(Path="/mailbus/local/"):
    for parameter in page["Parameters"]:
        name = parameter["Name"].replace("/local/", "/prod/")
        ssm.put_parameter(Name=name, Value=parameter["Value"], Type="String")
"""
PYTHON = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
SNIPPETS = PYTHON.findall((ROOT / "README.md").read_text())
START = (ROOT / "docs/start.md").read_text()
# each under the name by which the page says to save it
PROGRAMS = dict(zip(re.findall(r"[Aa]s `(\w+\.py)`", START), PYTHON.findall(START), strict=True))
PRINTED = re.findall(r"^```text\n(.*?)^```", START, re.DOTALL | re.MULTILINE)[0].splitlines()
OWN = """
region = "eu-west-1"
identity = "shop.example.org"
identity_exists = true

[stages.local]
inbound.domains = ["inbound.shop.example.org"]
source_buckets = ["shop-invoices"]
timeline.days = 30
"""


@pytest.fixture(scope="module")
def system(install: Installer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSystem]:
    environment = install(NEWEST, "mailbus[local]")
    system = LocalSystem(environment, tmp_path_factory.mktemp("laptop"))
    yield system
    if system.processes():
        system.interrupt()


def _accepted(url: str, number: int = 1) -> list[dict[str, str]]:
    """Return what the simulated SES has accepted, once it is so many mails."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        with urllib.request.urlopen(f"{url}/_simulator/messages") as answer:  # noqa: S310 - on loopback
            messages: list[dict[str, str]] = json.load(answer)["messages"]
        if len(messages) >= number:
            return messages
        time.sleep(0.05)
    pytest.fail(f"SES accepted fewer than {number}")


def _use_as_an_account(environment: Environment, variables: dict[str, str]) -> None:
    """Send by the command line alone, with the system for an account that has the stage `prod`."""
    leads = {name: value for name, value in variables.items() if name.startswith(("AWS_", "NO_PROXY"))}
    environment.run("-c", COPY_PARAMETERS, env=leads)

    def mailbus(*arguments: str) -> str:
        return environment.run("-m", "mailbus_cli", *arguments, env=leads).stdout

    mail = ["--from", "a@shop.example.org", "--to", "success@simulator.amazonses.com", "--text", "Hello"]
    assert json.loads(mailbus("send", *mail, "--dry-run", "--json"))["text"] == "Hello"
    assert mailbus("send", "--stage", "prod", *mail, "--job-id", "of-prod") == "of-prod\n"
    assert json.loads(mailbus("env", "--stage", "prod", "--json"))["SEND_QUEUE_URL"]
    [_, sent] = _accepted(variables["AWS_ENDPOINT_URL_SESV2"], 2)
    assert "of-prod" in json.dumps(sent)
    status = ("-m", "mailbus_cli", "status", "--stage", "prod", "success@simulator.amazonses.com")
    deadline = time.monotonic() + SECONDS
    # its events cross the bus first; until one has, no mail is found, which is exit code 1
    while "of-prod" not in (shown := environment.run(*status, env=leads, check=False)).stdout:
        assert shown.returncode in {0, 1}, shown.stderr
        assert time.monotonic() < deadline, "the timeline never had the mail"
    assert_account_room(environment, leads, job_id="of-prod")
    assert mailbus("cancel", "--stage", "prod", "never-sent") == "never-sent\tcancelled\n"
    assert json.loads(mailbus("schema", "job"))["title"] == "Mailbus send job"
    environment.run("-c", ALL_HELP)


def test_the_first_page_and_the_readmes_first_snippet_send_a_mail_and_ctrl_c_ends_all(
    system: LocalSystem, tmp_path: Path
) -> None:
    before = system.shell("mailbus env --local", folder=tmp_path)
    assert before.returncode == 1
    assert before.stderr.splitlines()[1] == "hint: start one with `mailbus local`, in another terminal"

    system.start()
    assert any(line.startswith("installing the CDK command line (once)") for line in system.lines)

    for name, code in {**PROGRAMS, "snippet.py": SNIPPETS[0]}.items():
        (tmp_path / name).write_text(code)
    started = system.shell(
        'eval "$(mailbus env --local)"; python subscribe.py && python send.py && python events.py'
        " && echo received: && python receive.py",
        folder=tmp_path,
    )
    assert (started.returncode, started.stderr) == (0, "")
    sent_to, _, question = started.stdout.partition("received:\n")
    assert sorted(sent_to.splitlines()) == sorted(PRINTED)
    assert question == "A question When do you open?\n\n"

    script = 'eval "$(mailbus env --local)"; python snippet.py && echo "$AWS_ENDPOINT_URL_SESV2"'
    sent = system.shell(script, folder=tmp_path)
    assert (sent.returncode, sent.stderr) == (0, "")
    first, second = _accepted(sent.stdout.splitlines()[-1], 2)
    assert "first-mail" in json.dumps(first)
    assert "order-1001-receipt" in json.dumps(second)

    assert system.interrupt() == 0
    assert system.processes() == []
    assert system.shell("mailbus env --local", folder=tmp_path).stderr == before.stderr


def test_the_second_start_has_a_folders_own_settings_and_installs_nothing(
    system: LocalSystem, install: Installer, tmp_path: Path
) -> None:
    (system.folder / "mailbus.toml").write_text(OWN)
    system.start()
    assert not [line for line in system.lines if "installing the CDK" in line]

    shown = system.shell("mailbus env --local --json", folder=tmp_path)
    variables = json.loads(shown.stdout)
    assert variables["AWS_REGION"] == "eu-west-1"
    assert variables["MX_RECORD1"].startswith("inbound.shop.example.org ")
    # as in an account, from the parameters that the stacks write
    by_name = system.shell('eval "$(mailbus env --local)"; mailbus env --stage local --json', folder=tmp_path)
    stage = json.loads(by_name.stdout)
    assert stage["SEND_QUEUE_URL"] == variables["SEND_QUEUE_URL"]
    assert stage == {name: variables[name] for name in stage}
    code = (
        "from mailbus import Client, SendJob\n"
        'Client(stage="local").send(SendJob(from_email="a@shop.example.org", subject="Hello", text="Hello",'
        ' to="success@simulator.amazonses.com"))\n'
    )
    done = subprocess.run(
        [str(system.environment.python), "-c", code],
        env={**system.variables, **variables},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(_accepted(variables["AWS_ENDPOINT_URL_SESV2"])) == 1
    _use_as_an_account(install(NEWEST, "mailbus[cli]"), variables)

    assert system.interrupt() == 0
    assert system.processes() == []
