"""`mailbus` as a process: on the system that runs here, or with that system for an account."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from mailbus.stages import parameter_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.e2e.local import Local

STAGE = "prod"


class Commands:
    """Runs commands in a folder; `here` is what leads them to the system on this machine."""

    def __init__(self, local: Local, folder: Path) -> None:
        self.folder = folder
        self.outputs = local.outputs
        self.program = folder / "bin" / "mailbus"
        self.program.parent.mkdir()
        self.program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -W error -m mailbus_cli "$@"\n')
        self.program.chmod(0o700)
        self.here: Mapping[str, str] = {
            "PATH": f"{self.program.parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            **local.variables,
        }
        self._local = local

    def account(self) -> dict[str, str]:
        """Make the system look like a stage of an account; return the variables that lead there."""
        ssm = self._local.client("ssm")
        for name, value in self.outputs.items():
            if name[0].isupper():
                ssm.put_parameter(
                    Name=parameter_name(STAGE, name), Value=str(value), Type="String", Overwrite=True
                )
        outputs = self.outputs
        ses = outputs["ses_endpoint_url"]
        return {
            **self.here,
            "AWS_ENDPOINT_URL": outputs["endpoint_url"],
            "AWS_ENDPOINT_URL_SES": ses,
            "AWS_ENDPOINT_URL_SESV2": ses,
            "AWS_ENDPOINT_URL_SNS": outputs["sns_endpoint_url"],
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": outputs["region"],
            "NO_PROXY": "127.0.0.1",
        }

    def __call__(
        self, *arguments: str, text: str = "", environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `mailbus`, with `text` as its input."""
        return subprocess.run(
            [str(self.program), *arguments],
            cwd=self.folder,
            env={**(environment or self.here)},
            input=text,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
