"""SES's resources, read from MiniStack when needed and cached for a second."""

from __future__ import annotations

import asyncio
import time
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar, cast

import boto3
import httpx
import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from ministack.core.iam_evaluator import AuthError, PrincipalInfo

from mailbus_local.denials import PRINCIPALS
from mailbus_local.ses.errors import INVALID_PARAMETER, NOT_FOUND, SERVICE_UNAVAILABLE, SesError
from mailbus_local.ses.requests import TemplateContent
from mailbus_local.ses.state.receipt_rules import Rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_kms.client import KMSClient
    from types_boto3_s3.client import S3Client
    from types_boto3_ses.client import SESClient
    from types_boto3_sesv2.client import SESV2Client
    from types_boto3_sns.client import SNSClient

CACHE_SECONDS: Final = 1.0
_CONNECTIONS: Final = 10
T = TypeVar("T")


# No msgspec.Struct: the clients' types are there in development only.
@dataclass(frozen=True, kw_only=True)
class Clients:
    """The clients of MiniStack."""

    sesv2: SESV2Client
    ses: SESClient
    sns: SNSClient
    s3: S3Client
    kms: KMSClient
    http: httpx.Client

    def close(self) -> None:
        """Close their connections."""
        for client in (self.sesv2, self.ses, self.sns, self.s3, self.kms, self.http):
            client.close()


def connect(upstream_url: str, region: str) -> Clients:
    """Return the clients. MiniStack accepts any credentials; `test` belongs to its default account."""
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
        http=httpx.Client(base_url=upstream_url, trust_env=False),
    )


class Topic(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The SNS topic of an event destination."""

    topic_arn: str


class EventDestination(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """An event destination; only SNS destinations have an `sns_destination`."""

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
        """Return the topics of enabled destinations for this event type (`SEND`, `BOUNCE`, …)."""
        return tuple(
            destination.sns_destination.topic_arn
            for destination in self.destinations
            if destination.enabled
            and destination.sns_destination is not None
            and matching in destination.matching_event_types
        )


class Resources:
    """Reads from MiniStack in threads, and caches each result for a second."""

    def __init__(self, clients: Clients, on_new_topic: Callable[[str], None]) -> None:
        self._clients = clients
        self._on_new_topic = on_new_topic
        self._cache: dict[tuple[str, str], tuple[float, object]] = {}
        self._loading: dict[tuple[str, str], asyncio.Task[object]] = {}
        self._validated: set[tuple[str, str, str]] = set()

    def clear(self) -> None:
        """Clear the cache."""
        self._cache.clear()
        self._loading.clear()

    async def principal(self, access_key: str) -> PrincipalInfo | AuthError:
        """Return who has an access key, with their policies."""
        return await self._get(("principal", access_key), lambda: self._principal(access_key))

    async def identities(self) -> frozenset[str]:
        """Return the names of the identities, all of which are verified."""
        return await self._get(("identities", ""), self._list_identities)

    async def default_configuration_set(self, identity: str) -> str | None:
        """Return the default configuration set of an identity."""
        return await self._get(("identity", identity), lambda: self._identity(identity))

    async def configuration_set(self, name: str) -> ConfigurationSet:
        """Return a configuration set. Raise `SesError` if it does not exist."""
        found = await self._get(("configuration set", name), lambda: self._configuration_set(name))
        for destination in found.destinations:
            self._validate(name, destination)
        return found

    async def template(self, name: str) -> TemplateContent:
        """Return a stored template. Raise `SesError` if it does not exist."""
        return await self._get(("template", name), lambda: self._template(name))

    async def rules(self) -> tuple[Rule, ...]:
        """Return the rules of the active rule set in order; empty if no rule set is active."""
        return await self._get(("rules", ""), self._rules)

    async def topic_exists(self, arn: str) -> bool:
        """Return whether a topic exists."""
        return await _exists(lambda: self._clients.sns.get_topic_attributes(TopicArn=arn))

    async def bucket_exists(self, name: str) -> bool:
        """Return whether a bucket exists."""
        return await _exists(lambda: self._clients.s3.head_bucket(Bucket=name))

    async def key_is_usable(self, arn: str) -> bool:
        """Return whether a KMS key can encrypt: it exists, and is enabled."""
        return await _exists(lambda: self._clients.kms.generate_data_key(KeyId=arn, NumberOfBytes=32))

    async def rule_count(self, rule_set: str) -> int:
        """Return how many rules a rule set has; 0 if it does not exist."""
        found: list[object] = []
        describe = self._clients.ses.describe_receipt_rule_set
        await _exists(lambda: found.extend(describe(RuleSetName=rule_set).get("Rules", [])))
        return len(found)

    async def publish_confirmation(self, topic_arn: str, text: str) -> None:
        """Publish to a topic before it is set, as SES does. Raise `SesError` if that fails."""
        try:
            await asyncio.to_thread(self._clients.sns.publish, TopicArn=topic_arn, Message=text)
        except ClientError as error:
            reason = f"SNS topic <{topic_arn}> cannot be published to: {error.response['Error']['Message']}"
            raise SesError(INVALID_PARAMETER, reason) from error
        except BotoCoreError as error:
            raise SesError(SERVICE_UNAVAILABLE, f"The embedded AWS does not respond: {error}") from error

    async def _get(self, key: tuple[str, str], load: Callable[[], T]) -> T:
        cached = self._cache.get(key)
        if cached is not None and cached[0] > time.monotonic():
            return cast("T", cached[1])
        task = cast("asyncio.Task[T] | None", self._loading.get(key))
        if task is None:
            task = asyncio.create_task(asyncio.to_thread(load))
            self._loading[key] = cast("asyncio.Task[object]", task)
        try:
            value = await asyncio.shield(task)
        except ClientError as error:
            raise _ses_error(error) from error
        except (BotoCoreError, httpx.HTTPError) as error:
            raise SesError(SERVICE_UNAVAILABLE, f"The embedded AWS does not respond: {error}") from error
        else:
            if self._loading.get(key) is task:
                self._cache[key] = (time.monotonic() + CACHE_SECONDS, value)
            return value
        finally:
            if self._loading.get(key) is task:
                del self._loading[key]

    def _principal(self, access_key: str) -> PrincipalInfo | AuthError:
        answer = self._clients.http.get(PRINCIPALS + urllib.parse.quote(access_key, safe=""))
        kind = PrincipalInfo if answer.is_success else AuthError
        return cast("PrincipalInfo | AuthError", msgspec.json.decode(answer.content, type=kind))

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
        # MiniStack lists an identity created by the v1 API only in the v1 API.
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
        """Publish SES's validation message to the topic of a new event destination, once."""
        if destination.sns_destination is None:
            return
        key = (name, destination.name, destination.sns_destination.topic_arn)
        if key not in self._validated:
            self._validated.add(key)
            self._on_new_topic(destination.sns_destination.topic_arn)

    def _template(self, name: str) -> TemplateContent:
        found = self._clients.sesv2.get_email_template(TemplateName=name)["TemplateContent"]
        return msgspec.convert(found, TemplateContent)

    def _rules(self) -> tuple[Rule, ...]:
        found = self._clients.ses.describe_active_receipt_rule_set()
        return msgspec.convert(found.get("Rules", []), tuple[Rule, ...])


async def _exists(read: Callable[[], object]) -> bool:
    """Return whether MiniStack knows what is read."""
    try:
        await asyncio.to_thread(read)
    except ClientError:
        return False
    except BotoCoreError as error:
        raise SesError(SERVICE_UNAVAILABLE, f"The embedded AWS does not respond: {error}") from error
    return True


def _ses_error(error: ClientError) -> SesError:
    code = error.response["Error"]["Code"]
    text = error.response["Error"]["Message"]
    return SesError(code if code == NOT_FOUND else SERVICE_UNAVAILABLE, text)
