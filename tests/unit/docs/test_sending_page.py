from __future__ import annotations

import re
import types
import typing
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import msgspec
import pytest

from mailbus import addresses
from mailbus.aws.sqs import PART_ATTRIBUTE
from mailbus.jobs import (
    attachments,
    content_types,
    header_fields,
    header_text,
    headers,
    inline_template,
    merge_data,
    metadata,
    parsing,
    template_headers,
)
from mailbus.jobs.contract import Attachment, SendJob
from mailbus.jobs.defaults import NO_DEFAULTS
from mailbus.jobs.esp_extra import ALWAYS_REFUSED, RESERVED_TAGS, TAG_PARAMETERS
from mailbus.jobs.headers import REFUSED, RESERVED_PREFIX
from mailbus.jobs.splitting import PART_RECIPIENTS
from mailbus.sqs_messages import MAX_DELAY_SECONDS
from mailbus_cdk.settings.checks import SEND_DEFAULTS_BYTES
from sender import preparing
from sender.ses import mime

if TYPE_CHECKING:
    from collections.abc import Iterator
from tests.unit.docs.pages import _written, cells_of, named, page, prose, rows

FIELDS = "| field | type | meaning, limits |"


KINDS = {
    int: "integer",
    float: "number",
    str: "string",
    bytes: "string",
    bool: "boolean",
    dict: "object",
    tuple: "array",
    datetime: "time",
}


def kind(annotation: object) -> str:
    """A field's type as the page writes it."""
    if typing.get_origin(annotation) is Annotated:
        return kind(get_args(annotation)[0])
    if typing.get_origin(annotation) is Literal:
        return KINDS[type(get_args(annotation)[0])]
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        parts = {kind(part) for part in get_args(annotation) if part is not types.NoneType}
        if "time" in parts:
            return "time"
        return "address or array" if parts == {"string", "array"} else parts.pop()
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return "object"
    return KINDS[typing.get_origin(annotation) or typing.cast("type", annotation)]


def tables_of_fields() -> Iterator[list[list[str]]]:
    text = page("job.md")
    for found in re.finditer(rf"^{re.escape(FIELDS)}\n\| --- .*\n((?:\|.*\n)+)", text, re.MULTILINE):
        yield cells_of(found[1].splitlines())


@pytest.mark.parametrize(("place", "struct"), [(0, SendJob), (1, Attachment)])
def test_the_table_of_fields_is_the_contract_with_its_types(place: int, struct: type[msgspec.Struct]) -> None:
    table = list(tables_of_fields())[place]

    documented = {name: cells[1] for cells in table for name in named(cells[0])}

    hints = typing.get_type_hints(struct, include_extras=True)
    assert documented == {name: kind(hints[name]) for name in struct.__struct_fields__}


@pytest.mark.parametrize(
    "sentence",
    [
        "1 to 128 of `A-Z a-z 0-9 _ -`",
        f"at least 1 and at most {parsing.MAX_RECIPIENTS}",
        f"at most {headers.MAX_HEADER_CHARACTERS} characters",
        f"Words of up to {header_text.WORD_LIMIT} characters",
        f"Names of 1 to {headers.MAX_HEADER_NAME} printable ASCII",
        f"all together at most {metadata.MAX_TAGS_BYTES} bytes of JSON",
        f"at most {metadata.MAX_METADATA_BYTES} bytes of JSON, in a merge",
        f"in a merge {metadata.MAX_RECIPIENT_METADATA_BYTES} with a recipient's own",
        f"up to {preparing.FARTHEST_SECONDS // 86_400} days ahead",
        f"at most {addresses.MAILBOX_CHARACTERS} characters, of which {addresses.NAME_CHARACTERS}",
        f"At most {attachments.MAX_ATTACHMENTS}, alternatives included",
        f"1 to {attachments.MAX_FILENAME} characters, unicode",
        f"at most {content_types.MAX_CONTENT_TYPE} characters (in a merge {attachments.MAX_TEMPLATE_FIELD})",
        f"1 to {attachments.MAX_CONTENT_ID} printable ASCII characters (in a merge",
        f"ASCII characters (in a merge {attachments.MAX_TEMPLATE_FIELD})",
        f"40 MB ({_written(mime.MESSAGE_BYTES)} bytes)",
        f"{preparing.FILES_BYTES // 1_000_000} MB of files",
        f"`{PART_ATTRIBUTE}`",
        f"parts of {PART_RECIPIENTS} recipients",
        f"more than {template_headers.MAX_TEMPLATE_HEADERS} headers",
        f"template data {merge_data.MAX_TEMPLATE_DATA} characters",
        f"a template in the job {_written(inline_template.MAX_INLINE_TEMPLATE_BYTES)} bytes",
        f"up to {MAX_DELAY_SECONDS // 60} minutes delayed",
        f"at most {preparing.DOCUMENT_BYTES // 1_000_000} MB",
        f"at most {_written(SEND_DEFAULTS_BYTES)} bytes as JSON",
        "`job_id`, `content_ref` and `schema_version`",
    ],
)
def test_the_page_on_sending_has_the_limits_of_the_code(sentence: str) -> None:
    assert sentence in prose("sending.md", "job.md")


def test_defaults_leave_out_what_the_page_says() -> None:
    assert {"job_id", "content_ref", "schema_version"} == NO_DEFAULTS


@pytest.mark.parametrize("header", sorted([*REFUSED, RESERVED_PREFIX]))
def test_every_refused_header_is_in_the_table_of_headers(header: str) -> None:
    table = rows("job.md", "| header | |")

    refused = {
        name.rstrip("*").lower() for cells in table if "refused: " in cells[1] for name in named(cells[0])
    }

    assert header in refused
    assert refused == {*REFUSED, RESERVED_PREFIX}


def test_the_table_of_syntaxes_is_that_of_the_code() -> None:
    table = rows("job.md", "| syntax | headers | written |")

    documented = [set(named(cells[1])) for cells in table]

    assert documented == [*(set(group.names) for group in header_fields.GROUPS), set()]


def test_every_refused_parameter_is_in_the_table_of_parameters() -> None:
    table = rows("job.md", "| parameter | |")

    refused = {name for cells in table if cells[1].startswith("refused") for name in named(cells[0])}

    assert refused == set(ALWAYS_REFUSED)
    assert {name for cells in table for name in named(cells[0])} >= set(TAG_PARAMETERS.values())


@pytest.mark.parametrize("tag", sorted(RESERVED_TAGS))
def test_the_tags_that_are_mailbus_s_own_are_named(tag: str) -> None:
    assert f"`{tag}`" in page("job.md")
