from __future__ import annotations

import pytest

from bench.world.expressions import InvalidExpression
from bench.world.partiql import inserted

ITEM = {"pk": {"S": "job#1"}, "open": {"L": [{"N": "0"}]}}


def test_an_insert_has_a_parameter_for_each_attribute() -> None:
    text = "INSERT INTO \"mailbus-sim.ledger\" VALUE {'pk': ?, 'open': ?}"
    assert inserted({"Statement": text, "Parameters": list(ITEM.values())}) == ("mailbus-sim.ledger", ITEM)


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO ledger VALUE {'pk': ?, 'open': ?}",
        'INSERT INTO "ledger" VALUE {pk: ?, open: ?}',
        "INSERT INTO \"ledger\" VALUE {'pk': ?}",
        "INSERT INTO \"ledger\" VALUE {'pk': ?, 'pk': ?}",
        "INSERT INTO \"ledger\" VALUE {'pk': ?, 'open': ?} RETURNING ALL OLD *",
        f"INSERT INTO \"ledger\" VALUE {{'pk': ?, '{'o' * 8192}': ?}}",
        'DELETE FROM "ledger" WHERE "pk" = ? AND "sk" = ?',
    ],
)
def test_other_statements_are_refused(text: str) -> None:
    with pytest.raises(InvalidExpression):
        inserted({"Statement": text, "Parameters": list(ITEM.values())})
