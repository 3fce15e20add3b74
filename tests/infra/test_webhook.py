"""The webhook's stack."""

from __future__ import annotations

import ast
import json
import re
import string
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from aws_cdk import Environment, Stack
from aws_cdk.assertions import Template

from mailbus.environment import AuthorizerSettings, WebhookSettings
from mailbus.metrics import put_metric
from mailbus_cdk.mailbus import Mailbus
from mailbus_cdk.settings.receiving import Inbound
from mailbus_cdk.settings.tables import Webhook
from tests.architecture.source_tree import ROOT
from tests.infra.conftest import TOPIC
from webhook.receive import BODY_BYTES
from webhook.routes import ROUTES
from webhook.signature import AHEAD, OLDEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from aws_cdk import App

    from mailbus_cdk.settings import Settings
    from tests.infra.templates import Resource, Templates

ELSEWHERE = (
    "arn:aws:sns:eu-west-1:444455556666:mail-events",
    "arn:aws:sns:us-east-1:444455556666:received-mail",
)


@pytest.fixture(scope="module")
def hooked(settings: Settings) -> Settings:
    return msgspec.structs.replace(settings, webhook=Webhook(topic_arns=ELSEWHERE))


@pytest.fixture(scope="module")
def stacks(synthesize: Callable[[Settings], Templates], hooked: Settings) -> Templates:
    return synthesize(hooked)


def test_without_topics_there_is_no_webhook(prod: Templates) -> None:
    assert "webhook" not in prod.raw
    assert not [resource for resource in prod.resources if resource.type.startswith("AWS::ApiGateway::")]


def test_the_webhook_is_a_stack_of_its_own_and_changes_no_other(stacks: Templates, prod: Templates) -> None:
    assert list(stacks.raw) == ["state", "mail", "receiving", "webhook"]
    assert stacks.raw["receiving"] == prod.raw["receiving"]
    before = {resource.logical_id for resource in prod.resources}
    assert {resource.stack for resource in stacks.resources if resource.logical_id not in before} == {
        "webhook"
    }


def test_the_outputs_are_the_url_to_subscribe_and_the_secret(stacks: Templates) -> None:
    outputs = stacks.outputs("webhook")
    assert set(outputs) == {"WebhookFunctionName", "WebhookUrl", "WebhookSecretArn"}
    assert outputs["WebhookSecretArn"] == {"Fn::GetAtt": [_secret(stacks).logical_id, "Id"]}
    assert outputs["WebhookUrl"]["Fn::Join"][1][-1] == "/"


# The API


def test_the_api_has_post_on_exactly_the_functions_routes(stacks: Templates) -> None:
    paths = {
        resource.logical_id: resource.properties["PathPart"]
        for resource in stacks.of_type("AWS::ApiGateway::Resource")
    }
    taken = {
        (method.properties["HttpMethod"], f"/{paths[method.properties['ResourceId']['Ref']]}")
        for method in stacks.of_type("AWS::ApiGateway::Method")
    }
    assert taken == {("POST", route) for route in ROUTES}


def test_every_method_has_the_authorizer(stacks: Templates) -> None:
    authorizer = stacks.one("AWS::ApiGateway::Authorizer")
    for method in stacks.of_type("AWS::ApiGateway::Method"):
        assert method.properties["AuthorizationType"] == "CUSTOM"
        assert method.properties["AuthorizerId"] == {"Ref": authorizer.logical_id}
    assert authorizer.properties["Type"] == "REQUEST"
    assert authorizer.properties["IdentitySource"] == "method.request.header.Authorization"


def test_the_api_caches_the_authorizers_answer_for_a_minute(stacks: Templates) -> None:
    assert stacks.one("AWS::ApiGateway::Authorizer").properties["AuthorizerResultTtlInSeconds"] == 60


def test_a_401_asks_for_basic_credentials_since_sns_sends_none_before(stacks: Templates) -> None:
    response = stacks.one("AWS::ApiGateway::GatewayResponse").properties
    assert (response["ResponseType"], response["StatusCode"]) == ("UNAUTHORIZED", "401")
    assert response["ResponseParameters"] == {
        "gatewayresponse.header.WWW-Authenticate": "'Basic realm=\"Mailbus\"'"
    }


def test_requests_are_limited_and_logged_without_headers_and_bodies(stacks: Templates) -> None:
    stage = stacks.one("AWS::ApiGateway::Stage").properties
    (every,) = stage["MethodSettings"]
    assert (every["ResourcePath"], every["HttpMethod"]) == ("/*", "*")
    assert (every["ThrottlingRateLimit"], every["ThrottlingBurstLimit"]) == (200, 200)
    assert every.get("DataTraceEnabled", False) is False
    logged = json.loads(stage["AccessLogSetting"]["Format"])
    assert {"requestId", "status", "path", "ip"} <= set(logged)
    for variable in logged.values():
        assert re.fullmatch(r"\$context\.[A-Za-z.]+", variable)
        assert "header" not in variable.lower()
        assert "principal" not in variable.lower()


def test_the_accounts_role_for_logs_is_retained_since_other_apis_use_it(stacks: Templates) -> None:
    account = stacks.one("AWS::ApiGateway::Account")
    assert account.deletion_policy == "Retain"
    role = stacks.one("AWS::IAM::Role", "CloudWatchRole")
    assert role.deletion_policy == "Retain"
    assert stacks.text("webhook", account.properties["CloudWatchRoleArn"]) == f"<{role.path}>"


# The secret


def test_the_password_needs_no_encoding_in_a_url(stacks: Templates) -> None:
    made = _secret(stacks).properties["GenerateSecretString"]
    assert json.loads(made["SecretStringTemplate"]) == {"username": "sns"}
    assert made["GenerateStringKey"] == "password"
    assert made["ExcludePunctuation"] is True
    assert set(made["ExcludeCharacters"]) == set(string.punctuation)
    assert not made.get("IncludeSpace", False)
    assert made["PasswordLength"] >= 32


def test_no_template_and_no_output_contains_a_password(stacks: Templates) -> None:
    assert "SecretString" not in _secret(stacks).properties
    assert "resolve:secretsmanager" not in json.dumps(stacks.raw)


# The functions


def test_each_function_of_the_webhook_gets_exactly_the_environment_that_it_reads(stacks: Templates) -> None:
    for handler, kind in (
        ("webhook.handler.lambda_handler", WebhookSettings),
        ("webhook.authorizer.lambda_handler", AuthorizerSettings),
    ):
        assert set(_environment(stacks, handler)) == {
            variable.upper() for variable in kind.__struct_fields__
        } | {"POWERTOOLS_SERVICE_NAME"}


def test_messages_go_to_the_queues_of_this_accounts_topics(stacks: Templates) -> None:
    environment = _environment(stacks, "webhook.handler.lambda_handler")
    assert stacks.text("webhook", environment["TRACKING_QUEUE_URL"]) == "<Mail/Tracking/Work/Queue>"
    assert stacks.text("webhook", environment["INBOUND_QUEUE_URL"]) == "<Mail/Inbound/Work/Queue>"
    assert json.loads(environment["TOPIC_ARNS"]) == list(ELSEWHERE)
    assert environment["CONFIRM_SUBSCRIPTIONS"] == "true"


def test_the_handlers_of_the_webhook_exist(stacks: Templates) -> None:
    handlers = {_handler(function) for function in _functions(stacks)}
    assert handlers == {"webhook.handler.lambda_handler", "webhook.authorizer.lambda_handler"}
    for handler in handlers:
        folder, module, name = handler.split(".")
        source = ast.parse((ROOT / "functions" / folder / f"{module}.py").read_text())
        assert name in {node.name for node in source.body if isinstance(node, ast.FunctionDef)}


def test_both_functions_time_out_within_the_fifteen_seconds_that_sns_waits(stacks: Templates) -> None:
    assert all(function.properties["Timeout"] < 15 for function in _functions(stacks))


def test_each_function_of_the_webhook_has_exactly_its_rights(stacks: Templates) -> None:
    assert _rights(stacks, "Receiver") == {
        ("sqs:SendMessage", "<Mail/Tracking/Work/Queue>"),
        ("sqs:SendMessage", "<Mail/Inbound/Work/Queue>"),
        *_logs("Receiver"),
    }
    (secret_read, *others) = sorted(_rights(stacks, "Authorizer") - _logs("Authorizer"))
    assert secret_read == ("secretsmanager:GetSecretValue", f"<{_secret(stacks).path}>")
    assert others == []


def test_subscriptions_that_are_confirmed_by_hand_need_no_right(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    by_hand = Webhook(topic_arns=ELSEWHERE, confirm_subscriptions=False)
    stacks = synthesize(msgspec.structs.replace(settings, webhook=by_hand))
    assert _environment(stacks, "webhook.handler.lambda_handler")["CONFIRM_SUBSCRIPTIONS"] == "false"
    assert not [right for right in _rights(stacks, "Receiver") if right[0].startswith("sns:")]


def test_without_receiving_the_webhook_has_only_the_path_of_tracking(
    synthesize: Callable[[Settings], Templates], hooked: Settings
) -> None:
    stacks = synthesize(msgspec.structs.replace(hooked, inbound=Inbound()))
    assert list(stacks.raw) == ["state", "mail", "webhook"]
    assert stacks.one("AWS::ApiGateway::Resource").properties["PathPart"] == "tracking"
    assert "INBOUND_QUEUE_URL" not in _environment(stacks, "webhook.handler.lambda_handler")


def test_receiving_can_be_turned_off_while_the_deployed_webhook_still_refers_to_its_queue(
    synthesize: Callable[[Settings], Templates], hooked: Settings, stacks: Templates
) -> None:
    # CloudFormation takes no export away that another stack imports, and the mail stack is deployed first.
    after = synthesize(msgspec.structs.replace(hooked, inbound=Inbound()))
    assert _imported(stacks.raw["webhook"]) <= _exported(after.raw["mail"])


def test_the_webhook_refers_only_to_outputs_that_exist(stacks: Templates) -> None:
    taken = [found["Fn::GetStackOutput"] for found in _found(stacks.raw["webhook"], "Fn::GetStackOutput")]
    assert {output["StackName"] for output in taken} == {"mailbus-prod-mail"}
    assert {output["OutputName"] for output in taken} <= set(stacks.raw["mail"]["Outputs"])
    assert "mailbus-prod-mail" in stacks.manifest["artifacts"]["mailbus-prod-webhook"]["dependencies"]


# Alarms


def test_there_are_alarms_on_refused_messages_unconfirmed_subscriptions_and_errors(stacks: Templates) -> None:
    alarms = {}
    for alarm in _of_webhook(stacks, "AWS::CloudWatch::Alarm"):
        given = alarm.properties
        dimensions = {item["Name"]: stacks.text("webhook", item["Value"]) for item in given["Dimensions"]}
        alarms[alarm.path.rpartition("/")[2]] = (given["Namespace"], given["MetricName"], dimensions)
        assert (given["Threshold"], given["ComparisonOperator"]) == (0, "GreaterThanThreshold")
        assert (given["Statistic"], given["Period"], given["EvaluationPeriods"]) == ("Sum", 300, 1)
        assert given["TreatMissingData"] == "notBreaching"
        assert given["AlarmActions"] == given["OKActions"] == [TOPIC]
    of_function = {"service": "<Webhook/Receiver/Function>"}
    assert alarms == {
        "RefusedMessages": ("Mailbus", "RefusedMessages", of_function),
        "UnconfirmedSubscriptions": ("Mailbus", "UnconfirmedSubscriptions", of_function),
        "WebhookErrors": ("AWS/ApiGateway", "5XXError", {"ApiName": "mailbus-prod-webhook"}),
    }


@pytest.mark.parametrize("alarm", ["RefusedMessages", "UnconfirmedSubscriptions"])
def test_an_alarm_watches_exactly_the_metric_of_the_deployed_webhook(
    stacks: Templates, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, alarm: str
) -> None:
    given = stacks.one("AWS::CloudWatch::Alarm", alarm).properties
    for name, value in _environment(stacks, "webhook.handler.lambda_handler").items():
        if name.startswith("POWERTOOLS_"):
            monkeypatch.setenv(name, value)
    put_metric("<Webhook/Receiver/Function>", given["MetricName"], 1)
    published = json.loads(capsys.readouterr().out)
    (metrics,) = published["_aws"]["CloudWatchMetrics"]
    (names,) = metrics["Dimensions"]
    assert metrics["Namespace"] == given["Namespace"]
    assert [metric["Name"] for metric in metrics["Metrics"]] == [given["MetricName"]]
    assert {name: published[name] for name in names} == {
        item["Name"]: stacks.text("webhook", item["Value"]) for item in given["Dimensions"]
    }


# Another app


def test_the_construct_for_other_apps_includes_the_webhook(
    app_in: Callable[[Path], App], tmp_path: Path, hooked: Settings
) -> None:
    stack = Stack(app_in(tmp_path), "Theirs", env=Environment(region="us-east-1"))
    mailbus = Mailbus(stack, "Mail", settings=hooked)
    assert mailbus.webhook_url is not None
    Template.from_stack(stack).resource_count_is("AWS::ApiGateway::RestApi", 1)


# The pages


def test_the_page_on_the_stacks_has_the_webhooks_outputs(stacks: Templates) -> None:
    page = (ROOT / "docs/stacks.md").read_text()
    documented = " ".join(re.findall(r"^\| (.*) \| webhook \|", page, re.MULTILINE))
    assert set(re.findall(r"`([A-Za-z]+)`", documented)) == set(stacks.outputs("webhook"))


def test_the_page_on_the_webhook_has_every_alarm_and_every_limit(stacks: Templates) -> None:
    page = (ROOT / "docs/webhook.md").read_text()
    alarms = {alarm.path.rpartition("/")[2] for alarm in _of_webhook(stacks, "AWS::CloudWatch::Alarm")}
    assert set(re.findall(r"^\| `([A-Za-z]+)` \|", page, re.MULTILINE)) == alarms
    assert f"at most {OLDEST // timedelta(minutes=1)} minutes old" in page
    assert f"at most {AHEAD // timedelta(minutes=1)} minutes ahead" in page
    assert f"**Size**: {BODY_BYTES // 2**20} MiB" in page
    assert f"{Webhook().requests_a_second:,} requests a second" in page


def _of_webhook(stacks: Templates, kind: str) -> list[Resource]:
    return [resource for resource in stacks.of_type(kind) if resource.stack == "webhook"]


def _secret(stacks: Templates) -> Resource:
    return stacks.one("AWS::SecretsManager::Secret")


def _functions(stacks: Templates) -> list[Resource]:
    return _of_webhook(stacks, "AWS::Lambda::Function")


def _handler(function: Resource) -> str:
    return str(function.properties["Handler"])


def _environment(stacks: Templates, handler: str) -> dict[str, Any]:
    (function,) = [function for function in _functions(stacks) if _handler(function) == handler]
    variables: dict[str, Any] = function.properties["Environment"]["Variables"]
    return variables


def _logs(function: str) -> set[tuple[str, str]]:
    return {(f"logs:{action}", f"<Webhook/{function}/Log>") for action in ("CreateLogStream", "PutLogEvents")}


def _rights(stacks: Templates, function: str) -> set[tuple[str, str]]:
    return {
        (action, stacks.text("webhook", resource))
        for policy in _of_webhook(stacks, "AWS::IAM::Policy")
        if policy.path.startswith(f"Webhook/{function}/")
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
        for action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    }


def _found(value: Any, function: str) -> Iterator[dict[str, Any]]:
    """Yield every use of an intrinsic function."""
    if isinstance(value, dict):
        if function in value:
            yield value
        for inner in value.values():
            yield from _found(inner, function)
    elif isinstance(value, list):
        for inner in value:
            yield from _found(inner, function)


def _imported(template: dict[str, Any]) -> set[str]:
    return {found["Fn::ImportValue"] for found in _found(template, "Fn::ImportValue")}


def _exported(template: dict[str, Any]) -> set[str]:
    return {output["Export"]["Name"] for output in template["Outputs"].values() if "Export" in output}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
