"""`mailbus status`."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from mailbus_cli.options import Directory, Json, Local, Profile, Region, Stage

_OTHERS: Final = "an address, the id of a job or message, and `tag:receipt` find mail too"


def status(
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT", help="An address, @example.com, the id of a job or of a message, or tag:receipt."
        ),
    ],
    *,
    local: Local = False,
    stage: Stage = None,
    profile: Profile = None,
    region: Region = None,
    directory: Directory = None,
    recipient: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Of several recipients only this one.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="COUNT", help="List so many mails.")] = 20,
    utc: Annotated[bool, typer.Option("--utc", help="Show times in UTC.")] = False,
    json: Json = False,
) -> int:
    """Say where a mail is, and what to do.

        mailbus status --stage prod jane@example.net
        mailbus status --stage prod order-1001

    Of one mail its whole timeline in plain words, of several a line each: for an address, a domain or a tag
    the newest first, for a job or a message problems first. A domain and a tag are looked for among the
    newest 500 messages. A job is also found before it is sent, and where the stage keeps no timeline. Says
    too whether SES's suppression list holds the address, and which lane is paused.

    The exit code is 1 if nothing is found, whatever became of what is found.
    """
    from mailbus_cli import deployment, lanes, status_report, status_view  # noqa: PLC0415 - loads boto3
    from mailbus_cli.errors import CommandError  # noqa: PLC0415 - as above
    from mailbus_cli.output import print_json  # noqa: PLC0415 - as above
    from mailbus_cli.times import Times  # noqa: PLC0415 - as above

    found = deployment.find(local=local, stage=stage, profile=profile, region=region, directory=directory)
    report = status_report.report(found, what, recipient=recipient, limit=limit)
    if json:
        print_json(report)
        return int(report.is_empty)
    for event in report.paused_lanes:
        typer.echo(f"The {event.lane} lane is paused {lanes.since(event)}. Its jobs wait.", err=True)
    if report.suppression is None and report.is_empty:
        domain = report.query.value.rpartition("@")[2] if report.query.kind == "address" else None
        hint = f"`mailbus status {found.option} @{domain}` looks for the whole domain" if domain else _OTHERS
        raise CommandError(report.outcome.rstrip("."), hint=hint)
    status_view.show(report, found, Times.of(utc=utc))
    return int(report.is_empty)
