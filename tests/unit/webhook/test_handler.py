"""The function as Lambda invokes it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mailbus.aws import sessions
from mailbus.errors import ConfigurationError
from mailbus.metrics import REFUSED_MESSAGES, UNCONFIRMED_SUBSCRIPTIONS, put_metric
from tests.unit.fakes.lambda_context import FakeLambdaContext
from tests.unit.webhook.world import (
    CHINESE_TOPIC,
    INBOUND_QUEUE,
    TOKEN,
    TOPIC,
    TRACKING_QUEUE,
    FakeSns,
    event,
    notification,
    signed,
)
from webhook import handler
from webhook.http import parse_request

URL_ELSEWHERE = "https://example.com/SimpleNotificationService-7506a1e35b36ef5a444dd1a8e7cc3ed8.pem"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("TRACKING_QUEUE_URL", TRACKING_QUEUE)
    monkeypatch.setenv("TOPIC_ARNS", json.dumps([TOPIC]))
    monkeypatch.setenv("CONFIRM_SUBSCRIPTIONS", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    handler.wire.cache_clear()
    yield
    handler.wire.cache_clear()


def invoke(proxied: dict[str, Any]) -> dict[str, Any]:
    context: Any = FakeLambdaContext(function_name="mailbus-dev-webhook")
    return handler.lambda_handler(proxied, context)


def test_a_refusal_is_a_proxy_response_and_counted_in_the_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = invoke(event(json.dumps(signed(notification(SigningCertURL=URL_ELSEWHERE)))))
    assert answer["statusCode"] == 403
    assert "SigningCertURL" in json.loads(answer["body"])["message"]
    assert answer["headers"] == {"Content-Type": "application/json"}
    counted = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert [(line[REFUSED_MESSAGES], line["service"]) for line in counted] == [([1.0], "mailbus-dev-webhook")]


def test_without_an_inbound_queue_the_inbound_path_is_refused() -> None:
    assert invoke(event("{}", "/inbound"))["statusCode"] == 404


@pytest.mark.parametrize("name", [REFUSED_MESSAGES, UNCONFIRMED_SUBSCRIPTIONS])
def test_metrics_have_exactly_the_dimension_that_alarms_watch(
    name: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    put_metric("mailbus-dev-webhook", name, 1)
    written = json.loads(capsys.readouterr().out)
    (metric,) = written["_aws"]["CloudWatchMetrics"]
    assert metric["Namespace"] == "Mailbus"
    assert metric["Dimensions"] == [["service"]]
    assert metric["Metrics"] == [{"Name": name, "Unit": "Count"}]


class FakeSession:
    """Makes fake clients, and records for which service and region."""

    def __init__(self) -> None:
        self.made: list[tuple[str, str | None]] = []

    def client(self, name: str, *, region_name: str | None = None, config: Any) -> Any:
        assert config.read_timeout < 15
        self.made.append((name, region_name))
        return FakeSns()


def test_an_sns_client_is_made_once_for_each_region(monkeypatch: pytest.MonkeyPatch) -> None:
    session = FakeSession()
    monkeypatch.setattr(sessions, "open_session", lambda: session)
    subscriptions = handler.wire("mailbus-dev-webhook").subscriptions
    assert session.made == [("sqs", None)]
    for topic in (TOPIC, CHINESE_TOPIC, TOPIC):
        subscriptions.confirm(topic, TOKEN)
    assert session.made == [("sqs", None), ("sns", "us-east-1"), ("sns", "cn-north-1")]


def test_the_settings_map_paths_to_queues(monkeypatch: pytest.MonkeyPatch) -> None:
    assert handler.wire("mailbus-dev-webhook").routes == {"/tracking": TRACKING_QUEUE}
    monkeypatch.setenv("INBOUND_QUEUE_URL", INBOUND_QUEUE)
    handler.wire.cache_clear()
    assert handler.wire("mailbus-dev-webhook").routes == {
        "/tracking": TRACKING_QUEUE,
        "/inbound": INBOUND_QUEUE,
    }


@pytest.mark.parametrize(
    "proxied",
    [{}, {"Records": []}, {"resource": None}, {"version": "2.0", "rawPath": "/tracking", "body": "{}"}],
    ids=str,
)
def test_an_event_that_is_not_of_a_rest_api_is_a_configuration_error(proxied: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="invoke this function by the webhook's API"):
        parse_request(proxied)
