"""Writes the settings of a new stage into `mailbus.toml`, and changes nothing that is there."""

from __future__ import annotations

import json
import tempfile
import tomllib
from pathlib import Path
from typing import Final

import msgspec

from mailbus.errors import ConfigurationError
from mailbus.stages import check_stage
from mailbus_cdk.settings import Settings, domains
from mailbus_cli.errors import CommandError

NAME: Final = "mailbus.toml"
_HEADER: Final = """\
# Settings of the deployments, a table for each stage. `mailbus init --stage NAME` adds one.
# Credentials do not belong here: they come from the environment, as for every AWS tool.
"""


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a stage. An empty text leaves a setting out."""

    name: str
    region: str
    identity: str
    mail_from_domain: str = ""
    dmarc_policy: str = ""
    dmarc_rua: tuple[str, ...] = ()
    inbound: tuple[str, ...] = ()


def names(path: Path) -> tuple[str, ...]:
    """Return the stages of a file; none if there is no file. Raises `CommandError`."""
    try:
        stages = tomllib.loads(path.read_text(encoding="utf-8")).get("stages", {})
    except FileNotFoundError:
        return ()
    except ValueError as error:
        reason = f"{path.name} is not TOML: {error}"
        raise CommandError(reason, hint="correct the file first; nothing was changed") from error
    return tuple(stages) if isinstance(stages, dict) else ()


def table(stage: Stage) -> str:
    """Return the table of a stage, with a comment for each setting."""
    lines = [
        f"[stages.{stage.name}]",
        f"region = {_text(stage.region)}",
        f"identity = {_text(stage.identity)} # the sender: a domain, or one address",
    ]
    if stage.mail_from_domain:
        lines.append(f"mail_from_domain = {_text(stage.mail_from_domain)} # bounces go there; SPF is of it")
    if stage.dmarc_policy:
        lines.append(f"dmarc_policy = {_text(stage.dmarc_policy)} # stricter when all mail passes")
    if stage.dmarc_rua:
        lines.append(f"dmarc_rua = {_list(stage.dmarc_rua)} # daily reports go there")
    if stage.inbound:
        lines.append(f"inbound.domains = {_list(stage.inbound)} # mail to them is received")
    return "\n".join(lines) + "\n"


def with_stage(content: str | None, stage: Stage) -> str:
    """Return the text of a file with the stage at its end; None is a file that is not there."""
    if not content:
        return f"{_HEADER}\n{table(stage)}"
    newline = "\r\n" if "\r\n" in content else "\n"
    gap = newline if content.endswith("\n") else newline * 2
    return content + gap + table(stage).replace("\n", newline)


def checked(path: Path, text: str, name: str) -> tuple[Settings, tuple[str, ...]]:
    """Return the settings of a stage as they are in a text, with warnings. Raises `ConfigurationError`.

    They are checked as at deployment.
    """
    check_stage(name)
    with tempfile.TemporaryDirectory() as folder:
        # errors have the name of the file
        copy = Path(folder) / path.name
        copy.write_bytes(text.encode())
        try:
            settings = Settings.load(copy, name)
            domains.refuse_reserved(copy, settings)
            return settings, tuple(domains.shared(copy, settings))
        except ConfigurationError as error:
            if "not TOML" in str(error):
                reason = f"{path.name} has stages in a form that cannot be added to at its end"
                raise CommandError(reason, hint=f"write [stages.{name}] into it by hand") from error
            raise


def write(path: Path, old: str | None, text: str) -> None:
    """Write a new file, or add to one what is new. Raises `CommandError` if it changed meanwhile."""
    changed = CommandError(
        f"{path.name} was changed meanwhile; nothing was written", hint="run the command again"
    )
    if read(path) != old:
        raise changed
    try:
        with path.open("x" if old is None else "a", encoding="utf-8", newline="") as file:
            file.write(text.removeprefix(old or ""))
    except FileExistsError:
        raise changed from None


def read(path: Path) -> str | None:
    """Return the text of a file with its own line ends; None if it is not there."""
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        reason = f"{path.name} is not UTF-8"
        raise CommandError(reason, hint="save it as UTF-8; nothing was changed") from error


def _list(values: tuple[str, ...]) -> str:
    return f"[{', '.join(map(_text, values))}]"


def _text(value: str) -> str:
    # TOML's basic strings have the escapes of JSON's: https://toml.io/en/v1.0.0#string
    return json.dumps(value, ensure_ascii=False)
