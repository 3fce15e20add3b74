from __future__ import annotations

from typing import Any

import pytest

from mailbus.errors import InvalidJob
from mailbus.jobs.parsing import parse_document
from tests.unit.mailbus.jobs.example_jobs import job


def read(headers: dict[str, str], **fields: Any) -> tuple[tuple[str, str], ...]:
    file = {"content": "", "filename": "a.pdf", "headers": headers}
    return parse_document(job(attachments=[file], **fields), "job").attachments[0].headers


def test_headers_of_a_part_are_written_in_seven_bits() -> None:
    headers = {"Content-Language": "de", "Content-Description": "Rechnung für März", "X-Attachment-Id": "a"}
    assert read(headers) == (
        ("Content-Language", "de"),
        ("Content-Description", "Rechnung =?utf-8?b?ZsO8ciBNw6Ryeg==?="),
        ("X-Attachment-Id", "a"),
    )


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"Content-Type": "text/plain"}, "use content_type"),
        ({"content-id": "<a>"}, "use content_id"),
        ({"MIME-Version": "1.0"}, "is set by the sender"),
        ({"No name": "a"}, "is not a header name"),
        ({"X-A": "a", "x-a": "b"}, "duplicate"),
        ({"X-A": "a\nb"}, "line feed"),
    ],
)
def test_a_header_that_a_part_cannot_have_is_refused(headers: dict[str, str], reason: str) -> None:
    with pytest.raises(InvalidJob, match=reason) as refused:
        read(headers)
    assert refused.value.path.startswith("$.attachments[0].headers")


def test_a_merge_has_the_description_of_a_file_alone() -> None:
    merged = {"to": ["ann@example.org"], "merge_data": {}}
    assert read({"Content-Description": "Invoice"}, **merged) == (("Content-Description", "Invoice"),)
    with pytest.raises(InvalidJob, match="only Content-Description"):
        read({"Content-Language": "de"}, **merged)
    with pytest.raises(InvalidJob, match="1 to 1000 characters"):
        read({"Content-Description": "long " * 300}, **merged)


def test_a_mail_is_attached_outside_of_a_merge() -> None:
    mail = {"content": "", "content_type": "message/rfc822"}
    assert parse_document(job(attachments=[mail]), "job").attachments[0].is_mail
    with pytest.raises(InvalidJob, match="outside a merge"):
        parse_document(job(attachments=[mail], merge_data={}), "job")
