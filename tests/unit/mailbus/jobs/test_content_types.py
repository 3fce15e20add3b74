from __future__ import annotations

from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus.jobs.content_types import media_type_of, read_content_type, split_content_type

PATH = "$.attachments[0].content_type"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("text/calendar; method=PUBLISH;", "text/calendar; method=PUBLISH"),
        ("text/calendar;method=PUBLISH ; ", "text/calendar; method=PUBLISH"),
        ("text/calendar;; method=PUBLISH", "text/calendar; method=PUBLISH"),
        ("application/pdf;", "application/pdf"),
        (" application/pdf ", "application/pdf"),
        ("Application / PDF", "Application/PDF"),
        ('text/csv\t;\theader = "present"', 'text/csv; header="present"'),
        ('text/csv; name="a; b \\" c.csv"; charset=utf-8', 'text/csv; name="a; b \\" c.csv"; charset=utf-8'),
        ("text/csv; name*=utf-8''%C3%BC.csv", "text/csv; name*=utf-8''%C3%BC.csv"),
        ('text/csv; name=""', 'text/csv; name=""'),
        ("application/vnd.ms-excel.sheet.macroEnabled.12", "application/vnd.ms-excel.sheet.macroEnabled.12"),
    ],
)
def test_a_content_type_is_read_however_it_is_spaced(text: str, written: str) -> None:
    assert read_content_type(text, PATH) == written
    assert read_content_type(written, PATH) == written


def test_a_content_type_has_its_parts() -> None:
    written = read_content_type('Text/CSV;name="a;b=c\\"; d";header=absent;', PATH)
    assert media_type_of(written) == "text/csv"
    assert split_content_type(written) == ("Text/CSV", ('name="a;b=c\\"; d"', "header=absent"))
    assert split_content_type("text/plain") == ("text/plain", ())


@given(
    st.dictionaries(
        st.from_regex("[a-z]{1,6}", fullmatch=True),
        st.text("ab =;\"\\'/<", min_size=1, max_size=9),
        max_size=3,
    )
)
def test_what_the_standard_library_writes_is_read(parameters: dict[str, str]) -> None:
    message = Message()
    message.add_header("Content-Type", "text/csv", **parameters)
    written = read_content_type(message["Content-Type"], PATH)
    assert split_content_type(written)[0] == "text/csv"
    again = Message()
    again["Content-Type"] = written
    assert again.get_params() == message.get_params()
