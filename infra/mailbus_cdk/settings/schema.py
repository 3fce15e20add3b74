"""The settings of one stage: their names, limits and defaults."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from mailbus.environment import ENTRY_BYTES, NAME_PREFIX
from mailbus_cdk.settings.receiving import Inbound
from mailbus_cdk.settings.section import Section
from mailbus_cdk.settings.values import (
    AlarmTopicArn,
    Architecture,
    BucketName,
    Concurrency,
    ConfigurationSetName,
    Days,
    DmarcPolicy,
    Domain,
    HostedZoneId,
    Identity,
    LogRetentionDays,
    MergeBy,
    MessageTagName,
    OnUnknown,
    OtherIdentity,
    RawMailDays,
    Region,
    RoleArn,
    StageName,
    TopicArn,
)


class Retention(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many days stored data is kept."""

    raw_days: RawMailDays = 90
    parts_days: Days = 90
    event_archive_days: Days = 30


class Events(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The largest event on the bus, in bytes. Not every target accepts what EventBridge does."""

    entry_bytes: Annotated[int, msgspec.Meta(ge=ENTRY_BYTES, le=1_000_000)] = ENTRY_BYTES


class Sender(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long jobs are remembered, what happens to mails with an unknown outcome, and how merges are sent.

    `merge_by` is SES's action: `SendBulkEmail` for up to 50 recipients a call, or `SendEmail` for each.
    """

    on_unknown: OnUnknown = "resend"
    # At least as long as a report may take: settings/doubt.py.
    doubt_seconds: Annotated[float, msgspec.Meta(le=3600)] = 120
    ledger_days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 7
    merge_by: MergeBy = "SendBulkEmail"


class Transactional(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The lane of urgent mail."""

    max_concurrency: Concurrency = 5


class Bulk(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The lane of all other mail. `share` is the part of the account's rate that it may use."""

    max_concurrency: Concurrency = 5
    share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0


class Tracking(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The domain of tracked links, and identities whose feedback notifications are tracked too.

    SES publishes the feedback notifications of `notified_identities` to the tracking topic. If another topic
    is set already, the deployment fails unless `displace_notification_topics` is set.
    """

    custom_redirect_domain: Domain | None = None
    notified_identities: tuple[Identity, ...] = ()
    displace_notification_topics: bool = False


class Webhook(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """SNS topics of other accounts or regions that deliver over HTTPS. Without any there is no webhook."""

    topic_arns: tuple[TopicArn, ...] = ()
    confirm_subscriptions: bool = True


class Alarms(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The alarms' thresholds, and the SNS topic that they notify, if any."""

    topic_arn: AlarmTopicArn | None = None
    # SQS keeps a message for 14 days at most.
    oldest_job_seconds: Annotated[int, msgspec.Meta(ge=60, le=1_209_600)] = 900


class ClientParams(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The timeouts of calls to SES, in seconds. The sender's own timeout is derived from them."""

    connect_timeout: Annotated[float, msgspec.Meta(ge=1, le=60)] = 3
    read_timeout: Annotated[float, msgspec.Meta(ge=1, le=300)] = 15

    @property
    def call_seconds(self) -> float:
        """The longest time that one call of SES takes."""
        return self.connect_timeout + self.read_timeout


class SessionParams(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The SES that mail is sent through, if not the deployment's own: a role to assume, a region."""

    role_arn: RoleArn | None = None
    region: Region | None = None


class StageSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of one stage, each of its type; `Settings` also checks the rules between them."""

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
        return f"{NAME_PREFIX}{self.stage}"

    @property
    def rule_set(self) -> str:
        """The name of the receipt rule set: one that exists, or the deployment's own."""
        return self.inbound.rule_set_name or self.name

    def rule_name(self, rule: str) -> str:
        """Return the name of a receipt rule in SES. No name of a stage has a dot."""
        return f"{self.name}.{rule}"

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
