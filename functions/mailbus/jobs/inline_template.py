"""Checks a template that is part of the job, and writes it as SES accepts it.

"Amazon SES supports only simple substitutions when [...] you provide the full template content in the
request" (https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_Template.html). It refuses the rest with
"Template contains unsupported operations", and by a public report names with an underscore too
(https://github.com/aws/aws-sdk-js-v3/issues/6657). The template and its data are the job's own, so names that
are more than letters and digits are replaced in both, and it works whatever SES accepts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from mailbus.jobs.json_paths import refuse, refuse_feature

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

MAX_INLINE_TEMPLATE_BYTES: Final = 1_000_000
_OPERATION: Final = re.compile(r"\{\{~?\s*([#/>^&]|else(?=[\s~}])|[^{}\s.!]*\.)")
_DOTTED: Final = "a value within a value, {{a.b}}"
_OPERATIONS: Final[dict[str, str]] = {
    "#": "a block, {{#",
    "/": "a block's end, {{/",
    ">": "a partial, {{>",
    "^": "an inverted block, {{^",
    "&": "an unescaped value, {{&",
    "else": "a block's {{else}}",
}
# A placeholder with two or three braces. In Handlebars a backslash before it makes it plain text, and two are
# one before a value: https://handlebarsjs.com/guide/expressions.html#escaping-handlebars-expressions
_PLACEHOLDER: Final = re.compile(
    r"(?P<escape>\\{0,2})(?P<text>\{\{(?:\{[^{}]*\}\}\}|[^{}]*\}\}))",
)
_LITERAL: Final = "\\"
_PLAIN_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_WORD: Final = re.compile(r"[A-Za-z0-9]+")
# what these mean in Handlebars: https://handlebarsjs.com/guide/builtin-helpers.html
_RESERVED: Final = frozenset(
    ("each", "else", "false", "if", "log", "lookup", "null", "this", "true", "undefined", "unless", "with")
)


class InlineTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """A template as SES accepts it. `names` has the names in it by those in the job's data.

    SES documents no escapes, so placeholders that are plain text are values too: `literals`, by their names.
    """

    subject: str
    text: str | None
    html: str | None
    names: dict[str, str]
    literals: dict[str, str]


def read_inline_template(subject: str, text: str | None, html: str | None) -> InlineTemplate:
    """Return the template of a job that names no stored one. Raises `InvalidJob`."""
    if text is None and html is None:
        refuse("$.text", "has no content; set template_id, text or html")
    size = sum(len(part.encode()) for part in (subject, text or "", html or ""))
    if size > MAX_INLINE_TEMPLATE_BYTES:
        reason = f"has {size} bytes with html and subject; SES allows {MAX_INLINE_TEMPLATE_BYTES}"
        refuse("$.text", reason)
    used: dict[str, None] = {}
    escaped: dict[str, None] = {}
    for field, part in (("subject", subject), ("text", text or ""), ("html", html or "")):
        _check_substitutions(part, field)
        used |= dict.fromkeys(_used_names(part, f"$.{field}"))
        found = _PLACEHOLDER.finditer(part)
        escaped |= dict.fromkeys(each["text"] for each in found if each["escape"] == _LITERAL)
    names = _names_for_ses(used)
    taken = {*names.values(), *_RESERVED}
    literals = {text: _plain_name("literal", taken) for text in escaped}
    return InlineTemplate(
        subject=_written(subject, names, literals),
        text=None if text is None else _written(text, names, literals),
        html=None if html is None else _written(html, names, literals),
        names=names,
        literals={name: text for text, name in literals.items()},
    )


def _check_substitutions(template: str, field: str) -> None:
    found = _OPERATION.search(template)
    if found is not None:
        feature = _OPERATIONS.get(found[1], _DOTTED)
        reason = (
            f"has {feature}; SES supports only simple substitutions such as {{{{name}}}} in a template that "
            "is part of the job; use a stored template (template_id) instead"
        )
        refuse_feature(f"$.{field}", feature, reason)


def _used_names(template: str, path: str) -> Iterator[str]:
    for found in _PLACEHOLDER.finditer(template):
        if found["escape"] == _LITERAL:
            continue
        inside = _inside(found)
        name = inside.strip("~").strip()
        if not name:
            refuse(path, "has a placeholder without a name, {{}}; write a name of merge_data into it")
        if not name.startswith("!"):
            yield name


def _names_for_ses(used: dict[str, None]) -> dict[str, str]:
    """Return the name to write for each name: itself if it is plain, or one that no other name has."""
    names = {name: name for name in used if _PLAIN_NAME.fullmatch(name) and name not in _RESERVED}
    taken = {*names, *_RESERVED}
    for name in used:
        if name not in names:
            names[name] = _plain_name(name, taken)
    return names


def _plain_name(name: str, taken: set[str]) -> str:
    """Take a name of letters and digits that resembles another: SES's rendering errors show it."""
    words: list[str] = _WORD.findall(name) or [""]
    plain = words[0] + "".join(word[:1].upper() + word[1:] for word in words[1:])
    if not plain[:1].isalpha():
        plain = f"value{plain}"
    free, number = plain, 1
    while free in taken:
        number += 1
        free = f"{plain}{number}"
    taken.add(free)
    return free


def _written(template: str, names: dict[str, str], literals: dict[str, str]) -> str:
    """Return the template with plain placeholders: SES escapes none, so two braces mean the same as three.

    https://docs.aws.amazon.com/ses/latest/dg/send-personalized-email-advanced.html
    """
    pieces: list[str] = []
    end, strip_next = 0, False
    for found in _PLACEHOLDER.finditer(template):
        before, inside = template[end : found.start()], _inside(found)
        before = before.lstrip() if strip_next else before
        if found["escape"] == _LITERAL:
            pieces += [before, f"{{{{{literals[found['text']]}}}}}"]
            end, strip_next = found.end(), False
            continue
        before += found["escape"][1:]
        pieces.append(before.rstrip() if inside.startswith("~") else before)
        name = inside.strip("~").strip()
        pieces.append("" if name.startswith("!") else f"{{{{{names[name]}}}}}")
        end, strip_next = found.end(), inside.endswith("~")
    rest = template[end:]
    return "".join((*pieces, rest.lstrip() if strip_next else rest))


def _inside(found: re.Match[str]) -> str:
    """Return what is between the braces."""
    return found["text"].strip("{}").strip()
