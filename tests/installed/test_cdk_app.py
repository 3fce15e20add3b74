"""The example of a CDK app, copied out of the checkout: type-checked, deployed and used with the wheel."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mailbus_cdk import packaging
from tests.architecture.source_tree import INFRA, ROOT
from tests.local_process import read_until_ready

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.installed.environments import Environment, Installer

# The example runs on the Python that the tests run on, whose packages for functions are built already.
PYTHON = f"3.{sys.version_info.minor}"
READY_SECONDS = 300
# Modules of the app with names that are of Mailbus's functions in its package; importing one is an error.
OWN = ("functions", "sender", "inbound", "tracking")

SEND = """
import json, os, time
import boto3
from mailbus import Client, SendJob

job = SendJob(
    job_id="order-1",
    from_email="orders@shop.example.com",
    to="success@simulator.amazonses.com",
    subject="Your order",
    text="Thank you.",
)
Client(stage=os.environ["MAILBUS_STAGE"]).send(job)
sqs = boto3.client("sqs")
events, deadline = {}, time.monotonic() + 60
while {"email.queued", "email.delivered"} - set(events) and time.monotonic() < deadline:
    answer = sqs.receive_message(
        QueueUrl=os.environ["OUTCOMES_URL"], WaitTimeSeconds=5, MaxNumberOfMessages=10
    )
    for message in answer.get("Messages", []):
        event = json.loads(message["Body"])
        events[event["detail-type"]] = event["detail"]["job_id"]
print(json.dumps(events))
"""


@pytest.fixture(scope="module")
def environment(install: Installer) -> Environment:
    return install(PYTHON, "mailbus[local]", "mypy")


@pytest.fixture(scope="module")
def folder(environment: Environment) -> Path:
    """The example in a folder of its own, beside modules whose names are of Mailbus's parts."""
    copy = environment.home / "shop"
    shutil.copytree(ROOT / "examples" / "cdk_app", copy)
    for name in OWN:
        (copy / name).mkdir()
        (copy / name / "__init__.py").write_text("raise RuntimeError('not of Mailbus')\n")
    return copy


@pytest.fixture(scope="module")
def variables(environment: Environment, folder: Path) -> Iterator[dict[str, str]]:
    """Run the app on this machine by the command line; yield what `mailbus env --local` prints."""
    process = subprocess.Popen(
        [str(environment.bin / "mailbus"), "local", "--app", "python3 app.py", "--region", "eu-west-1"],
        cwd=folder,
        env=environment.variables(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        read_until_ready(process)
        printed = environment.run("-m", "mailbus_cli", "env", "--local", "--json", cwd=folder)
        yield json.loads(printed.stdout)
    finally:
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=READY_SECONDS)
    assert process.returncode == 0, output


@pytest.mark.parametrize(
    ("number", "stacks"),
    [
        (0, ["Shop"]),
        (1, ["Mail-dev-eu-west-1", "Mail-prod-eu-west-1", "Mail-prod-us-east-1"]),
        (2, ["Newsletter"]),
    ],
    ids=["one stage", "several stages", "a stage that is deployed"],
)
def test_the_apps_of_the_page_synthesize(
    environment: Environment, tmp_path: Path, number: int, stacks: list[str]
) -> None:
    page = (ROOT / "docs" / "cdk.md").read_text()
    code = re.findall(r"^```py\n(.*?)^```", page, re.DOTALL | re.MULTILINE)[number]
    (tmp_path / "app.py").write_text(code)
    # without the app's own flags validation only warns
    variables = {"CDK_OUTDIR": str(tmp_path / "cdk.out"), "CDK_VALIDATION": "false"}
    environment.run("app.py", cwd=tmp_path, env=variables)
    written = (tmp_path / "cdk.out").glob("*.template.json")
    assert sorted(path.name.partition(".")[0] for path in written) == stacks


def test_the_page_names_every_property_of_the_construct() -> None:
    page = (ROOT / "docs" / "cdk.md").read_text()
    table = page.partition("\n## What it gives you\n\n")[2].partition("\n\n")[0]
    source = (INFRA / "mailbus_cdk" / "mailbus.py").read_text()
    properties = re.findall(r"@property\n    def (\w+)\(", source)
    cells = "".join(line.split(" | ")[0] for line in table.splitlines())
    assert {*re.findall(r"`(\w+)`", cells)} == {*properties}


def test_type_checkers_see_the_settings_and_the_construct(environment: Environment, folder: Path) -> None:
    wrong = folder / "wrong.py"
    wrong.write_text(
        "from mailbus_cdk import Inbound, Mailbus, Settings\n\n"
        'Settings(stage="prod", regoin="eu-west-1", identity="example.com")\n'
        'Inbound(domains="inbound.example.com")\n\n\n'
        "def send(mailbus: Mailbus) -> None:\n"
        "    mailbus.send_que\n"
    )
    # the CDK's own types take minutes to read
    (folder / "mypy.ini").write_text(
        "[mypy]\ncheck_untyped_defs = true\n[mypy-aws_cdk.*]\nfollow_imports = skip\n"
    )
    done = environment.run("-m", "mypy", "app.py", "wrong.py", cwd=folder, check=False)
    found = [line.partition(" error: ")[2] for line in done.stdout.splitlines() if " error: " in line]
    assert found == [
        'Unexpected keyword argument "regoin" for "Settings"; did you mean "region"?  [call-arg]',
        'Argument "domains" to "Inbound" has incompatible type "str"; expected "tuple[str, ...]"  [arg-type]',
        '"Mailbus" has no attribute "send_que"; maybe "send_queue"?  [attr-defined]',
    ]


def test_the_wheel_packages_the_functions_as_the_checkout_does_and_writes_nothing_beside_its_modules(
    environment: Environment,
) -> None:
    code = (
        "import mailbus_cdk, pathlib; from mailbus_cdk import packaging\n"
        "files = lambda: sorted(pathlib.Path(mailbus_cdk.__file__).parents[1].rglob('*'))\n"
        "before = files(); print(packaging.build('host').digest, files() == before)"
    )
    done = environment.run("-B", "-c", code)
    assert done.stdout.split() == [packaging.build("host").digest, "True"]


# the last one, since the system runs until the end of this file
def test_a_mail_crosses_the_app_and_its_events_arrive_in_the_apps_own_queue(
    environment: Environment, folder: Path, variables: dict[str, str]
) -> None:
    assert variables["MAILBUS_STAGE"] == "shop"
    done = environment.run("-c", SEND, cwd=folder.parent, env=variables)
    assert json.loads(done.stdout) == {"email.queued": "order-1", "email.delivered": "order-1"}
