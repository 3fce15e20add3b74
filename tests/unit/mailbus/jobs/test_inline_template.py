from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus.errors import InvalidJob, UnsupportedFeature
from mailbus.jobs.inline_template import read_inline_template
from mailbus.jobs.merge_data import EntryData
from mailbus.jobs.parsing import parse_job
from mailbus_local.ses.sending.template_rendering import is_simple, render

if TYPE_CHECKING:
    from mailbus.jobs.inline_template import InlineTemplate


def template_of(
    subject: str = "Hello", text: str | None = "Hello", html: str | None = None
) -> InlineTemplate:
    return read_inline_template(subject, text, html)


OPERATIONS = [
    ("{{#if vip}}Dear {{/if}}{{name}}", "{{#"),
    ("{{~#each lines}}{{this}}{{/each}}", "{{#"),
    ("Dear {{name}}{{/if}}", "{{/"),
    ("{{> footer}}", "{{>"),
    ("{{^vip}}Dear{{/vip}}", "{{^"),
    ("a {{else}} b", "{{else}}"),
    ("a {{ else if vip }} b", "{{else}}"),
    ("{{& name}}", "{{&"),
    ("{{customer.name}}", "{{a.b}}"),
    ("{{{ customer.name }}}", "{{a.b}}"),
    ("{{../name}}", "{{a.b}}"),
]


@pytest.mark.parametrize("field", ["subject", "text", "html"])
@pytest.mark.parametrize(("template", "operation"), OPERATIONS)
def test_a_template_in_the_job_does_no_more_than_put_in_values(
    field: str, template: str, operation: str
) -> None:
    with pytest.raises(UnsupportedFeature) as refused:
        template_of(**{field: template})
    error = refused.value
    assert (error.path, operation in error.feature) == (f"$.{field}", True)
    assert error.feature in error.reason
    assert "stored template" in error.reason


@pytest.mark.parametrize("text", ["{" * 500_000, "{{" + " " * 500_000, "{{" + "a" * 500_000])
def test_braces_without_end_are_read_in_no_time(text: str) -> None:
    began = time.process_time()
    assert template_of(text=text).text == text
    assert time.process_time() - began < 2


def test_a_job_that_is_no_merge_may_say_anything_in_braces() -> None:
    for template, _ in OPERATIONS:
        job = parse_job(
            json.dumps({"from_email": "a@example.com", "to": "b@example.org", "text": template}), "1"
        )
        assert job.text == template


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("{{name}}, {{ name }}, {{{name}}}", "{{name}}, {{name}}, {{name}}"),
        ("Dear {{first_name}} {{last-name}}", "Dear {{firstName}} {{lastName}}"),
        ("{{first_name}} {{firstName}} {{first-name}}", "{{firstName2}} {{firstName}} {{firstName3}}"),
        ("{{größe}} {{名前}} {{2nd line}} {{_}}", "{{grE}} {{value}} {{value2ndLine}} {{value2}}"),
        ("{{if}} {{this}} {{elsewhere}}", "{{if2}} {{this2}} {{elsewhere}}"),
        ("a {{~name~}}  b", "a{{name}}b"),
        ("a{{! for {you} }}b{{! a note. }}", "a{{! for {you} }}b"),
        (
            "Half off. See example.com/#news & more > {less}.",
            "Half off. See example.com/#news & more > {less}.",
        ),
        ("{ {#if} } {", "{ {#if} } {"),
        (r"write \{{first_name}} to show {{first_name}}", "write {{literal}} to show {{firstName}}"),
        (r"\{{a}} \{{{b}}} \{{a}} {{literal}}", "{{literal2}} {{literal3}} {{literal2}} {{literal}}"),
        (r"\\{{name}}\ {{name}}", r"\{{name}}\ {{name}}"),
        ('{"a":{{a_b}}}', '{"a":{{aB}}}'),
    ],
)
def test_placeholders_are_written_so_that_ses_accepts_them(text: str, written: str) -> None:
    assert template_of(text=text).text == written


def test_a_placeholder_behind_a_backslash_is_shown_as_it_is() -> None:
    template = template_of(text=r"\{{first_name}} is {{first_name}}")
    assert template.text is not None
    assert is_simple(template.text)
    data = EntryData({"first_name": "Ann"}, template).of_all
    assert render(template.text, data) == "{{first_name}} is Ann"


def test_a_name_is_written_alike_in_all_parts() -> None:
    template = template_of("{{user_id}}", "{{user id}}", "<p>{{user_id}}</p>")
    assert (template.subject, template.text, template.html) == (
        "{{userId}}",
        "{{userId2}}",
        "<p>{{userId}}</p>",
    )
    assert template.names == {"user_id": "userId", "user id": "userId2"}


@pytest.mark.parametrize("text", ["{{}}", "{{ }}", "{{{ }}}", "{{~}}"])
def test_a_placeholder_without_a_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidJob, match="without a name") as refused:
        template_of(html=text)
    assert refused.value.path == "$.html"


NAMES = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="{}.!~"), min_size=1, max_size=8
)


@given(st.dictionaries(NAMES.map(str.strip).filter(bool), st.text(max_size=5), min_size=1, max_size=6))
def test_whatever_the_names_ses_accepts_the_template_and_each_value_takes_its_place(
    data: dict[str, str],
) -> None:
    try:
        template = template_of(text="|".join(f"{{{{{name}}}}}" for name in data))
    except UnsupportedFeature:
        assert any(name.startswith(("#", "/", ">", "^", "&", "else")) for name in data)
        return
    assert template.text is not None
    assert is_simple(template.text)
    assert render(template.text, EntryData(data, template).of_all) == "|".join(data.values())
