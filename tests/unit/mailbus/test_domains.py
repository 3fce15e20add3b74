from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus.domains import InvalidDomain, ascii_domain

ENCODED = [
    ("Example.COM", "Example.COM"),
    ("localhost", "localhost"),
    ("BÜCHER.Example", "xn--bcher-kva.Example"),
    ("bücher\u3002example", "xn--bcher-kva.example"),
    ("faß.example", "xn--fa-hia.example"),
    ("FAẞ.example", "xn--fa-hia.example"),
    ("βόλος.example", "xn--nxasmm1c.example"),
    ("\u05e9\u05dc\u05d5\u05dd1.example", "xn--1-9hcuf1d.example"),
    ("\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.example", "xn--mgba3gch31f060k.example"),
    ("\u0915\u094d\u200d\u0937.example", "xn--11b2ezcw70k.example"),
    ("☕.example", "xn--53h.example"),
    ("❤️.example", "xn--qei.example"),
    ("\uff21\uff11.example", "a1.example"),
    ("cafe\u0301.example", "xn--caf-dma.example"),
    ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
]


@pytest.mark.parametrize(("domain", "encoded"), ENCODED)
def test_a_domain_is_encoded_as_browsers_do(domain: str, encoded: str) -> None:
    assert ascii_domain(domain) == encoded


def test_sharp_s_and_final_sigma_name_domains_of_their_own() -> None:
    assert ascii_domain("faß.example") != ascii_domain("fass.example")
    assert ascii_domain("βόλος.example") != ascii_domain("βόλοσ.example")


# Letters of small alphabets are a domain now and then; other text hardly ever.
LABELS = (
    st.text(st.characters(min_codepoint=0xA1, max_codepoint=0x2FFF), min_size=1, max_size=20)
    | st.text("aé\u05d0\u0915\u094d\u200d\u00ad\ufe0f☕", min_size=1, max_size=4)
    | st.characters(exclude_categories=["Cs"])
)


@given(LABELS.map("{}.example".format))
def test_any_text_is_encoded_to_ascii_or_refused(domain: str) -> None:
    try:
        encoded = ascii_domain(domain)
    except InvalidDomain:
        return
    assert encoded.isascii()
    assert all(encoded.split("."))


@pytest.mark.parametrize(
    "character", ["\u00ad", "\u200b", "\u2060", "\ufeff", "\u3164", "\ufe0f", "\U000e0100"]
)
@pytest.mark.parametrize("label", ["{}", "{}ab", "a{}b", "ab{}"])
def test_a_character_that_uts_46_drops_is_refused_by_its_code_point(character: str, label: str) -> None:
    with pytest.raises(InvalidDomain, match=rf"invisible character U\+{ord(character):04X} "):
        ascii_domain(label.format(character) + ".example")


def test_the_table_of_unicode_is_read_for_domains_outside_ascii_alone() -> None:
    program = (
        "import sys\n"
        "from mailbus.addresses import parse_mailbox\n"
        "parse_mailbox('Jürgen <ann@example.com>', '$')\n"
        "assert 'idna' not in sys.modules\n"
        "parse_mailbox('ann@bücher.example', '$')\n"
        "assert 'idna' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
