"""The options that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mailbus_cli.completions import profile_names, stage_names


def _unless_local(context: typer.Context, stage: str | None) -> str | None:
    """Return the stage; that of the environment is a default, which `--local` replaces."""
    source = context.get_parameter_source("stage")
    by_default = source is not None and source.name == "ENVIRONMENT"
    return None if by_default and context.params.get("local") else stage


Local = Annotated[bool, typer.Option("--local", is_eager=True, help="The system that runs on this machine.")]
Stage = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        envvar="MAILBUS_STAGE",
        callback=_unless_local,
        autocompletion=stage_names,
        help="A stage in the account of the credentials.",
    ),
]
Profile = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", autocompletion=profile_names, help="With --stage: a profile of AWS's configuration."
    ),
]
Region = Annotated[str | None, typer.Option(metavar="NAME", help="With --stage: the stage's region.")]
Directory = Annotated[
    Path | None, typer.Option(metavar="PATH", help="With --local: the system with this directory.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]
