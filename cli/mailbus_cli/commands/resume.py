"""`mailbus resume`."""

from __future__ import annotations

import typer

from mailbus_cli import options
from mailbus_cli.commands.pause import Reason, Which


def resume(
    lane: Which,
    *,
    reason: Reason = None,
    local: options.Local = False,
    stage: options.Stage = None,
    profile: options.Profile = None,
    region: options.Region = None,
    directory: options.Directory = None,
    json: options.Json = False,
) -> None:
    """Resume a lane that `mailbus pause` or the guard has paused.

        mailbus resume bulk --local

    Jobs that wait come back by themselves, each after 15 minutes at most. The bus gets the event
    `mailbus.lane_resumed`. The guard pauses the lane again only when a rate has fallen below its limit and
    reached it anew.
    """
    from mailbus_cli import lanes, output  # noqa: PLC0415 - loads boto3
    from mailbus_cli.deployment import find  # noqa: PLC0415 - as above

    deployment = find(local=local, stage=stage, profile=profile, region=region, directory=directory)
    outcome = lanes.resume(deployment, lane, reason)
    if json:
        output.print_json(outcome)
        return
    typer.echo(f"The {lane} lane of {deployment.name} is {'resumed' if outcome.changed else 'not paused'}.")
