"""`mailbus pause`."""

from __future__ import annotations

from typing import Annotated

import typer

from mailbus.stages import Lane
from mailbus_cli import options

Which = Annotated[Lane, typer.Argument(metavar="LANE", help="`transactional` or `bulk`.")]
Reason = Annotated[str | None, typer.Option(metavar="TEXT", help="Why, for others who look.")]


def pause(
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
    """Pause a lane: its jobs wait, and the other lane goes on.

        mailbus pause bulk --local --reason "wrong list"

    No worker begins to send a job of the lane any more; what it sends just then is sent within two seconds.
    Jobs wait as long as it takes, up to 13 days, and `expires_at` still ends them. The bus gets the event
    `mailbus.lane_paused`. A lane that is paused already stays as it is, with the reason that it has.
    """
    from mailbus_cli import lanes, output  # noqa: PLC0415 - loads boto3
    from mailbus_cli.deployment import find  # noqa: PLC0415 - as above

    deployment = find(local=local, stage=stage, profile=profile, region=region, directory=directory)
    outcome = lanes.pause(deployment, lane, reason)
    if json:
        output.print_json(outcome)
        return
    was = "" if outcome.changed or outcome.event is None else f" already ({lanes.since(outcome.event)})"
    typer.echo(f"The {lane} lane of {deployment.name} is paused{was}.")
    typer.echo(f"Resume it: mailbus resume {lane} {deployment.option}", err=True)
