from __future__ import annotations

import pytest

from mailbus_cli.sending.placeholders import UnknownColumnError, filled, names


def test_every_string_is_filled_at_any_depth_and_keys_are_not() -> None:
    value = {"a": ["{{x}}", {"{{x}}": "{{ x }}-{{x}}"}], "b": 1, "c": None, "d": True}
    assert filled(value, {"x": "1"}) == {"a": ["1", {"{{x}}": "1-1"}], "b": 1, "c": None, "d": True}


def test_only_html_is_escaped() -> None:
    assert filled({"html": "{{x}}{{{x}}}", "text": "{{x}}"}, {"x": "<&\"'>"}) == {
        "html": "&lt;&amp;&quot;&#x27;&gt;<&\"'>",
        "text": "<&\"'>",
    }
    assert filled({"headers": {"html": "{{x}}"}}, {"x": "<"}) == {"headers": {"html": "<"}}


@pytest.mark.parametrize("text", ["{{", "}}", "{{}}", "{ {x} }", "{x}", "{{a{b}}"])
def test_what_is_no_placeholder_stays(text: str) -> None:
    assert filled(text, {"x": "1"}) == text


def test_an_unknown_name_is_an_error_with_its_path() -> None:
    with pytest.raises(UnknownColumnError) as error:
        filled({"headers": {"X": ["{{y}}"]}}, {"x": "1"})
    assert (error.value.name, error.value.path) == ("y", "$.headers.X[0]")


def test_the_names_in_a_value() -> None:
    assert names({"a": ["{{x}} {{{y}}}", 1], "b": {"c": "{{ first name }}"}}) == {"x", "y", "first name"}
