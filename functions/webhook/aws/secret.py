"""The edge to Secrets Manager: the secret with its current version and the one before.

A rotation leaves the one before valid: subscriptions carry it in their URL until they are made anew.
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


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is valid now, and which versions (stage and reason) are malformed."""

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

    def read(self) -> Known | Unreadable:
        """Read both versions: one that was never rotated has no previous one."""
        valid: list[Credentials] = []
        malformed: list[tuple[str, str]] = []
        for stage in STAGES:
            try:
                answer = self._client.get_secret_value(SecretId=self.arn, VersionStage=stage)
                # a binary version has no text
                valid.append(parse_secret(answer.get("SecretString", "")))
            except ConfigurationError as error:
                malformed.append((stage, str(error)))
            except (BotoCoreError, ClientError) as error:
                code = error_code(error)
                if stage == CURRENT or code != NO_SUCH_VERSION:
                    return Unreadable(code=code)
        return Known(valid=tuple(valid), malformed=tuple(malformed))
