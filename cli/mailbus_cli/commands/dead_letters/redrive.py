"""`mailbus dead-letters redrive`."""

from __future__ import annotations

from typing import Annotated

import typer

from mailbus_cli import options
from mailbus_cli.commands.dead_letters.list import Error, Queue


def redrive(
    what: Annotated[
        list[str] | None,
        typer.Argument(metavar="LETTER...", help="Ids of jobs or letters; a beginning is enough."),
    ] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All letters.")] = False,
    error: Error = None,
    queue: Queue = None,
    edit: Annotated[bool, typer.Option("--edit", help="Edit each job in $EDITOR first.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    local: options.Local = False,
    stage: options.Stage = None,
    profile: options.Profile = None,
    region: options.Region = None,
    directory: options.Directory = None,
    json: options.Json = False,
) -> int:
    """Send dead letters to the queue that they came from.

        mailbus dead-letters redrive --stage prod ticket-3317 --edit
        mailbus dead-letters redrive --stage prod --error MessageRejected
        mailbus dead-letters redrive --stage prod --all --dry-run

    A job goes back to its lane, an event to its function. With `--edit` a job is corrected first: it is
    checked by the sender's own rules when the editor ends, and offered again with its errors. A letter is
    deleted once its queue has taken it. A run that is interrupted is repeated: what was sent twice is one
    mail. The exit code is 1 if any was not redriven.
    """
    from mailbus_cli import dead_letters_commands as commands  # noqa: PLC0415 - loads boto3
    from mailbus_cli.deployment import find  # noqa: PLC0415 - as above

    deployment = find(local=local, stage=stage, profile=profile, region=region, directory=directory)
    return commands.redrive(
        deployment,
        commands.Choice(names=tuple(what or ()), everything=everything, error=error, queue=queue),
        edit=edit,
        dry_run=dry_run,
        yes=yes,
        json=json,
    )
