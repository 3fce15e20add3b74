"""The help of commands: by what they are for, with examples as they are written, and with `--verbose`."""

from __future__ import annotations

import functools
import inspect
import shutil
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from mailbus_cli import verbose
from mailbus_cli.discovery import NEEDS

if TYPE_CHECKING:
    # the types of what Typer passes are not public
    from typer._click.core import Parameter
    from typer._click.formatting import HelpFormatter

OTHERS: Final = "Others"
NARROWEST: Final = 30
WIDEST: Final = 80


def width() -> int:
    """Return how wide the help is: as the terminal, but no wider than is easy to read."""
    return max(min(shutil.get_terminal_size().columns, WIDEST) - 2, NARROWEST)


class Command(TyperCommand):
    """A command."""

    def get_params(self, ctx: typer.Context) -> list[Parameter]:  # type: ignore[override]  # its own subclass
        """Return the parameters, with the option that every command has."""
        *params, help_option = super().get_params(ctx)
        return [*params, _verbose_option(), help_option]

    def format_help_text(self, ctx: typer.Context, formatter: HelpFormatter) -> None:  # type: ignore[override]  # as above
        """Write the text of the help."""
        del ctx
        write_text(self.help or "", formatter)

    def format_options(self, ctx: typer.Context, formatter: HelpFormatter) -> None:  # type: ignore[override]  # as above
        """Write the arguments, without Python's names of their types, and the options."""
        lists: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None:
                continue
            if parameter.param_type_name == "argument":
                lists["Arguments"].append((record[0].partition(" <")[0], record[1]))
            else:
                lists["Options"].append(record)
        for heading, rows in lists.items():
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)


class Group(TyperGroup):
    """A group of commands, or all of them."""

    def get_params(self, ctx: typer.Context) -> list[Parameter]:  # type: ignore[override]  # as above
        """Return the parameters, with the option that every command has."""
        *params, help_option = super().get_params(ctx)
        return [*params, _verbose_option(), help_option]

    def format_help_text(self, ctx: typer.Context, formatter: HelpFormatter) -> None:  # type: ignore[override]  # as above
        """Write the text of the help."""
        del ctx
        write_text(self.help or "", formatter)

    def format_commands(self, ctx: typer.Context, formatter: HelpFormatter) -> None:  # type: ignore[override]  # as above
        """Write the list of commands; the list of all is divided by what they are for."""
        if ctx.parent is not None:
            super().format_commands(ctx, formatter)
            return
        listed = {name for names in NEEDS.values() for name in names}
        others = tuple(name for name in self.commands if name not in listed)
        width = max(map(len, self.commands))
        for need, names in {**NEEDS, OTHERS: others}.items():
            rows = [
                (name.ljust(width), self.commands[name].get_short_help_str(formatter.width - width - 6))
                for name in names
                if name in self.commands
            ]
            if rows:
                with formatter.section(need):
                    formatter.write_dl(rows)


def write_text(text: str, formatter: HelpFormatter) -> None:
    """Write paragraphs filled to the width, and those that are indented, which are examples, as they are."""
    if not text:
        return
    formatter.write_paragraph()
    with formatter.indentation():
        for number, paragraph in enumerate(paragraphs(text)):
            if number:
                formatter.write("\n")
            if is_example(paragraph):
                for line in paragraph.splitlines():
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
            else:
                formatter.write_text(paragraph)


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a docstring."""
    return [paragraph for paragraph in inspect.cleandoc(text).split("\n\n") if paragraph.strip()]


def is_example(paragraph: str) -> bool:
    """Return True for a paragraph that is indented."""
    return paragraph.lstrip("\n").startswith("    ")


@functools.cache
def _verbose_option() -> Parameter:
    """Return the option as Typer makes it of a function's parameter."""

    def function(
        *,
        verbose: Annotated[
            bool,
            typer.Option(
                "--verbose",
                callback=_enable,
                expose_value=False,
                is_eager=True,
                help="Print each call of AWS, and where an error happened, on stderr.",
            ),
        ] = False,
    ) -> None: ...

    app = typer.Typer(add_completion=False)
    app.command()(function)
    command: Any = typer.main.get_command(app)
    parameter: Parameter = command.params[0]
    return parameter


def _enable(wanted: bool) -> None:  # noqa: FBT001 - as Typer calls it
    if wanted:
        verbose.enable()
