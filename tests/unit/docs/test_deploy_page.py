from __future__ import annotations

import re

import msgspec
import pytest

from mailbus_cdk.settings import Settings
from tests.unit.docs.pages import ROOT, page


def test_every_setting_is_on_its_page_with_its_default() -> None:
    settings = Settings.load(ROOT / "mailbus.toml", "prod")
    text = page("deploy.md")
    for field in msgspec.structs.fields(Settings):
        value = getattr(settings, field.name)
        if isinstance(value, msgspec.Struct):
            for inner in msgspec.structs.fields(type(value)):
                documented = f"`{field.name}.{inner.name}`" in text or f"`.{inner.name}`" in text
                assert documented, f"{field.name}.{inner.name}"
        elif field.name != "stage":
            assert f"`{field.name}`" in text, field.name


@pytest.mark.parametrize("name", ["max_attempts", "log_retention_days"])
def test_a_default_on_the_page_is_the_one_in_the_code(name: str) -> None:
    (default,) = re.findall(rf"^\| `{name}` \| ([^|]+) \|", page("deploy.md"), re.MULTILINE)
    field = next(field for field in msgspec.structs.fields(Settings) if field.name == name)
    assert default == str(field.default)
