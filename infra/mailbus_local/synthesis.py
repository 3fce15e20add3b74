"""Synthesizes the stage `local` in a process of its own: its arguments are settings file and output."""

from __future__ import annotations

import sys
from pathlib import Path

from aws_cdk import App

from mailbus.errors import ConfigurationError
from mailbus_cdk.feature_flags import FEATURE_FLAGS
from mailbus_cdk.mailbus import deployment
from mailbus_local.stage import load_settings


def main(settings: Path, output: Path) -> int:
    """Write the cloud assembly of the stage to a directory; an error is one line on stderr."""
    try:
        app = App(outdir=str(output), post_cli_context=FEATURE_FLAGS)
        deployment(app, settings=load_settings(settings))
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    app.synth()
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
