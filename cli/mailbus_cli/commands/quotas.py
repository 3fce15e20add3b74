"""`mailbus quotas`."""

from __future__ import annotations

from typing import Annotated

import typer

from mailbus_cli import options
from mailbus_cli.errors import UsageError


def _regions(incomplete: str) -> list[str]:
    from mailbus_cdk.regions import ses_regions  # noqa: PLC0415 - only now

    return sorted(name for name in ses_regions() if name.startswith(incomplete))


def quotas(
    context: typer.Context,
    defaults_of: Annotated[
        str | None,
        typer.Argument(
            metavar="REGION",
            autocompletion=_regions,
            help="A region, for its defaults; without it an account's own values, by --stage.",
        ),
    ] = None,
    *,
    local: options.Local = False,
    stage: options.Stage = None,
    profile: options.Profile = None,
    region: options.Region = None,
    directory: options.Directory = None,
    rate: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            metavar="NUMBER",
            help="Mails a second; by default the stage's expected_rate, and for a region 14.",
        ),
    ] = None,
    timeline: Annotated[
        bool, typer.Option("--timeline", help="With REGION: as for a stage that keeps a timeline.")
    ] = False,
    json: options.Json = False,
) -> int:
    """List AWS's quotas, and what your mails need of them.

        mailbus quotas eu-north-1 --rate 60
        mailbus quotas --stage prod

    One line for each quota that sending leans on: its limit, what the mails a second need of it, and for how
    many it is enough. Of a region, the defaults, without an account; of a stage, the account's own values,
    with the credentials' right servicequotas:GetServiceQuota. What is too small has the command that asks AWS
    for more. Quotas of scheduled mail and of the webhook are listed, but not judged.

    The exit code is 1 if a quota is too small.
    """
    from mailbus_cli import deployment, quota_uses, quotas_view  # noqa: PLC0415 - loads boto3
    from mailbus_cli.output import print_json  # noqa: PLC0415 - as above

    if defaults_of is None:
        if timeline:
            reason = "--timeline is an option for a region"
            raise UsageError(reason, hint="`mailbus quotas eu-west-1 --timeline`; a stage says it itself")
        system = deployment.find(
            local=local, stage=stage, profile=profile, region=region, directory=directory
        )
        found = quota_uses.of_stage(system, rate)
    else:
        chosen = context.get_parameter_source("stage")
        if local or (chosen is not None and chosen.name == "COMMANDLINE"):
            reason = "a region's defaults are of no stage"
            raise UsageError(reason, hint=f"`mailbus quotas {defaults_of}`, or `mailbus quotas --stage prod`")
        found = quota_uses.of_region(defaults_of, rate, timeline=timeline)
    if json:
        print_json(quotas_view.documents(found))
    else:
        quotas_view.show(found)
    return int(any(use.fits is False for use in found))
