from __future__ import annotations

import pytest

from mailbus.jobs.job_id import is_job_id
from mailbus_cli.sending.rows import Problem, derived_id


# a running mailing goes on with the next version only if these stay as they are
@pytest.mark.parametrize(
    ("campaign", "key", "job_id"),
    [
        ("november", "17", "november-17"),
        ("november", "ann@example.org", "november-438c4c7afe600cdf"),
        ("my readers (2)", "17", "my-readers-2-17"),
        ("Grüße", "17", "Gr-e-17"),
        ("…", "17", "jobs-17"),
    ],
)
def test_an_id_is_of_the_campaign_and_the_key_alone(campaign: str, key: str, job_id: str) -> None:
    assert derived_id(campaign, key) == job_id


@pytest.mark.parametrize("key", ["", "x" * 500, "ü", "\udcff", "a b"])
def test_any_campaign_and_key_make_a_valid_id(key: str) -> None:
    assert is_job_id(derived_id("c" * 500, key))


def test_keys_that_differ_make_ids_that_differ() -> None:
    keys = ["ann@example.org", "ann@example.com", "Ann@example.org", "a" * 200, "a" * 201]
    assert len({derived_id("november", key) for key in keys}) == len(keys)


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem(line=0, reason="is bad"), "f: is bad"),
        (Problem(line=2, reason="is bad"), "f, line 2: is bad"),
        (Problem(line=2, reason="is bad", column="to"), "f, line 2, column to: is bad"),
    ],
)
def test_a_problem_is_a_line_with_its_place(problem: Problem, text: str) -> None:
    assert problem.text("f") == text
