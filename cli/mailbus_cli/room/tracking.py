"""Whether SES counts opens and clicks of a mail, and why not.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_TrackingConfigurationOverrides.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

What = Literal["open", "click"]

_OVERRIDES: Final = {"open": "OpenTrackingEnabled", "click": "ClickTrackingEnabled"}
_FIELDS: Final = {"open": "track_opens", "click": "track_clicks"}


class Tracked(msgspec.Struct, frozen=True, kw_only=True):
    """Whether opens or clicks of a mail are counted; `reason` says why not."""

    is_on: bool
    reason: str | None = None


def tracked(
    what: What,
    *,
    overrides: Mapping[str, Any],
    configuration_set: str | None,
    destinations: Sequence[Mapping[str, Any]],
) -> Tracked:
    """Return whether SES counts opens or clicks of a mail.

    `overrides` are those of the message, `destinations` the event destinations of its configuration set, both
    as SES's API has them.
    """
    override = (overrides.get("Tracking") or {}).get(_OVERRIDES[what])
    if override == "DISABLED":
        return Tracked(
            is_on=False, reason=f"The job has `{_FIELDS[what]}` false, so SES counts no {what}s of it."
        )
    if configuration_set is None:
        return Tracked(
            is_on=False, reason=f"It was sent without a configuration set, so SES reports no {what}s of it."
        )
    reports = any(
        destination.get("Enabled") and what.upper() in destination.get("MatchingEventTypes", ())
        for destination in destinations
    )
    if not reports:
        return Tracked(
            is_on=False,
            reason=f"The configuration set {configuration_set} has no event destination for {what}s.",
        )
    return Tracked(is_on=True)
