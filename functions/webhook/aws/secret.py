"""The edge to Secrets Manager: reads the current version of the secret and the previous one.

After a rotation the previous version stays valid: subscriptions have it in their URL until they are replaced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.aws.sessions import error_code
from mailbus.errors import ConfigurationError
from webhook.credentials import Credentials, parse_secret

if TYPE_CHECKING:
    from types_boto3_secretsmanager.client import SecretsManagerClient

CURRENT: Final = "AWSCURRENT"
PREVIOUS: Final = "AWSPREVIOUS"
STAGES: Final = (CURRENT, PREVIOUS)
NO_SUCH_VERSION: Final = "ResourceNotFoundException"


class SecretVersions(msgspec.Struct, frozen=True, kw_only=True):
    """The valid credentials, and the stage and reason of each malformed version."""

    valid: tuple[Credentials, ...]
    malformed: tuple[tuple[str, str], ...] = ()


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """The secret could not be read. `code` is AWS's, or botocore's own."""

    code: str


class StoredSecret:
    """Reads one secret."""

    def __init__(self, client: SecretsManagerClient, arn: str) -> None:
        self._client = client
        self.arn = arn

    def read(self) -> SecretVersions | Unreadable:
        """Read both versions; a secret that was never rotated has no previous one."""
        valid: list[Credentials] = []
        malformed: list[tuple[str, str]] = []
        for stage in STAGES:
            try:
                answer = self._client.get_secret_value(SecretId=self.arn, VersionStage=stage)
                # A binary version has no string.
                valid.append(parse_secret(answer.get("SecretString", "")))
            except ConfigurationError as error:
                malformed.append((stage, str(error)))
            except (BotoCoreError, ClientError) as error:
                code = error_code(error)
                if stage == CURRENT or code != NO_SUCH_VERSION:
                    return Unreadable(code=code)
        return SecretVersions(valid=tuple(valid), malformed=tuple(malformed))
