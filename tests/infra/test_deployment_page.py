"""The CDK example of docs/deploy.md synthesizes as it stands."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from infra.packaging import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def test_the_construct_works_inside_another_app(tmp_path: Path) -> None:
    (code,) = re.findall(
        r"^```py\n(.*?)^```", (ROOT / "docs/deploy.md").read_text(), re.DOTALL | re.MULTILINE
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "CDK_OUTDIR": str(tmp_path), "PYTHONPATH": f"{ROOT / 'functions'}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (template,) = tmp_path.glob("*.template.json")
    types = {resource["Type"] for resource in json.loads(template.read_text())["Resources"].values()}
    assert {"AWS::SES::ReceiptRule", "AWS::DynamoDB::Table", "AWS::Lambda::EventSourceMapping"} <= types
