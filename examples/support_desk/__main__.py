"""The CDK app, with `--context stage=…`: a stage that is deployed in the same account and region."""

from __future__ import annotations

import sys
from typing import Final

from aws_cdk import App

from examples.support_desk.stack import SupportDesk

STACK: Final = "support-desk"
USAGE: Final = 2


def main() -> int:
    """Synthesize; without a stage, print one line to stderr and return 2."""
    app = App()
    stage = app.node.try_get_context("stage")
    if not stage:
        sys.stderr.write("missing: --context stage=…\n")
        return USAGE
    SupportDesk(
        app, STACK, stage=str(stage), architecture=app.node.try_get_context("architecture") or "arm64"
    )
    app.synth()
    return 0


if __name__ == "__main__":
    sys.exit(main())
