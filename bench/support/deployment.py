"""Other settings of the deployed sender, for a while only."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mailbus_local.subscriber import Aws

HANDLER: Final = "sender.handler.lambda_handler"
QUEUES: Final = ("SendQueueUrl", "BulkQueueUrl")
VISIBILITY: Final = "VisibilityTimeout"


@contextlib.contextmanager
def sender_configured(
    aws: Aws, environment: Mapping[str, str], *, function_seconds: int, visibility_seconds: int
) -> Iterator[None]:
    """Add environment variables to the sender and change its times; undo both in the end."""
    functions, sqs = aws.client("lambda"), aws.client("sqs")
    found = functions.list_functions()["Functions"]
    name = next(function["FunctionName"] for function in found if function["Handler"] == HANDLER)
    before = functions.get_function_configuration(FunctionName=name)
    variables = before["Environment"]["Variables"]
    urls = [aws.outputs[queue] for queue in QUEUES]
    visibility = {
        url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[VISIBILITY])["Attributes"][VISIBILITY]
        for url in urls
    }

    def configure(variables: Mapping[str, str], seconds: int, visibility: Mapping[str, str]) -> None:
        functions.update_function_configuration(
            FunctionName=name, Timeout=seconds, Environment={"Variables": dict(variables)}
        )
        functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
        for url, timeout in visibility.items():
            sqs.set_queue_attributes(QueueUrl=url, Attributes={VISIBILITY: timeout})

    configure({**variables, **environment}, function_seconds, dict.fromkeys(urls, str(visibility_seconds)))
    try:
        yield
    finally:
        configure(variables, before["Timeout"], visibility)
        functions.close()
        sqs.close()
