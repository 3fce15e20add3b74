"""Which lanes are paused: attributes of the item of the sending rate, which each reservation updates.

So a pause costs no call while there is none, and no worker takes any of the rate for a lane once its pause is
written. The attributes of a lane are its last event as JSON, which is published again unchanged whenever its
publication may have failed, and while the lane is paused a mark. DynamoDB counts an update by the kilobyte,
and this item is updated for each stretch of the rate: that is why the reason is short.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus.events.lanes import LaneEvent, lane_event
from mailbus.ledger.table import busy
from mailbus.stages import LANES, Lane

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_dynamodb.client import DynamoDBClient

    from mailbus.events.lanes import By

#: The key of the item of the sending rate.
RATE_KEY: Final = {"pk": {"S": "rate"}, "sk": {"S": "slots"}}
#: The longest reason, in bytes of UTF-8.
REASON_BYTES: Final = 140
# Others may write between a read and a write.
TRIES: Final = 4
MICROSECONDS: Final = 1_000_000
_DECODER: Final = msgspec.json.Decoder(LaneEvent)
_NOTHING: Final[Mapping[str, Any]] = {}


def paused_mark(lane: Lane) -> str:
    """Return the name of the attribute that the item has while a lane is paused."""
    return f"{lane}_paused"


def short_reason(text: str) -> str:
    """Return a reason, cut to the bytes that are stored."""
    return text.encode()[:REASON_BYTES].decode(errors="ignore")


def paused_lanes(item: Mapping[str, Any]) -> frozenset[Lane]:
    """Return the lanes that are paused by the item."""
    return frozenset(lane for lane in LANES if paused_mark(lane) in item)


def paused_events(item: Mapping[str, Any]) -> tuple[LaneEvent, ...]:
    """Return the event of each lane that is paused by the item."""
    events = (_event(item, lane) for lane in LANES if paused_mark(lane) in item)
    return tuple(event for event in events if event is not None)


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What a call did: whether it changed the lane, and the lane's last event, if there is any."""

    changed: bool
    event: LaneEvent | None


class Lanes:
    """Pauses and resumes lanes in a ledger's table. Methods raise botocore's errors."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        self._client = client
        self._table = table_name

    def paused(self) -> tuple[LaneEvent, ...]:
        """Return the event of each lane that is paused."""
        return paused_events(self._read())

    def pause(self, event: LaneEvent, *, unless_resumed_since: datetime | None = None) -> Change:
        """Pause a lane, unless it is paused already.

        With a time, neither if it was resumed since then: what asks for the pause is older.
        """
        lane = event.lane
        condition = "attribute_not_exists(#mark)"
        values: dict[str, Any] = {":event": _text(event), ":at": _moment(event.timestamp)}
        names = {"#mark": paused_mark(lane), "#event": _event_name(lane)}
        if unless_resumed_since is not None:
            condition += " AND (attribute_not_exists(#resumed) OR #resumed < :since)"
            values[":since"] = _moment(unless_resumed_since)
            names["#resumed"] = _resumed_name(lane)
        found = self._update("SET #mark = :at, #event = :event", condition, names, values)
        if found is None:
            return Change(changed=True, event=event)
        return Change(changed=False, event=_event(found, lane))

    def resume(self, lane: Lane, *, at: datetime, by: By, reason: str | None) -> Change:
        """Resume a lane, if it is paused."""
        for _ in range(TRIES):
            item = self._read()
            if paused_mark(lane) not in item:
                return Change(changed=False, event=_event(item, lane))
            mark = item[paused_mark(lane)]
            event = lane_event(
                "lane_resumed",
                lane,
                at=at,
                by=by,
                reason=reason,
                paused_at=_time(mark),
            )
            refused = self._update(
                "SET #event = :event, #resumed = :at REMOVE #mark",
                "#mark = :mark",
                {"#mark": paused_mark(lane), "#event": _event_name(lane), "#resumed": _resumed_name(lane)},
                {":event": _text(event), ":at": _moment(at), ":mark": mark},
            )
            if refused is None:
                return Change(changed=True, event=event)
        raise busy()

    def _read(self) -> Mapping[str, Any]:
        answer = self._client.get_item(TableName=self._table, Key=RATE_KEY, ConsistentRead=True)
        return answer.get("Item", _NOTHING)

    def _update(
        self, expression: str, condition: str, names: dict[str, str], values: dict[str, Any]
    ) -> Mapping[str, Any] | None:
        """Update the item; return it if the condition does not hold."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=RATE_KEY,
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            # the types do not know that this error's response also has the item
            response: Mapping[str, Any] = {**error.response}
            found: Mapping[str, Any] = response.get("Item", _NOTHING)
            return found
        return None


def _event(item: Mapping[str, Any], lane: Lane) -> LaneEvent | None:
    stored = item.get(_event_name(lane))
    return _DECODER.decode(stored["S"]) if stored else None


def _text(event: LaneEvent) -> dict[str, str]:
    fields = {name: value for name, value in msgspec.structs.asdict(event).items() if value is not None}
    return {"S": msgspec.json.encode(fields).decode()}


def _event_name(lane: Lane) -> str:
    return f"{lane}_event"


def _resumed_name(lane: Lane) -> str:
    return f"{lane}_resumed"


def _moment(at: datetime) -> dict[str, str]:
    """Return a time as the item has times: microseconds since the epoch."""
    return {"N": str(round(at.timestamp() * MICROSECONDS))}


def _time(moment: Mapping[str, str]) -> datetime:
    return datetime.fromtimestamp(int(moment["N"]) / MICROSECONDS, UTC)
