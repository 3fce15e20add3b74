"""What may have an address that Mailbus cannot remove it from, and for how long, as the deployment says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.aws import sessions
from mailbus.stages import DEAD_LETTER_QUEUE_URLS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mailbus_cli.deployment import Deployment

DAY_SECONDS: Final = 24 * 60 * 60
# the buckets, with what they have of an address
BUCKETS: Final = {
    "InboundBucketName": "received mail, raw and decoded",
    "JobsBucketName": "jobs too large for a message",
    "EventsBucketName": "SES's JSON of large events",
}


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """What may have the address, and how long that is kept; `kept` says why if it is not known."""

    what: str
    kept: str


def places(deployment: Deployment, address: str) -> tuple[Place, ...]:
    """Return all places; what the credentials may not read is named with the right that it needs."""
    return tuple(_places(deployment, address))


def _places(deployment: Deployment, address: str) -> Iterator[Place]:
    for output, what, ask in (
        ("EventArchiveName", "the archive of events", _archive),
        *((output, what, _bucket) for output, what in BUCKETS.items()),
        *((output, "dead letters", _queue) for output in DEAD_LETTER_QUEUE_URLS.values()),
    ):
        if resource := deployment.outputs.get(output):
            name = resource.rpartition("/")[2]
            yield Place(what=f"{what}: {name}", kept=_asked(ask, deployment, resource))
    yield Place(what="what the targets of your own rules stored", kept="as long as they keep it")
    yield Place(what="logs of the functions: ids, no addresses", kept="log_retention_days of the settings")
    yield Place(what="SES's suppression list", kept=_asked(_suppressed, deployment, address))


def _asked(question: Callable[[Deployment, str], str], deployment: Deployment, about: str) -> str:
    try:
        return question(deployment, about)
    except (ClientError, BotoCoreError) as error:
        operation = getattr(error, "operation_name", "")
        return " ".join(f"not known: {operation} {sessions.error_code(error)}".split())


def _archive(deployment: Deployment, name: str) -> str:
    days = deployment.client("events").describe_archive(ArchiveName=name).get("RetentionDays", 0)
    return f"{days} days" if days else "forever"


def _bucket(deployment: Deployment, name: str) -> str:
    try:
        rules = deployment.client("s3").get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    except ClientError as error:
        if sessions.error_code(error) == "NoSuchLifecycleConfiguration":
            return "until you delete it"
        raise
    kept = {
        _prefix(rule): rule["Expiration"]["Days"]
        for rule in rules
        if rule.get("Status") == "Enabled" and "Days" in rule.get("Expiration", {})
    }
    return ", ".join(f"{days} days ({prefix})" if prefix else f"{days} days" for prefix, days in kept.items())


def _prefix(rule: dict[str, Any]) -> str:
    return str(rule.get("Filter", {}).get("Prefix", rule.get("Prefix", "")))


def _queue(deployment: Deployment, url: str) -> str:
    name = "MessageRetentionPeriod"
    answer = deployment.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    return f"{int(answer['Attributes'][name]) // DAY_SECONDS} days, unless they are deleted before"


def _suppressed(deployment: Deployment, address: str) -> str:
    try:
        deployment.client("sesv2").get_suppressed_destination(EmailAddress=address)
    except ClientError as error:
        if sessions.error_code(error) == "NotFoundException":
            return "not on it"
        raise
    return "until you remove it, which lets mail be sent to it again: aws sesv2 delete-suppressed-destination"
