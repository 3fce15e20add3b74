"""Events of the send lanes: one was paused, or resumed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from mailbus.events.vocabulary import SCHEMA_VERSION, LaneEventType, event_id
from mailbus.stages import Lane

By = Literal["guard", "operator"]


class LaneEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A lane was paused or resumed; while it is paused its jobs wait."""

    event_type: Annotated[LaneEventType, Meta(description="What happened.")]
    event_id: Annotated[
        str,
        Meta(description="The same whenever the same occurrence is reported again: deduplicate by it."),
    ]
    timestamp: Annotated[datetime, Meta(description="When it happened, in UTC.")]
    schema_version: Annotated[
        int, Meta(description="Increases when a field changes or is removed, not when fields are added.")
    ] = SCHEMA_VERSION
    lane: Annotated[Lane, Meta(description="The lane.")]
    by: Annotated[
        By,
        Meta(description="Who did it: the guard, or somebody with `mailbus pause` and `mailbus resume`."),
    ]
    reason: Annotated[str | None, Meta(description="Why, in words.")] = None
    metric: Annotated[
        str | None, Meta(description="SES's metric in CloudWatch for which the guard paused the lane.")
    ] = None
    threshold: Annotated[
        float | None, Meta(description="The value that the metric has reached, such as 0.075 for 7.5 %.")
    ] = None
    paused_at: Annotated[
        datetime | None, Meta(description="Of a resumed lane, since when it was paused.")
    ] = None


def lane_event(  # noqa: PLR0913 - keyword-only fields
    event_type: LaneEventType,
    lane: Lane,
    *,
    at: datetime,
    by: By,
    reason: str | None = None,
    metric: str | None = None,
    threshold: float | None = None,
    paused_at: datetime | None = None,
) -> LaneEvent:
    """Return the event, with its id."""
    return LaneEvent(
        event_type=event_type,
        event_id=event_id(event_type, lane, at.isoformat(), by),
        timestamp=at,
        lane=lane,
        by=by,
        reason=reason,
        metric=metric,
        threshold=threshold,
        paused_at=paused_at,
    )
