"""The settings of one stage: their names, types, limits and defaults.

`reason` in a type's `extra` is what an error says that a value must be.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec

from mailbus.environment import ENTRY_BYTES

Architecture = Literal["arm64", "x86_64", "host"]
OnUnknown = Literal["resend", "fail"]
DmarcPolicy = Literal["none", "quarantine", "reject"]
ReceiptAction = Literal["s3", "sns"]
SnsEncoding = Literal["UTF-8", "Base64"]
# The values that CloudWatch accepts: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
LogRetentionDays = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]

_DOMAIN_IN_ARN: Final = r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]"
_DOMAIN: Final = rf"(?=.{{1,253}}$){_DOMAIN_IN_ARN}"
_LOCAL_PART: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}"

StageName = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[a-z][a-z0-9-]{0,23}$",
        extra={"reason": "must be a name of at most 24 of a-z 0-9 -, beginning with a letter"},
    ),
]
Region = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$", extra={"reason": "must be a region, such as us-east-1"}
    ),
]
Domain = Annotated[
    str,
    msgspec.Meta(
        pattern=f"^{_DOMAIN}$",
        extra={"reason": "must be a domain in lower case, such as mail.example.com"},
    ),
]
Identity = Annotated[
    str,
    msgspec.Meta(
        pattern=f"^({_LOCAL_PART}@)?{_DOMAIN}$",
        extra={"reason": "must be a domain in lower case, such as example.com, or an address"},
    ),
]
# An identity of another account is named by its ARN
# (https://docs.aws.amazon.com/ses/latest/dg/sending-authorization-delegate-sender-tasks-email.html).
OtherIdentity = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^(arn:aws[a-z-]*:ses:[a-z0-9-]+:[0-9]{{12}}:identity/)?({_LOCAL_PART}@)?{_DOMAIN_IN_ARN}$",
        extra={
            "reason": "must be a domain in lower case, an address, or the ARN of another account's identity, "
            "such as arn:aws:ses:us-east-1:111122223333:identity/example.com"
        },
    ),
]
# An address also matches itself with a label after a `+`; a domain with a dot before it matches all domains
# below it
# (https://docs.aws.amazon.com/ses/latest/dg/receiving-email-receipt-rules-console-walkthrough.html).
Recipient = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^({_LOCAL_PART}@|\.)?{_DOMAIN}$",
        extra={
            "reason": "must be an address with its domain in lower case, such as me@inbound.example.com, "
            "or a domain: inbound.example.com for itself, .inbound.example.com for all below it"
        },
    ),
]
# https://docs.aws.amazon.com/ses/latest/APIReference/API_ReceiptRule.html
RuleName = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$",
        extra={
            "reason": "must be 1 to 64 of A-Z a-z 0-9 . _ -, beginning and ending with a letter or a digit"
        },
    ),
]
# https://docs.aws.amazon.com/Route53/latest/APIReference/API_HostedZone.html
HostedZoneId = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^Z[A-Z0-9]{1,31}$",
        extra={"reason": "must be the id of a Route 53 hosted zone, such as Z0123456789ABCDEFGHIJ"},
    ),
]
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_CreateConfigurationSet.html
ConfigurationSetName = Annotated[
    str,
    msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$", extra={"reason": "must be 1 to 64 of A-Z a-z 0-9 _ -"}),
]
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageTag.html
MessageTagName = Annotated[
    str,
    msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,256}$", extra={"reason": "must be 1 to 256 of A-Z a-z 0-9 _ -"}),
]
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
BucketName = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        extra={"reason": "must be the name of a bucket: 3 to 63 of a-z 0-9 . -"},
    ),
]
TopicArn = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$",
        extra={
            "reason": "must be an SNS topic's ARN, such as arn:aws:sns:us-east-1:111122223333:mail-events"
        },
    ),
]
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-entity-length
RoleArn = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,256}$",
        extra={"reason": "must be a role's ARN, such as arn:aws:iam::111122223333:role/mail"},
    ),
]
Days = Annotated[int, msgspec.Meta(ge=1, le=3650)]
# Twice the longest that SQS keeps a message:
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
RawMailDays = Annotated[
    int,
    msgspec.Meta(
        ge=28,
        le=3650,
        extra={
            "reason": "must be 28 to 3650: the notification of a mail waits up to 14 days in its queue and "
            "14 in the dead-letter queue, and cannot be processed without the mail"
        },
    ),
]
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
Concurrency = Annotated[int, msgspec.Meta(ge=2, le=1000)]

# https://docs.aws.amazon.com/ses/latest/dg/quotas.html
RULES: Final = 200
RULE_RECIPIENTS: Final = 500
DEFAULT_ENCODING: Final = "Base64"


class Retention(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many days stored data is kept."""

    raw_days: RawMailDays = 90
    parts_days: Days = 90
    event_archive_days: Days = 30


class Events(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The largest event on the bus, in bytes. Not every target accepts what EventBridge does."""

    entry_bytes: Annotated[int, msgspec.Meta(ge=ENTRY_BYTES, le=1_000_000)] = ENTRY_BYTES


class Sender(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long jobs are remembered, and what happens to mails with an unknown outcome."""

    on_unknown: OnUnknown = "resend"
    # At least as long as a report may take: settings/doubt.py.
    doubt_seconds: Annotated[float, msgspec.Meta(le=3600)] = 120
    ledger_days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 7


class Transactional(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The lane of urgent mail."""

    max_concurrency: Concurrency = 5


class Bulk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The lane of all other mail. `share` is the part of the account's rate that it may use."""

    max_concurrency: Concurrency = 5
    share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0


class Tracking(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The domain of tracked links, and identities whose feedback notifications are tracked too.

    SES publishes the feedback notifications of `notified_identities` to the tracking topic. If another topic
    is set already, the deployment fails unless `displace_notification_topics` is set.
    """

    custom_redirect_domain: Domain | None = None
    notified_identities: tuple[Identity, ...] = ()
    displace_notification_topics: bool = False


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A receipt rule: the recipients whose mail it takes (by default all of the domain) and its action.

    SES applies every rule that matches one of a mail's recipients; with `stop`, no rule after this one is
    applied. Rules that can match the same mail must have the same action.
    """

    name: RuleName
    recipients: Annotated[tuple[Recipient, ...], msgspec.Meta(max_length=RULE_RECIPIENTS)] = ()
    action: ReceiptAction = "s3"
    # In UTF-8, SES replaces other bytes by U+FFFD.
    encoding: SnsEncoding = DEFAULT_ENCODING
    scan: bool = True
    require_tls: bool = False
    stop: bool = False
    enabled: bool = True


class Inbound(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Receiving. Without a domain nothing is received."""

    domain: Domain | None = None
    rules: Annotated[
        tuple[Rule, ...],
        msgspec.Meta(max_length=RULES, extra={"hint": "write each rule under [[inbound.rules]]"}),
    ] = ()
    encrypt: bool = False
    displace_active_rule_set: bool = False

    @property
    def receipt_rules(self) -> tuple[Rule, ...]:
        """The rules to create, in order, each with its recipients; by default one that stores all mail."""
        if self.domain is None:
            return ()
        return tuple(
            msgspec.structs.replace(rule, recipients=rule.recipients or (self.domain,))
            for rule in self.rules or (Rule(name="store"),)
        )

    @property
    def encrypted(self) -> bool:
        """True if SES encrypts mail before it stores it."""
        return self.domain is not None and self.encrypt


class Webhook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """SNS topics of other accounts or regions that deliver over HTTPS. Without any there is no webhook."""

    topic_arns: tuple[TopicArn, ...] = ()
    confirm_subscriptions: bool = True


class Alarms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The alarms' thresholds, and the SNS topic that they notify, if any."""

    topic_arn: TopicArn | None = None
    # SQS keeps a message for 14 days at most.
    oldest_job_seconds: Annotated[int, msgspec.Meta(ge=60, le=1_209_600)] = 900


class ClientParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The timeouts of calls to SES, in seconds. The sender's own timeout is derived from them."""

    connect_timeout: Annotated[float, msgspec.Meta(ge=1, le=60)] = 3
    read_timeout: Annotated[float, msgspec.Meta(ge=1, le=300)] = 15


class SessionParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The SES that mail is sent through, if not the deployment's own: a role to assume, a region."""

    role_arn: RoleArn | None = None
    region: Region | None = None


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of one stage."""

    stage: StageName
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
        """The name of the deployment's resources that need one."""
        return f"mailbus-{self.stage}"

    @property
    def configuration_set(self) -> str:
        """The name of the configuration set that mail is sent with unless its job names another."""
        return self.configuration_set_name or self.name

    @property
    def ses_region(self) -> str:
        """The region of the SES that mail is sent through."""
        return self.session_params.region or self.region

    @property
    def ses_is_elsewhere(self) -> bool:
        """True if mail is sent through SES of another account or region, where nothing can be created."""
        elsewhere = self.session_params
        return elsewhere.role_arn is not None or elsewhere.region not in {None, self.region}

    @property
    def index_messages(self) -> bool:
        """True if SES's reports may come without tags, so that their job is found by SES's message id."""
        over_https = self.webhook.topic_arns and self.ses_is_elsewhere
        return bool(self.tracking.notified_identities or over_https)

    @property
    def sends_from_domain(self) -> bool:
        """True if the identity is a domain, not an address."""
        return "@" not in self.identity

    @property
    def ephemeral(self) -> bool:
        """True on the embedded AWS: stored data may be deleted with its stack."""
        return self.stage == "local"
