"""The example of a support desk: linters, rights, options."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from examples.support_desk.stack import SupportDesk
from tests.architecture.source_tree import ROOT
from tests.infra.linters import lint, nag

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aws_cdk import App


def _made(app: App) -> SupportDesk:
    return SupportDesk(app, "support-desk", stage="prod", architecture="host")


@pytest.fixture(scope="module")
def template_file(app_in: Callable[[Path], App], tmp_path_factory: pytest.TempPathFactory) -> Path:
    app = app_in(tmp_path_factory.mktemp("support-desk"))
    stack = _made(app)
    directory = app.synth().directory
    return tmp_path_factory.getbasetemp() / directory / stack.template_file


def test_cfn_lint_finds_nothing_in_the_desk(template_file: Path) -> None:
    # CDK itself writes DependsOn beside a reference that implies it.
    assert lint(template_file) == []


def test_cdk_nag_finds_nothing_in_the_desk(app_in: Callable[[Path], App], tmp_path: Path) -> None:
    app = app_in(tmp_path)
    _made(app)
    assert nag(app) == []


def test_the_desk_may_put_jobs_on_the_one_queue_and_write_its_log(template_file: Path) -> None:
    resources: dict[str, dict[str, Any]] = json.loads(template_file.read_text())["Resources"]
    policies = [
        body["Properties"]["PolicyDocument"]["Statement"]
        for body in resources.values()
        if body["Type"] == "AWS::IAM::Policy"
    ]
    allowed = {
        action
        for statements in policies
        for statement in statements
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    # two of them are CDK's, for the queue of what the function fails to do
    assert allowed == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "sqs:SendMessage",
    }
    assert "mailbusprodSendQueueUrl" in json.dumps(policies)


def test_a_desk_without_its_stage_is_an_error_of_one_line(tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(ROOT / "functions"), str(ROOT / "infra"), str(ROOT)]),
        "CDK_CONTEXT_JSON": json.dumps({"architecture": "host"}),
        "CDK_OUTDIR": str(tmp_path),
        **{name: value for name, value in os.environ.items() if name.startswith("JSII_")},
    }
    done = subprocess.run(
        [sys.executable, "-m", "examples.support_desk"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "missing: --context stage=…\n"
