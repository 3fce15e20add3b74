"""Reads the settings of one stage from a TOML file: defaults at its top, a table for each stage.

Anything wrong is a `ConfigurationError` of one line: the file, the table, the key, and the reason.
"""

from __future__ import annotations

import itertools
import tomllib
from typing import TYPE_CHECKING, Any, TypeVar

from mailbus.errors import ConfigurationError
from mailbus.spelling import nearest
from mailbus.validation import ValidationError
from mailbus_cdk.settings import access_keys
from mailbus_cdk.settings.section import shown_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from mailbus.validation import Path as KeyPath

T = TypeVar("T")


def load(path: Path, stage: str, checked: Callable[[dict[str, Any]], T]) -> T:
    """Return what `checked` makes of the values of one stage. Raises `ConfigurationError`."""
    content = _read(path)
    stages = content.pop("stages", {})
    try:
        access_keys.refuse({**content, "stages": stages})
        return checked(_values(_merged(content, _stage_table(stages, stage)), stage))
    except ValidationError as error:
        in_stage = isinstance(stages, dict) and _has(stages.get(stage), error.path)
        place = _place((*(("stages", stage) if in_stage else ()), *error.path))
        # What JSON calls an object is a table in TOML.
        wrong = error.reason.replace("an object", "a table")
        reason = f"{path.name}: {place}{wrong}{shown_value(error)}"
        raise ConfigurationError(reason) from error


def stages(path: Path) -> tuple[str, ...]:
    """Return the names of the stages in a file. Raises `ConfigurationError`."""
    return tuple(_read(path).get("stages", {}))


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        reason = f"{path.name}: not found at {path}; it has the settings of every stage"
        raise ConfigurationError(reason) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        reason = f"{path.name}: not TOML: {error}"
        raise ConfigurationError(reason) from error


def _stage_table(stages: object, stage: str) -> dict[str, Any]:
    if not isinstance(stages, dict):
        raise ValidationError(("stages",), "must have a table for each stage, such as [stages.dev]")
    if stage not in stages:
        near = nearest(stage, stages)
        hint = f"; did you mean {near!r}?" if near else ""
        reason = f"there is no stage {stage!r}{hint} (stages: {', '.join(stages) or 'none'})"
        raise ValidationError((), reason)
    own = stages[stage]
    if not isinstance(own, dict):
        raise ValidationError(("stages", stage), f"must be a table: [stages.{stage}]")
    return own


def _merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the defaults overridden by a stage's own values; tables are merged one level deep."""
    merged = dict(base)
    for key, value in own.items():
        default = merged.get(key)
        both_tables = isinstance(value, dict) and isinstance(default, dict)
        merged[key] = default | value if both_tables else value
    return merged


def _values(merged: dict[str, Any], stage: str) -> dict[str, Any]:
    if "stage" in merged:
        raise ValidationError(
            ("stage",), "is unknown; the settings of a stage are in its table, [stages.<name>]"
        )
    return {**merged, "stage": stage}


def _has(table: object, path: KeyPath) -> bool:
    """Return True if a table has the setting of that path itself; arrays are overridden as a whole."""
    for key in itertools.takewhile(lambda step: isinstance(step, str), path):
        if not isinstance(table, dict) or key not in table:
            return False
        table = table[key]
    return bool(path)


def _place(path: KeyPath) -> str:
    """Return where a setting is in the file: the heading of its table, and its key."""
    steps = [*_steps(path)]
    if not steps:
        return ""
    *tables, (key, index) = steps
    number = "" if index is None else f" #{index + 1}"
    name = ".".join(table for table, _ in tables)
    indexes = [index for _, index in tables if index is not None]
    heading = f"[[{name}]] #{indexes[-1] + 1} " if indexes else f"[{name}] " if tables else ""
    return f"{heading}{key}{number}: "


def _steps(path: KeyPath) -> Iterator[tuple[str, int | None]]:
    """Yield the keys of a path, each with the index that follows it."""
    for step, following in itertools.zip_longest(path, path[1:]):
        if isinstance(step, str):
            yield step, following if isinstance(following, int) else None
