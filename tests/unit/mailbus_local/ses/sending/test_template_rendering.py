from __future__ import annotations

import pytest

from mailbus_local.ses.sending.template_rendering import RenderingError, is_simple, parse_data, render


@pytest.mark.parametrize(
    ("template", "rendered"),
    [
        ("Hello {{name}}!", "Hello Anaya!"),
        ("{{{ name }}} & {{contact.city}}", "Anaya & Bengaluru"),
        ("{{html}}", "<b>bold</b>"),
        ("{{#if vip}}gold{{else}}silver{{/if}}", "silver"),
        ("{{#unless vip}}silver{{/unless}}", "silver"),
        ("{{#if nobody}}x{{/if}}", ""),
        (
            "{{#each interests}}{{@index}}:{{interest}} of {{name}};{{/each}}",
            "0:Sports of Anaya;1:Travel of Anaya;",
        ),
        ("{{#each tags}}{{this}},{{/each}}", "a,b,"),
        ("{{#each nothing}}x{{else}}none{{/each}}", "none"),
        ('{{#* inline "full"}}{{name}}{{#if last}} {{last}}{{/if}}{{/inline~}}\n Hi {{> full}}', "Hi Anaya"),
        ("{{! a comment }}{{count}} {{vip}}", "3 false"),
        ("no braces { } at all", "no braces { } at all"),
    ],
)
def test_templates_render_as_in_the_guide(template: str, rendered: str) -> None:
    data = parse_data(
        '{"name": "Anaya", "contact": {"city": "Bengaluru"}, "html": "<b>bold</b>", "vip": false, "count": 3,'
        '"interests": [{"interest": "Sports"}, {"interest": "Travel"}], "tags": ["a", "b"], "nothing": []}'
    )
    assert render(template, data) == rendered


@pytest.mark.parametrize(
    ("template", "simple"),
    [
        ("Hello {{name}}, {{ firstName }} and {{{html}}}", True),
        ("Hello {{first_name}}", False),
        ("{{! a comment. }}{ {#if} }", True),
        ("{{elsewhere}}", True),
        ("{{#if vip}}gold{{/if}}", False),
        ("{{~^vip}}", False),
        ("a {{ else }} b", False),
        ("{{> footer}}", False),
        ("{{&html}}", False),
        ("{{contact.city}}", False),
        ("{{{ contact.city }}}", False),
    ],
)
def test_only_names_in_braces_are_simple_substitutions(template: str, simple: bool) -> None:  # noqa: FBT001 - a row of the table
    assert is_simple(template) is simple


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{attributeName}}", "Attribute 'attributeName' is not present in the rendering data."),
        ("{{contact.name}}", "Attribute 'contact.name' is not present in the rendering data."),
        ("{{nobody}}", "Attribute 'nobody' is not present in the rendering data."),
        ("{{#if a}}never closed", "The template does not close its 'if' block."),
        ("closed {{/if}}", "The template closes a block that was not opened."),
        ("{{#if a}}{{/each}}", "The template closes with '{{/each}}' where '{{/if}}' is expected."),
        ("{{> nowhere}}", "The partial 'nowhere' could not be found."),
        ('{{#* inline "x"}}{{> x}}{{/inline}}{{> x}}', "The template nests deeper than 50 levels."),
        ("{{two words}}", "The template tag '{{two words}}' is not supported."),
        ("{{}}", "The template tag '{{}}' is not supported."),
    ],
)
def test_a_rendering_error_has_its_reason(template: str, reason: str) -> None:
    with pytest.raises(RenderingError) as caught:
        render(template, {"contact": {}, "nobody": None})
    assert str(caught.value) == reason


@pytest.mark.parametrize("text", ["[]", '"name"', "{", "name=Anaya"])
def test_template_data_must_be_a_json_object(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_data(text)
