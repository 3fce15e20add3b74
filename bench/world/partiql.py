"""PartiQL's INSERT as Mailbus uses it: an item with a parameter for each attribute.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.insert.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from bench.world.expressions import InvalidExpression

if TYPE_CHECKING:
    from collections.abc import Mapping

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchExecuteStatement.html
STATEMENTS: Final = 25
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchStatementRequest.html
STATEMENT_CHARACTERS: Final = 8192

_INSERT: Final = re.compile(r'INSERT INTO "([\w.-]+)" VALUE \{(\'\w+\': \?(?:, \'\w+\': \?)*)\}')


def inserted(statement: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the table and the item of a statement."""
    text, parameters = statement["Statement"], statement["Parameters"]
    found = _INSERT.fullmatch(text)
    if found is None or len(text) > STATEMENT_CHARACTERS:
        reason = f"not a statement that is known here: {text}"
        raise InvalidExpression(reason)
    names = [each.split("'")[1] for each in found[2].split(", ")]
    if len(names) != len(parameters) or len(set(names)) != len(names):
        reason = f"other parameters than attributes: {text}"
        raise InvalidExpression(reason)
    return found[1], dict(zip(names, parameters, strict=True))
