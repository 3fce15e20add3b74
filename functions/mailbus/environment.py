"""What a deployment tells its functions, in environment variables.

The variable is the field's name in capitals; what is not a scalar is JSON. `mailbus_cdk` writes them from
these same classes, so that neither side can miss one.
"""

from __future__ import annotations

import os
import typing
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import msgspec

from mailbus.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping


class FunctionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a function is told."""


class BusSettings(FunctionSettings, frozen=True, kw_only=True):
    """What every function knows that puts events on the bus.

    An event of more than `event_bytes` does not go there whole.
    """

    event_bus_name: str
    dead_letter_queue_url: str
    event_bytes: int = 256 * 1024


class SenderSettings(BusSettings, frozen=True, kw_only=True):
    """What the sender needs to send, to wait, to retry and to give up.

    `max_attempts` counts tries of one job that ended in an error which may pass. The account's rate is
    remembered for `rate_cache_seconds`, a job for `ledger_days`. A job whose outcome is unknown waits
    `doubt_seconds` for SES's own event, and then does what `on_unknown` says. The bulk lane may use
    `bulk_share` of the rate. SES is called with its timeouts, in seconds, and where it is elsewhere in
    `ses_region` and as `ses_role_arn`. `source_buckets` are those that jobs may refer to, beside
    `jobs_bucket_name`. With `index_messages` the ledger also finds a job by SES's message id.
    """

    send_queue_url: str
    send_queue_arn: str
    bulk_queue_url: str
    bulk_queue_arn: str
    dead_letter_queue_arn: str
    configuration_set_name: str
    message_tag_name: str | None = None
    metadata_in_headers: bool
    send_defaults: dict[str, Any] = msgspec.field(default_factory=dict)
    source_buckets: tuple[str, ...] = ()
    jobs_bucket_name: str
    schedule_group_name: str
    schedule_role_arn: str
    max_attempts: int
    ledger_table_name: str
    ledger_days: int
    rate_cache_seconds: float
    bulk_share: float
    doubt_seconds: float
    on_unknown: Literal["resend", "fail"]
    ses_connect_timeout: float = 3.0
    ses_read_timeout: float = 15.0
    ses_role_arn: str | None = None
    ses_region: str | None = None
    index_messages: bool = False

    @property
    def ses_seconds(self) -> float:
        """The longest that one call of SES takes."""
        return self.ses_connect_timeout + self.ses_read_timeout


class TrackingSettings(BusSettings, frozen=True, kw_only=True):
    """The topic is named in errors, so that a wiring mistake is found.

    Without `metadata_in_headers`, the sender's setting, metadata is asked of the ledger. With
    `index_messages`, the sender's too, a job is looked for by SES's message id; the sender needs up to
    `sender_seconds` to write it down. Only with `trusts_other_topics` the jobs of other topics are ours.
    A record that was received `max_receives` times does not come again.
    SES's JSON that is too large for the bus goes into `events_bucket_name`.
    """

    tracking_topic_arn: str
    tracking_queue_url: str
    ledger_table_name: str
    metadata_in_headers: bool = True
    index_messages: bool = False
    sender_seconds: float = 60.0
    trusts_other_topics: bool = False
    max_receives: int
    events_bucket_name: str
    esp_events_prefix: str


class InboundSettings(BusSettings, frozen=True, kw_only=True):
    """The one bucket that is read and written, and the prefixes in it.

    A record that was received `max_receives` times does not come again. Where SES's mail in the bucket is
    `encrypted`, what lies there in clear is not SES's.
    """

    inbound_bucket_name: str
    raw_prefix: str
    parts_prefix: str
    max_receives: int
    encrypted: bool = False


class WebhookSettings(FunctionSettings, frozen=True, kw_only=True):
    """Where messages of SNS go that come over HTTPS: by their path, into the queue of one function.

    Those of `topic_arns` alone; their subscriptions are confirmed with `confirm_subscriptions`.
    """

    tracking_queue_url: str
    inbound_queue_url: str | None = None
    topic_arns: tuple[str, ...]
    confirm_subscriptions: bool


class AuthorizerSettings(FunctionSettings, frozen=True, kw_only=True):
    """The secret that holds the user and the password that SNS gives."""

    secret_arn: str


S = TypeVar("S", bound=FunctionSettings)


def from_environment(kind: type[S], environ: Mapping[str, str] | None = None) -> S:
    """Read a function's settings from `environ`, by default the process's own.

    A missing, empty or wrong variable is a `ConfigurationError` that names it.
    """
    source = os.environ if environ is None else environ
    given: dict[str, object] = {}
    for field in msgspec.structs.fields(kind):
        variable = field.name.upper()
        text = source.get(variable, "")
        if text:
            given[field.name] = _value(variable, text, field.type)
        elif field.required:
            reason = (
                f"environment variable {variable} is missing: deploy the function by the stacks, they set it"
            )
            raise ConfigurationError(reason)
    return msgspec.convert(given, kind)


def _value(variable: str, text: str, kind: Any) -> object:  # noqa: ANN401 - any type a field may have
    try:
        if typing.get_origin(kind) in {dict, tuple}:
            return msgspec.json.decode(text, type=kind)
        return msgspec.convert(text, kind, strict=False)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        reason = f"environment variable {variable}: {error}; deploy the function by the stacks, they set it"
        raise ConfigurationError(reason) from error


def to_environment(settings: FunctionSettings) -> dict[str, str]:
    """Write settings as environment variables, the reverse of `from_environment`.

    CDK tokens are strings too, so a deployment builds the settings class itself.
    """
    return {
        name.upper(): _text(value)
        for name, value in msgspec.structs.asdict(settings).items()
        if value is not None
    }


def _text(value: object) -> str:
    if isinstance(value, dict | tuple):
        return msgspec.json.encode(value).decode()
    return str(value).lower() if isinstance(value, bool) else str(value)
