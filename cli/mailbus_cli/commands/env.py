"""`mailbus env`."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from mailbus_cli.errors import CommandError, UsageError
from mailbus_cli.shells import Shell, as_json, lines

if TYPE_CHECKING:
    from mailbus_local.systems import System


# Some SDKs prefer a profile to the keys of the environment, such as that for JavaScript:
# https://github.com/aws/aws-sdk-js-v3/issues/2549
_LEADING_ELSEWHERE: Final = ("AWS_PROFILE", "AWS_SESSION_TOKEN")


def env(
    *,
    local: Annotated[bool, typer.Option("--local", help="The system that runs on this machine.")] = False,
    stage: Annotated[
        str | None, typer.Option(metavar="NAME", help="A stage in the account of AWS_PROFILE.")
    ] = None,
    directory: Annotated[
        Path | None, typer.Option(metavar="PATH", help="With --local: the system with this directory.")
    ] = None,
    shell: Annotated[Shell, typer.Option(help="Print this shell's syntax.")] = Shell.SH,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON object instead.")] = False,
) -> None:
    """Print a system's environment variables.

    For a shell: eval "$(mailbus env --local)". AWS's tools and SDKs find the services by them. Each output of
    the stacks is one too: SEND_QUEUE_URL is SendQueueUrl.
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
        from mailbus_local import environment  # noqa: PLC0415 - only now
        from mailbus_local.ministack import behind_proxy, without_proxy  # noqa: PLC0415 - as above

        outputs = _running(directory).outputs
        variables = environment.variables(outputs) | (without_proxy() if behind_proxy() else {})
        unset = [name for name in _LEADING_ELSEWHERE if name in os.environ]
    else:
        from mailbus_cli import stages  # noqa: PLC0415 - as above

        variables = stages.variables(stage)
    typer.echo(as_json(variables) if json else lines(variables, shell, unset=unset), nl=False)


def _running(directory: Path | None) -> System:
    """Return the system of a directory, of this folder or one above it, or the only one."""
    from mailbus_local import systems  # noqa: PLC0415 - as above

    if directory is not None:
        if system := systems.at(directory.absolute()):
            return system
        reason = f"no system runs in {directory}, or it is not ready"
        raise CommandError(reason, hint="`mailbus env --local` finds those that run")
    found = systems.running()
    if system := systems.nearest(found, Path.cwd()):
        return system
    if not found:
        reason = "no system runs on this machine, or it is not ready"
        raise CommandError(reason, hint="start one with `mailbus local`, in another terminal")
    if len(found) > 1:
        listed = ", ".join(str(system.directory) for system in found)
        reason = f"{len(found)} systems run, none of them in this folder or above it: {listed}"
        quoted = shlex.quote(str(found[0].directory))
        raise CommandError(reason, hint=f"choose one: `mailbus env --local --directory {quoted}`")
    return found[0]
