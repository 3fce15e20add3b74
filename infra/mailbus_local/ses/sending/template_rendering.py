"""Renders templates: the part of Handlebars that SES's guide documents.

https://docs.aws.amazon.com/ses/latest/dg/send-personalized-email-advanced.html

Simulated: `{{name}}`, `{{{name}}}`, `{{a.b}}`, `{{this}}`, `{{this.a}}`, `{{@index}}`, `{{#if}}`,
`{{#unless}}`, `{{#each}}`, each with `{{else}}`, inline partials (`{{#* inline "x"}}…{{/inline}}`,
`{{> x}}`), comments, and `~`. Nothing is escaped, as in SES. Not simulated: `{{#with}}`, `{{lookup}}`,
`{{else if}}`, `../`, parameters of partials, and the removal of lines that have only a block tag.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from mailbus.errors import MailbusError

_TAG: Final = re.compile(
    r"\{\{\{\s*(?P<raw>[^{}]+?)\s*\}\}\}|\{\{(?P<lead>~?)\s*(?P<tag>[^{}]*?)\s*(?P<trail>~?)\}\}"
)
_BLOCK: Final = re.compile(r"#\s*(?P<kind>if|unless|each)\s+(?P<path>\S+)")
_INLINE: Final = re.compile(r"#\*\s*inline\s+[\"'](?P<name>[^\"']+)[\"']")
_PATH: Final = re.compile(r"@?[^\s{}#/>!]+")
# by a public report not even an underscore: https://github.com/aws/aws-sdk-js-v3/issues/6657
_SIMPLE: Final = re.compile(r"[^\s{}#/>^&._]+")
_DEPTH: Final = 50

Data = Mapping[str, "Value"]
Value = str | int | float | bool | None | Sequence["Value"] | Data


class RenderingError(MailbusError):
    """A template cannot be rendered. The text is that of SES's Rendering Failure event."""


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """Literal text."""

    text: str


class Variable(msgspec.Struct, frozen=True, kw_only=True):
    """A variable."""

    path: str


class Partial(msgspec.Struct, frozen=True, kw_only=True):
    """A reference to an inline partial."""

    name: str


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """`if`, `unless` or `each`."""

    kind: str
    path: str
    body: tuple[Node, ...]
    otherwise: tuple[Node, ...]


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """The definition of an inline partial."""

    name: str
    body: tuple[Node, ...]


Node = Text | Variable | Partial | Block | Definition


class _Token(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    tag: bool


def render(template: str, data: Data) -> str:
    """Return the rendered text. Raise `RenderingError` if an attribute is missing."""
    nodes, rest = _parse(_tokens(template), 0, None)
    if rest != -1:
        reason = "The template closes a block that was not opened."
        raise RenderingError(reason)
    partials = {node.name: node.body for node in nodes if isinstance(node, Definition)}
    return _render(nodes, data, (), partials, 0)


def is_simple(template: str) -> bool:
    """Return whether a template has only simple substitutions, as SES requires of an inline template.

    https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_Template.html
    """
    tags = (token.text for token in _tokens(template) if token.tag)
    return all(_SIMPLE.fullmatch(tag) is not None and tag != "else" for tag in tags if tag[:1] != "!")


def parse_data(text: str | None) -> Data:
    """Parse template data. Raise `ValueError` if it is not a JSON object."""
    value = msgspec.json.decode(text or "{}")
    if not isinstance(value, dict):
        reason = "not a JSON object"
        raise ValueError(reason)  # noqa: TRY004 - one error type for all invalid data
    return value


def _tokens(template: str) -> list[_Token]:
    tokens: list[_Token] = []
    end = 0
    strip_next = False
    for found in _TAG.finditer(template):
        text = template[end : found.start()]
        text = text.lstrip() if strip_next else text
        text = text.rstrip() if found["lead"] else text
        tokens += (_Token(text=text, tag=False), _Token(text=found["raw"] or found["tag"], tag=True))
        strip_next = bool(found["trail"])
        end = found.end()
    rest = template[end:]
    return [*tokens, _Token(text=rest.lstrip() if strip_next else rest, tag=False)]


def _parse(tokens: list[_Token], start: int, closing: str | None) -> tuple[tuple[Node, ...], int]:
    """Parse nodes up to `{{else}}` or the closing tag. Return them and the next position, -1 at the end."""
    nodes: list[Node] = []
    position = start
    while position < len(tokens):
        token = tokens[position]
        position += 1
        if not token.tag:
            nodes += (Text(text=token.text),) if token.text else ()
        elif token.text == "else" or token.text.startswith("/"):
            return tuple(nodes), position if closing is None else position - 1
        elif (block := _BLOCK.fullmatch(token.text)) is not None:
            node, position = _parse_block(tokens, position, block["kind"], block["path"])
            nodes.append(node)
        elif (inline := _INLINE.fullmatch(token.text)) is not None:
            body, position = _parse(tokens, position, "inline")
            position = _expect(tokens, position, "/inline")
            nodes.append(Definition(name=inline["name"], body=body))
        elif not token.text.startswith("!"):
            nodes.append(_leaf(token.text))
    if closing is not None:
        reason = f"The template does not close its {closing!r} block."
        raise RenderingError(reason)
    return tuple(nodes), -1


def _leaf(text: str) -> Partial | Variable:
    if text.startswith(">"):
        return Partial(name=text[1:].strip())
    if not _PATH.fullmatch(text):
        reason = f"The template tag '{{{{{text}}}}}' is not supported."
        raise RenderingError(reason)
    return Variable(path=text)


def _parse_block(tokens: list[_Token], start: int, kind: str, path: str) -> tuple[Block, int]:
    body, position = _parse(tokens, start, kind)
    otherwise: tuple[Node, ...] = ()
    if tokens[position].text == "else":
        otherwise, position = _parse(tokens, position + 1, kind)
    return Block(kind=kind, path=path, body=body, otherwise=otherwise), _expect(tokens, position, f"/{kind}")


def _expect(tokens: list[_Token], position: int, tag: str) -> int:
    if tokens[position].text != tag:
        reason = (
            f"The template closes with '{{{{{tokens[position].text}}}}}' where '{{{{{tag}}}}}' is expected."
        )
        raise RenderingError(reason)
    return position + 1


Scopes = tuple[tuple[Value, int], ...]
Partials = Mapping[str, tuple[Node, ...]]


def _render(nodes: tuple[Node, ...], data: Data, scopes: Scopes, partials: Partials, depth: int) -> str:
    if depth > _DEPTH:
        reason = f"The template nests deeper than {_DEPTH} levels."
        raise RenderingError(reason)
    return "".join(_render_node(node, data, scopes, partials, depth) for node in nodes)


def _render_node(node: Node, data: Data, scopes: Scopes, partials: Partials, depth: int) -> str:
    match node:
        case Text(text=text):
            return text
        case Variable(path=path):
            return _to_text(_value(path, data, scopes))
        case Partial(name=name):
            if name not in partials:
                reason = f"The partial '{name}' could not be found."
                raise RenderingError(reason)
            return _render(partials[name], data, scopes, partials, depth + 1)
        case Block():
            return "".join(
                _render(body, data, inner, partials, depth + 1)
                for body, inner in _rendered_bodies(node, data, scopes)
            )
        case Definition():
            return ""


def _rendered_bodies(block: Block, data: Data, scopes: Scopes) -> list[tuple[tuple[Node, ...], Scopes]]:
    """Return the nodes of a block that are rendered, each with its scopes."""
    value = _value_or_none(block.path, data, scopes)
    if block.kind != "each":
        return [(block.body if bool(value) is (block.kind == "if") else block.otherwise, scopes)]
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        return [(block.otherwise, scopes)]
    return [(block.body, (*scopes, (item, index))) for index, item in enumerate(value)]


class _Missing:
    """Marks a missing value, which is not the same as null."""


_MISSING: Final = _Missing()


def _value(path: str, data: Data, scopes: Scopes) -> Value:
    value = _lookup(path, data, scopes)
    # a null as well: https://github.com/aws/aws-sdk-js/issues/2239
    if isinstance(value, _Missing) or value is None:
        reason = f"Attribute '{path}' is not present in the rendering data."
        raise RenderingError(reason)
    return value


def _value_or_none(path: str, data: Data, scopes: Scopes) -> Value:
    value = _lookup(path, data, scopes)
    return None if isinstance(value, _Missing) else value


def _lookup(path: str, data: Data, scopes: Scopes) -> Value | _Missing:
    if path == "@index":
        return scopes[-1][1] if scopes else _MISSING
    names = path.split(".")
    here: Value = scopes[-1][0] if scopes else data
    if names[0] in {"this", ""}:
        return _descend(here, [name for name in names[1:] if name])
    candidates = (*(item for item, _ in reversed(scopes)), data)
    return next((v for c in candidates if not isinstance(v := _descend(c, names), _Missing)), _MISSING)


def _descend(value: Value, names: list[str]) -> Value | _Missing:
    for name in names:
        if not isinstance(value, Mapping) or name not in value:
            return _MISSING
        value = value[name]
    return value


def _to_text(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
