"""Makes sessions and configurations of AWS clients; each client has its own retry policy."""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, Any, TypeVar, cast

import botocore.session
from botocore.config import Config
from botocore.credentials import CredentialProvider, CredentialResolver, DeferredRefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError, CredentialRetrievalError

from mailbus import __version__
from mailbus.aws.connections import Connections

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    import boto3

C = TypeVar("C")

CONNECT_TIMEOUT: Final = 3.0
READ_TIMEOUT: Final = 15.0
# For calls that usually take milliseconds: waiting longer would use up the function's time.
SHORT_READ_TIMEOUT: Final = 5.0


def config(
    *,
    max_attempts: int,
    max_pool_connections: int = 10,
    connect_timeout: float = CONNECT_TIMEOUT,
    read_timeout: float = READ_TIMEOUT,
) -> Config:
    """Return a client's configuration. `max_attempts` counts the first one; 1 turns botocore's retries off.

    Timeouts are in seconds.
    """
    return Config(
        user_agent_extra=f"mailbus/{__version__}",
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        max_pool_connections=max_pool_connections,
        retries={"total_max_attempts": max_attempts, "mode": "standard"},
    )


def error_code(error: Exception) -> str:
    """Return AWS's code of an error, or the exception's name if AWS did not answer.

    Unlike its name, an exception's text may quote the data that it is about.
    """
    return error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__


def open_session() -> boto3.Session:
    """Open a session with the process's own role; clients are made from it by their literal service name."""
    return _typed(_Session(botocore.session.get_session()))


def open_function_session(connections: Connections | None = None) -> boto3.Session:
    """Open the same for a function that makes many calls, whose clients use less of the processor.

    Applications do not get it: their tests may have put something of their own in front of botocore's calls.
    """
    return _typed(_FunctionSession(botocore.session.get_session(), connections))


def open_remote_session(sts: Any, *, role_arn: str | None, region: str | None) -> boto3.Session:  # noqa: ANN401 - a client whose stubs are not installed
    """Open a session in another account, by its role, or in another region; None means the process's own.

    The client `sts` assumes the role at the first call, and again before its credentials expire. If that
    fails, the call raises botocore's `CredentialRetrievalError`.
    """
    source = botocore.session.get_session()
    if role_arn is not None:
        resolver = CredentialResolver([_AssumedRole(sts, role_arn)])
        source.register_component("credential_provider", resolver)
    if region is not None:
        source.set_config_variable("region", region)
    return _typed(_FunctionSession(source))


class _Session:
    """The part of `boto3.Session` that the functions use, without boto3.

    Its clients are botocore's. boto3 adds the transfer manager for S3, which no function uses, and whose
    import takes a tenth of a cold start.
    """

    def __init__(self, source: botocore.session.Session) -> None:
        self._source = source

    def client(self, service_name: str, **options: Any) -> Any:  # noqa: ANN401 - typed by boto3's stubs, see `_typed`
        return self._source.create_client(service_name, **options)


class _FunctionSession(_Session):
    """Its clients send over `connections`.

    Their parameters, which only Mailbus's code makes, are checked by AWS alone, and their user agent is not
    composed anew for each call.
    """

    def __init__(self, source: botocore.session.Session, connections: Connections | None = None) -> None:
        super().__init__(source)
        self._connections = connections or Connections(ca_bundle=source.get_config_variable("ca_bundle"))

    def client(self, service_name: str, **options: Any) -> Any:  # noqa: ANN401 - as above
        quick = Config(parameter_validation=False, user_agent=f"Botocore/{botocore.__version__}")
        config = options.get("config", Config()).merge(quick)
        client = super().client(service_name, **{**options, "config": config})
        send: Any = functools.partial(
            self._connections.send,
            connect_timeout=config.connect_timeout,
            read_timeout=config.read_timeout,
        )
        client.meta.events.register("before-send", send)
        return client


def _typed(session: _Session) -> boto3.Session:
    """Return a session with the type that has a client's type for each service name."""
    return cast("boto3.Session", session)


class NotTried(BotoCoreError):  # noqa: N818 - its name is its code, that of `mailbus.aws.event_bus.NOT_TRIED`
    """There was no time left for a call. Callers handle it as AWS not answering."""

    fmt = "there is no time left for the call"


def with_deadline(client: C, has_time: Callable[[], bool]) -> C:
    """Return a client whose calls raise `NotTried` once `has_time` is false."""
    return cast("C", _WithDeadline(client, has_time))


def when_needed(make: Callable[[], C]) -> C:
    """Return a client that is made when it is first used, so that a process that never does starts sooner."""
    return cast("C", _WhenNeeded(make))


class _WhenNeeded:
    def __init__(self, make: Callable[[], object]) -> None:
        self._make = make
        self._made: object | None = None
        # of a session only one thread may make a client
        self._lock = threading.Lock()

    def __getattr__(self, operation: str) -> Any:  # noqa: ANN401 - any attribute of the client
        with self._lock:
            if self._made is None:
                self._made = self._make()
        return getattr(self._made, operation)


class _WithDeadline:
    def __init__(self, client: object, has_time: Callable[[], bool]) -> None:
        self._client = client
        self._has_time = has_time

    def __getattr__(self, operation: str) -> Any:  # noqa: ANN401 - any attribute of the client
        if not self._has_time():
            raise NotTried
        return getattr(self._client, operation)


class _AssumedRole(CredentialProvider):
    METHOD = "assume-role"

    def __init__(self, sts: Any, role_arn: str) -> None:  # noqa: ANN401 - a client whose stubs are not installed
        super().__init__()
        self._sts = sts
        self._role_arn = role_arn

    def load(self) -> DeferredRefreshableCredentials:
        return DeferredRefreshableCredentials(refresh_using=self._assume, method=self.METHOD)

    def _assume(self) -> dict[str, str]:
        try:
            credentials = self._sts.assume_role(RoleArn=self._role_arn, RoleSessionName="mailbus")[
                "Credentials"
            ]
        except (BotoCoreError, ClientError) as error:
            # The call that needed the credentials raises it: it must not look like that service's own error.
            raise CredentialRetrievalError(provider=self.METHOD, error_msg=str(error)) from error
        return {
            "access_key": credentials["AccessKeyId"],
            "secret_key": credentials["SecretAccessKey"],
            "token": credentials["SessionToken"],
            "expiry_time": credentials["Expiration"].isoformat(),
        }
