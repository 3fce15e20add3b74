"""SNS over HTTPS: an API with an authorizer that checks the password, and the function behind it."""

from __future__ import annotations

import json
import string
from typing import TYPE_CHECKING, Final

from aws_cdk import CrossStackReferences, Duration, ReferenceStrength, RemovalPolicy
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from mailbus.environment import AuthorizerSettings, WebhookSettings, to_environment
from mailbus_cdk.cdk_nag import suppress
from mailbus_cdk.constructs.alarms import WebhookAlarms
from mailbus_cdk.constructs.function import Function, log_retention

if TYPE_CHECKING:
    from aws_cdk import aws_sqs as sqs

    from mailbus_cdk.constructs.function import Code
    from mailbus_cdk.settings import Settings

USER: Final = "sns"
# The password is part of subscription URLs, in which other characters would have to be encoded.
PASSWORD_CHARACTERS: Final = 40
# A delivery by SNS times out after 15 seconds
# (https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html).
TIMEOUT_SECONDS: Final = 14
AUTHORIZER_TIMEOUT_SECONDS: Final = 10
# CPU comes with memory, and checking a signature is all CPU.
MEMORY_MB: Final = 512
# How long API Gateway caches the authorizer's answer: a password that was replaced works this much longer.
AUTHORIZED_SECONDS: Final = 60
# Of each function, where concurrency is reserved: what the API lets through by default, for 0.1 s each.
WORKERS: Final = 20
# Nothing of a request's headers and body is logged.
ACCESS_LOG: Final = {
    "requestId": "$context.requestId",
    "requestTime": "$context.requestTime",
    "ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "status": "$context.status",
    "error": "$context.error.responseType",
    "authorizerStatus": "$context.authorizer.status",
    "authorizerLatency": "$context.authorizer.latency",
    "integrationStatus": "$context.integration.status",
    "integrationLatency": "$context.integration.latency",
    "responseLatency": "$context.responseLatency",
}


class Webhook(Construct):
    """Takes messages from topics of other accounts and regions into the queues of tracking and inbound.

    Without an `inbound` queue only the path of tracking exists.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        code: Code,
        tracking: sqs.IQueue,
        inbound: sqs.IQueue | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.credentials = Credentials(self, "Credentials")
        authorizer = self._authorizer(settings, code)
        receiver = self._receiver(settings, code, tracking, inbound)
        self.function_name = receiver.function.function_name
        api = Api(self, "Api", settings=settings, authorizer=authorizer)
        paths = ("tracking", "inbound") if inbound else ("tracking",)
        for path in paths:
            api.add_route(path, receiver)
        self.url = api.rest_api.url
        WebhookAlarms(
            self,
            "Alarms",
            settings=settings,
            function_name=self.function_name,
            api_errors=api.rest_api.metric_server_error,
        )

    def _authorizer(self, settings: Settings, code: Code) -> Function:
        function = Function(
            self,
            "Authorizer",
            name="webhook-authorizer",
            handler="webhook.authorizer.lambda_handler",
            description="Mailbus: checks the password of deliveries over HTTPS",
            code=code,
            settings=settings,
            memory_mb=MEMORY_MB,
            timeout_seconds=AUTHORIZER_TIMEOUT_SECONDS,
            environment=to_environment(AuthorizerSettings(secret_arn=self.credentials.arn)),
        )
        function.allow(["secretsmanager:GetSecretValue"], [self.credentials.arn])
        function.reserve(WORKERS)
        return function

    def _receiver(
        self, settings: Settings, code: Code, tracking: sqs.IQueue, inbound: sqs.IQueue | None
    ) -> Function:
        if inbound:
            # When receiving is turned off, the stack of this queue is deployed before this one. A strong
            # reference would be an export that it cannot delete while this stack still imports it.
            CrossStackReferences.of(inbound).produce(ReferenceStrength.WEAK)
        function = Function(
            self,
            "Receiver",
            name="webhook",
            description="Mailbus: SNS over HTTPS to the queues",
            code=code,
            settings=settings,
            memory_mb=MEMORY_MB,
            timeout_seconds=TIMEOUT_SECONDS,
            environment=to_environment(
                WebhookSettings(
                    tracking_queue_url=tracking.queue_url,
                    inbound_queue_url=inbound.queue_url if inbound else None,
                    topic_arns=settings.webhook.topic_arns,
                    confirm_subscriptions=settings.webhook.confirm_subscriptions,
                )
            ),
        )
        function.allow(["sqs:SendMessage"], [tracking.queue_arn, *([inbound.queue_arn] if inbound else [])])
        function.reserve(WORKERS)
        return function


class Credentials(Construct):
    """The user and password in the URLs of subscriptions.

    Any change to how the template generates the password generates a new one.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        secret = secretsmanager.CfnSecret(
            self,
            "Secret",
            description="Mailbus: the credentials with which SNS delivers over HTTPS",
            generate_secret_string=secretsmanager.CfnSecret.GenerateSecretStringProperty(
                secret_string_template=json.dumps({"username": USER}),
                generate_string_key="password",
                password_length=PASSWORD_CHARACTERS,
                exclude_punctuation=True,
                # The same again, for tools that know only this property.
                exclude_characters=string.punctuation,
            ),
        )
        # A Ref is the ARN too, but on the embedded AWS it is the name.
        self.arn = secret.attr_id
        suppress(
            secret,
            "AwsSolutions-SMG4",
            "The password is in the URLs of subscriptions, often of other accounts; rotation would "
            "require new URLs. docs/webhook.md says how, with the previous password still valid.",
        )


class Api(Construct):
    """A REST API: function URLs and HTTP APIs rename the `WWW-Authenticate` header that a function returns.

    SNS sends credentials only after a 401 with that header, which a gateway response of a REST API can set
    (https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html).
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, authorizer: Function
    ) -> None:
        super().__init__(scope, construct_id)
        log = logs.LogGroup(
            self, "AccessLog", retention=log_retention(settings), removal_policy=RemovalPolicy.DESTROY
        )
        self.rest_api = apigateway.RestApi(
            self,
            "RestApi",
            rest_api_name=f"{settings.name}-webhook",
            description="Mailbus: SNS over HTTPS",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            # API Gateway writes logs with one role per account and region; without it no stage with logs
            # can be created (https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html).
            cloud_watch_role=True,
            # Other APIs of the account then write their logs with it too.
            cloud_watch_role_removal_policy=RemovalPolicy.DESTROY
            if settings.ephemeral
            else RemovalPolicy.RETAIN,
            deploy_options=apigateway.StageOptions(
                stage_name=settings.stage,
                access_log_destination=apigateway.LogGroupLogDestination(log),
                access_log_format=apigateway.AccessLogFormat.custom(json.dumps(ACCESS_LOG)),
                # Anybody may call it. What it lets through runs functions, whose concurrency the account's
                # others share. SNS retries after a 429.
                throttling_rate_limit=settings.webhook.requests_a_second,
                throttling_burst_limit=settings.webhook.requests_a_second,
            ),
        )
        # It would be a second output of the same URL.
        self.rest_api.node.try_remove_child("Endpoint")
        self.rest_api.add_gateway_response(
            "Unauthorized",
            type=apigateway.ResponseType.UNAUTHORIZED,
            status_code="401",
            response_headers={"WWW-Authenticate": "'Basic realm=\"Mailbus\"'"},
        )
        self._authorizer = apigateway.RequestAuthorizer(
            self,
            "Authorizer",
            handler=authorizer.function,
            identity_sources=[apigateway.IdentitySource.header("Authorization")],
            results_cache_ttl=Duration.seconds(AUTHORIZED_SECONDS),
        )
        self._suppress_findings()

    def add_route(self, path: str, receiver: Function) -> None:
        """Route `POST` on a path to a function."""
        method = self.rest_api.root.add_resource(path).add_method(
            "POST",
            apigateway.LambdaIntegration(receiver.function, allow_test_invoke=False),
            authorizer=self._authorizer,
            authorization_type=apigateway.AuthorizationType.CUSTOM,
        )
        suppress(method, "AwsSolutions-COG4", "SNS supports only Basic authentication.")

    def _suppress_findings(self) -> None:
        reasons = {
            "AwsSolutions-APIG2": "The function checks each message's signature, and counts and logs what "
            "it refuses; a request model would hide that.",
            "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/"
            "AmazonAPIGatewayPushToCloudWatchLogs]": "AWS provides this policy for the role of all APIs.",
        }
        for rule, reason in reasons.items():
            suppress(self.rest_api, rule, reason)
        stage = self.rest_api.deployment_stage
        suppress(
            stage,
            "AwsSolutions-APIG3",
            "The password protects the API. API Gateway refuses requests without one, the authorizer's "
            "function wrong ones, within the API's limit of requests a second.",
        )
        suppress(
            stage,
            "AwsSolutions-APIG6",
            "The access log has the errors; execution logs would be kept forever in a group that "
            "no stack deletes.",
        )
