"""The authorizer of the webhook's API: Basic credentials, against the secret.

API Gateway answers for it: 401, with the `WWW-Authenticate` that SNS waits for, to the error
"Unauthorized" and to no other text; 500 to every other error.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
"""

from __future__ import annotations

import functools
from typing import Any, Final

import msgspec
from aws_lambda_powertools import Logger

from mailbus.aws import sessions
from mailbus.environment import AuthorizerSettings, from_environment
from mailbus.errors import ConfigurationError
from webhook.aws.secret import StoredSecret
from webhook.credentials import given
from webhook.gate import Gate
from webhook.routes import ROUTES

MAX_ATTEMPTS: Final = 2
PRINCIPAL: Final = "sns"
UNAUTHORIZED: Final = "Unauthorized"


class Call(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What API Gateway asks: may who sent these headers call this method."""

    method_arn: str
    headers: dict[str, str] | None = None


@functools.cache
def wire() -> Gate:
    """Read the settings and make the client, once per process."""
    settings = from_environment(AuthorizerSettings)
    config = sessions.config(max_attempts=MAX_ATTEMPTS, read_timeout=sessions.SHORT_READ_TIMEOUT)
    client = sessions.open_session().client("secretsmanager", config=config)
    return Gate(StoredSecret(client, settings.secret_arn), Logger())


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer with an IAM policy, or raise."""
    return judge(parse_call(event), wire())


def parse_call(event: dict[str, Any]) -> Call:
    """Read the event of a REQUEST authorizer; any other is a `ConfigurationError`."""
    try:
        return msgspec.convert(event, Call)
    except msgspec.ValidationError as error:
        reason = (
            "not an event of API Gateway's REQUEST authorizer: invoke this function by the webhook's REST API"
        )
        raise ConfigurationError(reason) from error


def judge(call: Call, gate: Gate) -> dict[str, Any]:
    """Allow the webhook's methods to who has valid credentials."""
    pair = given(call.headers or {})
    if pair is None or not gate.admits(pair):
        raise Exception(UNAUTHORIZED)  # noqa: TRY002 - the one that API Gateway answers with 401
    return allow(call.method_arn)


def allow(method_arn: str) -> dict[str, Any]:
    """Write the policy, `arn:...:<api>/<stage>/<method>/<path>` being the method that is called.

    It names all methods of the webhook: API Gateway remembers it by the header alone, for each of them.
    """
    stage = "/".join(method_arn.split("/")[:2])
    return {
        "principalId": PRINCIPAL,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Action": "execute-api:Invoke",
                    "Effect": "Allow",
                    "Resource": [f"{stage}/POST{route}" for route in ROUTES],
                }
            ],
        },
    }
