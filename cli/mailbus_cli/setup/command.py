"""The steps of `mailbus init`: ask, check, write, and look for the records."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import typer

from mailbus.errors import ConfigurationError
from mailbus_cdk.settings import Settings
from mailbus_cli import output
from mailbus_cli.errors import CommandError, UsageError
from mailbus_cli.setup import stage_files, wanted_records
from mailbus_cli.setup.stage_files import Stage
from mailbus_cli.setup.watch import all_there, look, shown, watch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailbus_cli.deployment import Deployment
    from mailbus_cli.setup.found_records import Found
    from mailbus_cli.setup.wanted_records import Wanted

REGIONS: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")
EXAMPLE: Final = "`mailbus init --domain shop.example --region eu-west-1 --yes`"
ERROR: Final = 1


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What the options say; None was not said."""

    path: Path
    stage: str
    domain: str | None = None
    region: str | None = None
    inbound: tuple[str, ...] | None = None
    mail_from: str | None = None
    dmarc: str | None = None
    dmarc_rua: tuple[str, ...] = ()
    yes: bool = False
    watch: bool = False
    profile: str | None = None
    json: bool = False


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints."""

    stage: str
    written: bool
    deployed: bool
    records: list[dict[str, Any]]


def run(request: Request) -> int:
    """Set up the stage as far as it goes; return the exit code."""
    if request.stage in stage_files.names(request.path):
        return _go_on(request)
    if request.watch:
        reason = f"{request.path.name} has no stage {request.stage}"
        raise UsageError(reason, hint="write it first, by `mailbus init`, and deploy it")
    old = stage_files.read(request.path)
    stage = _asked(request, old)
    text = stage_files.with_stage(old, stage)
    settings, warnings = stage_files.checked(request.path, text, stage.name)
    stage_files.write(request.path, old, text)
    _note(f"wrote [stages.{stage.name}] to {request.path}", *(f"warning: {one}" for one in warnings))
    wanted = wanted_records.before(settings)
    if request.json:
        output.print_json(_report(request, wanted, None, written=True))
        return 0
    sys.stdout.write(stage_files.table(stage))
    _print_next(request, settings, wanted)
    return 0


# --- asking


def _asked(request: Request, old: str | None) -> Stage:
    """Return the stage of the options, and of the answers to what they do not say."""
    ask = not request.yes and sys.stdin.isatty()
    if request.domain is None and not ask:
        reason = "the domain is missing"
        raise UsageError(reason, hint=EXAMPLE)
    while True:
        stage = _stage(request, ask=ask)
        try:
            stage_files.checked(request.path, stage_files.with_stage(old, stage), stage.name)
        except ConfigurationError as error:
            if not ask or request.domain is not None:
                raise
            typer.echo(f"{error}\n", err=True)
            continue
        return stage


def _stage(request: Request, *, ask: bool) -> Stage:
    def answer(question: str, default: str | None = None) -> str:
        return str(typer.prompt(question, default=default, err=True)).strip()

    domain = request.domain
    if domain is None:
        domain = answer("The domain to send from").lower()
    region = request.region or next(filter(None, map(os.environ.get, REGIONS)), None)
    if ask and request.region is None:
        region = answer("The region of AWS", region)
    if region is None:
        reason = "the region is missing"
        raise UsageError(reason, hint=EXAMPLE)
    inbound = request.inbound
    if inbound is None:
        received = answer("A domain to receive mail for (- for none)", "-") if ask else "-"
        inbound = () if received == "-" else tuple(received.replace(",", " ").split())
    is_domain = "@" not in domain
    return Stage(
        name=request.stage,
        region=region,
        identity=domain,
        mail_from_domain=request.mail_from
        if request.mail_from is not None
        else (f"bounces.{domain}" if is_domain else ""),
        dmarc_policy=request.dmarc if request.dmarc is not None else ("none" if is_domain else ""),
        dmarc_rua=request.dmarc_rua,
        inbound=inbound,
    )


def _print_next(request: Request, settings: Settings, wanted: Sequence[Wanted]) -> None:
    app = "" if (request.path.parent / "cdk.json").exists() else " --app 'python3 -m mailbus_cdk'"
    context = f"--context stage={request.stage}"
    out = output.console()
    out.print(
        "\nNext, with credentials of the account:\n\n"
        f"  cdk bootstrap{app} {context}   (once per account and region)\n"
        f"  cdk deploy{app} --all {context}\n",
        soft_wrap=True,
    )
    if settings.hosted_zone_id:
        out.print(
            f"The DNS records are created in the hosted zone {settings.hosted_zone_id}.", soft_wrap=True
        )
    if wanted:
        out.print("These DNS records will be needed:\n")
        _print_records(wanted, [None] * len(wanted))
        out.print(f"\n`mailbus init --stage {request.stage} --watch` then shows the tokens.", soft_wrap=True)


# --- a stage that is there


def _go_on(request: Request) -> int:
    """Show what DNS has of a deployed stage's records."""
    settings = Settings.load(request.path, request.stage)
    for name, said in {"identity": request.domain, "region": request.region}.items():
        own = getattr(settings, name)
        if said is not None and said != own:
            reason = f"the stage {request.stage} is in {request.path.name} already, with {name} {own}"
            raise CommandError(reason, hint="edit the file, or choose another name with --stage")
    _note(f"the stage {request.stage} is in {request.path.name} already; nothing is written")
    deployment = _deployment(request, settings)
    if deployment is None:
        coming = wanted_records.before(settings)
        if request.json:
            output.print_json(_report(request, coming, None, written=False))
        else:
            _print_next(request, settings, coming)
        return 0
    wanted = wanted_records.of_outputs(deployment.outputs)
    if not wanted:
        _note("the stage has no DNS records to create by hand")
        return 0
    from mailbus_cli.dns import resolver  # noqa: PLC0415 - only now

    look_up = resolver().look_up
    if request.watch and not request.json:
        watch(wanted, look_up, wait=time.sleep)
        doctor = f"`mailbus doctor {deployment.option}`"
        _note(f"all records are there; SES finds them mostly within the hour: {doctor}")
        return 0
    found = look(wanted, look_up)
    if request.json:
        output.print_json(_report(request, wanted, found, written=False))
    else:
        _print_records(wanted, found)
    return 0 if all_there(found) else ERROR


def _deployment(request: Request, settings: Settings) -> Deployment | None:
    """Return the deployed stage; None if it is not deployed or cannot be read, unless it is waited for."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - only now

    from mailbus_cli import aws_errors  # noqa: PLC0415 - as above
    from mailbus_cli.deployment import find  # noqa: PLC0415 - as above

    try:
        return find(local=False, stage=request.stage, profile=request.profile, region=settings.region)
    except (BotoCoreError, ClientError) as error:
        if request.watch:
            raise
        _note(f"what is deployed is not known: {aws_errors.explain(error, profile=request.profile).reason}")
    except CommandError as error:
        if request.watch:
            raise
        _note(str(error))
    return None


def _print_records(wanted: Sequence[Wanted], found: Sequence[Found | None]) -> None:
    out = output.console()
    if out.is_terminal:
        out.print(shown(wanted, found))
        return
    rows = [
        (now.state if now else "", record.name, record.type, record.value, now.text if now else "")
        for record, now in zip(wanted, found, strict=True)
    ]
    output.print_table(("state", "name", "type", "value", "note"), rows)


def _report(
    request: Request, wanted: Sequence[Wanted], found: Sequence[Found] | None, *, written: bool
) -> Report:
    states: Sequence[Found | None] = found or [None] * len(wanted)
    return Report(
        stage=request.stage,
        written=written,
        deployed=found is not None,
        records=[
            {
                **msgspec.to_builtins(record),
                "state": now.state if now else None,
                "note": (now.text or None) if now else None,
            }
            for record, now in zip(wanted, states, strict=True)
        ],
    )


def _note(*lines: str) -> None:
    for line in lines:
        sys.stderr.write(f"{line}\n")
