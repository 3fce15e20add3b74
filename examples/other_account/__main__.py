"""The CDK app, with `--context bus-arn=arn:aws:events:…:event-bus/mailbus-…`, for an account of its own."""

from __future__ import annotations

import sys
from typing import Final

from aws_cdk import App

from examples.other_account.stack import OtherAccount

STACK: Final = "mail-events"
USAGE: Final = 2


def main() -> int:
    """Synthesize; if context is missing, print one line to stderr and return 2."""
    app = App()
    bus_arn = app.node.try_get_context("bus-arn")
    if not bus_arn:
        sys.stderr.write("missing: --context bus-arn=…\n")
        return USAGE
    OtherAccount(app, STACK, bus_arn=str(bus_arn))
    app.synth()
    return 0


if __name__ == "__main__":
    sys.exit(main())
