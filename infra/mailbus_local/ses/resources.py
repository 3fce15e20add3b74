"""What MiniStack keeps for SES, read when needed and remembered for a second."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, TypeVar, cast

import boto3
import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from types_boto3_kms.client import KMSClient
from types_boto3_s3.client import S3Client
from types_boto3_ses.client import SESClient
from types_boto3_sesv2.client import SESV2Client
from types_boto3_sns.client import SNSClient

from mailbus_local.ses.refusals import INVALID_PARAMETER, NOT_FOUND, SERVICE_UNAVAILABLE, Refusal
from mailbus_local.ses.wire import TemplateContent

if TYPE_CHECKING:
    from collections.abc import Callable


FRESH_SECONDS: Final = 1.0
_CONNECTIONS: Final = 10

T = TypeVar("T")


class Clients(msgspec.Struct, frozen=True, kw_only=True):
    """The clients of the AWS behind the simulator."""

    sesv2: SESV2Client
    ses: SESClient
    sns: SNSClient
    s3: S3Client
    kms: KMSClient

    def close(self) -> None:
        """Close their connections."""
        for client in (self.sesv2, self.ses, self.sns, self.s3, self.kms):
            client.close()


def connect(upstream_url: str, region: str) -> Clients:
    """Make the clients; MiniStack takes `test` as credentials of its one account."""
    session = boto3.Session(
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - MiniStack's own, no secret
        region_name=region,
    )
    config = Config(
        retries={"total_max_attempts": 2, "mode": "standard"},
        max_pool_connections=_CONNECTIONS,
        connect_timeout=3,
        read_timeout=15,
        s3={"addressing_style": "path"},
    )
    return Clients(
        sesv2=session.client("sesv2", endpoint_url=upstream_url, config=config),
        ses=session.client("ses", endpoint_url=upstream_url, config=config),
        sns=session.client("sns", endpoint_url=upstream_url, config=config),
        s3=session.client("s3", endpoint_url=upstream_url, config=config),
        kms=session.client("kms", endpoint_url=upstream_url, config=config),
    )


class Topic(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The SNS topic of an event destination."""

    topic_arn: str


class EventDestination(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """An event destination; other kinds than SNS have no `sns_destination`."""

    name: str
    enabled: bool = False
    matching_event_types: frozenset[str] = frozenset()
    sns_destination: Topic | None = None


class ConfigurationSet(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration set with its event destinations."""

    name: str
    sending_enabled: bool
    destinations: tuple[EventDestination, ...]

    def topics(self, matching: str) -> tuple[str, ...]:
        """Pick the topics that want events of this type (`SEND`, `BOUNCE`, …)."""
        return tuple(
            destination.sns_destination.topic_arn
            for destination in self.destinations
            if destination.enabled
            and destination.sns_destination is not None
            and matching in destination.matching_event_types
        )


class S3Action(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """Stores the mail in a bucket, encrypted where there is a key."""

    bucket_name: str
    object_key_prefix: str = ""
    topic_arn: str | None = None
    kms_key_arn: str | None = None


class SnsAction(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """Publishes the mail itself."""

    topic_arn: str
    encoding: str = "UTF-8"


class AddHeaderAction(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """Adds a header for the actions that follow."""

    header_name: str
    header_value: str


class StopAction(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """Ends the rule set."""

    topic_arn: str | None = None


class BounceAction(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """Refuses the mail."""

    smtp_reply_code: str
    message: str
    sender: str
    status_code: str | None = None
    topic_arn: str | None = None


class Action(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """An action of a rule: the one that is set. None set is one that is not simulated."""

    s3_action: S3Action | None = msgspec.field(default=None, name="S3Action")
    sns_action: SnsAction | None = msgspec.field(default=None, name="SNSAction")
    add_header_action: AddHeaderAction | None = None
    stop_action: StopAction | None = None
    bounce_action: BounceAction | None = None


class Rule(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """A receipt rule. Without recipients it takes mail for every verified domain."""

    name: str
    enabled: bool = False
    recipients: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()
    scan_enabled: bool = False


class Resources:
    """Reads from MiniStack, in threads; each answer serves all who ask within a second."""

    def __init__(self, clients: Clients, on_topic: Callable[[str], None]) -> None:
        self._clients = clients
        self._on_topic = on_topic
        self._known: dict[tuple[str, str], tuple[float, object]] = {}
        self._asked: dict[tuple[str, str], asyncio.Task[object]] = {}
        self._seen: set[tuple[str, str, str]] = set()

    def forget(self) -> None:
        """Read everything anew."""
        self._known.clear()
        self._asked.clear()

    async def identities(self) -> frozenset[str]:
        """Names of the identities, all of them verified."""
        return await self._get(("identities", ""), self._list_identities)

    async def default_configuration_set(self, identity: str) -> str | None:
        """Find the configuration set that an identity uses where a message names none."""
        return await self._get(("identity", identity), lambda: self._identity(identity))

    async def configuration_set(self, name: str) -> ConfigurationSet:
        """Find a configuration set; a `Refusal` where there is none."""
        found = await self._get(("configuration set", name), lambda: self._configuration_set(name))
        for destination in found.destinations:
            self._validate(name, destination)
        return found

    async def template(self, name: str) -> TemplateContent:
        """Find a stored template; a `Refusal` where there is none."""
        return await self._get(("template", name), lambda: self._template(name))

    async def rules(self) -> tuple[Rule, ...]:
        """Read the rules of the active rule set, in order; none where none is active."""
        return await self._get(("rules", ""), self._rules)

    async def greet(self, topic_arn: str, text: str) -> None:
        """Publish to a topic before it is set, as SES does; a `Refusal` where that cannot be."""
        try:
            await asyncio.to_thread(self._clients.sns.publish, TopicArn=topic_arn, Message=text)
        except ClientError as error:
            reason = f"SNS topic <{topic_arn}> cannot be published to: {error.response['Error']['Message']}"
            raise Refusal(INVALID_PARAMETER, reason) from error
        except BotoCoreError as error:
            raise Refusal(SERVICE_UNAVAILABLE, f"The embedded AWS does not answer: {error}") from error

    async def _get(self, key: tuple[str, str], load: Callable[[], T]) -> T:
        known = self._known.get(key)
        if known is not None and known[0] > time.monotonic():
            return cast("T", known[1])
        task = cast("asyncio.Task[T] | None", self._asked.get(key))
        if task is None:
            task = asyncio.create_task(asyncio.to_thread(load))
            self._asked[key] = cast("asyncio.Task[object]", task)
        try:
            value = await asyncio.shield(task)
        except ClientError as error:
            raise _refusal(error) from error
        except BotoCoreError as error:
            raise Refusal(SERVICE_UNAVAILABLE, f"The embedded AWS does not answer: {error}") from error
        else:
            if self._asked.get(key) is task:
                self._known[key] = (time.monotonic() + FRESH_SECONDS, value)
            return value
        finally:
            if self._asked.get(key) is task:
                del self._asked[key]

    def _list_identities(self) -> frozenset[str]:
        names: list[str] = []
        token: str | None = None
        while True:
            page = (
                self._clients.sesv2.list_email_identities(NextToken=token)
                if token
                else self._clients.sesv2.list_email_identities()
            )
            names += (identity["IdentityName"] for identity in page.get("EmailIdentities", []))
            token = page.get("NextToken")
            if not token:
                break
        # an identity made by the older API is known to that alone
        return frozenset(names) | frozenset(self._clients.ses.list_identities()["Identities"])

    def _identity(self, name: str) -> str | None:
        try:
            found = self._clients.sesv2.get_email_identity(EmailIdentity=name)
        except self._clients.sesv2.exceptions.NotFoundException:
            return None
        return found.get("ConfigurationSetName") or None

    def _configuration_set(self, name: str) -> ConfigurationSet:
        found = self._clients.sesv2.get_configuration_set(ConfigurationSetName=name)
        listed = self._clients.sesv2.get_configuration_set_event_destinations(ConfigurationSetName=name)
        return ConfigurationSet(
            name=name,
            sending_enabled=found.get("SendingOptions", {}).get("SendingEnabled", True),
            destinations=msgspec.convert(listed.get("EventDestinations", []), tuple[EventDestination, ...]),
        )

    def _validate(self, name: str, destination: EventDestination) -> None:
        """Tell a topic, as SES does once, that it is a destination now."""
        if destination.sns_destination is None:
            return
        key = (name, destination.name, destination.sns_destination.topic_arn)
        if key not in self._seen:
            self._seen.add(key)
            self._on_topic(destination.sns_destination.topic_arn)

    def _template(self, name: str) -> TemplateContent:
        found = self._clients.sesv2.get_email_template(TemplateName=name)["TemplateContent"]
        return msgspec.convert(found, TemplateContent)

    def _rules(self) -> tuple[Rule, ...]:
        found = self._clients.ses.describe_active_receipt_rule_set()
        return msgspec.convert(found.get("Rules", []), tuple[Rule, ...])


def _refusal(error: ClientError) -> Refusal:
    code = error.response["Error"]["Code"]
    text = error.response["Error"]["Message"]
    return Refusal(code if code == NOT_FOUND else SERVICE_UNAVAILABLE, text)
