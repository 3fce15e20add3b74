"""The settings that a deployment passes to its functions in environment variables.

A variable has its field's name in capitals; a value that is not a scalar is JSON. `mailbus_cdk` writes the
variables from these same classes, so that none can be missing on one side.
"""

from __future__ import annotations

import os
import typing
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import msgspec

from mailbus.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping


# EventBridge accepts larger events, but not every target does. The settings may allow more.
ENTRY_BYTES: Final = 256 * 1024
#: What the names of all stages' resources begin with.
NAME_PREFIX: Final = "mailbus-"
#: Tags of the send queues, by which a client finds the rest of the deployment.
JOBS_BUCKET_TAG: Final = "mailbus:jobs-bucket"
LEDGER_TABLE_TAG: Final = "mailbus:ledger-table"


class FunctionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a function."""


class BusSettings(FunctionSettings, frozen=True, kw_only=True):
    """The settings of every function that publishes events.

    An event of more than `event_bytes` is not published whole.
    """

    event_bus_name: str
    dead_letter_queue_url: str
    event_bytes: int = ENTRY_BYTES


class SenderSettings(BusSettings, frozen=True, kw_only=True):
    """The settings of the sender.

    `max_attempts` is the number of retryable errors after which a job fails. The account's rate is cached for
    `rate_cache_seconds`; if there is an `expected_rate`, it is compared with that. The ledger keeps a job for
    `ledger_days`. A job whose outcome is unknown waits `doubt_seconds` for SES's event; `on_unknown` decides
    what happens then. Merges are sent by SES's action `merge_by`. The bulk lane may use `bulk_share` of the
    rate. SES is called with these timeouts, in seconds, and if it is in another region or account, in
    `ses_region` and as `ses_role_arn`. Jobs may refer to objects in `source_buckets` and `jobs_bucket_name`.
    With `index_messages` the ledger also finds a job by SES's message id.
    """

    send_queue_url: str
    send_queue_arn: str
    bulk_queue_url: str
    bulk_queue_arn: str
    dead_letter_queue_arn: str
    tracking_queue_url: str
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
    expected_rate: float | None = None
    bulk_share: float
    doubt_seconds: float
    on_unknown: Literal["resend", "fail"]
    merge_by: Literal["SendBulkEmail", "SendEmail"] = "SendBulkEmail"
    ses_connect_timeout: float = 3.0
    ses_read_timeout: float = 15.0
    ses_role_arn: str | None = None
    ses_region: str | None = None
    index_messages: bool = False

    @property
    def ses_seconds(self) -> float:
        """The longest time that one call of SES takes."""
        return self.ses_connect_timeout + self.ses_read_timeout


class TrackingSettings(BusSettings, frozen=True, kw_only=True):
    """The settings of the tracking function.

    Errors name the topic, so that a wiring mistake is found. Without `metadata_in_headers`, the sender's
    setting, metadata is read from the ledger. With `index_messages`, also the sender's, a job is found by
    SES's message id; the sender records it within `sender_seconds`. Only with `trusts_other_topics` may
    events of other topics be of jobs of this deployment. Without `publish_sent`, SES's `Send` is recorded in
    the ledger, and no event. A record is retried until it has been received `max_receives` times, and for
    half an hour at least. SES's JSON that is too large for the bus is stored in `events_bucket_name`.
    """

    tracking_topic_arn: str
    tracking_queue_url: str
    ledger_table_name: str
    metadata_in_headers: bool = True
    index_messages: bool = False
    sender_seconds: float = 60.0
    trusts_other_topics: bool = False
    publish_sent: bool = True
    max_receives: int
    events_bucket_name: str
    esp_events_prefix: str


class InboundSettings(BusSettings, frozen=True, kw_only=True):
    """The settings of the inbound function: the bucket that it reads and writes, and the prefixes in it.

    A record is received at most `max_receives` times. If SES's mail is `encrypted`, an object in the bucket
    that is not encrypted was not written by SES.
    """

    inbound_bucket_name: str
    raw_prefix: str
    parts_prefix: str
    max_receives: int
    encrypted: bool = False


class TimelineSettings(FunctionSettings, frozen=True, kw_only=True):
    """The settings of the timeline's function: its table, and for how many days it keeps an item.

    A record is received at most `max_receives` times.
    """

    timeline_table_name: str
    timeline_days: int
    dead_letter_queue_url: str
    max_receives: int


class GuardSettings(FunctionSettings, frozen=True, kw_only=True):
    """The settings of the guard: the alarms for which it pauses the bulk lane."""

    event_bus_name: str
    ledger_table_name: str
    alarm_names: tuple[str, ...]


class WebhookSettings(FunctionSettings, frozen=True, kw_only=True):
    """The settings of the webhook, which sends SNS's messages to a function's queue by their path.

    Only topics of `topic_arns` are accepted; with `confirm_subscriptions` their subscriptions are confirmed.
    """

    tracking_queue_url: str
    inbound_queue_url: str | None = None
    topic_arns: tuple[str, ...]
    confirm_subscriptions: bool


class AuthorizerSettings(FunctionSettings, frozen=True, kw_only=True):
    """The settings of the authorizer: the secret with the user and the password that SNS sends."""

    secret_arn: str


S = TypeVar("S", bound=FunctionSettings)


def from_environment(kind: type[S], environ: Mapping[str, str] | None = None) -> S:
    """Return a function's settings from `environ`, by default the process's own.

    Raises `ConfigurationError` with the name of a variable that is missing, empty or invalid.
    """
    source = os.environ if environ is None else environ
    values: dict[str, object] = {}
    for field in msgspec.structs.fields(kind):
        variable = field.name.upper()
        text = source.get(variable, "")
        if text:
            values[field.name] = _value(variable, text, field.type)
        elif field.required:
            reason = (
                f"environment variable {variable} is missing; deploy the function by the stacks, which set it"
            )
            raise ConfigurationError(reason)
    return msgspec.convert(values, kind)


def _value(variable: str, text: str, kind: Any) -> object:  # noqa: ANN401 - any type a field may have
    try:
        if typing.get_origin(kind) in {dict, tuple}:
            return msgspec.json.decode(text, type=kind)
        return msgspec.convert(text, kind, strict=False)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        reason = f"environment variable {variable}: {error}; deploy the function by the stacks, which set it"
        raise ConfigurationError(reason) from error


def to_environment(settings: FunctionSettings) -> dict[str, str]:
    """Return settings as environment variables, the reverse of `from_environment`.

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
