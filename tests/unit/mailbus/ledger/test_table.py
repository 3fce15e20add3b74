from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from mailbus.errors import SendError
from mailbus.ledger.claims import Claim
from mailbus.ledger.table import TRIES
from tests.unit.fakes.dynamodb import refused
from tests.unit.mailbus.ledger.world import (
    MESSAGE,
    NOW,
    World,
    codes,
    job,
    settled,
)

NETWORK = [
    EndpointConnectionError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com"),
    ConnectTimeoutError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com"),
    ReadTimeoutError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com"),
    refused("InternalServerError"),
    refused("ThrottlingException"),
    refused("ProvisionedThroughputExceededException"),
    refused("AccessDeniedException"),
]


@pytest.mark.parametrize("error", NETWORK, ids=lambda error: type(error).__name__)
def test_a_ledger_that_does_not_answer_is_a_retryable_error(world: World, error: Exception) -> None:
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
    records = [job(1), job(2)]
    world.client.errors = [error] * 20
    in_doubt = job(3, open=(0,))
    assert codes(world.claims.claim([Claim(record=record) for record in records], now=NOW)) == [code, code]
    for call in (
        lambda: world.table.find([record.key for record in records]),
        lambda: world.acceptances.mark_accepted(job().key, 0, MESSAGE, NOW),
        lambda: world.cancel("order-1"),
        lambda: world.claims.release_lease(in_doubt),
    ):
        with pytest.raises(SendError, match=f"^{code}: the ledger does not answer$") as raised:
            call()
        assert raised.value.retryable
    assert world.claims.save([*map(settled, records), in_doubt]) == (job(1).key, job(2).key, in_doubt.key)
    assert world.client.items == {}
    # the client has tried each again already
    assert len(world.client.calls) == 7


def test_unprocessed_writes_are_retried(world: World) -> None:
    world.client.unprocessed = [7, 3]
    assert world.claims.save([settled(job(number)) for number in range(10)]) == ()
    assert world.operations() == [("BatchWriteItem", size) for size in (10, 7, 3)]
    assert len(world.client.items) == 10


def test_writes_that_stay_unprocessed_are_returned(world: World) -> None:
    world.client.unprocessed = [2] * 9
    assert world.claims.save([settled(job(number)) for number in range(5)]) == (job(3).key, job(4).key)
    assert len(world.client.calls) == TRIES


def test_unprocessed_keys_are_read_again(world: World) -> None:
    records = [world.claimed(job(number)) for number in range(10)]
    world.operations()
    world.client.unprocessed = [8, 6, 6, 6, 4, 0]
    found = world.table.find([record.key for record in records])
    assert found == {record.key: record for record in records}
    world.client.unprocessed = [10] * 9
    with pytest.raises(SendError, match="Busy"):
        world.table.find([record.key for record in records])


def test_calls_keep_within_dynamodbs_counts(world: World) -> None:
    jobs = [job(number) for number in range(130)]
    world.claims.claim([Claim(record=record) for record in jobs], now=NOW)
    assert world.operations() == [("BatchExecuteStatement", size) for size in (25, 25, 25, 25, 25, 5)]
    world.claims.save([settled(record) for record in jobs])
    assert world.operations() == [("BatchWriteItem", size) for size in (25, 25, 25, 25, 25, 5)]
    world.table.find([record.key for record in jobs])
    assert world.operations() == [("BatchGetItem", 100), ("BatchGetItem", 30)]
    assert world.claims.claim([], now=NOW) == []
    assert world.claims.save([]) == ()
    assert world.table.find([]) == {}
    assert world.operations() == []
