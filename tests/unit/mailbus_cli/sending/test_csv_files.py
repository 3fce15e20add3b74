from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mailbus_cli.errors import CommandError
from mailbus_cli.sending.csv_files import read_csv

if TYPE_CHECKING:
    from mailbus_cli.sending.rows import Jobs

REPEATED = "is the same as in line 2; remove one, or name a column that differs with --key"
TEMPLATE: dict[str, Any] = {
    "from_email": "News <news@example.com>",
    "subject": "{{name}}, here is November",
    "text": "Dear {{ name }},\n{{code}} \\o/",
    "html": "<p>Dear {{name}}, <b>{{{name}}}</b> {{code}}</p>",
    "headers": {"List-Unsubscribe": "<https://example.com/u?c={{code}}>"},
    "metadata": {"code": "{{code}}", "number": 7},
    "tags": ["news"],
}


def _read(text: str, template: dict[str, Any] = TEMPLATE, **options: Any) -> Jobs:
    return read_csv(text, "readers.csv", template, **{"campaign": "november", **options})


def test_a_row_is_a_job_with_its_columns_for_the_placeholders() -> None:
    [row] = _read("email,name,code\nann@example.org,Tom & <Ann>,c-1\n").rows
    assert row.line == 2
    assert row.job == {
        "job_id": "november-438c4c7afe600cdf",
        "from_email": "News <news@example.com>",
        "to": ["ann@example.org"],
        "subject": "Tom & <Ann>, here is November",
        "text": "Dear Tom & <Ann>,\nc-1 \\o/",
        "html": "<p>Dear Tom &amp; &lt;Ann&gt;, <b>Tom & <Ann></b> c-1</p>",
        "headers": {"List-Unsubscribe": "<https://example.com/u?c=c-1>"},
        "metadata": {"code": "c-1", "number": 7},
        "tags": ["news"],
    }


def test_what_looks_like_a_placeholder_in_a_cell_stays() -> None:
    [row] = _read("to,name,code\nann@example.org,{{code}},1\n").rows
    assert row.job["subject"] == "{{code}}, here is November"


@pytest.mark.parametrize(
    "template",
    [
        {"template_id": "order-sent"},
        {"subject": "{{name}}: {{order}}", "text": "{{site}}", "merge_global_data": {"site": "x"}},
    ],
)
def test_a_merge_gets_all_columns_as_data_and_ses_fills_its_content(template: dict[str, Any]) -> None:
    template = {**template, "metadata": {"order": "{{order}}"}}
    [row] = _read("to,name,order\nAnn Lee <ann@example.org>,Ann,17\n", template).rows
    assert row.job == {
        **template,
        "job_id": row.job["job_id"],
        "to": ["Ann Lee <ann@example.org>"],
        "metadata": {"order": "17"},
        "merge_data": {"ann@example.org": {"to": "Ann Lee <ann@example.org>", "name": "Ann", "order": "17"}},
    }


@pytest.mark.parametrize(
    "text",
    [
        "email;name;code\r\nann@example.org;Ann;1\r\n",
        "email\tname\tcode\nann@example.org\tAnn\t1",
        'email,name,code\n"ann@example.org","Ann","1"\n\n',
        " email , name,code\nann@example.org,Ann,1\n,,\n",
        "Email,name,code\n ann@example.org ,Ann,1\n",
    ],
)
def test_files_of_any_program_are_read(text: str) -> None:
    [row] = _read(text).rows
    assert (row.job["to"], row.job["metadata"]["code"]) == (["ann@example.org"], "1")


def test_a_cell_may_have_several_lines_and_a_row_is_named_by_its_first() -> None:
    rows = _read('to,name,code\na@example.org,"Ann\nLee",1\nb@example.org,Bob,2\n').rows
    assert [row.line for row in rows] == [2, 4]


def test_ids_are_those_of_the_key_whatever_the_order_of_the_rows_and_the_spelling_of_the_domain() -> None:
    first = _read("to,name,code\nann@example.org,Ann,1\nbob@example.org,Bob,2\n").rows
    second = _read("code,to,name\n2,bob@example.org,Bob\n1,Ann <ann@EXAMPLE.org>,Ann\n").rows
    assert [row.job["job_id"] for row in second] == [row.job["job_id"] for row in reversed(first)]


def test_a_key_column_makes_readable_ids() -> None:
    rows = _read("to,name,code\nann@example.org,Ann,17\nann@example.org,Ann,18 b\n", key="code").rows
    assert rows[0].job["job_id"] == "november-17"
    assert rows[1].job["job_id"].startswith("november-")
    assert len(rows[1].job["job_id"]) == len("november-") + 16


def test_a_template_with_an_id_does_not_make_all_rows_one_job() -> None:
    rows = _read("to,name,code\na@example.org,A,1\nb@example.org,B,2\n", {**TEMPLATE, "job_id": "x"}).rows
    assert len({row.job["job_id"] for row in rows}) == 2


def test_what_is_wrong_with_rows_is_named_by_line_and_column() -> None:
    jobs = _read(
        "to,name,code\n"
        "ann@example.org,Ann,1\n"
        "ann@EXAMPLE.ORG,Ann again,2\n"
        "cy@example.org,Cy\n"
        ",Di,4\n"
        "eve@example.org,Eve,5,6\n"
    )
    assert [row.line for row in jobs.rows] == [2]
    assert [problem.text("readers.csv") for problem in jobs.problems] == [
        f"readers.csv, line 3, column to: {REPEATED}",
        "readers.csv, line 4: has 2 cells, but there are 3 columns",
        "readers.csv, line 5, column to: is empty",
        "readers.csv, line 6: has 4 cells, but there are 3 columns",
    ]


@pytest.mark.parametrize(
    ("text", "reason", "hint"),
    [
        ("", "no column is named to or email; its columns: none", "the first line"),
        ("name,code\nAnn,1\n", "no column is named to or email; its columns: name, code", "the first line"),
        ("to,email,name,code\n", "several columns can be the address: to, email", "the first line"),
        ("to,name,name,code\n", "line 1: each column needs a name of its own", "name them"),
        ("to,name,code,\n", "line 1: each column needs a name of its own", "name them"),
        (
            "to,nam,code\n",
            "{{name}} is no column of readers.csv; its columns: to, nam, code",
            "did you mean {{nam}}?",
        ),
        ("to,name\n", "{{code}} is no column", "correct the template"),
        ('to,name,code\na@example.org,"Ann\n', "readers.csv, line 2: is not CSV: ", "a cell with a quote"),
    ],
)
def test_what_is_wrong_with_the_whole_file_is_an_error(text: str, reason: str, hint: str) -> None:
    with pytest.raises(CommandError) as error:
        _read(text)
    assert reason in str(error.value)
    assert error.value.hint.startswith(hint)


def test_a_key_that_is_no_column_is_an_error_with_the_one_that_was_meant() -> None:
    with pytest.raises(CommandError, match=r"readers\.csv has no column cod; its columns") as error:
        _read("to,name,code\n", key="cod")
    assert error.value.hint == "`--key code`"
