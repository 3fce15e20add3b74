"""`mailbus dead-letters delete`."""

from __future__ import annotations

from typing import Annotated

import typer

from mailbus_cli import options
from mailbus_cli.commands.dead_letters.list import Error, Queue


def delete(
    what: Annotated[
        list[str] | None,
        typer.Argument(metavar="LETTER...", help="Ids of jobs or letters; a beginning is enough."),
    ] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All letters.")] = False,
    error: Error = None,
    queue: Queue = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    local: options.Local = False,
    stage: options.Stage = None,
    profile: options.Profile = None,
    region: options.Region = None,
    directory: options.Directory = None,
    json: options.Json = False,
) -> int:
    """Delete dead letters for good.

        mailbus dead-letters delete --stage prod --error JobIdConflict

    For what is not to be sent any more. Deleted letters cannot be brought back.
    """
    from mailbus_cli import dead_letters_commands as commands  # noqa: PLC0415 - loads boto3
    from mailbus_cli.deployment import find  # noqa: PLC0415 - as above

    deployment = find(local=local, stage=stage, profile=profile, region=region, directory=directory)
    return commands.delete(
        deployment,
        commands.Choice(names=tuple(what or ()), everything=everything, error=error, queue=queue),
        yes=yes,
        json=json,
    )
