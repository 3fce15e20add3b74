"""The settings file of the deployments: one TOML file, defaults at its top, a table per stage.

Every mistake in it is one `ConfigurationError` of one line: the file, the table, the key, what is
wrong, and the nearest right one.
"""

from __future__ import annotations

import difflib
import itertools
import re
import tomllib
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, get_args, get_type_hints

import msgspec

from mailbus.errors import ConfigurationError
from mailbus.events import ENTRY_TAG, JOB_ID_TAG
from mailbus.jobs.contract import SendJob
from mailbus_cdk.regions import RECEIVING_REGIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Architecture = Literal["arm64", "x86_64", "host"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
OnUnknown = Literal["resend", "fail"]
DmarcPolicy = Literal["none", "quarantine", "reject"]
ReceiptAction = Literal["s3", "sns"]
SnsEncoding = Literal["UTF-8", "Base64"]
# What CloudWatch takes: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
LogRetentionDays = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]

_DOMAIN_IN_ARN = r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]"
_DOMAIN = rf"(?=.{{1,253}}$){_DOMAIN_IN_ARN}"
_LOCAL_PART = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}"

Region = Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")]
Domain = Annotated[str, msgspec.Meta(pattern=f"^{_DOMAIN}$")]
# An address, with any label behind a `+`; a domain; with a dot before it, all domains below it
# (https://docs.aws.amazon.com/ses/latest/dg/receiving-email-receipt-rules-console-walkthrough.html).
Recipient = Annotated[str, msgspec.Meta(pattern=rf"^({_LOCAL_PART}@|\.)?{_DOMAIN}$")]
# https://docs.aws.amazon.com/ses/latest/APIReference/API_ReceiptRule.html
RuleName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$")]
Identity = Annotated[str, msgspec.Meta(pattern=f"^({_LOCAL_PART}@)?{_DOMAIN}$")]
# An identity of another account is named by its ARN
# (https://docs.aws.amazon.com/ses/latest/dg/sending-authorization-delegate-sender-tasks-email.html).
OtherIdentity = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^(arn:aws[a-z-]*:ses:[a-z0-9-]+:[0-9]{{12}}:identity/)?({_LOCAL_PART}@)?{_DOMAIN_IN_ARN}$"
    ),
]
# https://docs.aws.amazon.com/Route53/latest/APIReference/API_HostedZone.html
HostedZoneId = Annotated[str, msgspec.Meta(pattern=r"^Z[A-Z0-9]{1,31}$")]
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_CreateConfigurationSet.html
ConfigurationSetName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageTag.html
MessageTagName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,256}$")]
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
BucketName = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
TopicArn = Annotated[
    str, msgspec.Meta(pattern=r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$")
]
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-entity-length
RoleArn = Annotated[
    str, msgspec.Meta(pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,256}$")
]
Days = Annotated[int, msgspec.Meta(ge=1, le=3650)]
MemoryMb = Annotated[int, msgspec.Meta(ge=128, le=10_240)]
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
Concurrency = Annotated[int, msgspec.Meta(ge=2, le=1000)]

LaneBatchSize = Annotated[int, msgspec.Meta(ge=1, le=100)]
BatchWindowSeconds = Annotated[int, msgspec.Meta(ge=0, le=300)]

BATCH_WITHOUT_WINDOW: Final = 10
ARN_REGION: Final = 3
# The longest that SQS keeps a message, in a queue and then in its dead-letter queue.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
LEAST_DAYS: Final = 28
# A policy holds 6,144 characters (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html),
# and one statement of the sender's names them all, each by an ARN that begins with up to 70.
OTHERS_CHARACTERS: Final = 5000
ARN_CHARACTERS: Final = 70
# https://docs.aws.amazon.com/ses/latest/dg/quotas.html
RULES: Final = 200
DEFAULT_ENCODING: Final = "Base64"
RULE_RECIPIENTS: Final = 500
# What a batch may take beside one call of SES: its turn, the ledger, the bus.
WITHOUT_SES_SECONDS: Final = 42
# A function's environment holds 4 KB (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html),
# of which names, queues and roles take up to 1,700 bytes.
SEND_DEFAULTS_BYTES: Final = 2000
FREE_ENVIRONMENT_BYTES: Final = 2300
# What tells one job from another cannot be the default of all.
NO_DEFAULTS: Final = frozenset({"job_id", "content_ref", "schema_version"})


class Retention(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many days what has passed through is kept."""

    raw_days: Days = 90
    parts_days: Days = 90
    jobs_days: Days = 30
    event_archive_days: Days = 30
    esp_events_days: Days = 90


class Events(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How large an event on the bus may be, in bytes; not every target takes what EventBridge does."""

    entry_bytes: Annotated[int, msgspec.Meta(ge=256 * 1024, le=1_000_000)] = 256 * 1024


class Sender(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The function that takes the jobs of both lanes to SES, and what it remembers of them."""

    memory_mb: MemoryMb = 1024
    # Waiting for a turn, a slow SES and a slow bus take 51 s together; what a function that is ended
    # leaves open waits for SES's own event.
    timeout_seconds: Annotated[int, msgspec.Meta(ge=60, le=900)] = 60
    rate_cache_seconds: Annotated[float, msgspec.Meta(ge=1, le=3600)] = 60
    on_unknown: OnUnknown = "resend"
    doubt_seconds: Annotated[float, msgspec.Meta(ge=5, le=3600)] = 120
    ledger_days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 7


class Transactional(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The lane of mail that somebody waits for: how the sender is fed from its queue."""

    batch_size: LaneBatchSize = 10
    batch_window_seconds: BatchWindowSeconds = 0
    max_concurrency: Concurrency = 5


class Bulk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The lane of mail that nobody waits for. `share` is the part of the account's rate that it may use."""

    batch_size: LaneBatchSize = 10
    batch_window_seconds: BatchWindowSeconds = 0
    max_concurrency: Concurrency = 5
    share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0


class Tracking(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The tracking function and how it is fed, and the domain that opens and clicks go by.

    SES's feedback notifications of `notified_identities` come to the tracking topic; where they go to
    another topic, that is left so, or with `displace_notification_topics` changed.
    """

    custom_redirect_domain: Domain | None = None
    notified_identities: tuple[Identity, ...] = ()
    displace_notification_topics: bool = False
    memory_mb: MemoryMb = 256
    # with less, a ledger that hangs would take the time that publishing needs (tracking/wiring.py)
    timeout_seconds: Annotated[int, msgspec.Meta(ge=30, le=900)] = 30
    batch_size: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 100
    batch_window_seconds: BatchWindowSeconds = 1
    max_concurrency: Concurrency = 10


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A receipt rule: whose mail it takes (without `recipients` all of the domain's), what SES does with it.

    SES does what every rule says that takes one of a mail's recipients; with `stop`, no rule after this
    one is asked. Rules that one mail may come by all bring it in the same way.
    """

    name: RuleName
    recipients: Annotated[tuple[Recipient, ...], msgspec.Meta(max_length=RULE_RECIPIENTS)] = ()
    action: ReceiptAction = "s3"
    # In UTF-8, SES writes other bytes as U+FFFD.
    encoding: SnsEncoding = DEFAULT_ENCODING
    scan: bool = True
    require_tls: bool = False
    stop: bool = False
    enabled: bool = True


class Inbound(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is received, and the function that reads it. Without a domain, nothing is."""

    domain: Domain | None = None
    rules: Annotated[tuple[Rule, ...], msgspec.Meta(max_length=RULES)] = ()
    encrypt: bool = False
    displace_active_rule_set: bool = False
    # What the largest mail needs, and what S3 and the bus may take for it.
    memory_mb: Annotated[int, msgspec.Meta(ge=512, le=10_240)] = 1024
    timeout_seconds: Annotated[int, msgspec.Meta(ge=30, le=900)] = 120
    batch_size: Annotated[int, msgspec.Meta(ge=1, le=BATCH_WITHOUT_WINDOW)] = 10
    max_concurrency: Concurrency = 5

    @property
    def receipt_rules(self) -> tuple[Rule, ...]:
        """The rules to make, in order, each with its recipients; where none are set, one that stores all."""
        if self.domain is None:
            return ()
        return tuple(
            msgspec.structs.replace(rule, recipients=rule.recipients or (self.domain,))
            for rule in self.rules or (Rule(name="store"),)
        )

    @property
    def encrypted(self) -> bool:
        """Whether SES encrypts mail before it stores it."""
        return self.domain is not None and self.encrypt


class Webhook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """SNS topics of other accounts or regions, whose messages come over HTTPS. Without any there is none."""

    topic_arns: tuple[TopicArn, ...] = ()
    confirm_subscriptions: bool = True


class Alarms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When somebody has to look, and the SNS topic that tells them; without one, alarms just show."""

    topic_arn: TopicArn | None = None
    # SQS keeps a message for 14 days at most.
    oldest_job_seconds: Annotated[int, msgspec.Meta(ge=60, le=1_209_600)] = 900


class ClientParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long SES may take to be reached, and to answer, in seconds."""

    connect_timeout: Annotated[float, msgspec.Meta(ge=1, le=60)] = 3
    read_timeout: Annotated[float, msgspec.Meta(ge=1, le=300)] = 15


class SessionParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose SES mail is sent by, where that is not the deployment's own: a role to assume, a region."""

    role_arn: RoleArn | None = None
    region: Region | None = None


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One stage's deployment."""

    stage: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,23}$")]
    region: Region
    identity: Identity
    identity_exists: bool = False
    mail_from_domain: Domain | None = None
    dmarc_policy: DmarcPolicy | None = None
    hosted_zone_id: HostedZoneId | None = None
    configuration_set_name: ConfigurationSetName | None = None
    configuration_set_exists: bool = False
    other_identities: tuple[OtherIdentity, ...] = ()
    other_configuration_sets: tuple[ConfigurationSetName, ...] = ()
    message_tag_name: MessageTagName | None = None
    metadata_in_headers: bool = True
    send_defaults: dict[str, Any] = msgspec.field(default_factory=dict)
    source_buckets: tuple[BucketName, ...] = ()
    max_attempts: Annotated[int, msgspec.Meta(ge=1, le=90)] = 20
    architecture: Architecture = "arm64"
    log_retention_days: LogRetentionDays = 30
    log_level: LogLevel = "INFO"
    retention: Retention = Retention()
    events: Events = Events()
    sender: Sender = Sender()
    transactional: Transactional = Transactional()
    bulk: Bulk = Bulk()
    tracking: Tracking = Tracking()
    inbound: Inbound = Inbound()
    webhook: Webhook = Webhook()
    alarms: Alarms = Alarms()
    client_params: ClientParams = ClientParams()
    session_params: SessionParams = SessionParams()

    @property
    def name(self) -> str:
        """What everything of this deployment that needs a name of its own is called."""
        return f"mailbus-{self.stage}"

    @property
    def configuration_set(self) -> str:
        """The name of the configuration set that mail is sent with unless a job names another."""
        return self.configuration_set_name or self.name

    @property
    def ses_region(self) -> str:
        """The region of the SES that mail is sent by."""
        return self.session_params.region or self.region

    @property
    def ses_is_elsewhere(self) -> bool:
        """Whether mail is sent by SES of another account or region, where nothing can be made from here."""
        elsewhere = self.session_params
        return elsewhere.role_arn is not None or elsewhere.region not in {None, self.region}

    @property
    def index_messages(self) -> bool:
        """Whether reports come that carry no tags, so that their job is found by SES's message id."""
        over_https = self.webhook.topic_arns and self.ses_is_elsewhere
        return bool(self.tracking.notified_identities or over_https)

    @property
    def batch_seconds(self) -> float:
        """How long a batch of the sender takes at most, until what it sent is written down."""
        given = self.client_params
        return WITHOUT_SES_SECONDS + given.connect_timeout + given.read_timeout

    @property
    def sends_from_domain(self) -> bool:
        """Whether the identity is a domain, not one address."""
        return "@" not in self.identity

    @property
    def ephemeral(self) -> bool:
        """Whether what it stores may be deleted with it."""
        return self.stage == "local"


# The keys that lead to a value; in an array of tables, the place of the table, from 0, too.
_Path = tuple[str | int, ...]


class _Mistake(ConfigurationError):  # noqa: N818 - a ConfigurationError in the making
    """A mistake at a key, still to be told with the file and the table it stands in."""

    def __init__(self, path: _Path, reason: str) -> None:
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
        key = f"{mistake.path[-1]}: " if mistake.path else ""
        reason = f"{path.name}: {_heading(table)}{key}{mistake.reason}"
        raise ConfigurationError(reason) from mistake


def _heading(table: _Path) -> str:
    """Write a table's heading as it stands in the file; one of an array with its number there."""
    if not table:
        return ""
    name = ".".join(step for step in table if isinstance(step, str))
    place = table[-1]
    return f"[[{name}]] #{place + 1} " if isinstance(place, int) else f"[{name}] "


# Names under which access keys are written, and what the ids of keys look like
# (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids).
_ACCESS_KEY_NAME: Final = re.compile(r"(access_?key|secret_?key|secret_access|session_token)", re.IGNORECASE)
_ACCESS_KEY_ID: Final = re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b")


def _refuse_access_keys(value: Any, path: _Path) -> None:  # noqa: ANN401 - whatever TOML holds
    if isinstance(value, dict):
        for key, inner in value.items():
            if _ACCESS_KEY_NAME.search(key):
                raise _access_key((*path, key))
            _refuse_access_keys(inner, (*path, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            _refuse_access_keys(inner, (*path, place) if isinstance(inner, dict) else path)
    elif isinstance(value, str) and _ACCESS_KEY_ID.search(value):
        raise _access_key(path)


def _access_key(path: _Path) -> _Mistake:
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


DEFAULTS: Final = ("send_defaults",)
_TABLES: Final[dict[str, type[msgspec.Struct]]] = {
    "retention": Retention,
    "events": Events,
    "send_defaults": SendJob,
    "sender": Sender,
    "transactional": Transactional,
    "bulk": Bulk,
    "tracking": Tracking,
    "inbound": Inbound,
    "webhook": Webhook,
    "alarms": Alarms,
    "client_params": ClientParams,
    "session_params": SessionParams,
}
_ARRAYS: Final[dict[_Path, type[msgspec.Struct]]] = {("inbound", "rules"): Rule}


def _check_keys(table: Mapping[str, Any], path: _Path) -> None:
    known = [name for name in _known_keys(path) if name != "stage"]
    for key, value in table.items():
        if path == DEFAULTS and key in NO_DEFAULTS:
            raise _Mistake((*path, key), "is each job's own, and cannot be the default of all")
        if key not in known:
            elsewhere = [".".join(other) for other in _places(key) if other[:-1] != path]
            hint = _nearest(key, known if path else [*known, "stages"]) or (
                f"; it belongs at {' or '.join(elsewhere)}" if elsewhere else ""
            )
            raise _Mistake((*path, key), f"unknown key{hint} (keys: {', '.join(known)})")
        if not path and key in _TABLES:
            if not isinstance(value, dict):
                raise _Mistake((key,), f"must be a table: [{key}]")
            _check_keys(value, (key,))
        if (*path, key) in _ARRAYS:
            _check_array(value, (*path, key))


def _check_array(tables: Any, path: _Path) -> None:  # noqa: ANN401 - whatever TOML holds
    if not (isinstance(tables, list) and all(isinstance(table, dict) for table in tables)):
        raise _Mistake(path, f"must be tables, each under [[{'.'.join(map(str, path))}]]")
    for place, table in enumerate(tables):
        _check_keys(table, (*path, place))


def _kind(table: _Path) -> type[msgspec.Struct]:
    names = tuple(step for step in table if isinstance(step, str))
    return _ARRAYS.get(names) or (_TABLES[names[0]] if names else Settings)


def _known_keys(path: _Path) -> tuple[str, ...]:
    fields = _kind(path).__struct_fields__
    return tuple(name for name in fields if name not in NO_DEFAULTS) if path == DEFAULTS else fields


def _places(key: str) -> Iterator[tuple[str, ...]]:
    if key in Settings.__struct_fields__:
        yield (key,)
    for table in (*((name,) for name in _TABLES), *_ARRAYS):
        if key in _known_keys(table):
            yield (*map(str, table), key)


def _nearest(given: object, known: Mapping[str, Any] | list[str]) -> str:
    near = difflib.get_close_matches(str(given), list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


# How much of a wrong value is told.
SHOWN: Final = 61
_AT: Final = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>[^`]*)`)?$", re.DOTALL)
_STEP: Final = re.compile(r"\.([^.\[]+)|\[([^]]*)\]")
_MISSING: Final = re.compile(r"^Object missing required field `(\w+)`$")
_PATTERNS: Final = {
    "region": "a region, such as us-east-1",
    "identity": "a domain in lower case, such as example.com, or an address",
    "message_tag_name": "1 to 256 of A-Z a-z 0-9 _ -",
    "source_buckets": "names of buckets: 3 to 63 of a-z 0-9 . -",
    "role_arn": "a role's ARN, such as arn:aws:iam::111122223333:role/mail",
    "topic_arn": "an SNS topic's ARN, such as arn:aws:sns:us-east-1:111122223333:alarms",
    "domain": "a domain in lower case, such as inbound.example.com",
    "mail_from_domain": "a domain in lower case, such as bounces.example.com",
    "custom_redirect_domain": "a domain in lower case, such as links.example.com",
    "hosted_zone_id": "the id of a Route 53 hosted zone, such as Z0123456789ABCDEFGHIJ",
    "notified_identities": "domains in lower case, or addresses",
    "topic_arns": "ARNs of SNS topics, such as arn:aws:sns:eu-west-1:111122223333:mail-events",
    "recipients": "addresses whose domain is in lower case, such as support@inbound.example.com, or domains: "
    "inbound.example.com for itself, .inbound.example.com for all below it",
    "name": "1 to 64 of A-Z a-z 0-9 . _ -, beginning and ending with a letter or a digit",
    "other_identities": "domains in lower case, addresses, or their ARNs where they are another account's, "
    "such as arn:aws:ses:us-east-1:111122223333:identity/example.com",
    "other_configuration_sets": "names of configuration sets: 1 to 64 of A-Z a-z 0-9 _ -",
    "configuration_set_name": "1 to 64 of A-Z a-z 0-9 _ -",
    "stage": "a name of at most 24 of a-z 0-9 -, beginning with a letter",
}


def _settings(merged: Mapping[str, Any]) -> Settings:
    try:
        settings = msgspec.convert(merged, Settings)
    except msgspec.ValidationError as error:
        raise _mistake(str(error), merged) from error
    try:
        # as JSON, which a job is: TOML's dates are texts there
        msgspec.json.decode(msgspec.json.encode(settings.send_defaults), type=SendJob)
    except msgspec.ValidationError as error:
        raise _mistake(str(error), merged, DEFAULTS) from error
    return settings


def _mistake(text: str, merged: Mapping[str, Any], table: _Path = ()) -> _Mistake:
    match = _AT.match(text)
    what, at = (match["what"], match["path"] or "") if match else (text, "")
    path = (*table, *_steps(at))
    if missing := _MISSING.match(what):
        return _Mistake((*path, missing[1]), "is missing, and has no default")
    given = _value(merged, path)
    if "matching regex" in what and path[-1] in _PATTERNS:
        what = f"must be {_PATTERNS[str(path[-1])]}"
    elif allowed := _allowed(path):
        what = f"must be one of {', '.join(map(str, allowed))}{_nearest_value(given, allowed)}"
    else:
        what = what[:1].lower() + what[1:]
    shown = repr(given)
    shown = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"
    return _Mistake(path, f"{what} (it is {shown})")


def _steps(at: str) -> Iterator[str | int]:
    """Read the place that msgspec names; that in a plain list is left out, since the list is told whole."""
    names: list[str] = []
    for name, place in _STEP.findall(at):
        if name:
            names.append(name)
            yield name
        elif tuple(names) in _ARRAYS:
            yield int(place)


def _value(merged: Mapping[str, Any], path: _Path) -> object:
    value: object = merged
    for step in path:
        if isinstance(value, list) and isinstance(step, int):
            value = value[step]
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def _holds(table: object, path: _Path) -> bool:
    """Tell whether a table has what is found by a path; an array is overridden as a whole."""
    for key in itertools.takewhile(lambda step: isinstance(step, str), path):
        if not isinstance(table, dict) or key not in table:
            return False
        table = table[key]
    return bool(path)


_WORDS: Final = (
    Architecture,
    LogLevel,
    LogRetentionDays,
    OnUnknown,
    DmarcPolicy,
    ReceiptAction,
    SnsEncoding,
)


def _allowed(path: _Path) -> tuple[Any, ...]:
    if path[:1] == DEFAULTS:
        return ()
    hint = get_type_hints(_kind(path[:-1]))[str(path[-1])]
    return next((get_args(words) for words in _WORDS if hint in {words, words | None}), ())


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
    for check in (
        _check_retention,
        _check_batches,
        _check_environment,
        _check_sending,
        _check_ses,
        _check_identity,
        _check_others,
        _check_notified,
        _check_webhook,
        _check_receiving,
        _check_rules,
    ):
        check(settings)
    return settings


def _check_retention(settings: Settings) -> None:
    """Keep what lies in S3 for as long as a message may refer to it."""
    kept = {
        "jobs_days": ("a job", settings.retention.jobs_days),
        "raw_days": ("a received mail's notification", settings.retention.raw_days),
    }
    for key, (what, days) in kept.items():
        if days < LEAST_DAYS:
            reason = (
                f"must be at least {LEAST_DAYS}: {what} waits up to 14 days in its queue and as long among "
                f"the dead letters, and is lost without what it refers to (it is {days})"
            )
            raise _Mistake(("retention", key), reason)


def _check_batches(settings: Settings) -> None:
    # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html
    fed: dict[str, tuple[Transactional | Bulk | Tracking, str]] = {
        "transactional": (settings.transactional, "jobs"),
        "bulk": (settings.bulk, "jobs"),
        "tracking": (settings.tracking, "events"),
    }
    for table, (limits, what) in fed.items():
        if limits.batch_size > BATCH_WITHOUT_WINDOW and not limits.batch_window_seconds:
            reason = (
                f"more than {BATCH_WITHOUT_WINDOW} {what} a batch need {table}.batch_window_seconds of at "
                f"least 1 (it is {limits.batch_size})"
            )
            raise _Mistake((table, "batch_size"), reason)


def _check_environment(settings: Settings) -> None:
    """Hold what travels in the sender's environment to what that holds."""
    defaults = len(msgspec.json.encode(settings.send_defaults))
    if defaults > SEND_DEFAULTS_BYTES:
        reason = (
            f"take {defaults} bytes as JSON; they travel in the function's environment, where there is room "
            f"for {SEND_DEFAULTS_BYTES}: leave long texts to the jobs"
        )
        raise _Mistake(DEFAULTS, reason)
    names = (settings.source_buckets, settings.message_tag_name, settings.session_params)
    together = defaults + len(msgspec.json.encode(names))
    if together > FREE_ENVIRONMENT_BYTES:
        reason = (
            f"take {together} bytes as JSON with send_defaults, message_tag_name and session_params; the "
            f"function's environment has room for {FREE_ENVIRONMENT_BYTES}: name fewer buckets"
        )
        raise _Mistake(("source_buckets",), reason)


def _check_sending(settings: Settings) -> None:
    if settings.message_tag_name in {JOB_ID_TAG, ENTRY_TAG}:
        reason = f"{settings.message_tag_name} is a tag of Mailbus's own; take another name"
        raise _Mistake(("message_tag_name",), reason)
    topic = settings.alarms.topic_arn
    if topic is not None and (region := topic.split(":")[ARN_REGION]) != settings.region:
        reason = f"alarms of {settings.region} reach topics of that region only (it is of {region})"
        raise _Mistake(("alarms", "topic_arn"), reason)


def _check_ses(settings: Settings) -> None:
    least = settings.batch_seconds
    if settings.sender.timeout_seconds < least:
        reason = (
            f"with client_params.connect_timeout a function needs sender.timeout_seconds of at least "
            f"{least:g} (it is {settings.sender.timeout_seconds})"
        )
        raise _Mistake(("client_params", "read_timeout"), reason)
    if settings.ses_is_elsewhere and not (settings.identity_exists and settings.configuration_set_exists):
        reason = (
            "SES of another account or region has its own identities and configuration sets, and this "
            "deployment makes none there: set identity_exists and configuration_set_exists"
        )
        raise _Mistake(("session_params",), reason)


def _check_identity(settings: Settings) -> None:
    """Check what has to be made here to be changed here, and what belongs to a domain."""
    wrong: dict[tuple[str, ...], str | None] = {
        ("configuration_set_exists",): "needs configuration_set_name, to find it by"
        if settings.configuration_set_exists and not settings.configuration_set_name
        else None,
        (
            "tracking",
            "custom_redirect_domain",
        ): "is set on a configuration set that is made here; set it there"
        if settings.configuration_set_exists and settings.tracking.custom_redirect_domain
        else None,
        ("mail_from_domain",): _wrong_mail_from(settings),
        ("dmarc_policy",): "is of a domain, and identity is an address"
        if settings.dmarc_policy and not settings.sends_from_domain
        else None,
        ("hosted_zone_id",): "there are no records to make: they are a domain's that is made here, its "
        "mail_from_domain's, and that of dmarc_policy"
        if settings.hosted_zone_id
        and (settings.identity_exists or not settings.sends_from_domain)
        and not (settings.mail_from_domain or settings.dmarc_policy)
        else None,
    }
    for path, reason in wrong.items():
        if reason:
            raise _Mistake(path, reason)


def _check_others(settings: Settings) -> None:
    """Check that what jobs may name beside the deployment's own is beside it, and can be used."""
    others = {
        "other_identities": (settings.other_identities, settings.identity),
        "other_configuration_sets": (settings.other_configuration_sets, settings.configuration_set),
    }
    for key, (names, own) in others.items():
        if names and settings.session_params.role_arn:
            reason = (
                "session_params.role_arn names a role that brings its own rights: name them in its policy"
            )
            raise _Mistake((key,), reason)
        if own in names:
            reason = f"{own} is the deployment's own, which jobs use anyway: remove it here"
            raise _Mistake((key,), reason)
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise _Mistake((key,), f"{twice} is named twice")
    all_of_them = (*settings.other_identities, *settings.other_configuration_sets)
    together = sum(ARN_CHARACTERS + len(name) for name in all_of_them)
    if together > OTHERS_CHARACTERS:
        key = "other_identities" if settings.other_identities else "other_configuration_sets"
        reason = (
            f"other_identities and other_configuration_sets together take {together} characters of the "
            f"sender's policy, where there is room for {OTHERS_CHARACTERS}: name fewer; a domain stands for "
            "all below it"
        )
        raise _Mistake((key,), reason)
    for name in settings.other_identities:
        region = name.split(":")[ARN_REGION] if name.startswith("arn:") else settings.ses_region
        if region != settings.ses_region:
            reason = f"SES takes identities of its own region, {settings.ses_region}, alone (it is {name})"
            raise _Mistake(("other_identities",), reason)


def _check_notified(settings: Settings) -> None:
    """Check that the identities are of this account and region, where their topics can be set."""
    named = settings.tracking.notified_identities
    path = ("tracking", "notified_identities")
    if named and settings.ses_is_elsewhere:
        reason = "SES of another account or region cannot be told from here; set its topics there"
        raise _Mistake(path, reason)
    for name in named:
        if name != settings.identity and name not in settings.other_identities:
            reason = f"{name} is neither identity nor one of other_identities"
            raise _Mistake(path, reason)
        if named.count(name) > 1:
            raise _Mistake(path, f"{name} is named twice")


def _check_webhook(settings: Settings) -> None:
    named = settings.webhook.topic_arns
    together = len(msgspec.json.encode(named))
    if together > FREE_ENVIRONMENT_BYTES:
        reason = (
            f"take {together} bytes as JSON; they travel in the function's environment, where there is room "
            f"for {FREE_ENVIRONMENT_BYTES}: name fewer"
        )
        raise _Mistake(("webhook", "topic_arns"), reason)
    if twice := next((arn for arn in named if named.count(arn) > 1), None):
        raise _Mistake(("webhook", "topic_arns"), f"{twice} is named twice")


def _wrong_mail_from(settings: Settings) -> str | None:
    given = settings.mail_from_domain
    if given is None:
        return None
    if settings.identity_exists:
        return "is set on an identity that is made here; set it there"
    sender = settings.identity.rpartition("@")[2]
    if not given.endswith(f".{sender}"):
        return f"has to be a domain below that of identity, such as bounces.{sender} (it is {given})"
    if given == settings.inbound.domain:
        # https://docs.aws.amazon.com/ses/latest/dg/mail-from.html#mail-from-requirements
        return f"takes SES's feedback, and inbound.domain other mail: make them two (both are {given})"
    return None


def _check_receiving(settings: Settings) -> None:
    inbound = settings.inbound
    if inbound.domain is None:
        if inbound.rules:
            raise _Mistake(("inbound", "rules"), "need inbound.domain, which turns receiving on")
        return
    if settings.region not in RECEIVING_REGIONS:
        reason = (
            f"SES does not receive mail in {settings.region}; remove inbound.domain or take one of "
            f"{', '.join(RECEIVING_REGIONS)}"
        )
        raise _Mistake(("region",), reason)


def _check_rules(settings: Settings) -> None:
    """Check that rules are of the domain, that each is one, and that mail comes as far as each."""
    rules = settings.inbound.rules
    for place, rule in enumerate(rules):
        before = rules[:place]
        wrong = {
            "name": f"{rule.name} is the name of another rule too"
            if any(other.name == rule.name for other in before)
            else None,
            "recipients": _wrong_recipients(rule, before, settings.inbound.domain or ""),
            "action": _clash(rule, before, settings.inbound.domain or ""),
            "encoding": 'is that of mail in notifications, which action = "sns" brings; remove it'
            if rule.action == "s3" and rule.encoding != DEFAULT_ENCODING
            else None,
        }
        for key, reason in wrong.items():
            if reason:
                raise _Mistake(("inbound", "rules", place, key), reason)


def _wrong_recipients(rule: Rule, before: tuple[Rule, ...], domain: str) -> str | None:
    named = rule.recipients
    for recipient in named:
        if not f".{recipient.rpartition('@')[2].lstrip('.')}".endswith(f".{domain}"):
            return f"{recipient} is not of inbound.domain ({domain}) or a domain below it"
        if named.count(recipient) > 1:
            return f"{recipient} is named twice"
        if "*" in recipient:
            return f"{recipient} would take mail to that very address: SES knows no patterns; name {domain}"
    for other in before:
        ends = other.stop and other.enabled
        if ends and all(_takes(other.recipients or (domain,), mine) for mine in named or (domain,)):
            return f"rule {other.name} before it takes all of this mail and stops; put that one after this"
    return None


def _clash(rule: Rule, before: tuple[Rule, ...], domain: str) -> str | None:
    """Tell of a rule by which a mail could come here twice, as other bytes to the same keys in S3."""
    others = (other for other in before if other.enabled and rule.enabled and not other.stop)
    for other in others:
        ways = {_way(other), _way(rule)}
        if len(ways) > 1 and ("sns, UTF-8" in ways or _overlap(other, rule, domain)):
            return (
                f"rule {other.name} before it brings mail in another way ({_way(other)}, here {_way(rule)}), "
                "and does not stop: of a mail to both, each would write over what the other stored; set "
                "stop = true there, or give both the same action and encoding"
            )
    return None


def _way(rule: Rule) -> str:
    return rule.action if rule.action == "s3" else f"sns, {rule.encoding}"


def _overlap(one: Rule, other: Rule, domain: str) -> bool:
    ours, theirs = one.recipients or (domain,), other.recipients or (domain,)
    return any(_takes(ours, each) for each in theirs) or any(_takes(theirs, each) for each in ours)


def _takes(conditions: tuple[str, ...], recipient: str) -> bool:
    """Tell whether all that a recipient of a rule stands for is taken by another's."""
    local, at, domain = recipient.rpartition("@")
    # An address takes those with any label too:
    # https://docs.aws.amazon.com/ses/latest/dg/receiving-email-receipt-rules-console-walkthrough.html
    unlabelled = f"{local.partition('+')[0]}{at}{domain}"
    below = domain if domain.startswith(".") else f".{domain}"
    return any(
        condition in {recipient, unlabelled, domain}
        or (condition.startswith(".") and below.endswith(condition) and domain != condition[1:])
        for condition in conditions
    )
