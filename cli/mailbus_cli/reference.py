"""Writes the pages of the commands from their help: `python -m mailbus_cli.reference docs`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer.main

from mailbus_cli import discovery
from mailbus_cli.frame import application
from mailbus_cli.help_pages import OTHERS, is_example, paragraphs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FOLDER: Final = "commands"
OVERVIEW: Final = "command-line.md"
_LIST: Final = re.compile(r"(?<=\n## Commands\n\n).*?(?=\n## )", re.DOTALL)
_SHARED: Final = (
    "All commands have [`--verbose` and `--help`](../command-line.md#options-that-commands-share).\n"
)


def pages() -> dict[str, str]:
    """Return the text of each page by the name of its command or group."""
    return {name: _page(name, command) for name, command in _commands().items()}


def with_list(overview: str) -> str:
    """Return the page of the command line with the list of all commands."""
    return _LIST.sub("\n".join(_list()) + "\n", overview)


def write(docs: Path) -> None:
    """Write the pages and the list of the overview; remove pages of commands that there are no longer."""
    folder = docs / FOLDER
    folder.mkdir(exist_ok=True)
    texts = {f"{name}.md": text for name, text in pages().items()}
    for old in folder.glob("*.md"):
        if old.name not in texts:
            old.unlink()
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    overview = docs / OVERVIEW
    overview.write_text(with_list(overview.read_text(encoding="utf-8")), encoding="utf-8")


def _commands() -> Mapping[str, Any]:
    root: Any = typer.main.get_command(application())
    commands: Mapping[str, Any] = root.commands
    return commands


def _list() -> Iterator[str]:
    commands = _commands()
    listed = {name for names in discovery.NEEDS.values() for name in names}
    others = tuple(name for name in commands if name not in listed)
    yield "| | | |\n| --- | --- | --- |"
    for need, names in {**discovery.NEEDS, OTHERS: others}.items():
        label = need
        for name in (name for name in names if name in commands):
            yield f"| {label} | [`{name}`]({FOLDER}/{name}.md) | {paragraphs(commands[name].help)[0]} |"
            label = ""


def _page(name: str, command: Any) -> str:  # noqa: ANN401 - Typer's own types are not public
    parts = [f"# mailbus {name}", "<!-- Written by `make schemas` from the command's help. -->"]
    parts += _prose(command.help)
    for inner, subcommand in getattr(command, "commands", {}).items():
        parts += [f"## mailbus {name} {inner}", *_prose(subcommand.help), *_parameters(subcommand)]
    if not hasattr(command, "commands"):
        parts += _parameters(command)
    return "\n\n".join((*parts, _SHARED))


def _prose(text: str) -> Iterator[str]:
    for paragraph in paragraphs(text):
        if is_example(paragraph):
            lines = "\n".join(line[4:] for line in paragraph.splitlines())
            yield f"```sh\n{lines}\n```"
        else:
            yield _escaped(" ".join(paragraph.split()))


def _escaped(text: str) -> str:
    """Return a text in which nothing is taken for HTML."""
    return re.sub(r"(?<!`)<", r"\\<", text)


def _parameters(command: Any) -> Iterator[str]:  # noqa: ANN401 - as above
    rows = [_row(parameter) for parameter in command.params]
    if rows:
        yield "\n".join(("| option | default | |", "| --- | --- | --- |", *rows))


def _row(parameter: Any) -> str:  # noqa: ANN401 - as above
    kind = parameter.type_descriptor
    value = parameter.metavar or ("|".join(map(str, kind.choices)) if kind.choices else None)
    if parameter.param_type_name == "argument":
        named = value or parameter.name.upper()
    else:
        named = max(parameter.opts, key=len)
        if not parameter.is_flag:
            named += f" {value or kind.annotation.__name__.upper()}"
    text, _, written = (parameter.help or "").partition("  [default: ")
    default = written.rstrip("]") or _default(parameter)
    variable = f" Default: `{parameter.envvar}` of the environment." if parameter.envvar else ""
    cells = (f"`{named}`", f"`{default}`" if default else "", f"{_escaped(text)}{variable}")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(parameter: Any) -> str:  # noqa: ANN401 - as above
    default = parameter.default
    if default is None or default is False or default == () or parameter.required:
        return ""
    return str(getattr(default, "value", default))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
