"""Synthesizes the stage `local` in a process of its own: its arguments are settings file and output."""

from __future__ import annotations

import sys
from pathlib import Path

from aws_cdk import App

from mailbus_cdk.feature_flags import FEATURE_FLAGS
from mailbus_cdk.mailbus import deployment
from mailbus_local.stage import load_settings


def main(settings: Path, output: Path) -> None:
    """Write the cloud assembly of the stage to a directory."""
    app = App(outdir=str(output), post_cli_context=FEATURE_FLAGS)
    deployment(app, settings=load_settings(settings))
    app.synth()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
