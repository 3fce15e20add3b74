from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailbus.errors import ConfigurationError
from mailbus_cdk.limits import rate_cache_seconds
from mailbus_cdk.settings.tables import SessionParams
from mailbus_local.stage import PACKAGED, load_settings, settings_file

if TYPE_CHECKING:
    from pathlib import Path

OWN = """
region = "eu-west-1"
identity = "shop.example.org"
architecture = "arm64"
hosted_zone_id = "Z0123456789ABCDEFGHIJ"

[stages.local]
inbound.domains = ["inbound.shop.example.org"]

[stages.prod]
"""


def test_the_packages_own_stage_is_for_example_com_on_the_hosts_architecture() -> None:
    settings = load_settings(PACKAGED)
    assert (settings.region, settings.identity, settings.architecture) == ("us-east-1", "example.com", "host")
    assert settings.inbound.domains == ("inbound.example.com", "inbound.example.net")
    assert {(rule.action, rule.encoding) for rule in settings.inbound.rules} == {
        ("s3", "Base64"),
        ("sns", "UTF-8"),
        ("sns", "Base64"),
        ("bounce", "Base64"),
    }
    assert settings.ephemeral
    assert rate_cache_seconds(settings) == 1


@pytest.mark.parametrize("content", [None, "", "[stages.prod]\n", "stages = 1\n"])
def test_a_folder_without_the_stage_has_the_packages_own(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "mailbus.toml").write_text(content)
    assert settings_file(tmp_path) == PACKAGED


def test_a_folder_with_the_stage_has_its_own_settings_for_this_machine(tmp_path: Path) -> None:
    (tmp_path / "mailbus.toml").write_text(OWN)

    settings = load_settings(settings_file(tmp_path))

    assert (settings.stage, settings.region, settings.identity) == ("local", "eu-west-1", "shop.example.org")
    assert settings.inbound.domains == ("inbound.shop.example.org",)
    assert settings.architecture == "host"
    assert settings.hosted_zone_id is None


def test_mail_through_ses_of_another_account_goes_through_the_simulated_one(tmp_path: Path) -> None:
    elsewhere = (
        'identity_exists = true\nconfiguration_set_exists = true\nconfiguration_set_name = "shop"\n'
        '[session_params]\nrole_arn = "arn:aws:iam::111122223333:role/send-mail"\n[stages.local]\n'
    )
    own = tmp_path / "mailbus.toml"
    own.write_text(f'region = "eu-west-1"\nidentity = "shop.example.org"\n{elsewhere}')
    assert load_settings(own).session_params == SessionParams()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[stages.local", "mailbus.toml: not TOML"),
        ('[stages.local]\nidentiy = "example.com"\n', "identiy: is unknown; did you mean 'identity'"),
    ],
)
def test_a_wrong_file_is_an_error_and_not_replaced(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "mailbus.toml").write_text(content)
    with pytest.raises(ConfigurationError, match=reason):
        load_settings(settings_file(tmp_path))
