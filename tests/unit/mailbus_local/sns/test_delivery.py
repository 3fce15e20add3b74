from __future__ import annotations

import pytest

from mailbus_local.sns.delivery import Delivery, HttpDeliveries, is_retryable, parse_endpoint
from tests.unit.mailbus_local.http_subscriber import PASSWORD, SECONDS, HttpSubscriber

HEADERS = {
    "x-amz-sns-message-type": "Notification",
    "x-amz-sns-message-id": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
    "x-amz-sns-topic-arn": "arn:aws:sns:us-west-2:123456789012:MyTopic",
}


def _deliver(url: str) -> Delivery:
    deliveries = HttpDeliveries(retry_seconds=(0, 0, 0))
    delivery = deliveries.deliver(parse_endpoint(url), HEADERS, b"{}").result(SECONDS)
    deliveries.stop()
    assert deliveries.finished == (delivery,)
    return delivery


@pytest.mark.parametrize(
    ("planned", "statuses"),
    [
        ([200], (401, 200)),
        ([503, 200], (401, 503, 401, 200)),
        ([429, 500, 200], (401, 429, 401, 500, 401, 200)),
        ([503, 503, 503, 503, 200], (401, 503) * 4),
        ([403, 200], (401, 403)),
        ([400, 200], (401, 400)),
        ([413, 200], (401, 413)),
    ],
)
def test_retryable_errors_are_retried_three_times_and_others_are_not(
    subscriber: HttpSubscriber, planned: list[int], statuses: tuple[int, ...]
) -> None:
    subscriber.planned = planned

    assert _deliver(subscriber.url).statuses == statuses


def test_a_wrong_password_is_not_retried(subscriber: HttpSubscriber) -> None:
    assert _deliver(subscriber.url.replace(PASSWORD, "wrong")).statuses == (401, 401)


def test_credentials_are_sent_only_after_the_authenticate_header(subscriber: HttpSubscriber) -> None:
    # API Gateway renames the header like this if a function returns it.
    subscriber.header = "x-amzn-Remapped-WWW-Authenticate"

    assert _deliver(subscriber.url).statuses == (401,)
    assert "authorization" not in subscriber.wait(1)[0][0]
    assert subscriber.requests.empty()


def test_a_refused_connection_is_retried(subscriber: HttpSubscriber) -> None:
    subscriber.close()
    assert _deliver(subscriber.url).statuses == (0, 0, 0, 0)
    assert is_retryable(0)


def test_a_url_keeps_path_and_query_without_its_credentials() -> None:
    found = parse_endpoint("http://sns:p%40ss@127.0.0.1:4566/_aws/execute-api/ab12/local/tracking?x=1")

    assert found.url == "http://127.0.0.1:4566/_aws/execute-api/ab12/local/tracking?x=1"
    assert found.credentials == ("sns", "p@ss")


@pytest.mark.parametrize("url", ["https://example.com/", "ftp://127.0.0.1/", "tracking", "", "https://"])
def test_other_urls_are_errors(url: str) -> None:
    with pytest.raises(ValueError, match="this machine only"):
        parse_endpoint(url)
