from __future__ import annotations

import pytest
from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
)

from mailbus.errors import ConfigurationError, SendError
from tests.unit.mailbus.deployment import JOB, Deployment
from tests.unit.mailbus.fake_deployment import (
    QUEUE,
    refusal,
)


@pytest.mark.parametrize(
    ("error", "fix"),
    [
        (refusal("AccessDenied", 403), "sqs:SendMessage"),
        (refusal("AccessDeniedException"), "sqs:SendMessage"),
        (refusal("AWS.SimpleQueueService.NonExistentQueue"), "SendQueueUrl"),
        (refusal("InvalidClientTokenId", 403), "credentials"),
        (refusal("ExpiredToken", 403), "credentials"),
        (NoCredentialsError(), "credentials"),
        (ParamValidationError(report="value: Dear Jane, your password is …"), "wrong type"),
    ],
)
def test_an_error_of_the_setup_is_a_configuration_error(
    deployment: Deployment, error: Exception, fix: str
) -> None:
    deployment.queue.outages = [error]
    with pytest.raises(ConfigurationError, match=fix) as raised:
        deployment.client.send(JOB)
    assert "password" not in str(raised.value)


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        (refusal("InternalError", 500), "InternalError", True),
        (refusal("ServiceUnavailable", 503), "ServiceUnavailable", True),
        (refusal("RequestThrottled", 403), "RequestThrottled", True),
        (refusal("ThrottlingException", 400), "ThrottlingException", True),
        (refusal("InvalidMessageContents", 400), "InvalidMessageContents", False),
        (EndpointConnectionError(endpoint_url=QUEUE), "EndpointConnectionError", True),
        (ConnectTimeoutError(endpoint_url=QUEUE), "ConnectTimeoutError", True),
    ],
)
def test_every_other_error_is_retryable_or_not(
    deployment: Deployment, error: Exception, code: str, *, retryable: bool
) -> None:
    deployment.queue.outages = [error]
    with pytest.raises(SendError) as raised:
        deployment.client.send(JOB)
    assert (raised.value.code, raised.value.retryable) == (code, retryable)


def test_an_error_of_sqs_keeps_its_text_up_to_a_limit(deployment: Deployment) -> None:
    deployment.queue.outages = [refusal("InternalError", 500, "We had a problem. " * 1000)]
    with pytest.raises(SendError, match="We had a problem") as raised:
        deployment.client.send(JOB)
    assert len(str(raised.value)) < 400
