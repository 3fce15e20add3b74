"""A reverse proxy in front of AWS that kills workers of a deployed function at chosen points of their work.

Each call of a worker passes through here on its way to AWS. Before or after it is passed on, the process that
made it may be killed (SIGKILL), as if its machine were gone. Which worker dies depends on counts alone, never
on the time: each point gets a number of kills, and the proxy runs until it has made all of them.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Self
from urllib.parse import urlsplit

import msgspec

from bench.world.partiql import inserted
from mailbus.aws.sqs import WAITING_ATTRIBUTE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

KillPoint = Literal[
    "before the call",
    "after SES accepted",
    "after the ledger write",
    "before the acknowledgement",
    "after the copies",
]
# as AWS's SDK names them: https://docs.aws.amazon.com/sdkref/latest/guide/ss-endpoints-table.html
Service = Literal["sesv2", "dynamodb", "eventbridge", "sqs"]
When = Literal["before", "after"]


class Trigger(msgspec.Struct, frozen=True, kw_only=True):
    """The call at which a worker is killed, once it has called SES in its round."""

    service: Service
    when: When
    # all operations of the service where it is empty
    operations: tuple[str, ...] = ()
    # only calls that contain it
    content: bytes = b""


SEND_BATCH: Final = "SendMessageBatch"
COPY: Final = f'"{WAITING_ATTRIBUTE}"'.encode()
TRIGGERS: Final[dict[KillPoint, Trigger]] = {
    "before the call": Trigger(service="sesv2", when="before"),
    "after SES accepted": Trigger(service="sesv2", when="after"),
    "after the ledger write": Trigger(
        service="dynamodb", when="after", operations=("BatchWriteItem", "UpdateItem")
    ),
    "before the acknowledgement": Trigger(service="eventbridge", when="after"),
    # not the parts of large merges
    "after the copies": Trigger(service="sqs", when="after", operations=(SEND_BATCH,), content=COPY),
}
# a worker's round of sending begins with them
CLAIMS: Final = frozenset({"BatchExecuteStatement", "PutItem"})
# the worker asks SES for its limits too
SENDING: Final = "/v2/email/outbound"
# https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1
HOP_BY_HOP: Final = frozenset({"connection", "content-length", "host", "keep-alive", "transfer-encoding"})
TCP_ADDRESS, TCP_INODE = 1, 9
# far more than a call takes on a busy machine
UPSTREAM_SECONDS: Final = 120.0


class _Round:
    """A worker's round of sending: the jobs that it claimed, and the point at which it is to be killed."""

    def __init__(self, job_ids: frozenset[str], kill_point: KillPoint | None) -> None:
        self.job_ids = job_ids
        self.kill_point = kill_point
        self.called_ses = False


class KillingProxy:
    """One proxy for each service, and the plan of kills that they share.

    `kills_per_point` workers are killed at each point. The rounds take the points that are left in turn, and
    after these one round is left alive, so that work gets done between the kills. `jobs_hit` has the ids of
    the jobs that a killed worker had claimed, `copies` counts the messages that workers sent again.
    """

    def __init__(self, upstream: Mapping[Service, str], *, kills_per_point: int) -> None:
        self.kills: dict[KillPoint, int] = dict.fromkeys(TRIGGERS, 0)
        self.jobs_hit: dict[KillPoint, set[str]] = {point: set() for point in TRIGGERS}
        self.copies = 0
        self._kills_per_point = kills_per_point
        self._lock = threading.Lock()
        self._rounds_begun = 0
        # by process id
        self._rounds: dict[int, _Round] = {}
        self._servers = {service: _Server(self, service, url) for service, url in upstream.items()}

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
        """The environment variables that lead a function's clients to the proxies."""
        return {
            f"AWS_ENDPOINT_URL_{service.upper()}": f"http://127.0.0.1:{server.server_address[1]}"
            for service, server in self._servers.items()
        }

    @property
    def done(self) -> bool:
        """True if all planned kills have happened."""
        return not self._points_left()

    def kill_if_due(self, worker: int, service: Service, operation: str, body: bytes, when: When) -> bool:
        """Kill a worker if its round is to end at this call; True if it is dead now."""
        with self._lock:
            if operation in CLAIMS and when == "before":
                self._begin_round(worker, body)
            if operation == SEND_BATCH and when == "before" and COPY in body:
                self.copies += len(json.loads(body)["Entries"])
            current = self._rounds.get(worker)
            if current is None:
                return False
            sending = service == "sesv2" and operation.startswith(SENDING)
            current.called_ses = current.called_ses or sending
            point = current.kill_point
            if point is None or not current.called_ses or self.kills[point] >= self._kills_per_point:
                return False
            trigger = TRIGGERS[point]
            if (trigger.service, trigger.when) != (service, when) or (service == "sesv2" and not sending):
                return False
            if trigger.operations and operation not in trigger.operations:
                return False
            if trigger.content not in body:
                return False
            del self._rounds[worker]
            self.jobs_hit[point] |= current.job_ids
            self.kills[point] += 1
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
        return True

    def _begin_round(self, worker: int, body: bytes) -> None:
        request = json.loads(body)
        items = [inserted(each)[1] for each in request.get("Statements", ())] or [request["Item"]]
        job_ids = frozenset(item["pk"]["S"].removeprefix("job#") for item in items if "open" in item)
        if not job_ids:
            return
        current = self._rounds.get(worker)
        if current is not None and not current.called_ses:
            current.job_ids |= job_ids
            return
        turns = [*self._points_left(), None]
        self._rounds[worker] = _Round(job_ids, turns[self._rounds_begun % len(turns)])
        self._rounds_begun += 1

    def _points_left(self) -> list[KillPoint]:
        return [point for point, kills in self.kills.items() if kills < self._kills_per_point]


class _Server(ThreadingHTTPServer):
    """The proxy in front of one service."""

    daemon_threads = True

    def __init__(self, proxy: KillingProxy, service: Service, url: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.proxy, self.service, self.upstream = proxy, service, urlsplit(url).netloc


class _Handler(BaseHTTPRequestHandler):
    """Passes calls on: one connection to the service for each connection of a worker."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def setup(self) -> None:
        super().setup()
        self._upstream = http.client.HTTPConnection(self.server.upstream, timeout=UPSTREAM_SECONDS)
        self._worker: int | None = None

    def handle(self) -> None:
        # the connections of a killed worker are reset
        with contextlib.suppress(OSError):
            super().handle()

    def finish(self) -> None:
        self._upstream.close()
        with contextlib.suppress(OSError):
            super().finish()

    def do_POST(self) -> None:  # http.server's name
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        operation = self.headers.get("X-Amz-Target", self.path).rpartition(".")[2]
        if self._killed(operation, body, "before"):
            return
        try:
            self._upstream.request(self.command, self.path, body, _end_to_end(self.headers.items()))
            answer = self._upstream.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            # the service broke the connection: so does this
            self.close_connection = True
            return
        if self._killed(operation, body, "after"):
            return
        self.send_response_only(answer.status)
        for name, value in _end_to_end(answer.getheaders()).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST  # noqa: N815 - as above

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parameter's own name
        """Write no log."""

    def _killed(self, operation: str, body: bytes, when: When) -> bool:
        server = self.server
        if self._worker is None:
            # looked up again at the next call: the kernel's list omits connections while others are made
            self._worker = worker_behind(self.client_address[1])
        killed = self._worker is not None and server.proxy.kill_if_due(
            self._worker, server.service, operation, body, when
        )
        self.close_connection = self.close_connection or killed
        return killed


def _end_to_end(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name: value for name, value in headers if name.lower() not in HOP_BY_HOP}


def worker_behind(port: int) -> int | None:
    """Return the descendant of this process that has a connection from this local port, if any."""
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
    children_of: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            text = entry.read_text()
            # the command's name, in parentheses, may contain anything
            children_of[int(text.rpartition(")")[2].split()[1])].append(int(entry.parent.name))
    waiting = [root]
    while waiting:
        children = children_of[waiting.pop()]
        yield from children
        waiting += children


def _sockets(process: int) -> set[str]:
    found = set()
    with contextlib.suppress(OSError):
        for link in Path(f"/proc/{process}/fd").iterdir():
            with contextlib.suppress(OSError):
                found.add(str(link.readlink()))
    return found
