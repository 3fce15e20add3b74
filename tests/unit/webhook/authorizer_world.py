"""The webhook's authorizer and its secret, with stand-ins for AWS."""

from __future__ import annotations

import base64
import io
import json
from typing import Any
from uuid import uuid4

from aws_lambda_powertools import Logger

from tests.unit.webhook.world import client_error
from webhook.authorizer import authorize, parse_request
from webhook.aws.secret import NO_SUCH_VERSION, StoredSecret
from webhook.cached_secret import CachedSecret

ARN = "arn:aws:secretsmanager:eu-west-1:210987654321:secret:mailbus-dev-webhook-AbCdEf"
METHOD = "arn:aws:execute-api:eu-west-1:210987654321:a1b2c3d4e5/prod/POST/tracking"
FIRST = {"username": "sns", "password": "k3J9sQ2vX7mB4nT8"}
SECOND = {"username": "sns", "password": "Zp5Rw1Yc6Lh0Fd2G"}
THIRD = {"username": "sns", "password": "u8Ea3Ti7Oj4Kq9Vx"}


class FakeSecrets:
    """Secrets Manager: returns the versions by stage, or raises `outage` for the stages in `unreadable`."""

    def __init__(self, **versions: Any) -> None:
        self.versions: dict[str, str] = {
            f"AWS{stage.upper()}": version if isinstance(version, str) else json.dumps(version)
            for stage, version in versions.items()
        }
        self.outage: Exception | None = None
        self.unreadable: tuple[str, ...] = ("AWSCURRENT", "AWSPREVIOUS")
        self.reads = 0

    def get_secret_value(self, *, SecretId: str, VersionStage: str) -> dict[str, str]:  # noqa: N803 - AWS's names
        assert SecretId == ARN
        self.reads += VersionStage == "AWSCURRENT"
        if self.outage is not None and VersionStage in self.unreadable:
            raise self.outage
        if VersionStage not in self.versions:
            raise client_error(NO_SUCH_VERSION, "GetSecretValue")
        return {"SecretString": self.versions[VersionStage]}

    def rotate(self, version: dict[str, str]) -> None:
        self.versions["AWSPREVIOUS"] = self.versions["AWSCURRENT"]
        self.versions["AWSCURRENT"] = json.dumps(version)


class AuthorizerWorld:
    """The authorizer with stand-ins for AWS, and a clock of its own."""

    def __init__(self, **versions: Any) -> None:
        self.secrets = FakeSecrets(**versions)
        self.stream = io.StringIO()
        self.clock = 1_000_000.0
        client: Any = self.secrets
        self.secret = CachedSecret(
            StoredSecret(client, ARN),
            Logger(service=str(uuid4()), stream=self.stream),
            clock=lambda: self.clock,
        )

    def accepts(self, pair: dict[str, str]) -> bool:
        return self.allows(basic(pair))

    def allows(self, header: str) -> bool:
        """Return True if a request with this header is allowed."""
        try:
            answer = authorize(parse_request(call(header)), self.secret)
        except Exception as error:
            if str(error) != "Unauthorized":
                raise
            return False
        finally:
            written = self.stream.getvalue()
            assert not any(each["password"] in written for each in (FIRST, SECOND, THIRD))
            assert not header or header not in written
        return bool(answer["policyDocument"]["Statement"][0]["Effect"] == "Allow")


def basic(pair: dict[str, str]) -> str:
    return f"Basic {encoded(':'.join((pair['username'], pair['password'])))}"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def call(header: str, **changes: Any) -> dict[str, Any]:
    """Return the event of a REQUEST authorizer."""
    return {
        "type": "REQUEST",
        "methodArn": METHOD,
        "resource": "/tracking",
        "path": "/tracking",
        "httpMethod": "POST",
        "headers": {"Authorization": header, "Host": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com"},
        "multiValueHeaders": {"Authorization": [header]},
        "requestContext": {"apiId": "a1b2c3d4e5", "stage": "prod"},
    } | changes
