"""`mailbus local`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from mailbus_cli.errors import CommandError, UsageError

if TYPE_CHECKING:
    from mailbus_cli.terminal import Steps
    from mailbus_local.embedded import EmbeddedAws

LAST_PORT: Final = 65_535
SIGNALLED: Final = 128


def _port(text: str) -> Any:  # noqa: ANN401 - as typer.Option
    return typer.Option(min=0, max=LAST_PORT, metavar="PORT", help=text)


def _show_denials(aws: EmbeddedAws, steps: Steps, shown: int) -> int:
    """Show what roles did not allow since the first `shown` denials; return how many there are."""
    found = aws.denials()
    for denial in found[shown:]:
        steps.warn(f"denied: {denial}")
    return len(found)


def _require_none_denied(aws: EmbeddedAws, file: Path) -> None:
    """Raise an error if a call was denied: a program that runs the system sees it by the exit code."""
    if count := len(aws.denials()):
        reason = f"roles and policies did not allow {count} {'call' if count == 1 else 'calls'}"
        raise CommandError(reason, hint=f"{file} has the role, action and resource of each")


def local(
    *,
    port: Annotated[int, _port("Port of the embedded AWS.")] = 0,
    ses_port: Annotated[int, _port("Port of the simulated SES.")] = 0,
    smtp_port: Annotated[int, _port("SMTP port for incoming mail.")] = 0,
    sns_port: Annotated[int, _port("Port of SNS over HTTPS.")] = 0,
    room_port: Annotated[int, _port("Port of the mail room.")] = 0,
    directory: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Directory of logs and outputs.  [default: .mailbus]"),
    ] = None,
    app: Annotated[
        str | None,
        typer.Option(metavar="COMMAND", help="Deploy this folder's CDK app instead: 'python3 app.py'."),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="With --app: the region of its stacks.  [default: us-east-1]"),
    ] = None,
) -> int:
    """Run the whole system on this machine until Ctrl-C.

    Deploys the stacks to an embedded AWS with a simulated SES, on 127.0.0.1: with [stages.local] of this
    folder's mailbus.toml if there is one, else with the domains example.com and inbound.example.com. Needs no
    AWS account, no Docker and, from the second start on, no network. Port 0 is a free port.

    When it is ready it prints the address of its mail room: a page with each mail and what becomes of it.
    The exit code is 1 if roles or policies did not allow a call.
    """
    if region is not None and app is None:
        reason = "--region is an option of --app"
        raise UsageError(reason, hint="without --app the region is that of mailbus.toml")
    try:
        from mailbus_local.cdk_app import CdkApp  # noqa: PLC0415 - needs the extra
        from mailbus_local.embedded import EmbeddedAws  # noqa: PLC0415 - as above
        from mailbus_local.ports import Ports  # noqa: PLC0415 - as above
        from mailbus_local.stop_signals import StopRequest  # noqa: PLC0415 - as above
    except ModuleNotFoundError as error:
        reason = f"`mailbus local` needs the extra local ({error.name} is missing)"
        raise CommandError(reason, hint="install mailbus[local] from where mailbus came from") from error
    from mailbus.errors import MailbusError  # noqa: PLC0415 - loaded by the above
    from mailbus_cli import deployment  # noqa: PLC0415 - as above
    from mailbus_cli.room.room import Room  # noqa: PLC0415 - as above
    from mailbus_cli.room.server import Server  # noqa: PLC0415 - as above
    from mailbus_cli.terminal import Steps  # noqa: PLC0415 - as above
    from mailbus_local import denials, systems  # noqa: PLC0415 - as above
    from mailbus_local.ministack import REGION, without_proxy  # noqa: PLC0415 - as above

    folder = Path.cwd()
    own = directory is None
    directory = folder / systems.DEFAULT if directory is None else directory.absolute()
    os.environ.update(without_proxy())
    stop = StopRequest()
    stop.listen()
    ports = Ports(aws=port, ses=ses_port, smtp=smtp_port, sns=sns_port, room=room_port)
    try:
        with (
            Steps() as steps,
            EmbeddedAws(
                directory=directory,
                app=CdkApp(command=app, folder=folder, region=region or REGION) if app else None,
                ports=ports,
                progress=steps,
                stop=stop,
            ) as aws,
        ):
            if own:
                # as virtual environments and caches of tools do
                (directory / ".gitignore").write_text("*\n")
            with systems.recorded(folder, directory):
                found = deployment.find(local=True, stage=None, directory=directory)
                with Server(Room(found, may_write=True), port=room_port) as room:
                    steps.ready(aws.outputs, directory, room.address)
                    shown = 0
                    while aws.running and not stop.wait(1):
                        shown = _show_denials(aws, steps, shown)
                    _show_denials(aws, steps, shown)
            steps("stopping")
    except MailbusError:
        if stop.number:
            return SIGNALLED + stop.number
        raise
    if not stop.number:
        reason = "MiniStack, the embedded AWS, has ended by itself"
        raise CommandError(reason, hint=f"its log is {directory / 'ministack.log'}")
    _require_none_denied(aws, directory / denials.FILE)
    return 0
