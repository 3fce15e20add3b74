"""DynamoDB's condition and update expressions, on items of the low-level API.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html

Of the grammar it has what Mailbus uses: comparisons, `attribute_exists`, `attribute_not_exists`, AND, OR, NOT
and brackets; SET with `+`, `-` and `if_not_exists`, REMOVE, and ADD of numbers. Each expression is parsed
once. All values of an update are those of the item before it.
"""

from __future__ import annotations

import functools
import operator
import re
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Item = Mapping[str, Any]
    # of an item and a request, which has the names and values
    Operand = Callable[[Item, Mapping[str, Any]], dict[str, Any] | None]
    Condition = Callable[[Item, Mapping[str, Any]], bool]

_TOKEN: Final = re.compile(r"\s*(<>|<=|>=|[=<>(),+-]|[#:]?\w+(?:\.#?\w+)*)")
_COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_CLAUSES: Final = frozenset({"SET", "REMOVE", "ADD"})
_NONE: Final[Mapping[str, Any]] = {}
_NUMBERS: Final = Context(prec=38)


class InvalidExpression(ValueError):  # noqa: N818 - as DynamoDB's ValidationException
    """DynamoDB would refuse the expression, or this module does not know it."""


class _Action(NamedTuple):
    """A change of one attribute: to a value, or with `None` its removal."""

    path: str
    value: Operand | None


def check_placeholders(request: Mapping[str, Any]) -> None:
    """Raise if a request has other names and values than its expressions use: DynamoDB refuses it."""
    used = _placeholders(request.get("ConditionExpression", ""), request.get("UpdateExpression", ""))
    given = {*request.get("ExpressionAttributeNames", ()), *request.get("ExpressionAttributeValues", ())}
    if given != used:
        reason = f"names and values that are unused or undefined: {sorted(given ^ used)}"
        raise InvalidExpression(reason)


def holds(request: Mapping[str, Any], item: Item) -> bool:
    """Return whether a request's `ConditionExpression` holds for an item; without one it does."""
    expression = request.get("ConditionExpression")
    return expression is None or _condition(expression)(item, request)


def updated(request: Mapping[str, Any], item: Item) -> dict[str, Any]:
    """Return the item after a request's `UpdateExpression`. The item itself is not changed."""
    new = dict(item)
    for path, value in [
        (action.path, action.value and action.value(item, request))
        for action in _update(request["UpdateExpression"])
    ]:
        *parents, last = _names(path, request)
        holder = new
        for name in parents:
            if name not in holder:
                reason = f"the document path {path} is invalid for update"
                raise InvalidExpression(reason)
            holder[name] = {"M": dict(holder[name]["M"])}
            holder = holder[name]["M"]
        if value is None:
            holder.pop(last, None)
        else:
            holder[last] = value
    return new


@functools.cache
def _placeholders(*expressions: str) -> frozenset[str]:
    segments = (
        segment
        for expression in expressions
        for token in _TOKEN.findall(expression)
        for segment in token.split(".")
    )
    return frozenset(segment for segment in segments if segment[0] in "#:")


@functools.cache
def _condition(expression: str) -> Condition:
    parser = _Parser(expression)
    condition = parser.condition()
    parser.end()
    return condition


@functools.cache
def _update(expression: str) -> tuple[_Action, ...]:
    parser = _Parser(expression)
    actions = parser.update()
    parser.end()
    return actions


class _Parser:
    """A recursive descent through one expression."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._tokens = _TOKEN.findall(expression)
        if "".join(self._tokens) != re.sub(r"\s+", "", expression):
            raise self._error()
        self._at = 0

    def condition(self) -> Condition:
        terms = [self._conjunction()]
        while self._takes("OR"):
            terms.append(self._conjunction())
        return terms[0] if len(terms) == 1 else lambda item, request: any(t(item, request) for t in terms)

    def update(self) -> tuple[_Action, ...]:
        actions: list[_Action] = []
        while self._at < len(self._tokens):
            clause = self._next()
            if clause not in _CLAUSES:
                raise self._error()
            actions.append(self._action(clause))
            while self._takes(","):
                actions.append(self._action(clause))
        return tuple(actions)

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise self._error()

    def _conjunction(self) -> Condition:
        terms = [self._term()]
        while self._takes("AND"):
            terms.append(self._term())
        return terms[0] if len(terms) == 1 else lambda item, request: all(t(item, request) for t in terms)

    def _term(self) -> Condition:
        if self._takes("NOT"):
            negated = self._term()
            return lambda item, request: not negated(item, request)
        if self._takes("("):
            inner = self.condition()
            self._expect(")")
            return inner
        if self._peek() in {"attribute_exists", "attribute_not_exists"}:
            exists = self._next() == "attribute_exists"
            self._expect("(")
            path = self._next()
            self._expect(")")
            return lambda item, request: (_at(item, path, request) is not None) == exists
        left = self._operand()
        compared = _COMPARISONS.get(self._next())
        if compared is None:
            raise self._error()
        right = self._operand()
        return lambda item, request: _compares(compared, left(item, request), right(item, request))

    def _action(self, clause: str) -> _Action:
        path = self._next()
        if clause == "REMOVE":
            return _Action(path, None)
        if clause == "ADD":
            old, added = _attribute(path), self._operand()
            return _Action(path, lambda item, request: _sum(old(item, request), 1, added(item, request)))
        self._expect("=")
        return _Action(path, self._value())

    def _value(self) -> Operand:
        left = self._operand()
        if self._peek() not in {"+", "-"}:
            return lambda item, request: _present(left(item, request))
        sign = 1 if self._next() == "+" else -1
        right = self._operand()
        return lambda item, request: _sum(_present(left(item, request)), sign, right(item, request))

    def _operand(self) -> Operand:
        if self._takes("if_not_exists"):
            self._expect("(")
            path = self._next()
            self._expect(",")
            otherwise = self._operand()
            self._expect(")")
            return lambda item, request: _at(item, path, request) or otherwise(item, request)
        token = self._next()
        if token.startswith(":"):
            return lambda _, request: request["ExpressionAttributeValues"][token]
        return _attribute(token)

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        if not token:
            raise self._error()
        self._at += 1
        return token

    def _takes(self, token: str) -> bool:
        taken = self._peek() == token
        self._at += taken
        return taken

    def _expect(self, token: str) -> None:
        if not self._takes(token):
            raise self._error()

    def _error(self) -> InvalidExpression:
        return InvalidExpression(f"not an expression that is known here: {self._expression}")


def _attribute(path: str) -> Operand:
    return lambda item, request: _at(item, path, request)


def _names(path: str, request: Mapping[str, Any]) -> list[str]:
    aliases = request.get("ExpressionAttributeNames", _NONE)
    return [aliases[name] if name[0] == "#" else name for name in path.split(".")]


def _at(item: Item, path: str, request: Mapping[str, Any]) -> dict[str, Any] | None:
    first, *rest = _names(path, request)
    found = item.get(first)
    for name in rest:
        found = None if found is None else found["M"].get(name)
    return found


def _compares(
    compared: Callable[[Any, Any], bool], left: dict[str, Any] | None, right: dict[str, Any] | None
) -> bool:
    """Compare two attributes: one that is missing, or has another type, is not equal, less or more."""
    if left is None or right is None:
        return False
    ((left_type, left_value),) = left.items()
    ((right_type, right_value),) = right.items()
    if left_type != right_type:
        return compared is operator.ne
    if left_type == "N":
        return compared(Decimal(left_value), Decimal(right_value))
    return compared(left_value, right_value)


def _present(value: dict[str, Any] | None) -> dict[str, Any]:
    if value is None:
        reason = "the provided expression refers to an attribute that does not exist in the item"
        raise InvalidExpression(reason)
    return value


def _sum(left: dict[str, Any] | None, sign: int, right: dict[str, Any] | None) -> dict[str, str]:
    """Add or subtract numbers; a missing left one is 0, as ADD takes it."""
    first = Decimal(0) if left is None else Decimal(left["N"])
    second = Decimal(_present(right)["N"])
    total = _NUMBERS.add(first, second) if sign > 0 else _NUMBERS.subtract(first, second)
    return {"N": format(total, "f")}
