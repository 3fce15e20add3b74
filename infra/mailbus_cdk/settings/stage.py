"""The settings of one stage, checked: by keyword, or from a TOML file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec

from mailbus.jobs.contract import SendJob
from mailbus.jobs.defaults import NO_DEFAULTS
from mailbus.validation import ValidationError, validate
from mailbus_cdk.settings import checks, loading
from mailbus_cdk.settings.schema import StageSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULTS: Final = "send_defaults"


class Settings(StageSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of one stage; docs/settings.md has each of them.

    Anything wrong, in one setting or between several, is a `ConfigurationError` of one line.
    """

    @classmethod
    def load(cls, path: Path | str, stage: str) -> Self:
        """Return the settings of a stage from a TOML file. Raises `ConfigurationError`."""
        return loading.load(Path(path), stage, cls.checked)

    @classmethod
    def checked(cls, values: Mapping[str, object]) -> Self:
        """Return the settings with these values. Raises `ValidationError`."""
        settings = super().checked(values)
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
        written = msgspec.json.encode(defaults)
    except (TypeError, ValueError) as error:
        raise ValidationError((DEFAULTS,), f"must be JSON, as jobs are: {error}") from error
    try:
        validate(msgspec.json.decode(written), SendJob)
    except ValidationError as error:
        raise ValidationError((DEFAULTS, *error.path), error.reason, error.value) from error
