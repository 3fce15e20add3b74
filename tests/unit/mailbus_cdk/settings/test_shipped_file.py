"""mailbus.toml as it ships."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from mailbus_cdk.limits import rate_cache_seconds
from mailbus_cdk.settings import Settings
from mailbus_cdk.settings.receiving import Rule

SHIPPED = Path(__file__).resolve().parents[4] / "mailbus.toml"


@pytest.mark.parametrize("stage", ["local", "dev", "prod"])
def test_the_file_that_ships_is_valid_for_each_of_its_stages(stage: str) -> None:
    assert Settings.load(SHIPPED, stage).name == f"mailbus-{stage}"


def test_the_local_stage_deploys_for_example_com_on_the_hosts_architecture() -> None:
    settings = Settings.load(SHIPPED, "local")
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


def test_the_file_that_ships_shows_every_key() -> None:
    shown = tomllib.loads(re.sub(r"^# (?=[a-z_]+ = |\[\[)", "", SHIPPED.read_text(), flags=re.MULTILINE))
    assert set(shown) == {*Settings.__struct_fields__} - {"stage"} | {"stages"}
    tables = {
        field.name: set(type(field.default).__struct_fields__)
        for field in msgspec.structs.fields(Settings)
        if isinstance(field.default, msgspec.Struct)
    }
    assert {name: set(shown[name]) for name in tables} == tables
    assert set(shown["inbound"]["rules"][0]) == set(Rule.__struct_fields__)
