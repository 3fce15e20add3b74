"""What a DNS server on this machine has in place of a record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailbus_cli.dns import Resolver, Server
from mailbus_cli.setup.found_records import compare
from mailbus_cli.setup.wanted_records import Wanted
from tests import fake_dns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fake_dns import FakeDns

DKIM = Wanted(name="a._domainkey.shop.test", type="CNAME", value="a.dkim.amazonses.com")
MX = Wanted(name="in.shop.test", type="MX", value="10 inbound-smtp.eu-west-1.amazonaws.com")
SPF = Wanted(name="bounces.shop.test", type="TXT", value="v=spf1 include:amazonses.com ~all")
DMARC = Wanted(name="_dmarc.shop.test", type="TXT", value="v=DMARC1; p=none")


@pytest.fixture(scope="module")
def server() -> Iterator[FakeDns]:
    with fake_dns.running() as running:
        yield running


@pytest.fixture
def dns(server: FakeDns) -> FakeDns:
    server.clear()
    return server


def _found(wanted: Wanted, dns: FakeDns) -> tuple[str, str]:
    resolver = Resolver(Server(fake_dns.HOST, dns.port))
    found = compare(wanted, resolver.look_up)
    return found.state, found.text


@pytest.mark.parametrize(
    ("wanted", "values", "state", "text"),
    [
        (DKIM, ["a.dkim.amazonses.com."], "there", ""),
        (DKIM, ["A.DKIM.amazonses.com."], "there", ""),
        (DKIM, ["b.dkim.amazonses.com."], "wrong", "leads to b.dkim.amazonses.com"),
        (
            DKIM,
            ["a.dkim.amazonses.com.shop.test."],
            "wrong",
            "leads to a.dkim.amazonses.com.shop.test: the provider adds a domain; end the value with a dot",
        ),
        (MX, ["10 inbound-smtp.eu-west-1.amazonaws.com."], "there", ""),
        (
            MX,
            ["0 inbound-smtp.eu-west-1.amazonaws.com."],
            "there",
            "with another number: 0 inbound-smtp.eu-west-1.amazonaws.com",
        ),
        (
            MX,
            ["10 inbound-smtp.eu-west-1.amazonaws.com.", "5 mx.old.test."],
            "wrong",
            "mail also goes to 5 mx.old.test; delete that record",
        ),
        (SPF, ['"v=spf1 include:amazonses.com ~all"', '"other"'], "there", ""),
        (SPF, ['"v=spf1 include:" "amazonses.com ~all"'], "there", ""),
        (
            SPF,
            ['"v=spf1 include:amazonses.com -all"'],
            "there",
            "as 'v=spf1 include:amazonses.com -all'",
        ),
        (
            SPF,
            ['"v=spf1 include:amazonses.com ~all"', '"v=spf1 -all"'],
            "wrong",
            "there are 2 SPF records, which fail; keep one",
        ),
        (
            SPF,
            [r'"\"v=spf1 include:amazonses.com ~all\""'],
            "wrong",
            'the quotes are part of the value "v=spf1 include:amazonses.com ~all"; enter it without them',
        ),
        (
            SPF,
            ['"v=spf1 include:amazonses.com" "~all"'],
            "wrong",
            "its pieces are joined without a space; enter the value in one piece",
        ),
        (SPF, ['"v=spf1 -all"'], "wrong", "is 'v=spf1 -all'"),
        (SPF, ['"other"'], "missing", "there are other TXT records only (1)"),
        (
            DMARC,
            ['"v=DMARC1; p=reject; rua=mailto:d@shop.test"'],
            "there",
            "as 'v=DMARC1; p=reject; rua=mailto:d@shop.test'",
        ),
        (DMARC, ['"v=DMARC1; p=nothing"'], "wrong", "is 'v=DMARC1; p=nothing'"),
    ],
)
def test_a_value_is_there_or_what_is_wrong_with_it_is_named(
    dns: FakeDns, wanted: Wanted, values: list[str], state: str, text: str
) -> None:
    dns.set(wanted.name, wanted.type, *values)
    assert _found(wanted, dns) == (state, text)


@pytest.mark.parametrize("wanted", [DKIM, MX, SPF])
def test_what_is_not_there_is_missing(dns: FakeDns, wanted: Wanted) -> None:
    assert _found(wanted, dns) == ("missing", "not there yet")


@pytest.mark.parametrize(
    ("name", "domain", "entered"),
    [
        ("a._domainkey.shop.test.shop.test", "shop.test", "a._domainkey"),
        ("a._domainkey.shop.test._domainkey.shop.test", "_domainkey.shop.test", "a"),
    ],
)
def test_a_name_that_has_the_domain_twice_is_named(
    dns: FakeDns, name: str, domain: str, entered: str
) -> None:
    dns.set(name, "CNAME", "a.dkim.amazonses.com.")
    assert _found(DKIM, dns) == (
        "wrong",
        f"is at {name}: the provider adds {domain}; enter only {entered}",
    )


def test_a_record_of_another_type_is_named_and_a_key_in_its_place_is_enough(dns: FakeDns) -> None:
    dns.set(DMARC.name, "CNAME", "dmarc.provider.test.")
    assert _found(DMARC, dns) == ("wrong", "there is a CNAME record of that name; replace it")
    dns.set(DKIM.name, "TXT", '"hello"')
    assert _found(DKIM, dns) == ("wrong", "there is a TXT record of that name; replace it")
    dns.set(DKIM.name, "TXT", '"p=MIGfMA0"')
    assert _found(DKIM, dns) == ("there", "the key itself, in a TXT record")


def test_a_server_that_fails_does_not_make_a_record_missing(dns: FakeDns) -> None:
    dns.fail(MX.name)
    assert _found(MX, dns) == ("unknown", "in.shop.test cannot be looked up: its DNS servers fail")


def test_a_record_for_all_names_below_a_domain_is_asked_for_by_one_of_them(dns: FakeDns) -> None:
    dns.set("any.in.shop.test", "MX", "10 inbound-smtp.eu-west-1.amazonaws.com.")
    wanted = Wanted(name="*.in.shop.test", type="MX", value=MX.value)
    assert _found(wanted, dns) == ("there", "")
