"""`mailbus schema`."""

from __future__ import annotations

from typing import Annotated

import typer

from mailbus_cli.errors import UsageError

_JOB = "job"
_TYPESCRIPT = "typescript"


def _names(incomplete: str) -> list[str]:
    from mailbus.schemas.events import event_schemas  # noqa: PLC0415 - only now

    names = [_JOB, _TYPESCRIPT, *(event.detail_type for event in event_schemas())]
    return [name for name in names if name.startswith(incomplete)]


def schema(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            autocompletion=_names,
            help="job, typescript, or an event type such as email.bounced; without it the names are listed.",
        ),
    ] = None,
) -> None:
    """Print the JSON Schema of jobs or an event, or TypeScript.

        mailbus schema
        mailbus schema job > send-job.schema.json
        mailbus schema email.bounced
        mailbus schema typescript > mailbus.d.ts

    They are those of this version. A schema has names, types and nesting; `mailbus send --dry-run` checks all
    of a job.
    """
    from mailbus.schemas.publishing import published  # noqa: PLC0415 - only now
    from mailbus.spelling import nearest  # noqa: PLC0415 - as above

    if name is None:
        typer.echo("\n".join(_names("")))
        return
    texts = published()
    paths = {_JOB: "send-job.schema.json", _TYPESCRIPT: "mailbus.d.ts"}
    text = texts.get(paths.get(name, f"schemas/{name}.json"))
    if text is None:
        meant = nearest(name, _names(""))
        reason = f"there is no schema {name}"
        raise UsageError(
            reason, hint=f"did you mean `mailbus schema {meant}`?" if meant else "`mailbus schema` lists them"
        )
    typer.echo(text, nl=False)
