from __future__ import annotations

from typing import Any

import pytest

from mailbus import Client
from mailbus.errors import ConfigurationError

USE = "use the stack output SendQueueUrl or BulkQueueUrl"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "the queue's URL is missing"),
        (None, "the queue's URL is missing"),
        (3, "the queue's URL must be a string, not int"),
        (
            "arn:aws:sqs:eu-west-1:210987654321:send",
            "this is the queue's ARN, not its URL, which begins with https://",
        ),
        ("mailbus-prod-send", "this is the queue's name, not its URL, which begins with https://"),
        ("https:///mailbus-send", "the queue's URL is invalid (it is 'https:///mailbus-send')"),
        ("http://127.0.0.1:4566", "the queue's URL is invalid (it is 'http://127.0.0.1:4566')"),
        ("sqs.example/1/send", "the queue's URL is invalid (it is 'sqs.example/1/send')"),
        ("https://sqs.example/1/a b", "the queue's URL is invalid (it is 'https://sqs.example/1/a b')"),
        ("https://sqs.example/1/a\n", "the queue's URL is invalid (it is 'https://sqs.example/1/a\\n')"),
    ],
)
def test_what_is_no_queue_url_is_refused_with_what_to_use(url: Any, reason: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        Client(url)
    assert str(raised.value).startswith(f"{reason}; {USE}")


def test_a_client_without_a_queue_may_name_a_stage() -> None:
    with pytest.raises(ConfigurationError, match=r'or the stage\'s name: Client\(stage="prod"\)$'):
        Client()
