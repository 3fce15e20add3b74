"""The AWS quotas that sending leans on: their defaults in each region, and what a mail uses of them.

A mail here has one recipient, arrives, and is opened and clicked once: SES reports `Send`, `Delivery`, `Open`
and `Click`. What it uses is counted at full load, when batches are full, since with less they never use up a
quota; tests/unit/mailbus_cdk/test_quotas_counted.py counts the calls of the code. Nothing here needs the CDK.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailbus.timeline.items import SHARD_COUNT
from mailbus_cdk.quota import Quota, Use

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: The mails a second of a stage unless its settings say so: SES's usual first rate in production.
EXPECTED_RATE: Final = 14

_SES: Final = "https://docs.aws.amazon.com/ses/latest/dg/quotas.html"
_SNS: Final = "https://docs.aws.amazon.com/general/latest/gr/sns.html"
_EVENTS: Final = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html"
_SCHEDULER: Final = "https://docs.aws.amazon.com/scheduler/latest/UserGuide/scheduler-quotas.html"
_DYNAMODB: Final = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html"
_DYNAMODB_KEY: Final = (
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html"
)
_ON_DEMAND: Final = (
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html"
)
_LAMBDA: Final = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
_SQS: Final = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html"
_KMS: Final = "https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html"
_API_GATEWAY: Final = "https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"


def _regions(values: Mapping[float, str]) -> dict[str, float]:
    """Return the value of each region, of lists of regions by value."""
    return {region: value for value, regions in values.items() for region in regions.split()}


_SCHEDULER_REGIONS: Final = (
    "us-east-1 us-east-2 us-west-2 ap-northeast-1 ap-south-1 ap-southeast-1 ap-southeast-2 eu-central-1 "
    "eu-west-1 eu-west-2 sa-east-1"
)
# by what EventBridge lets an account do there
_LARGEST: Final = "us-east-1 us-west-2 eu-west-1"
_LARGE: Final = "us-east-2 eu-central-1 eu-south-2"
_MIDDLE: Final = "us-west-1 ap-northeast-1 ap-southeast-1 ap-southeast-2 eu-west-2"
_SMALL: Final = "ap-east-1 ap-northeast-2 ap-south-1 ca-central-1 eu-north-1 eu-west-3 sa-east-1"

# All defaults are of the pages named, read 2026-11-29; the codes are those of Service Quotas.
QUOTAS: Final = (
    Quota(
        name="ses-rate",
        title="SES: recipients a second",
        service="ses",
        code="L-CDEF9B6B",
        default=1,
        per_mail=1,
        uses="each recipient",
        granted=True,
        beyond="mail waits; SES refuses none, since the sender keeps to it",
        source=_SES,
    ),
    Quota(
        name="ses-day",
        title="SES: recipients in 24 hours",
        service="ses",
        code="L-804C8AE8",
        default=200,
        uses="each recipient",
        granted=True,
        beyond="mail waits until older mail is 24 hours old",
        source=_SES,
    ),
    Quota(
        name="ses-control",
        title="SES: calls a second of an action that does not send",
        service="ses",
        default=1,
        uses="GetAccount, once in 60 s for all workers",
        beyond="the rate that is known stays in use",
        source=_SES,
    ),
    Quota(
        name="ses-bulk",
        title="SES: calls of SendBulkEmail a second",
        service="ses",
        default=1,
        uses="one for 50 recipients, or for half a second of the rate: two a second and more; AWS's pages "
        "disagree on whether it has a limit",
        only="merges",
        beyond="that worker sends merges by SendEmail for 10 minutes; no mail waits for it",
        source=_SES,
    ),
    Quota(
        name="sns-publish",
        title="SNS: messages published a second",
        service="sns",
        code="L-F8E2BA85",
        default=300,
        by_region=_regions(
            {
                30_000: "us-east-1",
                9_000: "us-west-2 eu-west-1",
                1_500: "us-east-2 us-west-1 ap-south-1 ap-northeast-2 ap-southeast-1 ap-southeast-2 "
                "ap-northeast-1 eu-central-1",
            }
        ),
        per_mail=4,
        uses="each event of SES; AWS does not say whether SES's own publishing counts",
        beyond="SES's events may be late or missing, so that mail stays in doubt",
        source=_SNS,
    ),
    Quota(
        name="events-put",
        title="EventBridge: calls of PutEvents a second",
        service="events",
        code="L-9B653E91",
        default=400,
        by_region=_regions({10_000: _LARGEST, 2_400: _LARGE, 1_200: _MIDDLE, 600: _SMALL}),
        per_mail=0.5,
        uses="five events, ten in a call",
        beyond="events wait, and are tried again",
        source=_EVENTS,
    ),
    Quota(
        name="events-invocations",
        title="EventBridge: events a second that rules pass on",
        service="events",
        code="L-5540C5E3",
        default=750,
        by_region=_regions({18_750: _LARGEST, 4_500: _LARGE, 2_250: _MIDDLE, 1_100: _SMALL}),
        per_mail=10,
        per_mail_in_timeline=5,
        uses="five events for each rule: the archive's, one of yours, and the timeline's",
        beyond="events reach their targets late, none is lost",
        source=_EVENTS,
    ),
    Quota(
        name="events-rules",
        title="EventBridge: rules of a bus",
        service="events",
        code="L-244521F2",
        default=300,
        by_region=_regions({100: "af-south-1 eu-south-1"}),
        uses="the archive's, the timeline's, one for each `mailbus tail`, yours, and those of other accounts",
        beyond="no further rule is created",
        source=_EVENTS,
    ),
    Quota(
        name="lambda-concurrency",
        title="Lambda: workers at a time",
        service="lambda",
        code="L-B99A9384",
        default=1_000,
        uses="max_concurrency of each queue: 13 by default, with received mail and a timeline; new accounts "
        "have less",
        beyond="batches wait",
        source=_LAMBDA,
    ),
    Quota(
        name="sqs-in-flight",
        title="SQS: messages of a queue in flight",
        service="sqs",
        default=120_000,
        uses="a batch for each worker: what waits is not in flight",
        beyond="the queue delivers nothing more, without an error",
        source=_SQS,
    ),
    Quota(
        name="ledger-writes",
        title="DynamoDB: write units a second of the ledger's table",
        service="dynamodb",
        code="L-AB614373",
        default=40_000,
        per_mail=2,
        uses="a claim and the result; a record of over 1 KB more",
        beyond="jobs wait: nothing is sent without the ledger",
        source=_DYNAMODB,
    ),
    Quota(
        name="ledger-reads",
        title="DynamoDB: read units a second of the ledger's table",
        service="dynamodb",
        code="L-CF0CBE56",
        default=40_000,
        per_mail=1,
        uses="the job of SES's Send event; a record of over 4 KB more",
        beyond="SES's events wait",
        source=_DYNAMODB,
    ),
    Quota(
        name="ledger-new-table",
        title="DynamoDB: write units a second of a new ledger",
        service="dynamodb",
        default=4_000,
        per_mail=2,
        uses="as ledger-writes; a table can take twice what it once took, after 30 minutes",
        table="LedgerTableName",
        beyond="jobs wait while DynamoDB makes room",
        source=_ON_DEMAND,
    ),
    Quota(
        name="rate-item",
        title="DynamoDB: write units a second of one item, that of the rate",
        service="dynamodb",
        default=1_000,
        per_mail=0.1,
        uses="a reservation for each batch of ten",
        beyond="workers reserve less at a time, and mail waits",
        source=_DYNAMODB_KEY,
    ),
    Quota(
        name="timeline-writes",
        title="DynamoDB: write units a second of the timeline's table",
        service="dynamodb",
        code="L-AB614373",
        default=40_000,
        per_mail_in_timeline=10,
        uses="each of five events, and as many updates of the mail",
        beyond="the timeline is late",
        source=_DYNAMODB,
    ),
    Quota(
        name="timeline-new-table",
        title="DynamoDB: write units a second of a new timeline",
        service="dynamodb",
        default=4_000,
        per_mail_in_timeline=10,
        uses="as timeline-writes; a table can take twice what it once took, after 30 minutes",
        table="TimelineTableName",
        beyond="the timeline is late while DynamoDB makes room",
        source=_ON_DEMAND,
    ),
    Quota(
        name="timeline-shard",
        title="DynamoDB: write units a second of one key of an index, a shard of the timeline's",
        service="dynamodb",
        default=1_000,
        per_mail_in_timeline=1 / SHARD_COUNT,
        uses=f"one entry a mail, spread over {SHARD_COUNT} shards",
        beyond="the timeline is late",
        source=_DYNAMODB_KEY,
    ),
    Quota(
        name="scheduler-create",
        title="EventBridge Scheduler: calls of CreateSchedule a second",
        service="scheduler",
        code="L-6F4B17DE",
        default=250,
        by_region=_regions({5_000: _SCHEDULER_REGIONS}),
        per_mail=1,
        uses="a schedule a job",
        only="jobs with send_at more than 15 minutes ahead",
        beyond="jobs wait on their queue, and are scheduled later",
        source=_SCHEDULER,
    ),
    Quota(
        name="scheduler-invocations",
        title="EventBridge Scheduler: schedules a second that run",
        service="scheduler",
        code="L-F6D2596E",
        default=500,
        by_region=_regions({1_000: _SCHEDULER_REGIONS}),
        per_mail=1,
        uses="a schedule a job",
        only="jobs with send_at more than 15 minutes ahead",
        beyond="jobs that are due at once come late, none is lost",
        source=_SCHEDULER,
    ),
    Quota(
        name="scheduler-schedules",
        title="EventBridge Scheduler: schedules",
        service="scheduler",
        code="L-EE5D6FF0",
        default=10_000_000,
        uses="one a job with send_at more than 15 minutes ahead, until it runs",
        beyond="jobs wait on their queue",
        source=_SCHEDULER,
    ),
    Quota(
        name="api-requests",
        title="API Gateway: requests a second",
        service="apigateway",
        code="L-8A5B8E43",
        default=10_000,
        by_region=_regions(
            {
                2_500: "af-south-1 eu-south-1 ap-southeast-3 me-central-1 ap-south-2 ap-southeast-4 "
                "eu-south-2 eu-central-2 il-central-1 ca-west-1 ap-southeast-5 ap-southeast-7 mx-central-1"
            }
        ),
        per_mail=8,
        uses="each event of SES, and the request before it without credentials",
        only="events that arrive by the webhook",
        beyond="SNS delivers them again later",
        source=_API_GATEWAY,
    ),
    Quota(
        name="kms-requests",
        title="KMS: cryptographic operations a second with symmetric keys",
        service="kms",
        code="L-6E3AF000",
        default=10_000,
        by_region=_regions(
            {
                100_000: "us-east-1 us-west-2 eu-west-1",
                20_000: "us-east-2 ap-southeast-1 ap-southeast-2 ap-northeast-1 eu-central-1 eu-west-2",
            }
        ),
        per_mail=2,
        uses="SES's data key, and its decryption by the function that reads the mail; each reader of yours "
        "adds one",
        only="mail that is received with inbound.encrypt",
        beyond="the mail is read later",
        source=_KMS,
    ),
)

BY_NAME: Final[Mapping[str, Quota]] = {quota.name: quota for quota in QUOTAS}


def uses(
    rate: float,
    *,
    region: str,
    ses_region: str | None = None,
    timeline: bool,
    values: Mapping[str, float] | None = None,
) -> Iterator[Use]:
    """Yield what `rate` mails a second use of each quota.

    `region` is the stage's, and `ses_region` that of SES, which publishes its events there. `values` has an
    account's own values by the quotas' names; the others are the defaults.
    """
    known = values or {}
    for quota in QUOTAS:
        own = (ses_region or region) if quota.service in {"ses", "sns"} else region
        limit = known.get(quota.name, quota.default_in(own))
        each = quota.used_by_a_mail(timeline=timeline)
        if quota.per_mail_in_timeline and not each:
            continue
        yield Use(
            quota=quota,
            region=own,
            limit=limit,
            is_default=quota.name not in known,
            needed=rate * each if each else None,
            most=limit / each if each else None,
        )
