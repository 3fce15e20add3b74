"""`mailbus replay`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from mailbus_cli import options

_TIME = "A time with its zone: 2026-11-22T10:00:00Z."


def replay(
    *,
    start: Annotated[str, typer.Option("--from", metavar="TIME", help=_TIME)],
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="A later time.")],
    rule: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A rule of the bus; may be repeated.  [default: all rules]"),
    ] = None,
    local: options.Local = False,
    stage: options.Stage = None,
    profile: options.Profile = None,
    region: options.Region = None,
    directory: options.Directory = None,
    json: options.Json = False,
) -> None:
    """Give past events to the rules of the bus again.

        mailbus replay --stage prod --from 2026-11-22T08:00:00Z --to 2026-11-22T09:30:00+01:00 --rule clicks

    The events are those of the archive whose `time` is in the interval. They are unchanged, with a field
    `replay-name` beside their detail. Without --rule every rule gets them again. The command ends when the
    replay does, and shows how far it is, with --json a line for each state; Ctrl-C does not stop the replay.
    """
    import msgspec  # noqa: PLC0415 - only now

    from mailbus_cli import output, replays  # noqa: PLC0415 - as above
    from mailbus_cli.deployment import find  # noqa: PLC0415 - as above

    now = datetime.now(UTC)
    interval = replays.parse_interval(start, end, now=now)
    deployment = find(local=local, stage=stage, profile=profile, region=region, directory=directory)
    bus = replays.Replays(deployment.client("events"))
    archive = bus.archive(
        deployment.output(
            "EventArchiveName",
            without="set retention.event_archive_days; some regions have no archives: docs/stacks.md",
        )
    )
    replays.check_kept(interval, archive, now=now)
    wanted = replays.Replay(
        name=f"mailbus-{deployment.stage}-{now:%Y%m%dT%H%M%S%f}",
        archive=archive,
        interval=interval,
        rule_arns=tuple(bus.rule_arn(name, archive) for name in rule or ()),
    )
    bus.start(wanted)
    receivers = ", ".join(rule or ()) or "all rules of the bus"
    if not json:
        written = f"{replays.written(interval.start)} to {replays.written(interval.end)}"
        typer.echo(f"replay {wanted.name}: {written}, to {receivers}")
    if now - interval.end < replays.ARCHIVING:
        typer.echo("note: events of the last ten minutes may not be in the archive yet", err=True)
    try:
        for progress in replays.follow(bus, wanted.name):
            if json:
                output.print_json_line({"replay": wanted.name, **msgspec.to_builtins(progress)})
            else:
                typer.echo(replays.describe(progress))
    except KeyboardInterrupt:
        command = f"aws events cancel-replay --replay-name {wanted.name}"
        typer.echo(f"the replay continues; to cancel it: {command}", err=True)
        raise
