"""The authorizer of the webhook's API: checks Basic credentials against the secret.

API Gateway answers 401, with the `WWW-Authenticate` that SNS needs, if the authorizer raises exactly
"Unauthorized", and 500 if it raises any other error.
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
from webhook.cached_secret import CachedSecret
from webhook.credentials import from_headers
from webhook.routes import ROUTES

MAX_ATTEMPTS: Final = 2
PRINCIPAL: Final = "sns"
UNAUTHORIZED: Final = "Unauthorized"


class Request(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """API Gateway's request to authorize a call of a method, by its headers."""

    method_arn: str
    headers: dict[str, str] | None = None


@functools.cache
def wire() -> CachedSecret:
    """Read the settings and make the client, once per process."""
    settings = from_environment(AuthorizerSettings)
    config = sessions.config(max_attempts=MAX_ATTEMPTS, read_timeout=sessions.SHORT_READ_TIMEOUT)
    client = sessions.open_session().client("secretsmanager", config=config)
    return CachedSecret(StoredSecret(client, settings.secret_arn), Logger())


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Return an IAM policy, or raise."""
    return authorize(parse_request(event), wire())


def parse_request(event: dict[str, Any]) -> Request:
    """Parse the event of a REQUEST authorizer; any other is a `ConfigurationError`."""
    try:
        return msgspec.convert(event, Request)
    except msgspec.ValidationError as error:
        reason = (
            "not an event of API Gateway's REQUEST authorizer: invoke this function by the webhook's REST API"
        )
        raise ConfigurationError(reason) from error


def authorize(request: Request, secret: CachedSecret) -> dict[str, Any]:
    """Return a policy that allows the webhook's methods if the credentials are valid."""
    pair = from_headers(request.headers or {})
    if pair is None or not secret.accepts(pair):
        raise Exception(UNAUTHORIZED)  # noqa: TRY002 - API Gateway answers 401 to this one
    return allow(request.method_arn)


def allow(method_arn: str) -> dict[str, Any]:
    """Return the policy for the called method, `arn:...:<api>/<stage>/<method>/<path>`.

    It allows all methods of the webhook, since API Gateway caches it by the header alone.
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
