from __future__ import annotations

import html
import json
import re

from hypothesis import given
from hypothesis import strategies as st

from mailbus_cli.room.json_markup import json_markup

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


def test_names_strings_and_values_are_apart() -> None:
    assert json_markup('{"a": "b", "c": -1.5e3, "d": null}') == (
        '{<span class="jn">&#34;a&#34;</span>: <span class="js">&#34;b&#34;</span>, '
        '<span class="jn">&#34;c&#34;</span>: <span class="jv">-1.5e3</span>, '
        '<span class="jn">&#34;d&#34;</span>: <span class="jv">null</span>}'
    )


@given(VALUES)
def test_the_text_is_the_json_and_nothing_of_it_is_markup(value: object) -> None:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    marked = str(json_markup(text))
    plain = re.sub(r'<span class="j[nsv]">|</span>', "", marked)
    assert html.unescape(plain) == text
    assert "<" not in plain
