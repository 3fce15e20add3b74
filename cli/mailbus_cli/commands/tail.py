"""`mailbus tail`."""

from __future__ import annotations

import sys
from typing import Annotated, Final

import typer

from mailbus_cli.options import Directory, Local, Profile, Region, Stage

# Ctrl-C is heard after so many seconds at most
WAIT_SECONDS: Final = 2


def _types(incomplete: str) -> list[str]:
    from mailbus_cli.bus_events import EVENT_TYPES  # noqa: PLC0415 - only now

    return [name for name in sorted(EVENT_TYPES) if name.startswith(incomplete)]


def tail(
    *,
    local: Local = False,
    stage: Stage = None,
    profile: Profile = None,
    region: Region = None,
    directory: Directory = None,
    recipient: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="To this address, or with @example.com to a domain.")
    ] = None,
    job: Annotated[str | None, typer.Option(metavar="ID", help="Of this job.")] = None,
    event_type: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="TYPE", autocompletion=_types, help="Of this type; may be repeated."),
    ] = None,
    tag: Annotated[str | None, typer.Option(metavar="TAG", help="Of jobs with this tag.")] = None,
    utc: Annotated[bool, typer.Option("--utc", help="Show times in UTC.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print each event as a line of JSON.")] = False,
) -> None:
    """Show events as they happen, until Ctrl-C.

        mailbus tail --stage prod
        mailbus tail --stage prod --type bounced --type complained --recipient @example.com

    A line for each event: time, type, recipient, job and reason. Nothing of a mail's content is shown: no
    subject, no body. Events come through a rule and a queue of their own, which are removed at the end; what
    a killed run left, the next one or `mailbus doctor` removes an hour later.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - takes long to load

    from mailbus_cli import deployment, event_stream, tail_view  # noqa: PLC0415 - as above
    from mailbus_cli.bus_events import EVENT_TYPES  # noqa: PLC0415 - as above
    from mailbus_cli.errors import UsageError  # noqa: PLC0415 - as above
    from mailbus_cli.stopping import Stop  # noqa: PLC0415 - as above
    from mailbus_cli.times import Times  # noqa: PLC0415 - as above

    unknown = set(event_type or ()) - EVENT_TYPES
    if unknown:
        reason = f"there is no event type {min(unknown)}"
        raise UsageError(reason, hint=f"the types are {', '.join(sorted(EVENT_TYPES))}")
    wanted = tail_view.Filter(
        recipient=recipient, job_id=job, event_types=frozenset(event_type or ()), tag=tag
    )
    found = deployment.find(local=local, stage=stage, profile=profile, region=region, directory=directory)
    try:
        for removed in event_stream.remove_stale(found):
            typer.echo(f"removed {removed.name}, which a killed run had left", err=True)
    except (ClientError, BotoCoreError):
        # whoever may not list them can follow events nevertheless
        pass
    show = tail_view.printer(Times.of(utc=utc), json=json)
    with Stop() as stop, event_stream.open(found, pattern=wanted.pattern) as stream:
        if sys.stderr.isatty():
            typer.echo(f"Events of {found.name} from now on. Ctrl-C ends.", err=True)
        while not stop.requested:
            for live in stream.events(WAIT_SECONDS):
                if wanted.wants(live.event):
                    show(live)
