"""Finds the commands: a module of `mailbus_cli.commands` is a command, a package a group of commands."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus_cli import commands

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

# The commands by what somebody wants to do, as the help lists them.
NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "Begin": ("init", "local", "env"),
    "Send": ("send", "cancel", "schema"),
    "Where is my mail": ("status", "tail", "room"),
    "Operate": ("doctor", "logs", "quotas", "cost", "dead-letters", "pause", "resume", "replay", "erase"),
}


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Commands that have a name in common, such as `mailbus dead-letters list`."""

    help: str
    commands: Mapping[str, Callable[..., object]]


def found() -> dict[str, Callable[..., object] | Group]:
    """Return all commands and groups by name."""
    return {
        name: _group(module) if is_package else _function(module)
        for name, module, is_package in _modules(commands)
    }


def names() -> dict[str, Callable[..., object]]:
    """Return the functions of all commands by their whole names: `dead-letters list`."""
    whole: dict[str, Callable[..., object]] = {}
    for name, command in found().items():
        if isinstance(command, Group):
            whole |= {f"{name} {inner}": function for inner, function in command.commands.items()}
        else:
            whole[name] = command
    return whole


def _modules(package: ModuleType) -> Iterator[tuple[str, ModuleType, bool]]:
    for found in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
        module = importlib.import_module(f"{package.__name__}.{found.name}")
        yield found.name.replace("_", "-"), module, found.ispkg


def _group(package: ModuleType) -> Group:
    return Group(
        help=inspect.getdoc(package) or "",
        commands={name: _function(module) for name, module, _ in _modules(package)},
    )


def _function(module: ModuleType) -> Callable[..., object]:
    """Return the function with the module's name; `list` is `list_`, as PEP 8 has it."""
    name = module.__name__.rpartition(".")[2]
    function: Callable[..., object] = getattr(module, name, None) or getattr(module, f"{name}_")
    return function
