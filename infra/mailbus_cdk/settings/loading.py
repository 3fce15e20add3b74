"""Reads the settings of one stage from a TOML file: defaults at its top, a table for each stage.

Anything wrong is a `ConfigurationError` of one line: the file, the table, the key, and the reason.
"""

from __future__ import annotations

import difflib
import itertools
import re
import tomllib
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus.errors import ConfigurationError
from mailbus.jobs.contract import SendJob
from mailbus.jobs.defaults import NO_DEFAULTS
from mailbus.validation import ValidationError, validate
from mailbus_cdk.settings import checks
from mailbus_cdk.settings.schema import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mailbus.validation import Path as KeyPath

DEFAULTS: Final = "send_defaults"
# Longer values are cut in errors.
SHOWN_CHARACTERS: Final = 61
# Names under which people write access keys, and the form of their ids
# (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids).
_ACCESS_KEY_NAME: Final = re.compile(r"(access_?key|secret_?key|secret_access|session_token)", re.IGNORECASE)
_ACCESS_KEY_ID: Final = re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b")
_ACCESS_KEY: Final = (
    "access keys do not belong in a file that is committed and copied; remove it, revoke the key, "
    "and let AWS_PROFILE or the environment provide credentials"
)


def load(path: Path, stage: str) -> Settings:
    """Return the settings of one stage. Raises `ConfigurationError`."""
    content = _read(path)
    stages = content.pop("stages", {})
    try:
        _refuse_access_keys({**content, "stages": stages}, ())
        return _settings(_merged(content, _stage_table(stages, stage)), stage)
    except ValidationError as error:
        in_stage = isinstance(stages, dict) and _has(stages.get(stage), error.path)
        place = _place((*(("stages", stage) if in_stage else ()), *error.path))
        # What JSON calls an object is a table in TOML.
        wrong = error.reason.replace("an object", "a table")
        reason = f"{path.name}: {place}{wrong}{_shown(error)}"
        raise ConfigurationError(reason) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        reason = f"{path.name}: not found at {path}; it has the settings of every stage"
        raise ConfigurationError(reason) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        reason = f"{path.name}: not TOML: {error}"
        raise ConfigurationError(reason) from error


def _refuse_access_keys(value: object, path: KeyPath) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            if _ACCESS_KEY_NAME.search(key):
                raise ValidationError((*path, key), _ACCESS_KEY)
            _refuse_access_keys(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _refuse_access_keys(inner, (*path, index))
    elif isinstance(value, str) and _ACCESS_KEY_ID.search(value):
        raise ValidationError(path, _ACCESS_KEY)


def _stage_table(stages: object, stage: str) -> dict[str, Any]:
    if not isinstance(stages, dict):
        raise ValidationError(("stages",), "must have a table for each stage, such as [stages.dev]")
    if stage not in stages:
        near = difflib.get_close_matches(stage, stages, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
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


def _settings(merged: dict[str, Any], stage: str) -> Settings:
    if "stage" in merged:
        raise ValidationError(
            ("stage",), "is unknown; the settings of a stage are in its table, [stages.<name>]"
        )
    settings = validate({**merged, "stage": stage}, Settings)
    _check_defaults(settings.send_defaults)
    for path, reason in checks.findings(settings):
        raise ValidationError(path, reason)
    return settings


def _check_defaults(defaults: Mapping[str, Any]) -> None:
    for name in defaults:
        if name in NO_DEFAULTS:
            raise ValidationError((DEFAULTS, name), "belongs to each job, and cannot have a default")
    try:
        # As JSON, which a job is: TOML's times are strings there.
        validate(msgspec.json.decode(msgspec.json.encode(defaults)), SendJob)
    except ValidationError as error:
        raise ValidationError((DEFAULTS, *error.path), error.reason, error.value) from error


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


def _shown(error: ValidationError) -> str:
    """Return the wrong value for an error. That of an unknown key is left out: it may be a secret."""
    if error.value is None or error.reason.startswith("is unknown"):
        return ""
    shown = repr(error.value)
    return f" (it is {shown if len(shown) <= SHOWN_CHARACTERS else f'{shown[:SHOWN_CHARACTERS]}…'})"
