"""`mailbus logs`."""

from __future__ import annotations

from typing import Annotated

import typer

from mailbus_cli import options


def logs(
    functions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FUNCTION...",
            show_default=False,
            help="sender, tracking, inbound, timeline, guard or webhook; without one, all.",
        ),
    ] = None,
    *,
    minutes: Annotated[
        int, typer.Option(min=1, max=10_080, metavar="COUNT", help="How far to look back.")
    ] = 60,
    utc: Annotated[bool, typer.Option("--utc", help="Show times in UTC.")] = False,
    local: options.Local = False,
    stage: options.Stage = None,
    profile: options.Profile = None,
    region: options.Region = None,
    directory: options.Directory = None,
    json: options.Json = False,
) -> None:
    """Show the errors in the functions' logs, and how often each.

        mailbus logs sender --local
        mailbus logs --stage prod --minutes 15

    A line for each thing that was said: how often, when last, the function, the level, and what the newest
    has, such as the error code and the id of the job. The level `lambda` is of what Lambda itself says, as
    when a worker runs out of time or memory. Jobs that wait are there too, with the error that they wait for.
    Of each function 10,000 lines are read, the oldest first.

    The credentials need lambda:GetFunctionConfiguration and logs:FilterLogEvents.
    """
    from mailbus_cli import function_logs, output  # noqa: PLC0415 - loads boto3
    from mailbus_cli.deployment import find  # noqa: PLC0415 - as above
    from mailbus_cli.printable import printable  # noqa: PLC0415 - as above
    from mailbus_cli.times import Times  # noqa: PLC0415 - as above

    deployment = find(local=local, stage=stage, profile=profile, region=region, directory=directory)
    found = function_logs.read(deployment, functions or (), minutes)
    for name in found.cut:
        typer.echo(f"{name}: there are more lines; look back less with --minutes", err=True)
    if json:
        output.print_json(found.repeated)
        return
    if not found.repeated:
        typer.echo(f"no errors in the last {minutes} minutes", err=True)
    times = Times.of(utc=utc)
    output.print_table(
        ("times", "last", "function", "level", "", ""),
        (
            (
                f"{one.count:,}",
                times.whole(one.newest.at),
                one.newest.function,
                one.newest.level or "lambda",
                printable(one.newest.message),
                printable(" ".join(f"{name}={value}" for name, value in one.newest.fields.items())),
            )
            for one in found.repeated
        ),
    )
