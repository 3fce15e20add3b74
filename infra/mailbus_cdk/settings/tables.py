"""The tables of a stage's settings: their keys, limits and defaults."""

from __future__ import annotations

from typing import Annotated

import msgspec

from mailbus.environment import ENTRY_BYTES
from mailbus_cdk.settings.section import Section
from mailbus_cdk.settings.values import (
    AccountId,
    AlarmTopicArn,
    ArchiveDays,
    Concurrency,
    Days,
    Domain,
    Identity,
    MergeBy,
    OnUnknown,
    OrganizationId,
    Rate,
    RawMailDays,
    ReaderConcurrency,
    Region,
    RoleArn,
    TopicArn,
)


class Retention(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many days stored data is kept."""

    raw_days: Annotated[
        RawMailDays,
        msgspec.Meta(
            description="Received mail, as it arrived. Its notification may wait 14 days in its queue and "
            "14 in the dead-letter queue."
        ),
    ] = 90
    parts_days: Annotated[
        Days, msgspec.Meta(description="The attachments and inline parts of received mail, decoded.")
    ] = 90
    event_archive_days: Annotated[
        ArchiveDays,
        msgspec.Meta(
            description="All events of the bus, for replay. With 0 there is no archive; one that exists "
            "already goes on until it is deleted. No effect in regions without archives."
        ),
    ] = 30


class Events(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Events on the bus."""

    entry_bytes: Annotated[
        int,
        msgspec.Meta(
            description="The largest event on the bus, in bytes. What does not fit is in S3. Not every "
            "target of a rule accepts what the bus does.",
            ge=ENTRY_BYTES,
            le=1_000_000,
        ),
    ] = ENTRY_BYTES
    sent: Annotated[
        bool,
        msgspec.Meta(
            description="Put `email.sent` on the bus for each mail. If `false`, a mail's first event is "
            "`queued`, and the next one says what became of it; SES's own report is still processed."
        ),
    ] = True
    # Three statements name each account by an ARN of 32 characters, and the policy of a bus may have 10,240
    # (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html).
    accounts: Annotated[
        tuple[AccountId, ...],
        msgspec.Meta(
            description="Other AWS accounts that may subscribe to the bus. They can create rules for "
            "Mailbus's events, which deliver to buses of their own, and change the rules that they created.",
            max_length=40,
            extra={"reason": "must be at most 40 accounts; for more, set organization"},
        ),
    ] = ()
    organization: Annotated[
        OrganizationId | None,
        msgspec.Meta(
            description="An organization whose accounts may subscribe to the bus. All of its accounts "
            "can, as those of `accounts`."
        ),
    ] = None


class Sender(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How jobs become mails: what an unknown outcome means, how long ids last, how merges are sent."""

    on_unknown: Annotated[
        OnUnknown,
        msgspec.Meta(
            description="What happens to a mail in doubt after `doubt_seconds`. `fail` dead-letters the "
            "job, and `resend` may send it twice."
        ),
    ] = "resend"
    # At least as long as a report may take: settings/doubt.py.
    doubt_seconds: Annotated[
        float,
        msgspec.Meta(
            description="How long a mail that SES may have accepted waits for SES's own event. At least "
            "as long as a report may take: 112 with the default timeouts.",
            le=3600,
        ),
    ] = 120
    ledger_days: Annotated[
        int,
        msgspec.Meta(description="How long a job is remembered, so that its id is sent once.", ge=1, le=365),
    ] = 7
    merge_by: Annotated[
        MergeBy,
        msgspec.Meta(
            description="SES's action for merges. `SendBulkEmail` takes up to 50 recipients a call; "
            "`SendEmail`, with a call for each, is for accounts where SES limits the calls of the first."
        ),
    ] = "SendBulkEmail"


class Transactional(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The lane of urgent mail."""

    max_concurrency: Annotated[
        Concurrency | None,
        msgspec.Meta(
            description="Workers of urgent mail at a time. By default as many as `expected_rate` takes."
        ),
    ] = None


class Bulk(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The lane of all other mail, which gets what urgent mail leaves of the account's rate."""

    max_concurrency: Annotated[
        Concurrency | None,
        msgspec.Meta(
            description="Workers of all other mail at a time. By default as many as `expected_rate` takes."
        ),
    ] = None
    share: Annotated[
        float,
        msgspec.Meta(
            description="The most of the account's rate that bulk mail may use. It is of what "
            "transactional mail leaves.",
            gt=0,
            le=1,
        ),
    ] = 1.0


class Tracking(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tracked links, and notifications that are tracked beside the configuration set's events."""

    custom_redirect_domain: Annotated[
        Domain | None,
        msgspec.Meta(
            description="The domain in tracked links and pixels, in place of SES's own. It, or one above "
            "it, must be verified in SES, and is set within 15 minutes of that."
        ),
    ] = None
    notified_identities: Annotated[
        tuple[Identity, ...],
        msgspec.Meta(
            description="Identities whose feedback notifications are tracked too. SES publishes them to "
            "the tracking topic, with headers. Each is `identity`, or one of `other_identities`."
        ),
    ] = ()
    displace_notification_topics: Annotated[
        bool,
        msgspec.Meta(
            description="Take them from another topic that they go to now. Otherwise the deployment fails."
        ),
    ] = False
    max_concurrency: Annotated[
        ReaderConcurrency | None,
        msgspec.Meta(
            description="Workers that track events at a time. By default as many as `expected_rate` takes; "
            "mail of other accounts is not in it."
        ),
    ] = None


class Timeline(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What became of each mail."""

    days: Annotated[
        int,
        msgspec.Meta(
            description="How long events are kept, found by recipient, job and message; about $12 per "
            "million mails. Each event starts it anew for its mail. With 0 there is no timeline.",
            ge=0,
            le=3650,
        ),
    ] = 0
    max_concurrency: Annotated[
        ReaderConcurrency | None,
        msgspec.Meta(
            description="Workers that record events at a time. By default as many as `expected_rate` takes."
        ),
    ] = None


class Webhook(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """SNS over HTTPS."""

    topic_arns: Annotated[
        tuple[TopicArn, ...],
        msgspec.Meta(
            description="SNS topics of other accounts or regions that deliver over HTTPS. Without any "
            "there is no webhook."
        ),
    ] = ()
    confirm_subscriptions: Annotated[
        bool,
        msgspec.Meta(
            description="Confirm subscriptions of these topics. If `false`, each is refused, and an alarm "
            "asks to confirm it by hand."
        ),
    ] = True
    requests_a_second: Annotated[
        int,
        msgspec.Meta(
            description="The most requests a second that the API takes from everybody. SNS repeats what it "
            "refuses. A message is two requests, and a mail about four messages.",
            ge=1,
            le=10_000,
        ),
    ] = 200


class Alarms(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The alarms and the dashboard in CloudWatch."""

    topic_arn: Annotated[
        AlarmTopicArn | None,
        msgspec.Meta(
            description="An SNS topic that is notified of each alarm and of its end. It must be of the "
            "same region."
        ),
    ] = None
    # SQS keeps a message for 14 days at most.
    oldest_job_seconds: Annotated[
        int,
        msgspec.Meta(
            description="How long a transactional job may wait, to be received or to be sent.",
            ge=60,
            le=1_209_600,
        ),
    ] = 900
    dashboard: Annotated[
        bool,
        msgspec.Meta(
            description="Create the stage's dashboard, `mailbus-<stage>-<region>`, which costs $3 a month. "
            "The three that AWS gives an account show fewer metrics."
        ),
    ] = True


class Guard(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What pauses the bulk lane before SES pauses the account.

    Rates are parts of 1, as SES measures them over all mail of the account in the region: 0.05 is 5 %. Where
    mail is sent through SES of another account or region there is no guard.
    """

    enabled: Annotated[
        bool,
        msgspec.Meta(
            description="Watch the rates of bounces and complaints. If `false`, neither the alarms on them "
            "exist nor is anything paused."
        ),
    ] = True
    review_bounce_rate: Annotated[
        Rate,
        msgspec.Meta(
            description="The bounce rate at which an alarm rings. By default where SES begins to review an "
            "account."
        ),
    ] = 0.05
    pause_bounce_rate: Annotated[
        Rate,
        msgspec.Meta(
            description="The bounce rate at which the bulk lane is paused, after two hours above it. Below "
            "0.1, where SES may pause the account."
        ),
    ] = 0.075
    review_complaint_rate: Annotated[
        Rate,
        msgspec.Meta(
            description="The complaint rate at which an alarm rings. By default where SES begins to review "
            "an account."
        ),
    ] = 0.001
    pause_complaint_rate: Annotated[
        Rate,
        msgspec.Meta(
            description="The complaint rate at which the bulk lane is paused, after two hours above it. "
            "Below 0.005, where SES may pause the account."
        ),
    ] = 0.002


class ClientParams(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The timeouts of calls to SES."""

    connect_timeout: Annotated[
        float,
        msgspec.Meta(
            description="Until a connection is made, in seconds. The sender's own timeout is 60 seconds, "
            "or 42 more than both if that is longer.",
            ge=1,
            le=60,
        ),
    ] = 3
    read_timeout: Annotated[
        float, msgspec.Meta(description="Until an answer begins, in seconds.", ge=1, le=300)
    ] = 15

    @property
    def call_seconds(self) -> float:
        """The longest time that one call of SES takes."""
        return self.connect_timeout + self.read_timeout


class SessionParams(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The SES that mail is sent through, if not the deployment's own."""

    role_arn: Annotated[
        RoleArn | None,
        msgspec.Meta(
            description="A role that the sender assumes to send, such as one of another account. The "
            "events of its mail are not tracked here without a webhook."
        ),
    ] = None
    region: Annotated[
        Region | None,
        msgspec.Meta(
            description="The region of the SES that mail is sent through. By default the deployment's."
        ),
    ] = None
