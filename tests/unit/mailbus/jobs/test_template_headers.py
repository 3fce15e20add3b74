from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mailbus.errors import InvalidJob, UnsupportedFeature
from mailbus.jobs.parsing import parse_job
from mailbus.jobs.template_headers import MAX_HEADER
from tests.unit.mailbus.jobs.example_documents import SQS_ID

if TYPE_CHECKING:
    from mailbus.jobs.job import Merge

READERS = [f"reader{number}@example.org" for number in range(1, 121)]


def read(**fields: Any) -> Merge:
    job = parse_job(
        json.dumps(
            {
                "from_email": "news@example.com",
                "to": READERS,
                "subject": "News",
                "text": "Hello",
                "merge_data": {},
                **fields,
            }
        ),
        SQS_ID,
    )
    assert job.merge is not None
    return job.merge


def refusal(**fields: Any) -> InvalidJob:
    with pytest.raises(InvalidJob) as refused:
        read(**fields)
    return refused.value


def unsubscribe(size: int) -> str:
    """Return two URIs with a comma and no space between, of so many characters together."""
    first, second = "<mailto:out@example.com>,", "<https://www.example.com/out?t=>"
    return first + second[:-1] + "x" * (size - len(first) - len(second)) + ">"


@pytest.mark.parametrize("size", [901, 939, MAX_HEADER - len("List-Unsubscribe")])
def test_a_long_header_that_fits_is_sent_as_it_is(size: int) -> None:
    value = unsubscribe(size)
    assert len(value) == size
    merge = read(merge_headers={READERS[59]: {"List-Unsubscribe": value}})
    assert merge.recipients[59].headers == (("List-Unsubscribe", value),)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("X-Note", "", "is empty"),
        ("X-Note", " \t", "is empty"),
        ("X-Note", "y " * 496, "has 991 characters when encoded"),
        ("X-Note", "ü" * 500, "characters when encoded"),
        ("X", "y" * 996, "has 996 characters"),
        ("List-Unsubscribe", unsubscribe(981), "has 981 characters"),
        ("List-Unsubscribe", f"<https://www.example.com/{'ü' * 161}>", "has 992 characters"),
        ("Errors-To", "ü" * 700 + " <a@example.com>", "characters when encoded"),
    ],
)
def test_a_header_that_ses_accepts_in_no_merge_is_refused_before_anything_is_sent(
    name: str, text: str, reason: str
) -> None:
    others = {address: {name: "<https://www.example.com/out>"} for address in READERS[:59]}
    error = refusal(merge_headers={**({} if name == "Errors-To" else others), READERS[59]: {name: text}})
    assert reason in error.reason
    assert error.path == f"$.merge_headers[entry {1 if name == 'Errors-To' else 60}].{name}"

    error = refusal(headers={name: text})
    assert reason in error.reason
    assert error.path == f"$.headers.{name}"


def test_a_header_that_each_recipient_replaces_may_be_too_long() -> None:
    headers = {"X-Note": "y" * 2000}
    own = {address: {"x-note": "short"} for address in READERS}
    assert read(headers=headers, merge_headers=own).recipients[0].headers == (("x-note", "short"),)
    del own[READERS[-1]]
    assert refusal(headers=headers, merge_headers=own).path == "$.headers.X-Note"


def test_what_the_job_s_other_fields_become_is_checked_too() -> None:
    read(tags=["y" * 900])
    assert refusal(tags=["short", "y" * 992]).path == "$.tags[1]"
    assert refusal(tags=["ü" * 500]).path == "$.tags[0]"
    assert refusal(headers={"Sender": "ü" * 700 + " <a@example.com>"}).path == "$.headers.Sender"


def test_a_mail_that_is_no_merge_has_room_for_longer_headers() -> None:
    job = {"from_email": "a@example.com", "to": "b@example.org", "text": "", "tags": ["y" * 2000]}
    headers = {"X-Note": "y" * 2000, "List-Unsubscribe": ",".join([unsubscribe(990)] * 3)}
    assert (
        parse_job(json.dumps({**job, "headers": headers}), SQS_ID).headers[1][1]
        == headers["List-Unsubscribe"]
    )


def test_the_header_of_one_click_is_behind_the_uri() -> None:
    merge = read(
        headers={"List-Unsubscribe-Post": "List-Unsubscribe=One-Click", "X-Team": "news"},
        merge_headers={READERS[0]: {"List-Unsubscribe": "<https://www.example.com/out?17>"}},
    )
    assert [name for name, _ in merge.recipients[0].headers] == [
        "X-Team",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
    ]


def numbered(count: int) -> dict[str, str]:
    return {f"X-{number}": "x" for number in range(count)}


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"headers": numbered(16)}, "$.headers"),
        ({"headers": numbered(13), "tags": ["a"], "metadata": {"a": 1}}, None),
        ({"headers": numbered(14), "tags": ["a"], "metadata": {"a": 1}}, "$.headers"),
        ({"headers": numbered(14) | {"Sender": "team@example.com"}, "tags": ["a"]}, "$.headers"),
        ({"headers": numbered(15), "merge_headers": {READERS[0]: {"x-0": "y"}}}, None),
        (
            {"headers": numbered(15), "merge_headers": {READERS[0]: {}, READERS[1]: {"X-B": "y"}}},
            "$.merge_headers[entry 2]",
        ),
        ({"headers": numbered(15), "merge_metadata": {READERS[1]: {"a": 1}}}, "$.merge_metadata[entry 1]"),
    ],
)
def test_the_headers_of_each_message_are_counted(fields: dict[str, Any], path: str | None) -> None:
    if path is None:
        assert read(**fields).recipients
        return
    error = refusal(**fields)
    assert isinstance(error, UnsupportedFeature)
    assert (error.path, error.feature) == (path, "headers")
    assert "makes 16 headers; SES allows 15 in a merge" in error.reason
