"""`mailbus cost`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mailbus_cli import options


def cost(
    *,
    mails: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="Mails a month.")] = 1_000_000,
    events_per_mail: Annotated[
        float,
        typer.Option(
            min=1,
            max=100,
            metavar="NUMBER",
            help="SES's events of a mail: four if it arrives, and is opened and clicked once.",
        ),
    ] = 4.0,
    size: Annotated[
        float, typer.Option(min=0.1, max=64_000, metavar="KB", help="The mean size of a job as JSON.")
    ] = 4.0,
    rate: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            metavar="NUMBER",
            help="Mails a second, as fast as the account sends; by default the stage's expected_rate, or 14.",
        ),
    ] = None,
    alone: Annotated[
        bool, typer.Option("--alone", help="Mails come one at a time, so that no batch has two.")
    ] = False,
    stage: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="A stage of ./mailbus.toml, with its settings; otherwise the defaults."
        ),
    ] = None,
    sent: Annotated[
        bool | None, typer.Option("--sent/--no-sent", help="Instead of the setting events.sent.")
    ] = None,
    archive_days: Annotated[
        int | None,
        typer.Option(
            min=0, max=3650, metavar="DAYS", help="Instead of the setting retention.event_archive_days."
        ),
    ] = None,
    timeline_days: Annotated[
        int | None,
        typer.Option(min=0, max=3650, metavar="DAYS", help="Instead of the setting timeline.days."),
    ] = None,
    json: options.Json = False,
) -> None:
    """Show what mails cost on AWS, by line item.

        mailbus cost --mails 3000000 --rate 100
        mailbus cost --stage prod --no-sent --archive-days 0 --json

    Calls, units and seconds of a mail are counted in a simulation that runs the functions' own code, and
    multiplied by AWS's prices in us-east-1. The rate is the nearest one below that was counted. SES's own
    price is beside it, and SNS's apart, since it is not known whether it bills what SES publishes. Then
    comes what a month costs without any mail, and what each guarantee costs, with the setting without it.

    Nothing is asked of AWS, and no credentials are needed.
    """
    from mailbus_cdk.quotas import EXPECTED_RATE  # noqa: PLC0415 - only now
    from mailbus_cdk.settings import Settings  # noqa: PLC0415 - as above
    from mailbus_cli.costing import view  # noqa: PLC0415 - as above
    from mailbus_cli.costing.plan import Options, Plan  # noqa: PLC0415 - as above
    from mailbus_cli.output import print_json  # noqa: PLC0415 - as above

    settings = Settings.load(Path("mailbus.toml"), stage) if stage else None
    plan = Plan(
        mails=mails,
        events=events_per_mail,
        kilobytes=size,
        rate=rate or (settings.expected_rate if settings else EXPECTED_RATE),
        load="alone" if alone else "mailing",
        options=Options.of(settings) if settings else Options(),
    )
    chosen = {"sent": sent, "archive_days": archive_days, "timeline_days": timeline_days}
    plan = plan.with_options(**{name: value for name, value in chosen.items() if value is not None})
    if json:
        print_json(view.document(plan))
    else:
        view.show(plan)
