"""mailbus.toml as it ships."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from mailbus_cdk.settings import Settings
from mailbus_cdk.settings.receiving import Rule

SHIPPED = Path(__file__).resolve().parents[4] / "mailbus.toml"


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_the_file_that_ships_is_valid_for_each_of_its_stages(stage: str) -> None:
    assert Settings.load(SHIPPED, stage).name == f"mailbus-{stage}"


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
