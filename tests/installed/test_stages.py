"""The extra `cdk`: the stacks of a `mailbus.toml`, synthesized without a checkout."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.architecture.source_tree import FUNCTIONS
from tests.installed.interpreters import NEWEST, OLDEST

if TYPE_CHECKING:
    from pathlib import Path

    from tests.installed.environments import Installer

SETTINGS = """
[stages.prod]
region = "eu-west-1"
identity = "mail.bakery.example"
inbound.domains = ["inbound.bakery.example"]
architecture = "host"
"""


IMPORTS = """
import sys
sys.path.insert(0, {asset!r})
import inbound.handler, sender.handler, tracking.handler, webhook.handler
"""


@pytest.mark.parametrize("python", dict.fromkeys((OLDEST, NEWEST)))
def test_a_stage_is_synthesized_with_functions_that_run(
    install: Installer, tmp_path: Path, python: str
) -> None:
    environment = install(python, "mailbus[cdk]")
    (tmp_path / "mailbus.toml").write_text(SETTINGS)
    out = tmp_path / "cdk.out"
    context = {"CDK_CONTEXT_JSON": json.dumps({"stage": "prod"}), "CDK_OUTDIR": str(out)}
    # its engine takes long to start, and is the same one below each Python
    validation = {} if python == NEWEST else {"CDK_VALIDATION": "false"}
    environment.run("-m", "mailbus_cdk", cwd=tmp_path, env={**context, **validation})
    templates = {path.name.removesuffix(".template.json") for path in out.glob("*.template.json")}
    assert templates == {"mailbus-prod-state", "mailbus-prod-mail", "mailbus-prod-receiving"}
    assets = [path for path in out.glob("asset.*") if (path / "sender").is_dir()]
    assert len(assets) == 1
    deployed = {path.parent.name for path in FUNCTIONS.glob("*/__init__.py")}
    assert deployed <= {path.name for path in assets[0].iterdir()}
    # with the package alone on the path, as on Lambda
    environment.run("-I", "-S", "-B", "-c", IMPORTS.format(asset=str(assets[0])))
