"""Delivers messages over HTTP(S) as SNS does: first without credentials, and again after retryable errors.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
"""

from __future__ import annotations

import threading
import urllib.parse
from concurrent.futures import Future, ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import httpx
import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

#: SNS waits 20 s before each of its three retries; here people and tests wait.
RETRY_SECONDS: Final = (1.0, 1.0, 1.0)
# https://docs.aws.amazon.com/sns/latest/dg/SendMessageToHttp.prepare.html
TIMEOUT_SECONDS: Final = 15.0
WORKERS: Final = 8
LOCAL_HOSTS: Final = frozenset({"127.0.0.1", "localhost"})
NO_RESPONSE: Final = 0


class HttpEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription's URL without its credentials, and the credentials."""

    url: str
    user: str | None
    password: str

    @property
    def credentials(self) -> tuple[str, str] | None:
        """User and password for Basic authentication."""
        return None if self.user is None else (self.user, self.password)


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """The result for one message. `statuses` has the status of each attempt, 0 without a response."""

    type: str
    message_id: str
    topic_arn: str
    url: str
    statuses: tuple[int, ...]


def parse_endpoint(endpoint: str) -> HttpEndpoint:
    """Parse a subscription's URL. Raise `ValueError` if it is not a URL of this machine."""
    parts = urllib.parse.urlsplit(endpoint)
    if parts.scheme not in {"http", "https"} or parts.hostname not in LOCAL_HOSTS:
        reason = (
            "Invalid parameter: Endpoint: messages are delivered to this machine only; use a URL of 127.0.0.1"
        )
        raise ValueError(reason)
    return HttpEndpoint(
        url=parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(),
        user=None if parts.username is None else urllib.parse.unquote(parts.username),
        password=urllib.parse.unquote(parts.password or ""),
    )


def requests_credentials(status: int, headers: Mapping[str, str]) -> bool:
    """Return whether SNS repeats the request with credentials: a 401 without the header is not enough."""
    return status == HTTPStatus.UNAUTHORIZED and "www-authenticate" in headers


def is_retryable(status: int) -> bool:
    """Return whether SNS retries later."""
    return status in {NO_RESPONSE, HTTPStatus.TOO_MANY_REQUESTS} or status >= HTTPStatus.INTERNAL_SERVER_ERROR


class HttpDeliveries:
    """Delivers in its own threads; `finished` has the finished deliveries."""

    def __init__(self, retry_seconds: tuple[float, ...]) -> None:
        self._retry_seconds = retry_seconds
        self._client = httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False)
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="sns-delivery")
        self._stopping = threading.Event()
        self._finished: list[Delivery] = []
        self._lock = threading.Lock()

    @property
    def finished(self) -> tuple[Delivery, ...]:
        """The finished deliveries, in order."""
        with self._lock:
            return tuple(self._finished)

    def deliver(self, endpoint: HttpEndpoint, headers: Mapping[str, str], body: bytes) -> Future[Delivery]:
        """Queue a delivery; `headers` are SNS's headers of the message."""
        return self._threads.submit(self._deliver, endpoint, headers, body)

    def stop(self) -> None:
        """Cancel retries, and wait for the running deliveries."""
        self._stopping.set()
        self._threads.shutdown(cancel_futures=True)
        self._client.close()

    def _deliver(self, endpoint: HttpEndpoint, headers: Mapping[str, str], body: bytes) -> Delivery:
        statuses = self._attempt(endpoint, headers, body)
        for seconds in self._retry_seconds:
            if not is_retryable(statuses[-1]) or self._stopping.wait(seconds):
                break
            statuses += self._attempt(endpoint, headers, body)
        delivery = Delivery(
            type=headers["x-amz-sns-message-type"],
            message_id=headers["x-amz-sns-message-id"],
            topic_arn=headers["x-amz-sns-topic-arn"],
            url=endpoint.url,
            statuses=statuses,
        )
        with self._lock:
            self._finished.append(delivery)
        return delivery

    def _attempt(self, endpoint: HttpEndpoint, headers: Mapping[str, str], body: bytes) -> tuple[int, ...]:
        first, response_headers = self._post(endpoint, headers, body, None)
        if endpoint.credentials and requests_credentials(first, response_headers):
            second, _ = self._post(endpoint, headers, body, endpoint.credentials)
            return (first, second)
        return (first,)

    def _post(
        self,
        endpoint: HttpEndpoint,
        headers: Mapping[str, str],
        body: bytes,
        credentials: tuple[str, str] | None,
    ) -> tuple[int, Mapping[str, str]]:
        auth = credentials or httpx.USE_CLIENT_DEFAULT
        try:
            response = self._client.post(endpoint.url, content=body, headers=headers, auth=auth)
        except httpx.HTTPError:
            return NO_RESPONSE, {}
        return response.status_code, response.headers
