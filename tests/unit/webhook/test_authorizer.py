"""The webhook's authorizer returns a policy, or raises what API Gateway answers with 401 or 500."""

from __future__ import annotations

from typing import Any

import pytest

from mailbus.errors import ConfigurationError
from tests.unit.webhook.authorizer_world import (
    ARN,
    FIRST,
    METHOD,
    SECOND,
    AuthorizerWorld,
    basic,
    call,
)
from webhook import authorizer
from webhook.authorizer import authorize, parse_request


def test_the_policy_allows_all_methods_of_the_webhook_at_its_stage_and_nothing_else() -> None:
    world = AuthorizerWorld(current=FIRST)
    assert authorize(parse_request(call(basic(FIRST))), world.secret) == {
        "principalId": "sns",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Action": "execute-api:Invoke",
                    "Effect": "Allow",
                    "Resource": [
                        "arn:aws:execute-api:eu-west-1:210987654321:a1b2c3d4e5/prod/POST/tracking",
                        "arn:aws:execute-api:eu-west-1:210987654321:a1b2c3d4e5/prod/POST/inbound",
                    ],
                }
            ],
        },
    }


def test_the_policy_is_the_same_for_both_paths_since_api_gateway_caches_one_for_both() -> None:
    world = AuthorizerWorld(current=FIRST)
    inbound = call(basic(FIRST), methodArn=METHOD.replace("/tracking", "/inbound"))
    assert authorize(parse_request(inbound), world.secret) == authorize(
        parse_request(call(basic(FIRST))), world.secret
    )


def test_invalid_credentials_raise_exactly_unauthorized() -> None:
    with pytest.raises(Exception, match=r"\AUnauthorized\Z"):
        authorize(parse_request(call(basic(SECOND))), AuthorizerWorld(current=FIRST).secret)


@pytest.mark.parametrize(
    "event",
    [{}, {"methodArn": None}, {"methodArn": METHOD, "headers": "Authorization"}, {"Records": []}],
    ids=str,
)
def test_an_event_that_is_not_of_an_authorizer_is_a_configuration_error(event: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="invoke this function by the webhook's REST API"):
        parse_request(event)


def test_the_authorizer_is_wired_from_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_ARN", ARN)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    authorizer.wire.cache_clear()
    with pytest.raises(Exception, match=r"\AUnauthorized\Z"):
        authorizer.lambda_handler(call("Basic"), None)
    authorizer.wire.cache_clear()
