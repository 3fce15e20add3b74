"""The settings of one stage: their names, limits and defaults."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from mailbus.environment import NAME_PREFIX
from mailbus.stages import LOCAL
from mailbus_cdk import event_workers, lanes
from mailbus_cdk.quotas import EXPECTED_RATE
from mailbus_cdk.settings.receiving import Inbound
from mailbus_cdk.settings.section import Section
from mailbus_cdk.settings.tables import (
    Alarms,
    Bulk,
    ClientParams,
    Events,
    Guard,
    Retention,
    Sender,
    SessionParams,
    Timeline,
    Tracking,
    Transactional,
    Webhook,
)
from mailbus_cdk.settings.values import (
    Architecture,
    BucketName,
    ConfigurationSetName,
    DmarcPolicy,
    Domain,
    HostedZoneId,
    Identity,
    LogRetentionDays,
    MessageTagName,
    OtherIdentity,
    Region,
    ReportAddress,
    StageName,
)


class StageSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of one stage, each of its type; `Settings` also checks the rules between them."""

    stage: StageName
    region: Annotated[
        Region,
        msgspec.Meta(
            description="The region of the deployment. With `inbound.domains`, one in which SES receives "
            "mail."
        ),
    ]
    identity: Annotated[Identity, msgspec.Meta(description="The sender: a domain, or one address.")]
    identity_exists: Annotated[
        bool,
        msgspec.Meta(
            description="The identity is in the account already. It is not created, changed or deleted."
        ),
    ] = False
    mail_from_domain: Annotated[
        Domain | None,
        msgspec.Meta(
            description="A domain below the identity's for bounces. SPF then applies to the same domain "
            "as From."
        ),
    ] = None
    dmarc_policy: Annotated[
        DmarcPolicy | None,
        msgspec.Meta(description="The policy of the domain's DMARC record. By default there is no record."),
    ] = None
    dmarc_rua: Annotated[
        tuple[ReportAddress, ...],
        msgspec.Meta(
            description="Addresses that receivers send their daily DMARC reports to. Without any, nobody "
            "learns which mail fails."
        ),
    ] = ()
    hosted_zone_id: Annotated[
        HostedZoneId | None,
        msgspec.Meta(
            description="The domain's hosted zone in Route 53, for its DNS records. The DKIM, MAIL FROM "
            "and DMARC records are created there."
        ),
    ] = None
    configuration_set_name: Annotated[
        ConfigurationSetName | None,
        msgspec.Meta(description="The name of the configuration set. By default `mailbus-<stage>`."),
    ] = None
    configuration_set_exists: Annotated[
        bool,
        msgspec.Meta(
            description="The configuration set exists already. Only an event destination, "
            "`mailbus-<stage>`, is added."
        ),
    ] = False
    other_identities: Annotated[
        tuple[OtherIdentity, ...],
        msgspec.Meta(
            description="Existing identities that jobs may be from too. An ARN names one of another account."
        ),
    ] = ()
    sandbox_recipients: Annotated[
        tuple[Identity, ...],
        msgspec.Meta(
            description="Verified addresses or domains to send to while the account is in the sandbox. "
            "There SES asks for a right to the recipient's identity too."
        ),
    ] = ()
    other_configuration_sets: Annotated[
        tuple[ConfigurationSetName, ...],
        msgspec.Meta(
            description="Existing configuration sets that jobs may name. Each gets an event destination."
        ),
    ] = ()
    message_tag_name: Annotated[
        MessageTagName | None,
        msgspec.Meta(
            description="The SES message tag that carries a job's tag. Each job can then have one tag, of "
            "`A-Za-z0-9_-`."
        ),
    ] = None
    metadata_in_headers: Annotated[
        bool,
        msgspec.Meta(
            description="Write a job's metadata into the mail, where recipients can read it. If `false`, "
            "events get it from the ledger. When it is turned on, later events of mail already sent have "
            "none."
        ),
    ] = True
    send_defaults: Annotated[
        dict[str, Any],
        msgspec.Meta(
            description="Job fields for jobs that do not set them. Any but `job_id`, `content_ref` and "
            "`schema_version`, at most 1,800 bytes as JSON."
        ),
    ] = msgspec.field(default_factory=dict)
    source_buckets: Annotated[
        tuple[BucketName, ...],
        msgspec.Meta(description="Buckets that jobs may refer to, besides the deployment's own."),
    ] = ()
    max_attempts: Annotated[
        int,
        msgspec.Meta(
            description="Tries of a job until a temporary error counts as permanent. 20 take two to three "
            "hours.",
            ge=1,
            le=90,
        ),
    ] = 20
    expected_rate: Annotated[
        float,
        msgspec.Meta(
            description="The mails a second that the account is to send. The workers of both lanes, "
            "their batches, and the workers of events follow it, synthesizing warns of quotas that it does "
            "not fit into, and an alarm says when the account's rate is another.",
            gt=0,
            le=100_000,
        ),
    ] = EXPECTED_RATE
    architecture: Annotated[
        Architecture,
        msgspec.Meta(
            description="The functions' processors. `host` is this machine's own, for the embedded AWS."
        ),
    ] = "arm64"
    reserve_concurrency: Annotated[
        bool,
        msgspec.Meta(
            description="Reserve Lambda's concurrency for the functions' workers. No other function of the "
            "account can then take it, nor these take more. The account must have 100 left for others."
        ),
    ] = False
    log_retention_days: Annotated[
        LogRetentionDays, msgspec.Meta(description="How long CloudWatch keeps the functions' logs, in days.")
    ] = 30
    retention: Retention = Retention()
    events: Events = Events()
    sender: Sender = Sender()
    transactional: Transactional = Transactional()
    bulk: Bulk = Bulk()
    tracking: Tracking = Tracking()
    timeline: Timeline = Timeline()
    inbound: Inbound = Inbound()
    webhook: Webhook = Webhook()
    alarms: Alarms = Alarms()
    guard: Guard = Guard()
    client_params: ClientParams = ClientParams()
    session_params: SessionParams = SessionParams()

    @property
    def name(self) -> str:
        """The name of the deployment's resources that need one."""
        return f"{NAME_PREFIX}{self.stage}"

    def stack_name(self, part: str) -> str:
        """Return the name of one of the stacks: `state`, `mail`, `receiving` or `webhook`."""
        return f"{self.name}-{part}"

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
    def guards(self) -> bool:
        """True if the guard watches SES's rates, which are metrics of SES's own account and region."""
        return self.guard.enabled and not self.ses_is_elsewhere

    @property
    def index_messages(self) -> bool:
        """True if SES's reports may come without tags, so that their job is found by SES's message id."""
        over_https = self.webhook.topic_arns and self.ses_is_elsewhere
        return bool(self.tracking.notified_identities or over_https)

    @property
    def transactional_workers(self) -> int:
        """How many workers of urgent mail may run at a time."""
        return self.transactional.max_concurrency or lanes.workers(self.expected_rate)

    @property
    def bulk_workers(self) -> int:
        """How many workers of all other mail may run at a time."""
        return self.bulk.max_concurrency or lanes.workers(self.expected_rate)

    @property
    def tracking_workers(self) -> int:
        """How many workers that track events may run at a time."""
        return self.tracking.max_concurrency or event_workers.TRACKING.workers(self.expected_rate)

    @property
    def timeline_workers(self) -> int:
        """How many workers that record events in the timeline may run at a time."""
        return self.timeline.max_concurrency or event_workers.TIMELINE.workers(self.expected_rate)

    @property
    def sends_from_domain(self) -> bool:
        """True if the identity is a domain, not an address."""
        return "@" not in self.identity

    @property
    def ephemeral(self) -> bool:
        """True on the embedded AWS: stored data may be deleted with its stack."""
        return self.stage == LOCAL
