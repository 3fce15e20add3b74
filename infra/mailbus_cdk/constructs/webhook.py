"""SNS over HTTPS: an API that lets in who knows the password, and two functions behind it."""

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
from mailbus_cdk.cdk_nag import acknowledge
from mailbus_cdk.constructs.alarms import WebhookAlarms
from mailbus_cdk.constructs.function import Function, log_retention

if TYPE_CHECKING:
    from mailbus_cdk.constructs.function import Code
    from mailbus_cdk.mail import Mail
    from mailbus_cdk.settings.schema import Settings

USER: Final = "sns"
# It stands in the URL of a subscription, where other characters would have to be encoded.
PASSWORD_CHARACTERS: Final = 40
# SNS gives a delivery up after 15 seconds
# (https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html).
TIMEOUT_SECONDS: Final = 14
AUTHORIZER_TIMEOUT_SECONDS: Final = 10
# CPU comes with memory, and a check of a signature waits for nothing else.
MEMORY_MB: Final = 512
# A password that is no longer valid works for this long at most after the authorizer has noticed.
AUTHORIZED_SECONDS: Final = 60
# Requests a second, a message being two of them: an account's limit of 10,000 is shared with its other APIs
# (https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html). SNS tries again after a 429.
REQUESTS_A_SECOND: Final = 1000
# What is logged of a request: nothing of its headers and its body.
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
    """What takes messages of other accounts' and regions' topics into the queues of tracking and inbound."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, code: Code, mail: Mail
    ) -> None:
        super().__init__(scope, construct_id)
        self.credentials = Credentials(self, "Credentials")
        authorizer = self._authorizer(settings, code)
        receiver = self._receiver(settings, code, mail)
        self.function_name = receiver.function.function_name
        api = Api(self, "Api", settings=settings, authorizer=authorizer)
        paths = ("tracking", "inbound") if mail.inbound else ("tracking",)
        for path in paths:
            api.takes(path, receiver)
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
            description="Mailbus: who may deliver over HTTPS",
            code=code,
            settings=settings,
            memory_mb=MEMORY_MB,
            timeout_seconds=AUTHORIZER_TIMEOUT_SECONDS,
            environment=to_environment(AuthorizerSettings(secret_arn=self.credentials.arn)),
        )
        function.allow(["secretsmanager:GetSecretValue"], [self.credentials.arn])
        return function

    def _receiver(self, settings: Settings, code: Code, mail: Mail) -> Function:
        tracking = mail.tracking.work.queue
        inbound = mail.inbound.work.queue if mail.inbound else None
        if inbound:
            # It goes when nothing is received any more, and its stack is deployed before this one: what that
            # exports it could not give up while the former version of this one imports it.
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
        return function


class Credentials(Construct):
    """The user and the password of the subscriptions' URLs.

    Any change of how the password is made, in the template, makes a new one: CloudFormation does so.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        secret = secretsmanager.CfnSecret(
            self,
            "Secret",
            description="Mailbus: what SNS gives to deliver over HTTPS",
            generate_secret_string=secretsmanager.CfnSecret.GenerateSecretStringProperty(
                secret_string_template=json.dumps({"username": USER}),
                generate_string_key="password",
                password_length=PASSWORD_CHARACTERS,
                exclude_punctuation=True,
                # Says the same again, to who reads this alone.
                exclude_characters=string.punctuation,
            ),
        )
        # A reference gives the ARN as well, but on the embedded AWS the name.
        self.arn = secret.attr_id
        acknowledge(
            secret,
            "AwsSolutions-SMG4",
            "SNS keeps the password in the URLs of subscriptions, often of other accounts: only who can make "
            "these anew can rotate it. docs/webhook.md says how, with the previous one still valid.",
        )


class Api(Construct):
    """A REST API: function URLs and HTTP APIs rename the `WWW-Authenticate` header that a function returns.

    SNS gives credentials only after a 401 with that header, which a gateway response of a REST API can carry
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
            # A region's API Gateway writes logs by one role of the account; without it no stage with logs
            # can be made (https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html).
            cloud_watch_role=True,
            # Others of the account write their logs by it too, from then on.
            cloud_watch_role_removal_policy=RemovalPolicy.DESTROY
            if settings.ephemeral
            else RemovalPolicy.RETAIN,
            deploy_options=apigateway.StageOptions(
                stage_name=settings.stage,
                access_log_destination=apigateway.LogGroupLogDestination(log),
                access_log_format=apigateway.AccessLogFormat.custom(json.dumps(ACCESS_LOG)),
                throttling_rate_limit=REQUESTS_A_SECOND,
                throttling_burst_limit=REQUESTS_A_SECOND,
            ),
        )
        # It would be one more output of the same URL.
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
        self._acknowledge()

    def takes(self, path: str, receiver: Function) -> None:
        """Let a function answer `POST` on a path."""
        method = self.rest_api.root.add_resource(path).add_method(
            "POST",
            apigateway.LambdaIntegration(receiver.function, allow_test_invoke=False),
            authorizer=self._authorizer,
            authorization_type=apigateway.AuthorizationType.CUSTOM,
        )
        acknowledge(method, "AwsSolutions-COG4", "SNS knows Basic authentication and nothing else.")

    def _acknowledge(self) -> None:
        reasons = {
            "AwsSolutions-APIG2": "The function judges each message by its signature, and counts and logs "
            "what it refuses; a model in front would hide that.",
            "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/"
            "AmazonAPIGatewayPushToCloudWatchLogs]": "AWS has this one for the role of all APIs.",
        }
        for rule, reason in reasons.items():
            acknowledge(self.rest_api, rule, reason)
        stage = self.rest_api.deployment_stage
        acknowledge(
            stage,
            "AwsSolutions-APIG3",
            "The password is the wall. Who has none gets no further than API Gateway, who guesses no further "
            "than the authorizer's function, within the API's limit of requests a second.",
        )
        acknowledge(
            stage,
            "AwsSolutions-APIG6",
            "The access log names what went wrong; execution logs would be kept for good in a group that "
            "nobody deletes.",
        )
