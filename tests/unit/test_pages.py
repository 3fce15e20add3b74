"""The tables of docs/ name what the code knows, and nothing that it does not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from infra.settings import Settings, load
from mailbus import jobs
from mailbus.events import EmailEvent, EventType, InboundEvent
from sender.outcomes import MEANINGS

ROOT = Path(__file__).resolve().parents[2]
SENT_BY_NOBODY_YET = {"autoresponded"}


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


@pytest.mark.parametrize("code", sorted(MEANINGS))
def test_every_error_of_ses_stands_in_the_table_of_errors(code: str) -> None:
    assert f"`{code}`" in page("sending.md")


@pytest.mark.parametrize("field", [*jobs._FIELDS, *jobs._ATTACHMENT_FIELDS, *jobs._NOT_YET])  # noqa: SLF001 - the table itself
def test_every_field_of_a_job_stands_on_its_page(field: str) -> None:
    assert f"`{field}`" in page("sending.md")


@pytest.mark.parametrize("field", [field.name for field in msgspec.structs.fields(EmailEvent)])
def test_every_field_of_an_event_stands_on_its_page(field: str) -> None:
    assert f"`{field}`" in page("events.md")


@pytest.mark.parametrize("field", [field.name for field in msgspec.structs.fields(InboundEvent)])
def test_every_field_of_received_mail_stands_on_its_page(field: str) -> None:
    assert f'"{field}"' in page("receiving.md")


@pytest.mark.parametrize("event_type", sorted(set(get_args(EventType)) - SENT_BY_NOBODY_YET))
def test_every_type_of_event_has_an_example(event_type: str) -> None:
    assert f'"event_type": "{event_type}"' in page("events.md") + page("receiving.md")


def test_every_setting_stands_with_its_default() -> None:
    settings = load(ROOT / "mailbus.toml", "prod")
    text = page("deploy.md")
    for field in msgspec.structs.fields(Settings):
        value = getattr(settings, field.name)
        if isinstance(value, msgspec.Struct):
            for inner in msgspec.structs.fields(type(value)):
                named = f"`{field.name}.{inner.name}`" in text or f"`.{inner.name}`" in text
                assert named, f"{field.name}.{inner.name}"
        elif field.name != "stage":
            assert f"`{field.name}`" in text, field.name


@pytest.mark.parametrize("name", ["max_attempts", "log_retention_days"])
def test_a_default_on_the_page_is_the_one_in_the_code(name: str) -> None:
    (default,) = re.findall(rf"^\| `{name}` \| ([^|]+) \|", page("deploy.md"), re.MULTILINE)
    field = next(field for field in msgspec.structs.fields(Settings) if field.name == name)
    assert default == str(field.default)
