from __future__ import annotations

import pytest

from mailbus.errors import InvalidJob
from mailbus.jobs.parsing import parse_document
from mailbus.jobs.strict_json import read_document
from tests.unit.mailbus.jobs.example_documents import SQS_ID, WELCOME


@pytest.mark.parametrize(
    ("body", "path", "reason"),
    [
        (
            '{"merge_data": {"ann@example.org": {"a": 1, "a": 2}}}',
            "$.merge_data[entry 1].a",
            "is a duplicate",
        ),
        (
            '{"merge_data": {"a@example.org": 1, "a@example.org": 2}}',
            "$.merge_data[entry 2]",
            "is a duplicate",
        ),
        ('{"merge_global_data": {"a": [1, NaN]}}', "$.merge_global_data.a[1]", "not a finite number"),
        ('{"esp_extra": {"a": -1e999}}', "$.esp_extra.a", "not a finite number"),
        ('{"merge_data": {"a@example.org": {"n": "\\udc00"}}}', "$.merge_data[entry 1].n", "\\udc00"),
        ('{"text": "\ud83d"}', "$.text", "\\ud83d"),
        ('{"esp_extra": ' + "[" * 64 + "]" * 64 + "}", "$", "at most 64 levels"),
    ],
)
def test_ambiguous_json_is_refused_at_its_path(body: str, path: str, reason: str) -> None:
    with pytest.raises(InvalidJob) as refused:
        read_document(body)
    assert refused.value.path == path
    assert reason in refused.value.reason


def test_pairs_of_surrogates_and_text_that_looks_like_them_are_valid() -> None:
    assert read_document('{"text": "\\ud83d\\ude00", "html": "\\\\ud83d"}') == {
        "text": "😀",
        "html": "\\ud83d",
    }


def test_a_document_that_was_not_read_from_text_is_refused_in_the_same_way() -> None:
    with pytest.raises(InvalidJob) as refused:
        parse_document(WELCOME | {"subject": "\ud800"}, SQS_ID)
    assert refused.value.path == "$.subject"
    with pytest.raises(InvalidJob) as refused:
        parse_document(WELCOME | {"metadata": {"a": float("nan")}}, SQS_ID)
    assert refused.value.path == "$.metadata.a"
