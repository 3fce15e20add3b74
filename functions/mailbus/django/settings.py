"""The settings of the backend, read when they are used: Mailbus's own, and those of Anymail that it knows."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, cast

import msgspec
from django.conf import settings

from mailbus.django.defaults import check_defaults
from mailbus.django.errors import InvalidSettings
from mailbus.errors import ConfigurationError
from mailbus.stages import Lane

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STAGE: Final = "STAGE"
QUEUE_URL: Final = "QUEUE_URL"
BULK_QUEUE_URL: Final = "BULK_QUEUE_URL"
SEND_DEFAULTS: Final = "SEND_DEFAULTS"
KNOWN: Final = frozenset({STAGE, QUEUE_URL, BULK_QUEUE_URL, SEND_DEFAULTS})
#: of a mailer, in `OPTIONS`
OPTIONS: Final = frozenset(
    {*(name.lower() for name in KNOWN), "lane", "client", "bulk_client", "fail_silently"}
)
# of Anymail; None is its default, "idna2008", which has no symbols, such as emoji
_SAME_ENCODERS: Final = (None, "idna2008", "uts46")


class QueueName(msgspec.Struct, frozen=True, kw_only=True):
    """What names a queue: its URL, or a stage and a lane of it."""

    url: str | None = None
    stage: str | None = None
    lane: Lane = "transactional"


def own_settings() -> Mapping[str, object]:
    """Return the setting `MAILBUS`. Raises `ConfigurationError` if it has an unknown name."""
    own = getattr(settings, "MAILBUS", None) or {}
    for name in own:
        if name not in KNOWN:
            reason = f"MAILBUS[{name!r}] is unknown; valid names are {', '.join(sorted(KNOWN))}"
            raise ConfigurationError(reason)
    return cast("Mapping[str, object]", own)


def queue(options: Mapping[str, object], *, bulk: bool = False) -> QueueName | None:
    """Return the queue of a lane, None if none is named.

    It is what names one first: the options of a mailer, `MAILBUS`, a setting of its own, or the environment.
    Raises `ConfigurationError` for a stage and a URL in one place.
    """
    own = own_settings()
    sources: tuple[Callable[[str], object], ...] = (
        lambda name: options.get(name.lower()),
        own.get,
        lambda name: getattr(settings, f"MAILBUS_{name}", None),
        lambda name: os.environ.get(f"MAILBUS_{name}"),
    )
    for source in sources:
        stage, urls = source(STAGE), (source(QUEUE_URL), source(BULK_QUEUE_URL))
        if stage and any(urls):
            reason = f"{STAGE} has its queues: remove {QUEUE_URL} and {BULK_QUEUE_URL} beside it"
            raise ConfigurationError(reason)
        if stage:
            return QueueName(stage=cast("str", stage), lane="bulk" if bulk else "transactional")
        if urls[bulk]:
            return QueueName(url=cast("str", urls[bulk]))
    return None


def missing_queue(*, bulk: bool = False) -> str:
    """Return the reason of an error for a queue that is not named."""
    name, output = (BULK_QUEUE_URL, "BulkQueueUrl") if bulk else (QUEUE_URL, "SendQueueUrl")
    return (
        f'the queue is not named: set MAILBUS = {{{STAGE!r}: "prod"}} in the settings, or MAILBUS[{name!r}] '
        f"to the stack output {output}, or MAILBUS_{STAGE} or MAILBUS_{name} in the environment"
    )


@contextlib.contextmanager
def naming(alias: str | None) -> Iterator[None]:
    """Raise Django's error for a wrong setting; it names the mailer of `MAILERS`, if it is of one."""
    try:
        yield
    except ConfigurationError as error:
        reason = f"MAILERS[{alias!r}]: {error}" if alias else str(error)
        raise InvalidSettings(reason) from error


def send_defaults() -> dict[str, object]:
    """Return the attributes of all messages: Anymail's general ones, replaced by those for SES, and ours."""
    found: dict[str, object] = {}
    for name in (SEND_DEFAULTS, "AMAZON_SES_SEND_DEFAULTS"):
        defaults, setting = anymail_setting(name)
        found |= checked_defaults(defaults, setting)
    return {**found, **checked_defaults(own_settings().get(SEND_DEFAULTS), f"MAILBUS[{SEND_DEFAULTS!r}]")}


def check_idna_encoder() -> None:
    """Raise `ConfigurationError` if Anymail is to encode domains in another way than the sender does.

    https://github.com/anymail/django-anymail/pull/448
    """
    encoder, setting = anymail_setting("IDNA_ENCODER")
    if encoder not in _SAME_ENCODERS:
        reason = (
            f"{setting}: must be 'idna2008' or 'uts46'; Mailbus encodes domains by UTS 46 alone, since SES "
            "accepts ASCII only: remove the setting, and write other forms of domains in xn-- form"
        )
        raise ConfigurationError(reason)


def anymail_setting(name: str) -> tuple[object, str]:
    """Return one of Anymail's settings, None if it is missing, and what the setting is called."""
    anymail = getattr(settings, "ANYMAIL", None) or {}
    bare = f"ANYMAIL_{name}"
    return (anymail[name], f"ANYMAIL[{name!r}]") if name in anymail else (getattr(settings, bare, None), bare)


def checked_defaults(defaults: object, setting: str) -> Mapping[str, object]:
    """Return the attributes of a setting, none if it is None. Raises `ConfigurationError` by its name."""
    if defaults is None:
        return {}
    if not isinstance(defaults, Mapping):
        reason = f"{setting}: must be a dict of attributes, not {type(defaults).__name__}"
        raise ConfigurationError(reason)
    check_defaults(defaults, setting)
    return defaults
