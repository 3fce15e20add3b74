"""What lies between a process and one service: requests and answers are lost, and the service has errors."""

from __future__ import annotations

import contextlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeVar

from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from bench.protocol.faults import happens

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from bench.protocol.faults import Faults
    from bench.world.process import Process

T = TypeVar("T")

ENDPOINT: Final = "https://service.eu-west-1.amazonaws.com"
SLOW_SECONDS: Final = 16.0
# the clients' own time-outs
READ_SECONDS: Final = 15.0
QUICK_READ_SECONDS: Final = 2.0


class Network:
    """Makes the calls of one process to one service; `process` for its clients.

    A client that `retries` makes a call again whose answer was lost. `code` is that of the service's errors.
    """

    def __init__(  # noqa: PLR0913 - keyword-only options
        self,
        process: Process,
        chance: random.Random,
        faults: Callable[[], Faults],
        *,
        code: str,
        retries: bool = False,
        read_seconds: float = QUICK_READ_SECONDS,
    ) -> None:
        self._process = process
        self._chance = chance
        self._faults = faults
        self._code = code
        self._retries = retries
        self._read_seconds = read_seconds

    def pause(self, seconds: float) -> None:
        """Wait as before a retry."""
        self._process.pause(seconds)

    def call(self, cpu: float, there: float, back: float, answer: Callable[[], T]) -> T:
        """Call the service as a process does, with the faults of the moment."""
        faults, process = self._faults(), self._process
        draw = self._chance.random()
        if draw < faults.lost:
            return self._lose(cpu, there, back, answer)
        if draw < faults.lost + faults.error:
            if happens(self._chance, 0.5):
                # it was done nevertheless
                process.call(cpu, there, back, answer)
            else:
                process.call(cpu, there, back, _nothing)
            raise self._error()
        if draw < faults.lost + faults.error + faults.slow and self._read_seconds == READ_SECONDS:
            process.call(cpu, there, min(SLOW_SECONDS, READ_SECONDS), answer)
            raise ReadTimeoutError(endpoint_url=ENDPOINT)
        return process.call(cpu, there, back, answer)

    def _lose(self, cpu: float, there: float, back: float, answer: Callable[[], T]) -> T:
        """Lose the request or the answer, of which a client that retries notices nothing."""
        process = self._process
        if happens(self._chance, 0.5):
            if self._retries:
                process.pause(self._chance.random())
                return process.call(cpu, there, back, answer)
            process.call(cpu, there, 0.0, _nothing)
            raise self._chance.choice((EndpointConnectionError, ConnectionClosedError))(endpoint_url=ENDPOINT)
        # an error is lost, too
        with contextlib.suppress(ClientError):
            process.call(cpu, there, self._read_seconds, answer)
        if self._retries and happens(self._chance, 0.5):
            return process.call(cpu, there, back, answer)
        raise ReadTimeoutError(endpoint_url=ENDPOINT)

    def _error(self) -> ClientError:
        answer: Any = {
            "Error": {"Code": self._code, "Message": "injected"},
            "ResponseMetadata": {"HTTPStatusCode": HTTPStatus.INTERNAL_SERVER_ERROR},
        }
        return ClientError(answer, "Call")


def _nothing() -> None:
    """Answer a request that did not arrive."""
