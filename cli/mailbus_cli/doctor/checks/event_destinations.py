"""Each configuration set publishes all of SES's events to the tracking topic."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from mailbus.ses_events import SES_EVENT_TYPES
from mailbus_cli.doctor import elsewhere
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, combined, ok, problem, unchecked, warning

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailbus_cli.doctor.facts import Facts

ALL: Final = tuple(known.destination_name for known in SES_EVENT_TYPES.values())


def judge(name: str, destinations: Sequence[Mapping[str, Any]], topic: str, stage: str) -> Verdict:
    """Judge the event destinations of a configuration set."""
    to_topic = [one for one in destinations if (one.get("SnsDestination") or {}).get("TopicArn") == topic]
    enabled = [one for one in to_topic if one.get("Enabled")]
    own = str(to_topic[0]["Name"]) if to_topic else f"mailbus-{stage}"
    record = _command(name, own, topic, create=not to_topic)
    if not to_topic:
        return problem(
            f"{name} has no event destination with the tracking topic: nothing of its mail is tracked",
            fix="create it",
            record=record,
        )
    if not enabled:
        return problem(
            f"the event destination {own} of {name} is disabled: nothing of its mail is tracked",
            fix="enable it",
            record=record,
        )
    published = [kind for one in enabled for kind in one.get("MatchingEventTypes", [])]
    if missing := [kind for kind in ALL if kind not in published]:
        return problem(
            f"the event destination {own} of {name} lacks {', '.join(missing)}", fix="add them", record=record
        )
    if len(published) > len({*published}):
        return warning(
            f"{name} has {len(enabled)} event destinations with the tracking topic: events come twice",
            fix="delete all but one",
        )
    return ok(name)


def _command(name: str, destination: str, topic: str, *, create: bool) -> str:
    definition = {"Enabled": True, "MatchingEventTypes": ALL, "SnsDestination": {"TopicArn": topic}}
    return (
        f"aws sesv2 {'create' if create else 'update'}-configuration-set-event-destination"
        f" --configuration-set-name {name} --event-destination-name {destination}"
        f" --event-destination '{json.dumps(definition, separators=(',', ':'))}'"
    )


def _run(facts: Facts) -> Verdict:
    if facts.ses_role or facts.ses_region != facts.deployment.region:
        return unchecked(
            "mail is sent through SES of another account or region, whose events come by the webhook"
        )
    topic = facts.output("TrackingTopicArn")
    if topic is None:
        return elsewhere.old_deployment("TrackingTopicArn")
    names = facts.configuration_sets
    verdicts = [
        judge(name, found, topic, facts.deployment.stage)
        for name in names
        if (found := _destinations(facts, name)) is not None
    ]
    if not verdicts:
        return unchecked("there is no configuration set")
    return combined(verdicts, fine=f"{', '.join(names)}: all {len(ALL)} types of events")


def _destinations(facts: Facts, name: str) -> list[Mapping[str, Any]] | None:
    try:
        answer = facts.read("sesv2", "get_configuration_set_event_destinations", ConfigurationSetName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NotFoundException":
            raise
        return None
    return [*answer.get("EventDestinations", [])]


CHECK: Final = Check(
    name="event-destinations",
    title="Event destinations",
    rights=("ses:GetConfigurationSetEventDestinations",),
    run=_run,
)
