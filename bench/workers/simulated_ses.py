"""The simulated SES in a process of its own, so that it does not slow down what is measured."""

from __future__ import annotations

import sys
import threading

from mailbus_local.ministack import ACCOUNT_ID, REGION
from mailbus_local.ses.server import SimulatedSes, SimulatorSettings


def main(upstream_url: str, port: str) -> None:
    """Serve until the process is terminated."""
    settings = SimulatorSettings(
        upstream_url=upstream_url, region=REGION, account_id=ACCOUNT_ID, port=int(port)
    )
    SimulatedSes(settings).start()
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
