"""Deliveries over HTTP(S) as SNS makes them: without credentials first, and again after errors that pass.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
"""

from __future__ import annotations

import threading
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import httpx
import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

# SNS waits 20 s before each of its three retries.
RETRY_SECONDS: Final = (1.0, 1.0, 1.0)
# https://docs.aws.amazon.com/sns/latest/dg/SendMessageToHttp.prepare.html
TIMEOUT_SECONDS: Final = 15.0
WORKERS: Final = 8
HERE: Final = frozenset({"127.0.0.1", "localhost"})
NO_ANSWER: Final = 0


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription's URL, and the credentials that stood in it."""

    url: str
    user: str | None
    password: str

    @property
    def credentials(self) -> tuple[str, str] | None:
        """What Basic authentication takes."""
        return None if self.user is None else (self.user, self.password)


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one message. `statuses` are all answers in order; 0 is none at all."""

    type: str
    message_id: str
    topic_arn: str
    url: str
    statuses: tuple[int, ...]


def target(endpoint: str) -> Target:
    """Take a subscription's URL apart; a `ValueError` says why it is none to deliver to."""
    parts = urllib.parse.urlsplit(endpoint)
    if parts.scheme not in {"http", "https"} or parts.hostname not in HERE:
        reason = "Invalid parameter: Endpoint: nothing leaves this machine; use a URL of 127.0.0.1"
        raise ValueError(reason)
    return Target(
        url=parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(),
        user=None if parts.username is None else urllib.parse.unquote(parts.username),
        password=urllib.parse.unquote(parts.password or ""),
    )


def wants_credentials(status: int, headers: Mapping[str, str]) -> bool:
    """Whether SNS comes again with the credentials of the URL: a 401 alone does not make it."""
    return status == HTTPStatus.UNAUTHORIZED and "www-authenticate" in headers


def may_pass(status: int) -> bool:
    """Whether SNS tries again later."""
    return status in {NO_ANSWER, HTTPStatus.TOO_MANY_REQUESTS} or status >= HTTPStatus.INTERNAL_SERVER_ERROR


class Courier:
    """Delivers in threads of its own; `deliveries` are those that have ended."""

    def __init__(self, retry_seconds: tuple[float, ...] = RETRY_SECONDS) -> None:
        self._retry_seconds = retry_seconds
        self._client = httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False)
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="sns-delivery")
        self._ending = threading.Event()
        self._ended: list[Delivery] = []
        self._changing = threading.Lock()

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """All that have ended, in that order."""
        with self._changing:
            return tuple(self._ended)

    def deliver(self, to: Target, headers: Mapping[str, str], body: bytes) -> None:
        """Deliver by and by; the headers are SNS's own of the message."""
        self._threads.submit(self._deliver, to, headers, body)

    def stop(self) -> None:
        """End deliveries that wait to be tried again, and wait for the others."""
        self._ending.set()
        self._threads.shutdown(cancel_futures=True)
        self._client.close()

    def _deliver(self, to: Target, headers: Mapping[str, str], body: bytes) -> None:
        statuses = self._attempt(to, headers, body)
        for seconds in self._retry_seconds:
            if not may_pass(statuses[-1]) or self._ending.wait(seconds):
                break
            statuses += self._attempt(to, headers, body)
        ended = Delivery(
            type=headers["x-amz-sns-message-type"],
            message_id=headers["x-amz-sns-message-id"],
            topic_arn=headers["x-amz-sns-topic-arn"],
            url=to.url,
            statuses=statuses,
        )
        with self._changing:
            self._ended.append(ended)

    def _attempt(self, to: Target, headers: Mapping[str, str], body: bytes) -> tuple[int, ...]:
        first, answered = self._post(to, headers, body, None)
        if to.credentials and wants_credentials(first, answered):
            second, _ = self._post(to, headers, body, to.credentials)
            return (first, second)
        return (first,)

    def _post(
        self, to: Target, headers: Mapping[str, str], body: bytes, credentials: tuple[str, str] | None
    ) -> tuple[int, Mapping[str, str]]:
        auth = credentials or httpx.USE_CLIENT_DEFAULT
        try:
            answer = self._client.post(to.url, content=body, headers=headers, auth=auth)
        except httpx.HTTPError:
            return NO_ANSWER, {}
        return answer.status_code, answer.headers
