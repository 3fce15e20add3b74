"""Reads DNS records, and says what is missing in words that do not blame the wrong side.

`MAILBUS_DNS_SERVER=127.0.0.1:5353` asks that server alone, or several, separated by commas.
"""

from __future__ import annotations

import enum
import os
import re
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from mailbus.domains import InvalidDomain, ascii_domain
from mailbus_cli import side_by_side
from mailbus_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dns.nameserver import Nameserver
    from dns.rdata import Rdata
    from dns.resolver import Resolver as DnsResolver

VARIABLE: Final = "MAILBUS_DNS_SERVER"
PORT: Final = 53
LAST_PORT: Final = 65_535
# Where this machine has no resolvers, or they fail: some networks' own refuse TXT, or answer for hours that a
# record is missing which has been created meanwhile.
PUBLIC: Final = ("1.1.1.1", "8.8.8.8", "9.9.9.9")
# A resolver is asked again, or the next one, after this long; a question ends after all of it.
TRY_SECONDS: Final = 2.0
SECONDS: Final = 6.0
# 127.0.0.1, 127.0.0.1:5353, ::1, [::1]:5353
_ADDRESS: Final = re.compile(
    r"(?:\[(?P<bracketed>[^\]]+)\]|(?P<host>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}))?|(?P<ipv6>[0-9a-fA-F:.]+)"
)

Type = Literal["CNAME", "MX", "TXT"]


class Server(msgspec.Struct, frozen=True):
    """A DNS server at an address."""

    host: str
    port: int = PORT


class Outcome(enum.Enum):
    """What a question led to; the value continues a sentence that begins with the name."""

    FOUND = "has the record"
    NO_RECORD = "has no {type} record"
    NO_NAME = "does not exist in DNS"
    FAILED = "cannot be looked up: its DNS servers fail"
    NO_ANSWER = "cannot be looked up: no DNS server answers"
    INVALID = "is not a valid domain name"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The values of a name's records of one type, with the name that CNAME records led to."""

    name: str
    type: Type
    outcome: Outcome
    values: tuple[str, ...] = ()
    canonical: str = ""

    @property
    def known(self) -> bool:
        """True if DNS answered, even that there is no such record."""
        return self.outcome in {Outcome.FOUND, Outcome.NO_RECORD, Outcome.NO_NAME}

    @property
    def words(self) -> str:
        """A sentence without its stop: `_dmarc.example.com has no TXT record`."""
        return f"{self.name} {self.outcome.value.format(type=self.type)}"


class Resolver:
    """Asks `servers` in order; the next one if one fails or does not answer. Threads may share it."""

    def __init__(self, *servers: Server) -> None:
        self._servers = servers

    def look_up(self, name: str, record_type: Type) -> Answer:
        """Return the records of a name; never raises.

        The pieces of a TXT record are joined, an MX record is `10 host`, and names have no dot at their end.
        """
        import dns.exception  # noqa: PLC0415 - takes long to load
        import dns.resolver  # noqa: PLC0415 - as above

        def answer(outcome: Outcome, values: tuple[str, ...] = (), canonical: str = "") -> Answer:
            return Answer(name=name, type=record_type, outcome=outcome, values=values, canonical=canonical)

        try:
            found = self._resolver().resolve(
                f"{ascii_domain(name).rstrip('.')}.", record_type, raise_on_no_answer=False, lifetime=SECONDS
            )
        except dns.resolver.NXDOMAIN:
            return answer(Outcome.NO_NAME)
        except (dns.resolver.NoNameservers, dns.resolver.YXDOMAIN):
            return answer(Outcome.FAILED)
        except (dns.exception.Timeout, dns.resolver.NoResolverConfiguration, OSError):
            return answer(Outcome.NO_ANSWER)
        except (InvalidDomain, dns.exception.DNSException, UnicodeError):
            return answer(Outcome.INVALID)
        values = tuple(sorted(_text(record, record_type) for record in found.rrset or ()))
        outcome = Outcome.FOUND if values else Outcome.NO_RECORD
        return answer(outcome, values, found.canonical_name.to_text(omit_final_dot=True))

    def look_up_each(self, questions: Sequence[tuple[str, Type]]) -> list[Answer]:
        """Return the answer to each question, in order; they are asked at the same time."""
        return side_by_side.each(lambda question: self.look_up(*question), questions)

    def _resolver(self) -> DnsResolver:
        import dns.nameserver  # noqa: PLC0415 - as above
        import dns.resolver  # noqa: PLC0415 - as above

        own: list[str | Nameserver] = [
            dns.nameserver.Do53Nameserver(server.host, server.port) for server in self._servers
        ]
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = own or [*_of_this_machine(), *PUBLIC]
        resolver.timeout = TRY_SECONDS
        return resolver


def given(environment: Mapping[str, str] | None = None) -> Resolver | None:
    """Return the resolver of `MAILBUS_DNS_SERVER`; None if it is not set. Raises `UsageError`."""
    text = (os.environ if environment is None else environment).get(VARIABLE, "").strip()
    return Resolver(*(_server(part.strip()) for part in text.split(","))) if text else None


def resolver() -> Resolver:
    """Return the resolver of `MAILBUS_DNS_SERVER`, or one that asks those of this machine, then public ones.

    Raises `UsageError`.
    """
    return given() or Resolver()


def _of_this_machine() -> list[str]:
    import dns.resolver  # noqa: PLC0415 - as above

    try:
        return [str(server) for server in dns.resolver.Resolver().nameservers]
    except (dns.resolver.NoResolverConfiguration, OSError):
        return []


def _server(text: str) -> Server:
    import dns.inet  # noqa: PLC0415 - as above

    found = _ADDRESS.fullmatch(text)
    port = int(found["port"] or PORT) if found else 0
    host = (found["bracketed"] or found["host"] or found["ipv6"]) if found else ""
    if not (dns.inet.is_address(host) and 0 < port <= LAST_PORT):
        reason = f"{VARIABLE}={text!r} is not the address of a server"
        raise UsageError(reason, hint=f"{VARIABLE}=127.0.0.1:5353, or several with commas between them")
    return Server(host, port)


def _text(record: Rdata, record_type: Type) -> str:
    # the members of a record depend on its type, which dnspython's types do not know
    data: object = record
    if record_type == "TXT":
        pieces: tuple[bytes, ...] = getattr(data, "strings", ())
        return b"".join(pieces).decode("utf-8", "replace")
    if record_type == "MX":
        return f"{data.preference} {data.exchange.to_text(omit_final_dot=True)}"  # type: ignore[attr-defined]
    return str(data.target.to_text(omit_final_dot=True))  # type: ignore[attr-defined]
