"""The types of single settings, with their patterns and limits.

`reason` in a type's `extra` is what an error says that a value must be.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from mailbus.aws.partitions import REGION
from mailbus.stages import STAGE_PATTERN
from mailbus_cdk.event_workers import MOST_EVENT_WORKERS
from mailbus_cdk.lanes import FEWEST_WORKERS, MOST_WORKERS

Architecture = Literal["arm64", "x86_64", "host"]
OnUnknown = Literal["resend", "fail"]
MergeBy = Literal["SendBulkEmail", "SendEmail"]
DmarcPolicy = Literal["none", "quarantine", "reject"]
# The values that CloudWatch accepts: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
LogRetentionDays = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]

DOMAIN_IN_ARN: Final = r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]"
DOMAIN: Final = rf"(?=.{{1,253}}$){DOMAIN_IN_ARN}"
LOCAL_PART: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}"

# What the CDK writes in place of a name that only the deployment knows, such as that of a bucket of the app
# (https://docs.aws.amazon.com/cdk/v2/guide/tokens.html). A whole value may be one where it is only passed on.
UNRESOLVED: Final = "${Token["
_UNRESOLVED: Final = r"\$\{Token\[[^\]]+\]\}"

StageName = Annotated[
    str,
    msgspec.Meta(
        pattern=STAGE_PATTERN,
        extra={"reason": "must be a name of at most 24 of a-z 0-9 -, beginning with a letter"},
    ),
]
Region = Annotated[
    str,
    msgspec.Meta(pattern=f"^{REGION}$", extra={"reason": "must be a region, such as us-east-1"}),
]
Domain = Annotated[
    str,
    msgspec.Meta(
        pattern=f"^{DOMAIN}$",
        extra={"reason": "must be a domain in lower case, such as mail.example.com"},
    ),
]
Identity = Annotated[
    str,
    msgspec.Meta(
        pattern=f"^({LOCAL_PART}@)?{DOMAIN}$",
        extra={"reason": "must be a domain in lower case, such as example.com, or an address"},
    ),
]
# An identity of another account is named by its ARN
# (https://docs.aws.amazon.com/ses/latest/dg/sending-authorization-delegate-sender-tasks-email.html).
OtherIdentity = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^(arn:aws[a-z-]*:ses:[a-z0-9-]+:[0-9]{{12}}:identity/)?({LOCAL_PART}@)?{DOMAIN_IN_ARN}$",
        extra={
            "reason": "must be a domain in lower case, an address, or the ARN of another account's identity, "
            "such as arn:aws:ses:us-east-1:111122223333:identity/example.com"
        },
    ),
]
ReportAddress = Annotated[
    str,
    msgspec.Meta(
        pattern=f"^{LOCAL_PART}@{DOMAIN}$",
        extra={"reason": "must be an address with its domain in lower case, such as dmarc@example.com"},
    ),
]
# https://docs.aws.amazon.com/Route53/latest/APIReference/API_HostedZone.html
HostedZoneId = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^(Z[A-Z0-9]{{1,31}}|{_UNRESOLVED})$",
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
    msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,255}$", extra={"reason": "must be 1 to 255 of A-Z a-z 0-9 _ -"}),
]
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
BucketName = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^([a-z0-9][a-z0-9.-]{{1,61}}[a-z0-9]|{_UNRESOLVED})$",
        extra={"reason": "must be the name of a bucket: 3 to 63 of a-z 0-9 . -"},
    ),
]
_TOPIC_ARN: Final = r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}"
_TOPIC_ARN_REASON: Final = (
    "must be an SNS topic's ARN, such as arn:aws:sns:us-east-1:111122223333:mail-events"
)
TopicArn = Annotated[str, msgspec.Meta(pattern=f"^{_TOPIC_ARN}$", extra={"reason": _TOPIC_ARN_REASON})]
AlarmTopicArn = Annotated[
    str, msgspec.Meta(pattern=f"^({_TOPIC_ARN}|{_UNRESOLVED})$", extra={"reason": _TOPIC_ARN_REASON})
]
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-entity-length
RoleArn = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^(arn:aws[a-z-]*:iam::[0-9]{{12}}:role/[A-Za-z0-9+=,.@_/-]{{1,256}}|{_UNRESOLVED})$",
        extra={"reason": "must be a role's ARN, such as arn:aws:iam::111122223333:role/mail"},
    ),
]
# https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-identifiers.html
AccountId = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^([0-9]{{12}}|{_UNRESOLVED})$",
        extra={"reason": 'must be an account\'s id of 12 digits in quotes, such as "111122223333"'},
    ),
]
# https://docs.aws.amazon.com/organizations/latest/APIReference/API_Organization.html
OrganizationId = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^(o-[a-z0-9]{{10,32}}|{_UNRESOLVED})$",
        extra={"reason": "must be the id of an organization of AWS Organizations, such as o-exampleorgid"},
    ),
]
Rate = Annotated[float, msgspec.Meta(gt=0, le=1)]
Days = Annotated[int, msgspec.Meta(ge=1, le=3650)]
ArchiveDays = Annotated[int, msgspec.Meta(ge=0, le=3650)]
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
Concurrency = Annotated[int, msgspec.Meta(ge=FEWEST_WORKERS, le=MOST_WORKERS)]
# of a queue that is no lane
ReaderConcurrency = Annotated[int, msgspec.Meta(ge=FEWEST_WORKERS, le=MOST_EVENT_WORKERS)]
