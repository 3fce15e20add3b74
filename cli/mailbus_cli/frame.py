"""The frame of all commands: it makes the command line of them, runs one, and turns errors into exit codes.

An error is one line on stderr and mostly a second one with what to do, also with `--json`: what is on stdout
is a whole document or nothing.
"""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from mailbus import __version__
from mailbus.errors import MailbusError
from mailbus_cli import discovery, help_pages, verbose
from mailbus_cli.errors import CommandError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    # what is printed: reason, hint, and the exit code
    _Outcome = tuple[str, str | None, int]

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
    except KeyboardInterrupt:
        return INTERRUPTED
    except typer.Abort as error:
        # a question was answered by Ctrl-C, or the input has ended
        if isinstance(error.__context__, KeyboardInterrupt):
            return INTERRUPTED
        return _report(CommandError("there is no answer", hint="`--help` has the option"), arguments)
    except BrokenPipeError:
        # what reads the output has ended, as `head` does; nothing can be written at exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ERROR
    except Exception as error:  # noqa: BLE001 - each is a line
        if verbose.is_enabled():
            traceback.print_exc()
        return _report(error, arguments)
    finally:
        verbose.disable()
    return code if isinstance(code, int) else OK


def application() -> typer.Typer:
    """Return the command line with all commands."""
    app = typer.Typer(
        name="mailbus",
        help=HELP,
        cls=help_pages.Group,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={
            "help_option_names": ["-h", "--help"],
            "terminal_width": help_pages.width(),
        },
    )
    app.callback()(_options)
    for name, command in found().items():
        if isinstance(command, discovery.Group):
            app.add_typer(_group(command), name=name)
        else:
            app.command(name, cls=help_pages.Command)(command)
    return app


def found() -> dict[str, Callable[..., object] | discovery.Group]:
    """Return all commands and groups by name."""
    return discovery.found()


def _group(group: discovery.Group) -> typer.Typer:
    app = typer.Typer(
        help=group.help, cls=help_pages.Group, rich_markup_mode=None, invoke_without_command=True
    )
    app.callback()(_print_help)
    for name, command in group.commands.items():
        app.command(name, cls=help_pages.Command)(command)
    return app


def _print_help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


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


def _report(error: Exception, arguments: Sequence[str]) -> int:
    """Print an error; return its exit code."""
    for kind, outcome in _OUTCOMES:
        if isinstance(error, kind):
            reason, hint, code = outcome(error)
            break
    else:
        reason, hint, code = _of_aws(error, arguments) or _unexpected(error)
    sys.stderr.write(f"mailbus: {reason}\n")
    if hint:
        sys.stderr.write(f"hint: {hint}\n")
    return code


def _of_aws(error: Exception, arguments: Sequence[str]) -> _Outcome | None:
    """Return what is printed of an error of AWS's SDK; None if it is another's."""
    if "botocore.exceptions" not in sys.modules:
        return None
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - loaded already

    from mailbus_cli import aws_errors  # noqa: PLC0415 - only now

    if not isinstance(error, (BotoCoreError, ClientError)):
        return None
    explanation = aws_errors.explain(error, profile=_value_of("--profile", arguments))
    return explanation.reason, explanation.hint, ERROR


def _unexpected(error: Exception) -> _Outcome:
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return f"an error in Mailbus: {reason}", "--verbose shows where it happened", ERROR


def _of_system(error: OSError) -> _Outcome:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error), None, ERROR


def _usage(error: typer.TyperException) -> _Outcome:
    """Return what is wrong with the command line, and what to write or where to look."""
    reason, _, meant = error.format_message().partition(" Did you mean ")
    reason = reason.partition(" (Possible options: ")[0].rstrip(".")
    options = ", ".join(sorted(getattr(error, "possibilities", None) or ()))
    meant = meant.replace("'", "").rstrip("?") or options
    context = getattr(error, "ctx", None)
    where = f"{context.command_path if context else 'mailbus'} --help"
    hint = f"did you mean {meant}? `{where}` lists all" if meant else where
    return reason, hint, error.exit_code


def _value_of(option: str, arguments: Sequence[str]) -> str | None:
    """Return the value of an option, before anything is known of the command."""
    for argument, following in zip(arguments, [*arguments[1:], None], strict=True):
        name, equals, value = argument.partition("=")
        if name == option:
            return value if equals else following
    return None


# by the kind of error, the first that fits
_OUTCOMES: Final[tuple[tuple[type[Exception], Callable[[Any], _Outcome]], ...]] = (
    (typer.TyperException, _usage),
    (UsageError, lambda error: (str(error), error.hint, USAGE)),
    (CommandError, lambda error: (str(error), error.hint, ERROR)),
    (MailbusError, lambda error: (str(error), None, ERROR)),
    (OSError, _of_system),
)
