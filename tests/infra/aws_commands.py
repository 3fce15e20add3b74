"""The commands of AWS's command line on a page, and whether AWS has them, by botocore's models."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import botocore.session
import msgspec
from botocore import xform_name

if TYPE_CHECKING:
    from botocore.model import OperationModel

# of the command line alone: https://docs.aws.amazon.com/cli/latest/reference/s3/rb.html
HIGH_LEVEL = {("s3", "rb"): frozenset({"--force"})}
GLOBAL = frozenset({"--region", "--query", "--output"})


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A command: `aws <service> <operation>` with its arguments and its options, each with its values."""

    service: str
    operation: str
    arguments: list[str]
    options: dict[str, list[str]]


def commands(page: str) -> list[Command]:
    """Return the commands of a page's blocks and of its text, without those that name no operation."""
    blocks = re.findall(r"^aws ((?:.*\\\n)*.*)$", page, re.MULTILINE)
    inline = re.findall(r"`aws ([^`]+)`", page)
    return [_command(text.replace("\\\n", " ")) for text in (*blocks, *inline)]


def wrong(command: Command) -> str | None:
    """Return what AWS's command line would refuse; None if nothing."""
    if (command.service, command.operation) in HIGH_LEVEL:
        unknown = set(command.options) - HIGH_LEVEL[command.service, command.operation]
        return f"{command.operation} has no {sorted(unknown)}" if unknown else None
    operations = operations_of(command.service)
    if command.operation not in operations:
        return f"{command.service} has no {command.operation}"
    model = operations[command.operation]
    shape = model.input_shape
    members = dict(shape.members) if shape else {}
    known = {f"--{xform_name(name, '-')}" for name in members} | {
        f"--no-{xform_name(name, '-')}" for name, shape in members.items() if shape.type_name == "boolean"
    }
    if unknown := set(command.options) - known - GLOBAL:
        return f"{command.operation} has no {sorted(unknown)}"
    required = {f"--{xform_name(name, '-')}" for name in (shape.required_members if shape else ())}
    if missing := {name for name in required if not {name, f"--no-{name[2:]}"} & set(command.options)}:
        return f"{command.operation} needs {sorted(missing)}"
    return _wrong_query(command, model)


def _wrong_query(command: Command, model: OperationModel) -> str | None:
    for query in command.options.get("--query", []):
        first = re.split(r"[.\[]", query)[0]
        if model.output_shape is None or first not in model.output_shape.members:
            return f"{command.operation} returns no {first}"
    return None


def _command(text: str) -> Command:
    service, operation, *words = shlex.split(text, comments=True)
    arguments: list[str] = []
    options: dict[str, list[str]] = {}
    values = arguments
    for word in words:
        if word.startswith("--"):
            values = options[word] = []
        else:
            values.append(word)
    return Command(service=service, operation=operation, arguments=arguments, options=options)


def operations_of(service: str) -> dict[str, OperationModel]:
    """Return a service's operations by their names on the command line."""
    model = botocore.session.get_session().get_service_model(service)
    return {xform_name(name, "-"): model.operation_model(name) for name in model.operation_names}
