"""Makes sessions and configurations of AWS clients; each client has its own retry policy."""

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
    return boto3.Session()


def open_remote_session(sts: Any, *, role_arn: str | None, region: str | None) -> boto3.Session:  # noqa: ANN401 - a client whose stubs are not installed
    """Open a session in another account, by its role, or in another region; None means the process's own.

    The client `sts` assumes the role at the first call, and again before its credentials expire. If that
    fails, the call raises botocore's `CredentialRetrievalError`.
    """
    if role_arn is None:
        return boto3.Session(region_name=region)
    source = botocore.session.get_session()
    resolver = CredentialResolver([_AssumedRole(sts, role_arn)])
    source.register_component("credential_provider", resolver)
    return boto3.Session(botocore_session=source, region_name=region)


class NotTried(BotoCoreError):  # noqa: N818 - its name is its code, that of `mailbus.aws.event_bus.NOT_TRIED`
    """There was no time left for a call. Callers handle it as AWS not answering."""

    fmt = "there is no time left for the call"


def with_deadline(client: C, has_time: Callable[[], bool]) -> C:
    """Return a client whose calls raise `NotTried` once `has_time` is false."""
    return cast("C", _WithDeadline(client, has_time))


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
