from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mailbus_cli.errors import CommandError
from mailbus_cli.sending.job_files import read_jobs, read_text

if TYPE_CHECKING:
    from pathlib import Path

JOB = {"from_email": "shop@example.com", "to": "ann@example.org", "text": "Hello"}


@pytest.mark.parametrize("indent", [None, 2])
def test_a_file_with_one_object_is_one_job_as_it_is(indent: int | None) -> None:
    [row] = read_jobs(json.dumps(JOB, indent=indent), "job.json", {}, campaign="x").rows
    assert (row.line, row.job) == (0, JOB)


def test_options_replace_fields() -> None:
    [row] = read_jobs(json.dumps(JOB), "job.json", {"to": ["bob@example.org"]}, campaign="x").rows
    assert row.job == {**JOB, "to": ["bob@example.org"]}


def test_each_line_is_a_job_with_an_id_of_its_content() -> None:
    lines = "\n\n".join(json.dumps({**JOB, "subject": str(number)}) for number in range(3))
    rows = read_jobs(lines, "jobs.jsonl", {}, campaign="jobs").rows
    assert [row.line for row in rows] == [1, 3, 5]
    assert len({row.job["job_id"] for row in rows}) == 3
    assert all(row.job["job_id"].startswith("jobs-") for row in rows)
    again = read_jobs("\n".join(reversed(lines.split("\n\n"))), "jobs.jsonl", {}, campaign="jobs").rows
    assert [row.job for row in again] == [row.job for row in reversed(rows)]


def test_an_id_of_a_line_stays() -> None:
    lines = "\n".join(json.dumps({**JOB, "job_id": f"order-{number}"}) for number in range(2))
    rows = read_jobs(lines, "jobs.jsonl", {}, campaign="jobs").rows
    assert [row.job["job_id"] for row in rows] == ["order-0", "order-1"]


def test_lines_that_are_wrong_or_the_same_job_are_named() -> None:
    good = json.dumps(JOB)
    jobs = read_jobs(f'{good}\n{{"to": 1,,}}\n{good}\n[1]\n', "jobs.jsonl", {}, campaign="jobs")
    assert [row.line for row in jobs.rows] == [1]
    texts = [problem.text("jobs.jsonl") for problem in jobs.problems]
    assert texts[0].startswith("jobs.jsonl, line 2: $: is not valid JSON")
    assert texts[1] == "jobs.jsonl, line 3: is the same job as line 1"
    assert texts[2].startswith("jobs.jsonl, line 4: $: must be an object, not an array")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "job.json is empty"),
        (" \n", "job.json is empty"),
        ('{\n"to": 1\n', "job.json: $: is not valid JSON"),
        ("[]", "job.json: $: must be an object, not an array"),
    ],
)
def test_a_file_without_a_job_is_an_error_of_one_line(text: str, reason: str) -> None:
    with pytest.raises(CommandError) as error:
        read_jobs(text, "job.json", {}, campaign="x")
    assert str(error.value).startswith(reason)
    assert error.value.hint == "a job is one JSON object: `mailbus schema job`"


def test_a_byte_order_mark_is_no_content_and_other_encodings_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "readers.csv"
    path.write_bytes("\ufeffto\nann@example.org\n".encode())
    assert read_text(path) == "to\nann@example.org\n"
    path.write_bytes("to,name\nann@example.org,Zoë\n".encode("latin-1"))
    with pytest.raises(CommandError, match=r"readers\.csv: byte 26 is not UTF-8") as error:
        read_text(path)
    assert "CSV UTF-8" in error.value.hint
