"""The settings file of the deployments: one TOML file, defaults at its top, a table per stage.

Every mistake in it is one `ConfigurationError` of one line: the file, the table, the key, what is
wrong, and the nearest right one.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, get_args, get_type_hints

import msgspec

from infra.regions import RECEIVING_REGIONS
from mailbus.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Architecture = Literal["arm64", "x86_64", "host"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
# What CloudWatch takes: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
LogRetentionDays = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]

_DOMAIN = r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]"
_LOCAL_PART = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}"

Region = Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")]
Domain = Annotated[str, msgspec.Meta(pattern=f"^{_DOMAIN}$")]
Address = Annotated[str, msgspec.Meta(pattern=f"^{_LOCAL_PART}@{_DOMAIN}$")]
Identity = Annotated[str, msgspec.Meta(pattern=f"^({_LOCAL_PART}@)?{_DOMAIN}$")]
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_CreateConfigurationSet.html
ConfigurationSetName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Days = Annotated[int, msgspec.Meta(ge=1, le=3650)]
MemoryMb = Annotated[int, msgspec.Meta(ge=128, le=10_240)]
TimeoutSeconds = Annotated[int, msgspec.Meta(ge=1, le=900)]
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
Concurrency = Annotated[int, msgspec.Meta(ge=2, le=1000)]

BATCH_WITHOUT_WINDOW: Final = 10


class Retention(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many days what has passed through is kept."""

    raw_days: Days = 90
    parts_days: Days = 90
    event_archive_days: Days = 30


class Sender(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The sender function and how it is fed."""

    memory_mb: MemoryMb = 512
    # Waiting for a turn, a slow SES and a slow bus take 51 s together; a function that is ended
    # between SES's answer and the acknowledgement sends the mail twice.
    timeout_seconds: Annotated[int, msgspec.Meta(ge=60, le=900)] = 60
    batch_size: Annotated[int, msgspec.Meta(ge=1, le=BATCH_WITHOUT_WINDOW)] = 10
    max_concurrency: Concurrency = 5
    rate_cache_seconds: Annotated[float, msgspec.Meta(ge=1, le=3600)] = 60


class Tracking(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The tracking function and how it is fed."""

    memory_mb: MemoryMb = 256
    timeout_seconds: TimeoutSeconds = 30
    batch_size: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 100
    batch_window_seconds: Annotated[int, msgspec.Meta(ge=0, le=300)] = 1
    max_concurrency: Concurrency = 10


class Inbound(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is received, and the function that reads it. Without a domain, nothing is."""

    domain: Domain | None = None
    recipients: tuple[Address, ...] = ()
    displace_active_rule_set: bool = False
    memory_mb: MemoryMb = 1024
    timeout_seconds: TimeoutSeconds = 120
    batch_size: Annotated[int, msgspec.Meta(ge=1, le=BATCH_WITHOUT_WINDOW)] = 10
    max_concurrency: Concurrency = 5


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One stage's deployment."""

    stage: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,23}$")]
    region: Region
    identity: Identity
    configuration_set_name: ConfigurationSetName | None = None
    metadata_in_headers: bool = True
    max_attempts: Annotated[int, msgspec.Meta(ge=1, le=90)] = 20
    architecture: Architecture = "arm64"
    log_retention_days: LogRetentionDays = 30
    log_level: LogLevel = "INFO"
    retention: Retention = Retention()
    sender: Sender = Sender()
    tracking: Tracking = Tracking()
    inbound: Inbound = Inbound()

    @property
    def name(self) -> str:
        """What everything of this deployment that needs a name of its own is called."""
        return f"mailbus-{self.stage}"

    @property
    def ephemeral(self) -> bool:
        """Whether what it stores may be deleted with it."""
        return self.stage == "local"


class _Mistake(ConfigurationError):  # noqa: N818 - a ConfigurationError in the making
    """A mistake at a key, still to be told with the file and the table it stands in."""

    def __init__(self, path: tuple[str, ...], reason: str) -> None:
        super().__init__(reason)
        self.path = path
        self.reason = reason


def load(path: Path, stage: str) -> Settings:
    """Read one stage's settings; anything wrong is a `ConfigurationError` of one line."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        reason = f"{path.name}: not found at {path}; it holds the settings of every stage"
        raise ConfigurationError(reason) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        reason = f"{path.name}: not TOML: {error}"
        raise ConfigurationError(reason) from error
    stages = content.pop("stages", {})
    try:
        _refuse_access_keys({**content, "stages": stages}, ())
        own = _stage_table(stages, stage)
        _check_keys(content, ())
        _check_keys(own, ())
        return _checked(_settings(_merged(content, own) | {"stage": stage}))
    except _Mistake as mistake:
        in_stage = isinstance(stages, dict) and _holds(stages.get(stage), mistake.path)
        table = (*(("stages", stage) if in_stage else ()), *mistake.path[:-1])
        where = f"[{'.'.join(table)}] " if table else ""
        key = f"{mistake.path[-1]}: " if mistake.path else ""
        reason = f"{path.name}: {where}{key}{mistake.reason}"
        raise ConfigurationError(reason) from mistake


# Names under which access keys are written, and what the ids of keys look like
# (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids).
_ACCESS_KEY_NAME: Final = re.compile(r"(access_?key|secret_?key|secret_access|session_token)", re.IGNORECASE)
_ACCESS_KEY_ID: Final = re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b")


def _refuse_access_keys(value: Any, path: tuple[str, ...]) -> None:  # noqa: ANN401 - whatever TOML holds
    if isinstance(value, dict):
        for key, inner in value.items():
            if _ACCESS_KEY_NAME.search(key):
                raise _access_key((*path, key))
            _refuse_access_keys(inner, (*path, key))
    elif isinstance(value, list):
        for inner in value:
            _refuse_access_keys(inner, path)
    elif isinstance(value, str) and _ACCESS_KEY_ID.search(value):
        raise _access_key(path)


def _access_key(path: tuple[str, ...]) -> _Mistake:
    return _Mistake(
        path,
        "access keys do not belong in a file that is committed and copied; remove it, revoke the key, "
        "and let AWS_PROFILE or the environment give the credentials",
    )


def _stage_table(stages: Any, stage: str) -> dict[str, Any]:  # noqa: ANN401 - whatever TOML holds
    if not isinstance(stages, dict):
        raise _Mistake(("stages",), "must hold a table per stage, such as [stages.dev]")
    if stage not in stages:
        known = ", ".join(stages) or "none"
        reason = f"there is no stage {stage!r}{_nearest(stage, stages)} (stages: {known})"
        raise _Mistake((), reason)
    own = stages[stage]
    if not isinstance(own, dict):
        raise _Mistake(("stages", stage), f"must be a table: [stages.{stage}]")
    return own


def _merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in own.items():
        inherited = merged.get(key)
        both_tables = isinstance(value, dict) and isinstance(inherited, dict)
        merged[key] = inherited | value if both_tables else value
    return merged


_TABLES: Final[dict[str, type[msgspec.Struct]]] = {
    "retention": Retention,
    "sender": Sender,
    "tracking": Tracking,
    "inbound": Inbound,
}


def _check_keys(table: Mapping[str, Any], path: tuple[str, ...]) -> None:
    known = [name for name in _known_keys(path) if name != "stage"]
    for key, value in table.items():
        if key not in known:
            elsewhere = [".".join(other) for other in _places(key) if other[:-1] != path]
            hint = _nearest(key, known if path else [*known, "stages"]) or (
                f"; it belongs at {elsewhere[0]}" if elsewhere else ""
            )
            raise _Mistake((*path, key), f"unknown key{hint} (keys: {', '.join(known)})")
        if not path and key in _TABLES:
            if not isinstance(value, dict):
                raise _Mistake((key,), f"must be a table: [{key}]")
            _check_keys(value, (key,))


def _known_keys(path: tuple[str, ...]) -> tuple[str, ...]:
    return (_TABLES[path[0]] if path else Settings).__struct_fields__


def _places(key: str) -> Iterator[tuple[str, ...]]:
    if key in Settings.__struct_fields__:
        yield (key,)
    for name, kind in _TABLES.items():
        if key in kind.__struct_fields__:
            yield (name, key)


def _nearest(given: object, known: Mapping[str, Any] | list[str]) -> str:
    near = difflib.get_close_matches(str(given), list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


_AT: Final = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>[^`]*)`)?$", re.DOTALL)
_MISSING: Final = re.compile(r"^Object missing required field `(\w+)`$")
_PATTERNS: Final = {
    "region": "a region, such as us-east-1",
    "identity": "a domain in lower case, such as example.com, or an address",
    "domain": "a domain in lower case, such as inbound.example.com",
    "recipients": "addresses whose domain is in lower case, such as support@inbound.example.com",
    "configuration_set_name": "1 to 64 of A-Z a-z 0-9 _ -",
    "stage": "a name of at most 24 of a-z 0-9 -, beginning with a letter",
}


def _settings(merged: Mapping[str, Any]) -> Settings:
    try:
        return msgspec.convert(merged, Settings)
    except msgspec.ValidationError as error:
        raise _mistake(str(error), merged) from error


def _mistake(text: str, merged: Mapping[str, Any]) -> _Mistake:
    match = _AT.match(text)
    what, at = (match["what"], match["path"] or "") if match else (text, "")
    path = tuple(re.sub(r"\[[^]]*\]", "", at).strip(".").split(".")) if at else ()
    if missing := _MISSING.match(what):
        return _Mistake((*path, missing[1]), "is missing, and has no default")
    given = _value(merged, path)
    if "matching regex" in what:
        what = f"must be {_PATTERNS[path[-1]]}"
    elif allowed := _allowed(path):
        what = f"must be one of {', '.join(map(str, allowed))}{_nearest_value(given, allowed)}"
    else:
        what = what[:1].lower() + what[1:]
    return _Mistake(path, f"{what} (it is {given!r})")


def _value(merged: Mapping[str, Any], path: tuple[str, ...]) -> object:
    value: object = merged
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _holds(table: object, path: tuple[str, ...]) -> bool:
    for key in path:
        if not isinstance(table, dict) or key not in table:
            return False
        table = table[key]
    return bool(path)


def _allowed(path: tuple[str, ...]) -> tuple[Any, ...]:
    if len(path) != 1:
        return ()
    hint = get_type_hints(Settings)[path[0]]
    return get_args(hint) if hint in {Architecture, LogLevel, LogRetentionDays} else ()


def _nearest_value(given: object, allowed: tuple[Any, ...]) -> str:
    numbers = [value for value in allowed if isinstance(value, int)]
    if numbers:
        if not isinstance(given, int):
            return ""
        return f"; the nearest is {min(numbers, key=lambda value: abs(value - given))}"
    by_lower = {str(value).lower(): str(value) for value in allowed}
    near = difflib.get_close_matches(str(given).lower(), list(by_lower), n=1)
    return f"; did you mean {by_lower[near[0]]!r}?" if near else ""


def _checked(settings: Settings) -> Settings:
    """Check what no key says by itself."""
    tracking, inbound = settings.tracking, settings.inbound
    if tracking.batch_size > BATCH_WITHOUT_WINDOW and not tracking.batch_window_seconds:
        # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html
        reason = (
            f"more than {BATCH_WITHOUT_WINDOW} events a batch need tracking.batch_window_seconds of at "
            f"least 1 (it is {tracking.batch_size})"
        )
        raise _Mistake(("tracking", "batch_size"), reason)
    if inbound.domain is None:
        if inbound.recipients:
            raise _Mistake(("inbound", "recipients"), "needs inbound.domain, which turns receiving on")
        return settings
    if settings.region not in RECEIVING_REGIONS:
        reason = (
            f"SES does not receive mail in {settings.region}; remove inbound.domain or take one of "
            f"{', '.join(RECEIVING_REGIONS)}"
        )
        raise _Mistake(("region",), reason)
    for recipient in inbound.recipients:
        domain = recipient.rpartition("@")[2]
        if domain != inbound.domain:
            reason = f"{recipient} is not of inbound.domain ({inbound.domain})"
            raise _Mistake(("inbound", "recipients"), reason)
    return settings
