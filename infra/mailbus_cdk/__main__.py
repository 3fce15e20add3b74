"""The CDK app that `cdk.json` runs. The stage is given in the context: `cdk synth --context stage=dev`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from aws_cdk import App

from mailbus.errors import ConfigurationError
from mailbus_cdk.feature_flags import FEATURE_FLAGS
from mailbus_cdk.mailbus import deployment
from mailbus_cdk.settings import Settings, domains

FILE: Final = Path("mailbus.toml")
DEFAULT_STAGE: Final = "dev"
EXIT_WRONG_SETTINGS: Final = 2


def main() -> int:
    """Synthesize one stage; wrong settings are one line on stderr and exit code 2."""
    app = App(post_cli_context=FEATURE_FLAGS)
    stage = app.node.try_get_context("stage") or DEFAULT_STAGE
    try:
        settings = Settings.load(FILE, str(stage))
        domains.refuse_reserved(FILE, settings)
        for warning in domains.shared(FILE, settings):
            sys.stderr.write(f"warning: {warning}\n")
        deployment(app, settings=settings)
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_WRONG_SETTINGS
    app.synth()
    return 0


if __name__ == "__main__":
    sys.exit(main())
