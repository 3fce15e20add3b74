"""`mailbus room`."""

from __future__ import annotations

import sys
from typing import Annotated, Final

import typer

from mailbus_cli import deployment, options

LAST_PORT: Final = 65_535


def room(
    *,
    local: options.Local = False,
    stage: options.Stage = None,
    profile: options.Profile = None,
    region: options.Region = None,
    directory: options.Directory = None,
    write: Annotated[
        bool, typer.Option("--write", help="With --stage: allow to redrive, delete and send.")
    ] = False,
    port: Annotated[
        int, typer.Option(min=0, max=LAST_PORT, metavar="PORT", help="Port of the pages; 0 is a free one.")
    ] = 0,
    browser: Annotated[bool, typer.Option(help="Open the browser, on a terminal.")] = True,
) -> None:
    """Show mail and its events on a page of this machine.

        mailbus room --local
        mailbus room --stage prod

    Serves the pages on 127.0.0.1 until Ctrl-C, and prints their address. Its token opens the room for a
    browser, and ends with the command. A stage is read with your credentials, and nothing of it is changed
    without --write.
    """
    from mailbus_cli.room.room import Room  # noqa: PLC0415 - takes long to load
    from mailbus_cli.room.server import Server  # noqa: PLC0415 - as above
    from mailbus_local.stop_signals import StopRequest  # noqa: PLC0415 - as above

    found = deployment.find(local=local, stage=stage, profile=profile, region=region, directory=directory)
    stop = StopRequest()
    stop.listen()
    with Server(Room(found, may_write=write or found.is_local), port=port) as server:
        typer.echo(f"the mail room of {found.name} is at {server.address}")
        sys.stdout.flush()
        if browser and sys.stdout.isatty():
            typer.launch(server.address)
        while not stop.wait(1):
            pass
