"""The edge to the rate's item in the ledger's table, which all workers update.

Times are stored as whole microseconds since the epoch: DynamoDB's numbers are decimal, not floating point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.aws import sessions
from mailbus.errors import SendError
from mailbus.ledger.lanes import RATE_KEY, paused_lanes, paused_mark
from sender.rate.slots import CATCH_UP, LANES, NO_QUOTA, RateState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_dynamodb.client import DynamoDBClient

    from mailbus.stages import Lane
    from sender.rate.slots import Limits, Stretch

MICROSECONDS: Final = 1_000_000


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """An update was made, and the state is this one now."""

    state: RateState


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """An update was not made, since the state is this one."""

    state: RateState


Answer = Written | Refused


class RateTable:
    """Reads and updates the rate's item; a retryable `SendError` if DynamoDB does not answer.

    The bulk lane may use `bulk_share` of the rate. An update that was made although its answer was lost is
    made again by the client: what it took first stays unused.
    """

    def __init__(self, client: DynamoDBClient, table_name: str, *, bulk_share: float = 1.0) -> None:
        self._client = client
        self._table = table_name
        self._bulk_share = bulk_share

    def read(self) -> RateState:
        """Return the state; the empty one if there is none."""
        try:
            answer = self._client.get_item(TableName=self._table, Key=RATE_KEY, ConsistentRead=True)
        except (ClientError, BotoCoreError) as error:
            raise _unreachable(error) from error
        return _state(answer.get("Item", {}))

    def take(self, stretch: Stretch, lane: Lane, known: RateState, *, now: float) -> Answer:
        """Take a stretch at the end of what is taken, or from `now` on if the account is idle.

        Nobody else's stretch makes it fail, unless the rate is taken too far ahead for the lane, the quota is
        too small, the lane is paused, or the account is idle where `known` is not, or the reverse.
        """
        sets, adds, conditions = [], ["quota_left :minus", "taken :recipients"], ["quota_left >= :recipients"]
        conditions.append(f"attribute_not_exists({paused_mark(lane)})")
        values = {":minus": _number(-stretch.recipients), ":recipients": _number(stretch.recipients)}
        clocks = [("taken_until", known.taken_until, stretch.seconds, LANES[lane].ahead)]
        if lane == "bulk" and self._bulk_share < 1:
            clocks.append(
                ("bulk_taken_until", known.bulk_taken_until, stretch.seconds / self._bulk_share, 0.0)
            )
        for name, until, seconds, ahead in clocks:
            values[f":{name}_floor"] = _moment(now - CATCH_UP)
            if until >= now - CATCH_UP:
                adds.append(f"{name} :{name}_more")
                conditions += [f"{name} >= :{name}_floor", f"{name} < :{name}_latest"]
                values |= {f":{name}_more": _moment(seconds), f":{name}_latest": _moment(now + ahead)}
            else:
                sets.append(f"{name} = :{name}_new")
                conditions.append(f"{name} < :{name}_floor")
                values[f":{name}_new"] = _moment(now + seconds)
        expression = f"ADD {', '.join(adds)}"
        if sets:
            expression = f"SET {', '.join(sets)} {expression}"
        return self._update(expression, " AND ".join(conditions), values)

    def ask(self, *, now: float, after_seconds: float) -> Answer:
        """Become the worker that asks SES for the limits, if nobody asked within the last so many seconds."""
        return self._update(
            "SET asked_at = :now, read_at = if_not_exists(read_at, :none), "
            "taken_until = if_not_exists(taken_until, :none), "
            "bulk_taken_until = if_not_exists(bulk_taken_until, :none), "
            "taken = if_not_exists(taken, :none), quota_left = if_not_exists(quota_left, :no_quota)",
            "attribute_not_exists(asked_at) OR asked_at <= :before",
            {
                ":now": _moment(now),
                ":before": _moment(now - after_seconds),
                ":none": _number(0),
                ":no_quota": _number(NO_QUOTA),
            },
        )

    def set_limits(self, limits: Limits, asked: RateState, *, uncounted: int, read_at: float) -> Answer:
        """Write the limits that SES reported at `read_at` to the worker that had `asked`.

        What was taken since is subtracted from the quota, and so is what was taken before but is `uncounted`
        by SES.
        """
        left = NO_QUOTA if limits.quota_left is None else limits.quota_left - uncounted
        return self._update(
            "SET max_send_rate = :rate, quota_left = :allowed - taken, read_at = :at",
            "read_at < :at",
            {
                ":rate": {"N": repr(limits.max_send_rate)},
                ":allowed": _number(asked.taken + left),
                ":at": _moment(read_at),
            },
        )

    def _update(self, expression: str, condition: str, values: Mapping[str, Any]) -> Answer:
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=RATE_KEY,
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            # the types do not know that this error's response also has the item
            response: Mapping[str, Any] = {**error.response}
            return Refused(state=_state(response.get("Item", {})))
        except (ClientError, BotoCoreError) as error:
            raise _unreachable(error) from error
        return Written(state=_state(answer["Attributes"]))


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}


def _moment(seconds: float) -> dict[str, str]:
    return _number(round(seconds * MICROSECONDS))


def _state(attributes: Mapping[str, Any]) -> RateState:
    def number(name: str, default: str = "0") -> str:
        return str(attributes[name]["N"]) if name in attributes else default

    return RateState(
        max_send_rate=float(number("max_send_rate")) or None,
        quota_left=int(number("quota_left", str(NO_QUOTA))),
        read_at=int(number("read_at")) / MICROSECONDS,
        asked_at=int(number("asked_at")) / MICROSECONDS,
        taken_until=int(number("taken_until")) / MICROSECONDS,
        bulk_taken_until=int(number("bulk_taken_until")) / MICROSECONDS,
        taken=int(number("taken")),
        paused=paused_lanes(attributes),
    )


def _unreachable(error: ClientError | BotoCoreError) -> SendError:
    return SendError(sessions.error_code(error), "the ledger did not answer", retryable=True)
