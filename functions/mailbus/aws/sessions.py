"""How clients of AWS are made: once per process, lazily, each with its own retry policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import CredentialProvider, CredentialResolver, DeferredRefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError, CredentialRetrievalError

from mailbus import __version__

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

C = TypeVar("C")

CONNECT_TIMEOUT: Final = 3.0
READ_TIMEOUT: Final = 15.0
# For calls that take milliseconds, where waiting longer would use up the function's own time.
SHORT_READ_TIMEOUT: Final = 5.0


def config(
    *,
    max_attempts: int,
    max_pool_connections: int = 10,
    connect_timeout: float = CONNECT_TIMEOUT,
    read_timeout: float = READ_TIMEOUT,
) -> Config:
    """Configure a client. `max_attempts` counts the first try; 1 turns hidden retries off.

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
    """Name what went wrong: by AWS's own code, or by the exception where AWS did not answer.

    The text of an exception may quote what it is about; its name does not.
    """
    return error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__


def open_session() -> boto3.Session:
    """Open the process's session; clients are made from it by their literal service name."""
    return boto3.Session()


def open_remote_session(sts: Any, *, role_arn: str | None, region: str | None) -> boto3.Session:  # noqa: ANN401 - a client whose stubs are not installed
    """Open a session that acts as a role, in a region; without either, as this process, in its own.

    The role is assumed at the first call, by the client `sts`, and anew before its credentials expire; where
    that fails, the call raises botocore's `CredentialRetrievalError`.
    """
    if role_arn is None:
        return boto3.Session(region_name=region)
    source = botocore.session.get_session()
    resolver = CredentialResolver([_AssumedRole(sts, role_arn)])
    source.register_component("credential_provider", resolver)
    return boto3.Session(botocore_session=source, region_name=region)


class NotTried(BotoCoreError):  # noqa: N818 - its name is its code, that of `mailbus.aws.event_bus.NOT_TRIED`
    """A call that there was no time for: to whoever made it, AWS did not answer."""

    fmt = "there is no time left for the call"


def with_deadline(client: C, has_time: Callable[[], bool]) -> C:
    """Give a client whose calls begin only while `has_time` says so; later ones raise `NotTried`."""
    return cast("C", _WithDeadline(client, has_time))


class _WithDeadline:
    def __init__(self, client: object, has_time: Callable[[], bool]) -> None:
        self._client = client
        self._has_time = has_time

    def __getattr__(self, operation: str) -> Any:  # noqa: ANN401 - whatever the client has
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
        return DeferredRefreshableCredentials(refresh_using=self._fresh, method=self.METHOD)

    def _fresh(self) -> dict[str, str]:
        try:
            given = self._sts.assume_role(RoleArn=self._role_arn, RoleSessionName="mailbus")["Credentials"]
        except (BotoCoreError, ClientError) as error:
            # it comes out of the call that needed the credentials, and is not that service's answer
            raise CredentialRetrievalError(provider=self.METHOD, error_msg=str(error)) from error
        return {
            "access_key": given["AccessKeyId"],
            "secret_key": given["SecretAccessKey"],
            "token": given["SessionToken"],
            "expiry_time": given["Expiration"].isoformat(),
        }
