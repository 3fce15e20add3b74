"""`mailbus doctor`."""

from __future__ import annotations

from typing import Annotated

import typer

from mailbus_cli.options import Directory, Json, Local, Profile, Region, Stage


def _checks(incomplete: str) -> list[str]:
    from mailbus_cli.doctor.registry import CHECKS  # noqa: PLC0415 - loads boto3

    return [check.name for check in CHECKS if check.name.startswith(incomplete)]


def doctor(
    *,
    local: Local = False,
    stage: Stage = None,
    profile: Profile = None,
    region: Region = None,
    directory: Directory = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="CHECK", autocompletion=_checks, help="This check alone; may be repeated."),
    ] = None,
    skip: Annotated[
        list[str] | None,
        typer.Option(metavar="CHECK", autocompletion=_checks, help="Not this check; may be repeated."),
    ] = None,
    show_all: Annotated[
        bool, typer.Option("--all", help="Show what is fine too, which a terminal shows as a number.")
    ] = False,
    json: Json = False,
) -> int:
    """Check a deployment, and say what to do.

    One line for each check, problems first, with the DNS record or the command to copy: the identity, DKIM,
    SPF, DMARC, the account's limits, all between SES and the queues, functions, alarms, dead letters.

        mailbus doctor --stage prod
        mailbus doctor --local --only dead-letters --only alarms

    Nothing is changed, but for rules and queues that killed runs of `mailbus tail` left. A check for which
    the credentials lack a right names it. The exit code is 1 if there are problems; warnings alone are 0.
    """
    from mailbus_cli import deployment  # noqa: PLC0415 - loads boto3
    from mailbus_cli import doctor as checks  # noqa: PLC0415 - as above
    from mailbus_cli.doctor import report  # noqa: PLC0415 - as above
    from mailbus_cli.output import console, print_json  # noqa: PLC0415 - as above

    found = deployment.find(local=local, stage=stage, profile=profile, region=region, directory=directory)
    with console(stderr=True).status(f"Checking {found.name}"):
        findings = checks.run(found, only=only or (), skip=skip or ())
    if json:
        print_json(findings)
    else:
        report.show(findings, show_all=show_all)
    return int(any(finding.level == "problem" for finding in findings))
