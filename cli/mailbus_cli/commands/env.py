"""`mailbus env`."""

from __future__ import annotations

import os
from typing import Annotated, Final

import typer

from mailbus_cli import options
from mailbus_cli.errors import UsageError
from mailbus_cli.shells import Shell, as_json, lines

# Some SDKs prefer a profile to the keys of the environment, such as that for JavaScript:
# https://github.com/aws/aws-sdk-js-v3/issues/2549
_LEADING_ELSEWHERE: Final = ("AWS_PROFILE", "AWS_SESSION_TOKEN")


def env(
    *,
    local: options.Local = False,
    stage: options.Stage = None,
    profile: options.Profile = None,
    region: options.Region = None,
    directory: options.Directory = None,
    shell: Annotated[
        Shell, typer.Option(help="Print this shell's syntax; sh is also that of bash and zsh.")
    ] = Shell.SH,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON object instead.")] = False,
) -> None:
    """Print a system's environment variables.

    AWS's tools and SDKs find the services by them. Each output of the stacks is one too: SEND_QUEUE_URL is
    SendQueueUrl. For a shell:

        eval "$(mailbus env --local)"
    """
    if local == (stage is not None):
        reason = (
            "one of --local and --stage is needed"
            if stage is None
            else "--local and --stage exclude each other"
        )
        raise UsageError(reason, hint="`mailbus env --local`, or `mailbus env --stage prod`")
    if directory is not None and not local:
        reason = "--directory is an option of --local"
        raise UsageError(reason, hint="`mailbus env --local --directory …`")
    unset: list[str] = []
    if stage is None:
        from mailbus_cli import local_systems  # noqa: PLC0415 - only now
        from mailbus_local import environment  # noqa: PLC0415 - as above
        from mailbus_local.ministack import behind_proxy, without_proxy  # noqa: PLC0415 - as above

        outputs = local_systems.find(directory).outputs
        variables = environment.variables(outputs) | (without_proxy() if behind_proxy() else {})
        unset = [name for name in _LEADING_ELSEWHERE if name in os.environ]
    else:
        from mailbus_cli import stages  # noqa: PLC0415 - as above

        variables = stages.variables(stage, profile=profile, region=region)
    typer.echo(as_json(variables) if json else lines(variables, shell, unset=unset), nl=False)
