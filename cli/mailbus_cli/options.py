"""The options that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Local = Annotated[bool, typer.Option("--local", help="The system that runs on this machine.")]
Stage = Annotated[
    str | None,
    typer.Option(metavar="NAME", envvar="MAILBUS_STAGE", help="A stage in the account of the credentials."),
]
Profile = Annotated[
    str | None, typer.Option(metavar="NAME", help="With --stage: a profile of AWS's configuration.")
]
Region = Annotated[str | None, typer.Option(metavar="NAME", help="With --stage: the stage's region.")]
Directory = Annotated[
    Path | None, typer.Option(metavar="PATH", help="With --local: the system with this directory.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]
