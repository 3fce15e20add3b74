"""A DNS server on loopback with the records of a test: `MAILBUS_DNS_SERVER` leads to it."""

from __future__ import annotations

import contextlib
import socketserver
import struct
import threading
from typing import TYPE_CHECKING

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"
TTL = 60
UDP_BYTES = 512


class FakeDns:
    """Answers as a resolver does: it follows CNAME records, and knows what exists without a record."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], list[str]] = {}
        self._codes: dict[str, dns.rcode.Rcode | None] = {}
        self.questions: list[tuple[str, str]] = []
        self.port = 0

    @property
    def address(self) -> str:
        """For `MAILBUS_DNS_SERVER`."""
        return f"{HOST}:{self.port}"

    def set(self, name: str, record_type: str, *values: str) -> None:
        """Set all records of a name and type, as a zone file has them; none removes them."""
        self._records[name.lower(), record_type] = list(values)

    def clear(self) -> None:
        self._records.clear()
        self._codes.clear()

    def fail(self, name: str) -> None:
        """Answer questions about a name with SERVFAIL."""
        self._codes[name.lower()] = dns.rcode.SERVFAIL

    def be_silent(self, name: str) -> None:
        """Do not answer questions about a name."""
        self._codes[name.lower()] = None

    def answer(self, wire: bytes) -> dns.message.Message | None:
        query = dns.message.from_wire(wire)
        [question] = query.question
        name, record_type = question.name, dns.rdatatype.to_text(question.rdtype)
        self.questions.append((_key(name), record_type))
        if _key(name) in self._codes:
            code = self._codes[_key(name)]
            if code is None:
                return None
            failed = dns.message.make_response(query)
            failed.set_rcode(code)
            return failed
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        for _ in range(8):
            values = self._records.get((_key(name), record_type), [])
            if values:
                answer.answer.append(dns.rrset.from_text(name, TTL, "IN", record_type, *values))
                return answer
            aliases = self._records.get((_key(name), "CNAME"), [])
            if not aliases:
                break
            answer.answer.append(dns.rrset.from_text(name, TTL, "IN", "CNAME", *aliases))
            name = dns.name.from_text(aliases[0])
        if not self._exists(_key(name)):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer

    def _exists(self, key: str) -> bool:
        return any(
            values and (name == key or name.endswith(f".{key}"))
            for (name, _), values in self._records.items()
        )


@contextlib.contextmanager
def running() -> Iterator[FakeDns]:
    """Run a server for a while, over UDP and TCP on the same port."""
    fake = FakeDns()

    class Udp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            wire, socket = self.request
            answer = fake.answer(wire)
            if answer is not None:
                size = max(dns.message.from_wire(wire).payload, UDP_BYTES)
                packed = answer.to_wire(max_size=65_535)
                if len(packed) > size:
                    answer.answer.clear()
                    answer.flags |= dns.flags.TC
                    packed = answer.to_wire()
                socket.sendto(packed, self.client_address)

    class Tcp(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            (length,) = struct.unpack("!H", self.rfile.read(2))
            answer = fake.answer(self.rfile.read(length))
            if answer is not None:
                packed = answer.to_wire()
                self.wfile.write(struct.pack("!H", len(packed)) + packed)

    with contextlib.ExitStack() as stack:
        servers = _on_one_port(Udp, Tcp)
        fake.port = servers[0].server_address[1]
        for server in servers:
            stack.enter_context(server)
            thread = threading.Thread(
                target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
            )
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
        yield fake


def _on_one_port(
    udp: type[socketserver.BaseRequestHandler], tcp: type[socketserver.BaseRequestHandler]
) -> tuple[socketserver.UDPServer, socketserver.TCPServer]:
    """Return servers of UDP and TCP on a port that is free for both."""
    while True:
        first = socketserver.ThreadingUDPServer((HOST, 0), udp)
        try:
            return first, socketserver.ThreadingTCPServer((HOST, first.server_address[1]), tcp)
        except OSError:
            first.server_close()


def _key(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()
