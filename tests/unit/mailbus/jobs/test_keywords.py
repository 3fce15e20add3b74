from __future__ import annotations

import copy
import pickle
from typing import Any

import msgspec
import pytest

from mailbus import Alternative, Attachment, S3Object, SendJob


@pytest.mark.parametrize(
    ("struct", "fields", "hint"),
    [
        (SendJob, {"to": "ann@example.com", "subjet": "Hello"}, "'subjet': did you mean 'subject'?"),
        (SendJob, {"body": "Hello"}, "'body': use text or html"),
        (SendJob, {"filename": "a.pdf"}, "'filename': it belongs at attachments.filename"),
        (SendJob, {"configuration_set": "shop"}, "'configuration_set': use esp_extra.ConfigurationSetName"),
        (Attachment, {"data": b"x"}, "'data': use content"),
        (Alternative, {"content": "x", "contenttype": "text/calendar"}, "did you mean 'content_type'?"),
        (S3Object, {"buket": "files", "key": "a"}, "'buket': did you mean 'bucket'?"),
    ],
)
def test_an_unknown_keyword_is_an_error_with_the_field_that_was_meant(
    struct: Any, fields: dict[str, Any], hint: str
) -> None:
    with pytest.raises(TypeError) as raised:
        struct(**fields)
    assert str(raised.value).startswith(f"{struct.__name__}() got an unexpected keyword argument '")
    assert str(raised.value).endswith(hint)
    assert raised.value.__context__ is None


def test_other_errors_of_creating_a_struct_are_msgspecs() -> None:
    with pytest.raises(TypeError, match="Missing required argument 'key'"):
        S3Object(bucket="files")  # type: ignore[call-arg] # the error
    with pytest.raises(TypeError, match="positional"):
        SendJob("ann@example.com")  # type: ignore[call-arg,arg-type] # the error


def test_a_job_is_copied_pickled_and_decoded_as_any_struct() -> None:
    job = SendJob(to="ann@example.com", attachments=(Attachment(s3=S3Object(bucket="files", key="a")),))
    assert pickle.loads(pickle.dumps(job)) == job == copy.deepcopy(job)  # noqa: S301 - it was made here
    assert msgspec.json.decode(msgspec.json.encode(job), type=SendJob) == job
    assert msgspec.structs.replace(job, to="bob@example.com").attachments == job.attachments
