from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailbus_cli.errors import UsageError
from mailbus_cli.sending.job_options import attachment, fields, moment, pairs

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("invoice.pdf", "application/pdf"),
        ("notes.txt", "text/plain"),
        ("archive.tar.gz", "application/octet-stream"),
        ("no type", "application/octet-stream"),
    ],
)
def test_a_file_is_an_attachment_with_the_type_of_its_name(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).write_bytes(b"\xff\x00")
    assert attachment(tmp_path / name) == {"filename": name, "content_type": kind, "content": "/wA="}


def test_pairs_are_split_at_the_first_separator() -> None:
    assert pairs(["a=b=c", "d="], "--metadata") == {"a": "b=c", "d": ""}
    assert pairs(["X-A: b: c"], "--header", ":") == {"X-A": "b: c"}


@pytest.mark.parametrize("text", ["a", "=b", ""])
def test_what_is_no_pair_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as error:
        pairs([text], "--metadata")
    assert error.value.hint == "`--metadata 'name=value'`"


def test_a_time_may_be_epoch_seconds() -> None:
    assert moment("1800000000") == 1_800_000_000
    assert moment("2026-12-01T08:00:00Z") == "2026-12-01T08:00:00Z"


def test_only_fields_that_are_set_are_of_the_job() -> None:
    assert fields(a=None, b=[], c={}, d="", e=0, f=["x"]) == {"d": "", "e": 0, "f": ["x"]}
