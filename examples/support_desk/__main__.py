"""The CDK app, with `--context bus=…` and `--context queue=…` (outputs EventBusName and SendQueueUrl)."""

from __future__ import annotations

import sys
from typing import Final

from aws_cdk import App

from examples.support_desk.stack import SupportDesk

STACK: Final = "support-desk"
USAGE: Final = 2


def main() -> int:
    """Synthesize; if context is missing, print one line to stderr and return 2."""
    app = App()
    context = {name: app.node.try_get_context(name) for name in ("bus", "queue")}
    missing = [name for name, value in context.items() if not value]
    if missing:
        sys.stderr.write(f"missing: {' '.join(f'--context {name}=…' for name in missing)}\n")
        return USAGE
    SupportDesk(
        app,
        STACK,
        bus_name=str(context["bus"]),
        queue_url=str(context["queue"]),
        architecture=app.node.try_get_context("architecture") or "arm64",
    )
    app.synth()
    return 0


if __name__ == "__main__":
    sys.exit(main())
