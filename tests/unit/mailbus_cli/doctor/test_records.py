from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus_cli.doctor import records


@given(st.text())
def test_anything_can_be_in_dns(text: str) -> None:
    dmarc = records.parse_dmarc(text)
    assert isinstance(dmarc.policy(of_subdomain=True), str)
    assert isinstance(dmarc.report_domains, list)
    records.is_key(text)
    records.lookups(text)
    records.references(text)
    records.unknown_terms(text)


@pytest.mark.parametrize(
    ("rua", "domains"),
    [
        ("mailto:a@example.com", ["example.com"]),
        (
            "mailto:a@Example.com!10m, mailto:b@reports.example , mailto:c@example.com",
            ["example.com", "reports.example"],
        ),
        ("https://example.com/reports", []),
    ],
)
def test_reports_go_to_the_domains_of_their_addresses(rua: str, domains: list[str]) -> None:
    assert records.parse_dmarc(f"v=DMARC1; p=none; rua={rua}").report_domains == domains


def test_macros_name_no_domain() -> None:
    assert records.references("v=spf1 include:%{d}.example.com include:a.example redirect=b.example") == [
        "a.example",
        "b.example",
    ]
