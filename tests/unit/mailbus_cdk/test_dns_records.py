"""The records of a deployment as DNS has them."""

from __future__ import annotations

import pytest

from mailbus_cdk.dns_records import dmarc_records


@pytest.mark.parametrize(
    ("reports", "value"),
    [
        ((), '"v=DMARC1; p=none"'),
        (("dmarc@example.com",), '"v=DMARC1; p=none; rua=mailto:dmarc@example.com"'),
        (
            ("dmarc@example.com", "a1@reports.example"),
            '"v=DMARC1; p=none; rua=mailto:dmarc@example.com,mailto:a1@reports.example"',
        ),
        # a size follows a `!` there, and `?` begins the query of a URI
        (("a!b?c@example.com",), '"v=DMARC1; p=none; rua=mailto:a%21b%3Fc@example.com"'),
    ],
)
def test_the_dmarc_record_names_who_gets_the_reports(reports: tuple[str, ...], value: str) -> None:
    (record,) = dmarc_records("example.com", "none", reports)
    assert (record.name, record.type, record.value) == ("_dmarc.example.com", "TXT", value)


def test_a_long_record_is_of_strings_as_long_as_dns_has_them() -> None:
    addresses = [f"dmarc-reports-of-the-domain-number-{number}@example.com" for number in range(6)]
    (record,) = dmarc_records("example.com", "reject", addresses)
    strings = record.value.strip('"').split('" "')
    assert [len(string) for string in strings] == [255, len("".join(strings)) - 255]
    assert "".join(strings).endswith("mailto:dmarc-reports-of-the-domain-number-5@example.com")
