"""Kills workers of a deployed function at chosen points of their work: a reverse proxy before what they call.

Each call of a worker passes here on its way to AWS. Before or after it is passed on, the process that made it
may be killed (SIGKILL), as if its machine were gone.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import signal
import threading
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Self
from urllib.parse import urlsplit

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

Death = Literal[
    "before the call", "after SES accepted", "after the ledger write", "before the acknowledgement"
]
# as AWS's SDK names them: https://docs.aws.amazon.com/sdkref/latest/guide/ss-endpoints-table.html
Service = Literal["sesv2", "dynamodb", "eventbridge"]
When = Literal["before", "after"]


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A call at which a worker may die, once it is on its way to SES."""

    service: Service
    when: When
    # of DynamoDB's, those that count
    operations: tuple[str, ...] = ()


POINTS: Final[dict[Death, Point]] = {
    "before the call": Point(service="sesv2", when="before"),
    "after SES accepted": Point(service="sesv2", when="after"),
    "after the ledger write": Point(
        service="dynamodb", when="after", operations=("BatchWriteItem", "UpdateItem")
    ),
    "before the acknowledgement": Point(service="eventbridge", when="after"),
}
CLAIM: Final = "TransactWriteItems"
# the worker asks SES for its limits too
SENDING: Final = "/outbound"
DROPPED: Final = frozenset({"connection", "content-length", "host", "keep-alive", "transfer-encoding"})
TCP_ADDRESS, TCP_INODE = 1, 9


class Fate(msgspec.Struct, frozen=True, kw_only=True):
    """How a worker's round ends, and for which jobs."""

    death: Death | None
    job_ids: frozenset[str]


class Deaths:
    """The proxies, one for each service. `hit` has the jobs that each death met.

    `share` is how probable each of the deaths is for a round of a worker, a quarter at most; `seconds` later
    nobody dies any more.
    """

    def __init__(self, upstream: Mapping[Service, str], *, share: float, seconds: float, seed: int) -> None:
        self.share = share
        self._until = time.monotonic() + seconds
        self.hit: dict[Death, set[str]] = {death: set() for death in POINTS}
        self.killed = 0
        self._chance = random.Random(seed)  # noqa: S311 - faults, no secret
        self._lock = threading.Lock()
        self._fates: dict[int, Fate] = {}
        self._called: dict[int, bool] = defaultdict(bool)
        self._servers = {service: _Proxy(self, service, url) for service, url in upstream.items()}

    def __enter__(self) -> Self:
        for server in self._servers.values():
            threading.Thread(target=server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers.values():
            server.shutdown()
            server.server_close()

    @property
    def environment(self) -> dict[str, str]:
        """Tell a function's clients to come here."""
        return {
            f"AWS_ENDPOINT_URL_{service.upper()}": f"http://127.0.0.1:{server.server_address[1]}"
            for service, server in self._servers.items()
        }

    def met(self, worker: int, service: Service, operation: str, body: bytes, when: When) -> bool:
        """Kill a worker if this is its time; whether it is dead now."""
        with self._lock:
            if operation == CLAIM and when == "before":
                self._begin(worker, body)
            sending = service == "sesv2" and operation.startswith("/v2/email" + SENDING)
            self._called[worker] = self._called[worker] or sending
            fate = self._fates.get(worker)
            if fate is None or fate.death is None or not self._called[worker]:
                return False
            point = POINTS[fate.death]
            if (point.service, point.when) != (service, when) or (service == "sesv2" and not sending):
                return False
            if point.operations and operation not in point.operations:
                return False
            del self._fates[worker]
            self.hit[fate.death] |= fate.job_ids
            self.killed += 1
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
        return True

    def _begin(self, worker: int, body: bytes) -> None:
        puts = [write["Put"]["Item"] for write in json.loads(body)["TransactItems"] if "Put" in write]
        job_ids = frozenset(item["pk"]["S"].removeprefix("job#") for item in puts if "open" in item)
        if job_ids:
            over = time.monotonic() > self._until
            draw = len(POINTS) if over else int(self._chance.random() / self.share)
            death = list(POINTS)[draw] if draw < len(POINTS) else None
            self._fates[worker] = Fate(death=death, job_ids=job_ids)
            self._called[worker] = False


class _Proxy(ThreadingHTTPServer):
    """What stands before one service."""

    daemon_threads = True

    def __init__(self, deaths: Deaths, service: Service, url: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.deaths, self.service, self.upstream = deaths, service, urlsplit(url).netloc


class _Handler(BaseHTTPRequestHandler):
    """Passes calls on, one connection to the service for each one of a worker's."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Proxy

    def setup(self) -> None:
        super().setup()
        self._upstream = http.client.HTTPConnection(self.server.upstream, timeout=60)
        self._worker: int | None = None

    def handle(self) -> None:
        # whoever is dead resets its connections
        with contextlib.suppress(OSError):
            super().handle()

    def finish(self) -> None:
        self._upstream.close()
        with contextlib.suppress(OSError):
            super().finish()

    def do_POST(self) -> None:  # the name that http.server wants
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        operation = self.headers.get("X-Amz-Target", self.path).rpartition(".")[2]
        if self._dies(operation, body, "before"):
            return
        try:
            self._upstream.request(self.command, self.path, body, _kept(self.headers.items()))
            answer = self._upstream.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            # the service broke the connection: so does this
            self.close_connection = True
            return
        if self._dies(operation, body, "after"):
            return
        self.send_response_only(answer.status)
        for name, value in _kept(answer.getheaders()).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST  # noqa: N815 - as above

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parameter's own name
        """Say nothing."""

    def _dies(self, operation: str, body: bytes, when: When) -> bool:
        server = self.server
        if self._worker is None:
            # asked again with each call: the kernel's list leaves connections out at times while others come
            self._worker = worker_behind(self.client_address[1])
        dead = self._worker is not None and server.deaths.met(
            self._worker, server.service, operation, body, when
        )
        self.close_connection = self.close_connection or dead
        return dead


def _kept(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name: value for name, value in headers if name.lower() not in DROPPED}


def worker_behind(port: int) -> int | None:
    """Find the process that has a connection from this local port, among those that come from this one."""
    inode = next(
        (row[TCP_INODE] for row in _connections() if row[TCP_ADDRESS].endswith(f":{port:04X}")), None
    )
    if inode is None:
        return None
    link = f"socket:[{inode}]"
    return next((child for child in _descendants(os.getpid()) if link in _sockets(child)), None)


def _connections() -> list[list[str]]:
    return [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]


def _descendants(root: int) -> Iterable[int]:
    parents: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            text = entry.read_text()
            # the command's name, in brackets, may hold anything
            parents[int(text.rpartition(")")[2].split()[1])].append(int(entry.parent.name))
    waiting = [root]
    while waiting:
        children = parents[waiting.pop()]
        yield from children
        waiting += children


def _sockets(process: int) -> set[str]:
    found = set()
    with contextlib.suppress(OSError):
        for link in Path(f"/proc/{process}/fd").iterdir():
            with contextlib.suppress(OSError):
                found.add(str(link.readlink()))
    return found
