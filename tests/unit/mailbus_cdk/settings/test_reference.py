"""docs/settings.md is made of the structs, and mailbus.toml says the same."""

from __future__ import annotations

import inspect
import json
import re
import tomllib
from typing import TYPE_CHECKING, Final, cast

import msgspec
import pytest
from msgspec import inspect as shapes

from mailbus_cdk.settings import Settings
from mailbus_cdk.settings.receiving import Rule
from mailbus_cdk.settings.reference import MORE, description, page, rows
from mailbus_cdk.settings.section import Section
from tests.architecture.source_tree import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TABLES: Final[Mapping[str, type[Section]]] = {
    "": Settings,
    **{
        field.name: type(field.default)
        for field in msgspec.structs.fields(Settings)
        if isinstance(field.default, Section)
    },
    "inbound.rules": Rule,
}
OWN_TABLES: Final = {("", "send_defaults"), ("inbound", "rules")}
# without its stages
SHIPPED: Final = (ROOT / "mailbus.toml").read_text(encoding="utf-8").partition("\n[stages.")[0]
# a key, commented out or not, with its comment
KEY: Final = re.compile(r"^(?:# )?([a-z_]+) = .+?(?: +# (.+))?$")
TABLE: Final = re.compile(r"^(?:# )?\[\[?([a-z_.]+)\]\]? *(?:# (.+))?$")


def described() -> dict[tuple[str, str], str]:
    """The first sentence of each setting's description."""
    return {
        (table, field.name): description(field.type).partition(". ")[0].removesuffix(".")
        for table, section in TABLES.items()
        for field in cast("shapes.StructType", shapes.type_info(section)).fields
        if field.name != "stage" and not isinstance(field.type, shapes.StructType)
    }


def settings_of_the_file() -> Iterator[tuple[str, str, str]]:
    """The table of each key in the file, the key, and its comment."""
    table, above = "", ""
    for line in SHIPPED.splitlines():
        if heading := TABLE.match(line):
            table = heading[1]
        elif table != "send_defaults" and (key := KEY.match(line)):
            yield table, key[1], key[2] or above
        above = line.removeprefix("# ")


def test_the_page_is_up_to_date() -> None:
    assert (ROOT / "docs/settings.md").read_text(encoding="utf-8") == page(), "make schemas"


def test_a_setting_is_on_the_page_with_its_type_default_and_description() -> None:
    documented = next(rows(TABLES["events"], "events."))

    assert documented == (
        "entry_bytes",
        "integer, 262144 to 1000000",
        "`262144`",
        (
            "The largest event on the bus, in bytes. What does not fit is in S3. Not every target of a "
            "rule accepts what the bus does. [More](events.md#large-events)"
        ),
    )


@pytest.mark.parametrize(
    ("table", "key", "kind", "default"),
    [
        ("", "region", "a region, such as us-east-1", "required"),
        ("", "dmarc_policy", '`"none"`, `"quarantine"`, `"reject"`', "none"),
        ("", "send_defaults", "table", "none"),
        ("bulk", "share", "number, above 0 to 1", "`1.0`"),
        ("sender", "doubt_seconds", "number, at most 3600", "`120`"),
        ("inbound", "rules", "list of tables", "none"),
        ("inbound", "domains", "list, each a domain in lower case, such as mail.example.com", "none"),
        ("inbound.rules", "stop", "boolean", "`false`"),
    ],
)
def test_a_type_is_written_with_its_limits(table: str, key: str, kind: str, default: str) -> None:
    (found,) = [cells for name, *cells in rows(TABLES[table]) if name == key]

    assert found[:2] == [kind, default]


def test_every_link_is_of_a_setting() -> None:
    keys = {f"{table}.{key}" if table else key for table, key in described()}

    assert set(MORE) <= keys


def test_the_comments_of_the_file_that_ships_are_the_descriptions_first_sentences() -> None:
    commented = {(table, key): comment for table, key, comment in settings_of_the_file()}

    assert commented == {place: text for place, text in described().items() if place not in OWN_TABLES}


def test_the_comments_of_its_tables_are_the_first_sentences_of_their_sections() -> None:
    lines = SHIPPED.splitlines()
    commented = {heading[1]: heading[2] for line in lines if (heading := TABLE.match(line))}
    expected = {
        table: str(inspect.getdoc(section)).partition("\n")[0].removesuffix(".")
        for table, section in TABLES.items()
        if table
    }

    assert commented == {
        **expected,
        "send_defaults": described()["", "send_defaults"],
        "inbound.rules": described()["inbound", "rules"],
    }


def test_a_value_that_is_not_commented_out_is_the_default() -> None:
    shipped = tomllib.loads(SHIPPED)
    written = {
        (table, key): value
        for table in TABLES
        for key, value in (shipped if not table else shipped.get(table, {})).items()
        if not isinstance(value, dict)
    }
    defaults = {
        (table, field.name): field.default
        for table, section in TABLES.items()
        for field in msgspec.structs.fields(section)
    }
    del written["", "region"], written["", "identity"]

    assert written
    assert json.dumps(list(written.values())) == json.dumps([defaults[place] for place in written])
