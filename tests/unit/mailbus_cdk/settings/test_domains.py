from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailbus.errors import ConfigurationError
from mailbus_cdk.settings import Settings, domains

if TYPE_CHECKING:
    from pathlib import Path

FILE = """
region = "eu-west-1"
identity = "bakery.example"
inbound.domains = ["inbound.bakery.example"]
[stages.local]
[stages.prod]
[stages.dev]
"""
# what makes [stages.dev] of the file one without a domain of prod
OWN = 'identity = "dev.bakery.example"\ninbound.domains = ["in.dev.bakery.example"]\n'


def _file(folder: Path, text: str) -> Path:
    path = folder / "mailbus.toml"
    path.write_text(text)
    return path


def _warnings(folder: Path, text: str) -> list[str]:
    path = _file(folder, text)
    return [*domains.shared(path, Settings.load(path, "dev"))]


@pytest.mark.parametrize(
    ("own", "reason"),
    [
        (
            'identity = "example.com"',
            "identity: example.com is reserved for documentation, and SES",
        ),
        ('identity = "mail.example.net"', "identity: mail.example.net is reserved"),
        ('identity = "shop@example.org"', "identity: shop@example.org is reserved"),
        (
            'inbound.domains = ["in.example.com"]',
            "inbound.domains: in.example.com is reserved",
        ),
    ],
)
def test_a_domain_of_the_documentation_is_refused_on_aws(tmp_path: Path, own: str, reason: str) -> None:
    path = _file(tmp_path, f"{FILE}{own}")
    with pytest.raises(ConfigurationError) as raised:
        domains.refuse_reserved(path, Settings.load(path, "dev"))
    assert str(raised.value).startswith(f"mailbus.toml: {reason}")
    assert "[stages.dev]" in str(raised.value)


@pytest.mark.parametrize(
    ("stage", "identity"),
    [
        ("local", "example.com"),
        ("dev", "myexample.com"),
        ("dev", "example.com.au"),
        ("dev", "a@bakery.example"),
    ],
)
def test_other_domains_are_not_and_the_embedded_aws_takes_all(
    tmp_path: Path, stage: str, identity: str
) -> None:
    path = _file(tmp_path, FILE.replace("bakery.example", identity, 1))
    domains.refuse_reserved(path, Settings.load(path, stage))


def test_a_stage_that_inherits_another_ones_domains_is_warned_of_each(tmp_path: Path) -> None:
    identity, receiving = _warnings(tmp_path, FILE)
    assert identity == (
        "mailbus.toml: identity: bakery.example is that of the stage prod too; in one account only one of "
        "them can create it: write another under [stages.dev], or identity_exists = true"
    )
    assert receiving == (
        "mailbus.toml: inbound.domains: inbound.bakery.example is one of the stage prod too; in one account "
        "only one of them receives its mail: write others under [stages.dev], or name one "
        "inbound.rule_set_name in both"
    )


@pytest.mark.parametrize(
    ("prod", "dev"),
    [
        ("", OWN),
        ("", 'region = "eu-central-1"'),
        ("", "identity_exists = true\ninbound.domains = []"),
        ("identity_exists = true", "inbound.domains = []"),
        ('inbound.rule_set_name = "all"', 'inbound.rule_set_name = "all"\nidentity_exists = true'),
        # it is reported when that stage is synthesized
        ("max_attempts = 0", ""),
    ],
)
def test_what_is_meant_has_no_warning(tmp_path: Path, prod: str, dev: str) -> None:
    text = FILE.replace("[stages.prod]", f"[stages.prod]\n{prod}")
    assert _warnings(tmp_path, f"{text}{dev}") == []
