"""The CDK app as `cdk` calls it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.architecture.source_tree import ROOT

if TYPE_CHECKING:
    from pathlib import Path


SETTINGS = """
region = "eu-west-1"
identity = "mail.bakery.example"
[stages.dev]
identity = "dev.bakery.example"
inbound.domains = ["inbound.bakery.example"]
[stages.prod]
inbound.domains = ["inbound.bakery.example"]
[stages.broken]
region = "nowhere"
"""
WARNING = (
    "warning: mailbus.toml: inbound.domains: inbound.bakery.example is one of the stage prod too; in one "
    "account only one of them receives its mail: write others under [stages.dev], or name one "
    "inbound.rule_set_name in both"
)


def _run(context: dict[str, str], outdir: Path, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "AWS_CONFIG_FILE": str(outdir / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(outdir / "none"),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "functions"), str(ROOT / "infra"), str(ROOT)]),
        "CDK_CONTEXT_JSON": json.dumps(context),
        "CDK_OUTDIR": str(outdir),
    }
    return subprocess.run(
        [sys.executable, "-m", "mailbus_cdk"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_missing_stage_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    done = _run({"stage": "prd"}, tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("mailbus.toml: there is no stage 'prd'; did you mean 'prod'? (stages: ")
    assert done.stderr.count("\n") == 1


def test_the_default_stage_is_dev_and_synthesizing_needs_no_credentials(tmp_path: Path) -> None:
    (tmp_path / "mailbus.toml").write_text(SETTINGS)
    done = _run({}, tmp_path, tmp_path)
    lines = done.stderr.splitlines()
    # a first build says so
    assert [line for line in lines if not line.startswith("mailbus: packaging the functions for ")] == [
        WARNING
    ]
    assert done.returncode == 0
    assert {path.name for path in tmp_path.glob("*.template.json")} == {
        "mailbus-dev-state.template.json",
        "mailbus-dev-mail.template.json",
        "mailbus-dev-receiving.template.json",
    }


def test_the_file_that_ships_says_what_to_write_before_it_can_be_deployed(tmp_path: Path) -> None:
    done = _run({"stage": "dev"}, tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        "mailbus.toml: identity: dev.example.com is reserved for documentation, and SES cannot verify it: "
        "write a domain of yours, or an address that you read, in [stages.dev]\n"
    )
    assert not [*tmp_path.glob("*.template.json")]
