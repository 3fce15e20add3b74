"""The frame of all commands: it finds them, runs one, and turns its errors into lines and exit codes."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from mailbus import __version__
from mailbus.errors import MailbusError
from mailbus_cli import commands
from mailbus_cli.errors import CommandError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OK: Final = 0
ERROR: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130
HELP: Final = "Mailbus: Amazon SES as an event-driven mail service in your own AWS account."


def run(arguments: Sequence[str]) -> int:
    """Run a command; an error is a line, and a hint, on stderr. Return the exit code."""
    try:
        code = application()(args=list(arguments) or ["--help"], prog_name="mailbus", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        _report(error.format_message().rstrip("."), _help_of(arguments))
        return error.exit_code
    except MailbusError as error:
        _report(str(error), error.hint if isinstance(error, CommandError) else None)
        return USAGE if isinstance(error, UsageError) else ERROR
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # what reads the output has ended, as `head` does; nothing can be written at exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ERROR
    except OSError as error:
        _report(f"{error.filename}: {error.strerror}" if error.filename else str(error), None)
        return ERROR
    return code if isinstance(code, int) else OK


def application() -> typer.Typer:
    """Return the command line with a command for each module of `mailbus_cli.commands`."""
    app = typer.Typer(
        name="mailbus",
        help=HELP,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for name, command in found().items():
        app.command(name)(command)
    return app


def found() -> dict[str, Callable[..., object]]:
    """Return the functions of all commands by the commands' names."""
    modules = sorted(module.name for module in pkgutil.iter_modules(commands.__path__))
    return {
        name.replace("_", "-"): getattr(importlib.import_module(f"{commands.__name__}.{name}"), name)
        for name in modules
    }


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - as Typer calls it
    if wanted:
        typer.echo(f"mailbus {__version__}")
        raise typer.Exit


def _options(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version, and exit."
        ),
    ] = False,
) -> None:
    """Do nothing: the option's callback has ended the run."""


def _help_of(arguments: Sequence[str]) -> str:
    command = next((argument for argument in arguments if argument in found()), None)
    return f"mailbus {command} --help" if command else "mailbus --help"


def _report(reason: str, hint: str | None) -> None:
    sys.stderr.write(f"mailbus: {reason}\n")
    if hint:
        sys.stderr.write(f"hint: {hint}\n")
