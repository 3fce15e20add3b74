from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from mailbus_cli import dns
from mailbus_cli.dns import Outcome, Resolver, Server
from mailbus_cli.errors import UsageError
from tests import fake_dns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fake_dns import FakeDns


@pytest.fixture
def server() -> Iterator[FakeDns]:
    with fake_dns.running() as fake:
        yield fake


@pytest.fixture
def resolver(server: FakeDns) -> Resolver:
    return Resolver(Server("127.0.0.1", server.port))


def test_the_pieces_of_a_text_are_joined_however_long_it_is(server: FakeDns, resolver: Resolver) -> None:
    key = "v=DKIM1; p=" + "A" * 3000
    server.set("a.example.com", "TXT", " ".join(f'"{key[at : at + 250]}"' for at in range(0, len(key), 250)))

    answer = resolver.look_up("a.example.com", "TXT")

    assert answer.outcome is Outcome.FOUND
    assert answer.values == (key,)


def test_a_chain_of_names_leads_to_its_records_and_says_where(server: FakeDns, resolver: Resolver) -> None:
    server.set("one.example.com", "CNAME", "two.example.net.")
    server.set("two.example.net", "CNAME", "three.example.org.")
    server.set("three.example.org", "TXT", '"found"')

    followed = resolver.look_up("one.example.com", "TXT")

    assert (followed.values, followed.canonical) == (("found",), "three.example.org")
    assert resolver.look_up("one.example.com", "CNAME").values == ("two.example.net",)


def test_mail_exchangers_have_their_preference(server: FakeDns, resolver: Resolver) -> None:
    server.set("example.com", "MX", "10 Inbound-SMTP.eu-west-1.amazonaws.com.", "5 mail.example.com.")

    assert resolver.look_up("example.com", "MX").values == (
        "10 Inbound-SMTP.eu-west-1.amazonaws.com",
        "5 mail.example.com",
    )


def test_a_missing_name_a_missing_record_and_a_failing_server_are_different_words(
    server: FakeDns, resolver: Resolver
) -> None:
    server.set("example.com", "MX", "10 mail.example.com.")
    server.fail("broken.example.com")

    asked = ("gone.example.com", "example.com", "broken.example.com")
    answers = [resolver.look_up(name, "TXT") for name in asked]

    assert [answer.words for answer in answers] == [
        "gone.example.com does not exist in DNS",
        "example.com has no TXT record",
        "broken.example.com cannot be looked up: its DNS servers fail",
    ]
    assert [answer.known for answer in answers] == [True, True, False]


def test_a_server_that_does_not_answer_is_none_of_them(
    server: FakeDns, resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dns, "TRY_SECONDS", 0.05)
    monkeypatch.setattr(dns, "SECONDS", 0.1)
    server.be_silent("silent.example.com")

    answer = resolver.look_up("silent.example.com", "TXT")

    assert answer.outcome is Outcome.NO_ANSWER


def test_questions_are_asked_at_the_same_time_and_answered_in_order(
    server: FakeDns, resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dns, "TRY_SECONDS", 0.2)
    monkeypatch.setattr(dns, "SECONDS", 0.4)
    names = [f"{number}.example.com" for number in range(10)]
    for name in names[1:]:
        server.be_silent(name)
    server.set(names[0], "TXT", '"found"')

    began = time.monotonic()
    answers = resolver.look_up_each([(name, "TXT") for name in names])

    assert [answer.name for answer in answers] == names
    assert [answer.outcome for answer in answers] == [Outcome.FOUND, *[Outcome.NO_ANSWER] * 9]
    assert time.monotonic() - began < 2
    assert resolver.look_up_each([]) == []


def test_the_next_server_is_asked_where_one_fails(server: FakeDns) -> None:
    with fake_dns.running() as other:
        server.fail("example.com")
        other.set("example.com", "TXT", '"found"')
        both = Resolver(Server("127.0.0.1", server.port), Server("127.0.0.1", other.port))

        assert both.look_up("example.com", "TXT").values == ("found",)


def test_an_international_name_is_asked_for_in_its_ascii_form(server: FakeDns, resolver: Resolver) -> None:
    server.set("xn--bcher-kva.example", "TXT", '"found"')

    assert resolver.look_up("bücher.example", "TXT").values == ("found",)


@pytest.mark.parametrize("name", ["a" * 64 + ".example.com", "a..example.com", "\u2028.example", "x." * 200])
def test_what_is_no_name_is_not_asked_for(server: FakeDns, resolver: Resolver, name: str) -> None:
    assert resolver.look_up(name, "TXT").outcome is Outcome.INVALID
    assert server.questions == []


def test_a_text_that_is_no_utf_8_is_readable(server: FakeDns, resolver: Resolver) -> None:
    server.set("example.com", "TXT", '"caf\\233"')

    assert resolver.look_up("example.com", "TXT").values == ("caf\ufffd",)


@pytest.mark.parametrize("text", ["127.0.0.1:{port}", " 127.0.0.1:{port} , 127.0.0.1:{port} "])
def test_the_environment_names_the_servers(server: FakeDns, text: str) -> None:
    server.set("example.com", "TXT", '"found"')

    own = dns.given({"MAILBUS_DNS_SERVER": text.format(port=server.port)})

    assert own is not None
    assert own.look_up("example.com", "TXT").values == ("found",)


def test_without_the_variable_there_is_none_of_its_own() -> None:
    assert dns.given({"MAILBUS_DNS_SERVER": " "}) is None


@pytest.mark.parametrize("text", ["localhost", "127.0.0.1:x", "127.0.0.1:0", "::x", "1.1.1.1,", "[::1"])
def test_what_is_no_address_of_a_server_is_an_error_with_what_to_write(text: str) -> None:
    with pytest.raises(UsageError, match="is not the address of a server") as raised:
        dns.given({"MAILBUS_DNS_SERVER": text})
    assert "127.0.0.1:5353" in raised.value.hint


@pytest.mark.parametrize("text", ["::1", "[::1]", "[::1]:5353", "9.9.9.9"])
def test_addresses_of_both_kinds_are_understood(text: str) -> None:
    assert dns.given({"MAILBUS_DNS_SERVER": text}) is not None
