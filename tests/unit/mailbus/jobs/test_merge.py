from __future__ import annotations

import json
from typing import Any

import pytest

from mailbus.errors import InvalidJob, UnsupportedFeature
from mailbus.events import Mailbox
from mailbus.jobs.job import Job, Merge, envelopes
from mailbus.jobs.parsing import parse_job
from mailbus.jobs.queue_message import to_message

SQS_ID = "0f3c8a7e-2d1b-4f6a-9c5e-7b8d9e0f1a2b"


def merge(**fields: Any) -> dict[str, Any]:
    return {
        "job_id": "newsletter-november",
        "from_email": "Example News <news@example.com>",
        "to": ["Ann Lee <ann@example.org>", "bob@example.org"],
        "subject": "Hello {{name}}",
        "text": "Dear {{name}}, read on: {{site}}",
        "merge_data": {"ann@example.org": {"name": "Ann"}, "bob@example.org": {"name": "Bob"}},
        "merge_global_data": {"site": "https://www.example.com"},
    } | fields


def stored(**fields: Any) -> dict[str, Any]:
    return merge(template_id="welcome", subject=None, text=None) | fields


def read(document: dict[str, Any]) -> tuple[Job, Merge]:
    job = parse_job(json.dumps(document), SQS_ID)
    assert job.merge is not None
    return job, job.merge


def refusal(document: dict[str, Any]) -> InvalidJob:
    with pytest.raises(InvalidJob) as refused:
        parse_job(json.dumps(document), SQS_ID)
    return refused.value


def test_each_recipient_has_its_own_data_over_the_global_data() -> None:
    job, merged = read(
        merge(merge_data={"ann@example.org": {"name": "Ann", "site": "https://ann.example.com"}})
    )
    assert job.to == ()
    assert [recipient.mailbox for recipient in merged.recipients] == [
        Mailbox(name="Ann Lee", address="ann@example.org"),
        Mailbox(name="", address="bob@example.org"),
    ]
    assert [recipient.complete_data for recipient in merged.recipients] == [
        {"name": "Ann", "site": "https://ann.example.com"},
        {"site": "https://www.example.com"},
    ]
    assert merged.template_id is None


def test_headers_and_metadata_of_a_recipient_override_the_jobs() -> None:
    _, merged = read(
        merge(
            headers={"List-Unsubscribe": "<https://www.example.com/out>", "X-Team": "news"},
            merge_headers={"bob@example.org": {"list-unsubscribe": "<https://www.example.com/out?18>"}},
            metadata={"campaign": "2026-11", "reader": None},
            merge_metadata={"bob@example.org": {"reader": 18}},
        )
    )
    ann, bob = merged.recipients
    assert ann.headers == (("List-Unsubscribe", "<https://www.example.com/out>"), ("X-Team", "news"))
    assert bob.headers == (("X-Team", "news"), ("list-unsubscribe", "<https://www.example.com/out?18>"))
    assert (ann.metadata, bob.metadata) == (
        {"campaign": "2026-11", "reader": None},
        {"campaign": "2026-11", "reader": 18},
    )


@pytest.mark.parametrize(
    "field", ["merge_data", "merge_metadata", "merge_headers", "merge_global_data", "template_id"]
)
def test_any_merge_field_makes_a_merge_and_an_empty_one_too(field: str) -> None:
    document: dict[str, Any] = {"from_email": "news@example.com", "to": "ann@example.org"}
    document |= {"template_id": "welcome"} if field == "template_id" else {"text": "Hello", field: {}}
    _, merged = read(document)
    assert [recipient.complete_data for recipient in merged.recipients] == [{}]


def test_an_address_gets_one_message_and_its_data_whatever_the_case_of_its_domain() -> None:
    job, merged = read(
        merge(
            to=["ann@Example.org", "Ann <ann@EXAMPLE.ORG>", "Ann@example.org", "zoe@bücher.example"],
            merge_data={"ann@example.ORG": {"name": "Ann"}, "zoe@BÜCHER.example": {"name": "Zoë"}},
            merge_global_data=None,
        )
    )
    assert [recipient.complete_data for recipient in merged.recipients] == [
        {"name": "Ann"},
        {},
        {"name": "Zoë"},
    ]
    assert [one.to for one in envelopes(job)] == [
        ("ann@Example.org",),
        ("Ann@example.org",),
        ("zoe@xn--bcher-kva.example",),
    ]


def test_copies_go_with_each_message_but_never_twice_to_one_address() -> None:
    job, _ = read(merge(cc=["bob@example.org", "c@example.org"], bcc=["c@example.org", "d@example.org"]))
    assert [(one.to, one.cc, one.bcc) for one in envelopes(job)] == [
        (("ann@example.org",), ("bob@example.org", "c@example.org"), ("d@example.org",)),
        (("bob@example.org",), ("c@example.org",), ("d@example.org",)),
    ]


def test_a_merge_takes_many_recipients_and_copies_for_one_message() -> None:
    readers = [f"reader{number}@example.org" for number in range(1000)]
    copies = [f"copy{number}@example.org" for number in range(49)]
    job, merged = read(merge(to=readers, merge_data={}, cc=copies))
    assert len(merged.recipients) == len(envelopes(job)) == 1000
    error = refusal(merge(to=readers, merge_data={}, cc=[*copies, "one-more@example.org"]))
    assert (error.path, "51 recipients" in error.reason) == ("$.cc", True)


@pytest.mark.parametrize(
    ("document", "path", "feature"),
    [
        (merge(to=None, cc=["ann@example.org"], merge_data={}), "$.to", "to"),
        (merge(to=[], bcc="ann@example.org", merge_data={}), "$.to", "to"),
        (merge(alternatives=[{"content": "x", "content_type": "text/calendar"}]), "$.alternatives", None),
        (merge(headers={"To": "all@example.org"}), "$.headers.To", "headers.To"),
        (merge(from_email=["a@example.com", "b@example.com"]), "$.from_email", None),
        (stored(subject="Hello"), "$.subject", None),
        (stored(text=""), "$.text", None),
        (stored(html="<p>"), "$.html", None),
        (merge(headers={f"X-{number}": "x" for number in range(16)}), "$.headers", None),
        (
            merge(
                headers={f"X-{number}": "x" for number in range(7)},
                merge_headers={"bob@example.org": {f"X-B{number}": "x" for number in range(5)}},
                tags=["a", "b"],
                metadata={"a": 1},
            )
            | {"headers": {f"X-{number}": "x" for number in range(8)}},
            "$.merge_headers[entry 1]",
            "headers",
        ),
        (
            merge(merge_headers={"bob@example.org": {"To": "all@example.org"}}),
            "$.merge_headers[entry 1].To",
            "merge_headers",
        ),
        (
            merge(esp_extra={"ListManagementOptions": {"ContactListName": "readers"}}),
            "$.esp_extra.ListManagementOptions",
            "ListManagementOptions",
        ),
    ],
)
def test_what_ses_cannot_do_in_a_merge_is_refused_by_name(
    document: dict[str, Any], path: str, feature: str | None
) -> None:
    error = refusal(document)
    assert isinstance(error, UnsupportedFeature)
    assert error.path == path
    assert error.feature == (feature or path.removeprefix("$."))


def test_fifteen_headers_are_taken_with_those_of_tags_and_metadata() -> None:
    read(merge(headers={f"X-{number}": "x" for number in range(12)}, tags=["a", "b"], metadata={"a": 1}))


@pytest.mark.parametrize(
    ("document", "path", "reason"),
    [
        (merge(merge_data={"zoe@example.org": {}}), "$.merge_data[entry 1]", "not in to"),
        (
            merge(merge_metadata={"ann@example.org": {}, "Ann@example.org": {}}),
            "$.merge_metadata[entry 2]",
            "not in to",
        ),
        (
            merge(merge_headers={"ann@example.org": {}, "ann@EXAMPLE.org": {}}),
            "$.merge_headers[entry 2]",
            "two entries",
        ),
        (merge(merge_data={"nobody": {}}), "$.merge_data[entry 1]", "no @"),
        (merge(merge_data={"": {}}), "$.merge_data[entry 1]", "keyed by recipient address"),
        (
            merge(merge_data={"name": {"first": "Jane"}}),
            "$.merge_data[entry 1]",
            "keyed by recipient address",
        ),
        (merge(merge_data={"name": "Jane"}), "$.merge_data.name", "keyed by recipient address"),
        (merge(merge_metadata={"user": 17}), "$.merge_metadata.user", "keyed by recipient address"),
        (
            merge(merge_headers={"List-Unsubscribe": "<https://www.example.com/out>"}),
            "$.merge_headers.List-Unsubscribe",
            "keyed by recipient address",
        ),
        (merge(merge_data={"zoë@example.org": {}}), "$.merge_data[entry 1]", "non-ASCII"),
        (merge(merge_data=[]), "$.merge_data", "must be an object, not an array"),
        (merge(merge_data={"ann@example.org": "Ann"}), "$.merge_data[entry 1]", "not a string"),
        (merge(merge_global_data="x"), "$.merge_global_data", "not a string"),
        (
            merge(merge_metadata={"ann@example.org": {"a": []}}),
            "$.merge_metadata[entry 1].a",
            "not an array",
        ),
        (
            merge(merge_metadata={"ann@example.org": {"a": 2**64}}),
            "$.merge_metadata[entry 1].a",
            "more than 64 bits",
        ),
        (
            merge(merge_metadata={"ann@example.org": {"a": "x" * 4096}}),
            "$.merge_metadata[entry 1]",
            "more than 4096 bytes",
        ),
        (merge(metadata={"a": "x" * 4096}), "$.metadata", "more than 4096 bytes"),
        (
            merge(merge_headers={"ann@example.org": {"X-A": "a\r\nBcc: eve@example.org"}}),
            "$.merge_headers[entry 1].X-A",
            "carriage return",
        ),
        (
            merge(merge_headers={"ann@example.org": {"Subject": "x"}}),
            "$.merge_headers[entry 1].Subject",
            "use subject",
        ),
        (
            merge(merge_headers={"ann@example.org": {"X-A": 1}}),
            "$.merge_headers[entry 1].X-A",
            "not an integer",
        ),
        (stored(merge_global_data={"a": "x" * 262_145}), "$.merge_global_data", "SES allows 262144"),
        (
            stored(
                merge_global_data={"a": "x" * 200_000},
                merge_data={"ann@example.org": {"b": "x" * 100_000}},
            ),
            "$.merge_data[entry 1]",
            "SES allows 262144",
        ),
        (merge(text=None), "$.text", "set template_id, text or html"),
        (merge(html="x" * 1_000_000), "$.text", "SES allows 1000000"),
        (merge(template_id=""), "$.template_id", "name of a template"),
        (merge(template_id=17), "$.template_id", "must be a string"),
        (
            merge(attachments=[{"filename": "a", "content": "", "content_type": f"text/{'x' * 74}"}]),
            "$.attachments[0].content_type",
            "SES allows 78",
        ),
        (
            merge(attachments=[{"filename": "a\tb", "content": ""}]),
            "$.attachments[0].filename",
            "has a tab (U+0009), which SES refuses in a merge",
        ),
        (
            merge(attachments=[{"filename": "a", "content": "", "content_id": "x" * 79}]),
            "$.attachments[0].content_id",
            "SES allows 78",
        ),
        (merge(esp_extra={"EmailTags": []}), "$.esp_extra.EmailTags", "use DefaultEmailTags"),
        (
            merge(esp_extra={"DefaultEmailTags": [{"Name": "mailbus-entry", "Value": "0"}]}),
            "$.esp_extra.DefaultEmailTags[0].Name",
            "is reserved for Mailbus",
        ),
    ],
)
def test_a_wrong_merge_is_refused_with_the_path_and_what_to_write(
    document: dict[str, Any], path: str, reason: str
) -> None:
    error = refusal(document)
    assert error.path == path
    assert reason in error.reason
    assert "example.org" not in str(error), "addresses stay out of what is logged"


def test_all_wrong_addresses_are_named_in_one_answer() -> None:
    error = refusal(
        merge(
            to=["ann@@example.org", "bob@example.org", "nobody"],
            cc="copy@",
            reply_to=["help@example.com", "help"],
            envelope_sender="bounces",
            merge_data={"bob@example.org": {}, "ann@@example.org": {}, "name": {}},
        )
    )
    assert error.path == "$.to[0]"
    for path in (
        "$.to[2]: ",
        "$.cc: ",
        "$.reply_to[1]: ",
        "$.envelope_sender: ",
        "$.merge_data[entry 2]: ",
        "$.merge_data[entry 3]: ",
    ):
        assert path in error.reason
    assert "not in to" not in error.reason, "an entry may be for a recipient whose address is wrong"


def test_wrong_keys_of_all_fields_are_named_together() -> None:
    error = refusal(
        merge(
            merge_data={"zoe@example.org": {}, "ann@example.org": {}},
            merge_metadata={"nobody": {}},
            merge_headers={"ann@example.org": {}, "ann@EXAMPLE.org": {}},
        )
    )
    assert (error.path, error.reason.partition(";")[0]) == (
        "$.merge_data[entry 1]",
        "is for an address that is not in to",
    )
    assert "$.merge_metadata[entry 1]: has no @" in error.reason
    assert "$.merge_headers[entry 2]: is for an address that has two entries" in error.reason


def test_all_recipients_whose_values_ses_would_refuse_are_named_together() -> None:
    error = refusal(
        stored(
            to=["ann@example.org", "bob@example.org", "zoe@example.org"],
            merge_data={"zoe@example.org": {"a": "x" * 262_144}},
            merge_metadata={"bob@example.org": {"a": "x" * 4096}},
            merge_headers={"ann@example.org": {"Date": "today"}},
        )
    )
    assert (error.path, error.reason.partition(";")[0]) == (
        "$.merge_headers[entry 1].Date",
        "is set by SES",
    )
    assert "$.merge_metadata[entry 1]: has more than 4096 bytes" in error.reason
    assert "$.merge_data[entry 1]: has 262185 characters" in error.reason


def test_a_value_of_one_recipient_that_ses_refuses_fails_the_whole_job_in_the_client_too() -> None:
    readers = [f"reader{number}@example.org" for number in range(120)]
    document = merge(
        to=readers,
        merge_data={},
        merge_headers={reader: {"X-Note": "short"} for reader in readers[:59]}
        | {readers[59]: {"X-Note": "ü" * 500}},
    )
    with pytest.raises(InvalidJob) as refused:
        to_message(document)
    assert str(refused.value) == str(refusal(document))
    assert refused.value.path == "$.merge_headers[entry 60].X-Note"
