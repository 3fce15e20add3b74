"""`mailbus init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mailbus_cli import options


def init(
    *,
    domain: Annotated[
        str | None, typer.Option(metavar="DOMAIN", help="The domain, or the address, to send from.")
    ] = None,
    stage: Annotated[str, typer.Option(metavar="NAME", help="The name of the stage.")] = "prod",
    region: Annotated[str | None, typer.Option(metavar="NAME", help="The region of AWS.")] = None,
    receive: Annotated[
        list[str] | None,
        typer.Option(metavar="DOMAIN", help="A domain whose mail is received; may be repeated."),
    ] = None,
    mail_from: Annotated[
        str | None,
        typer.Option(
            metavar="DOMAIN", help="Where bounces go; '' for SES's own.  [default: bounces.<domain>]"
        ),
    ] = None,
    dmarc: Annotated[
        str | None, typer.Option(metavar="POLICY", help="none, quarantine or reject.  [default: none]")
    ] = None,
    dmarc_rua: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS", help="An address that DMARC's daily reports are sent to; may be repeated."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; write what the options say.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Watch for the DNS records of the deployed stage.")
    ] = False,
    profile: options.Profile = None,
    json: options.Json = False,
) -> int:
    """Begin a stage: its settings, then its DNS records.

    Asks for a domain and the region, and writes the stage into this folder's mailbus.toml, which is created,
    or added to; nothing in it is changed. Then it shows how to deploy, and which DNS records will be needed.

        mailbus init
        mailbus init --domain shop.example --region eu-west-1 --receive in.shop.example --yes

    Once the stage is deployed, the same command shows the records to create, and what DNS has of each. With
    --watch it waits until all are there, and names what is wrong: another value, quotes that are part of it,
    a name that the provider has added its domain to.

        mailbus init --stage prod --watch

    DNS is asked as this machine does; MAILBUS_DNS_SERVER=1.1.1.1 asks that server.
    """
    from mailbus_cli.setup.command import Request, run  # noqa: PLC0415 - only now

    return run(
        Request(
            path=Path("mailbus.toml"),
            stage=stage,
            domain=domain,
            region=region,
            inbound=None if receive is None else tuple(receive),
            mail_from=mail_from,
            dmarc=dmarc,
            dmarc_rua=tuple(dmarc_rua or ()),
            yes=yes,
            watch=watch,
            profile=profile,
            json=json,
        )
    )
