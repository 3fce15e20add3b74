"""Writes what a stage deploys that is paid for by the month: `python -m tests.infra.paid_resources`."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

import mailbus_cli.costing
from mailbus.metrics import NAMESPACE
from mailbus_cdk.mailbus import deployment
from mailbus_cdk.settings import Settings
from mailbus_cdk.settings.receiving import Inbound
from mailbus_cdk.settings.tables import Timeline, Webhook
from mailbus_cli.costing.counted import DEPLOYED, Deployed, Resources, written
from tests.infra.templates import Templates, new_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.infra.templates import Resource

FILE: Final = Path(mailbus_cli.costing.__file__).parent / DEPLOYED
LEAST: Final = Settings(stage="prod", region="us-east-1", identity="example.com")
#: The settings that add resources.
ADDED: Final[dict[str, dict[str, Any]]] = {
    "timeline": {"timeline": Timeline(days=30)},
    "inbound": {"inbound": Inbound(domains=("inbound.example.com",))},
    "webhook": {"webhook": Webhook(topic_arns=("arn:aws:sns:eu-west-1:444455556666:mail-events",))},
}
# of a metric of Mailbus's own in the JSON of a dashboard, which is JSON in the template
_SHOWN: Final = re.compile(rf'\\"{NAMESPACE}\\",\\"(\w+)\\"')


def deployed(synthesize: Callable[[Settings], Templates]) -> Deployed:
    """Return what every stage deploys, and what each of the settings adds."""
    every = _resources(synthesize(LEAST))
    added = {
        name: _resources(synthesize(msgspec.structs.replace(LEAST, **values)))
        for name, values in ADDED.items()
    }
    return Deployed(every=every, **{name: _less(found, every) for name, found in added.items()})


def _resources(stage: Templates) -> Resources:
    def of_type(kind: str) -> list[Resource]:
        return [resource for resource in stage.resources if resource.type == kind]

    alarms = of_type("AWS::CloudWatch::Alarm")
    metrics = [metric for alarm in alarms for metric in _metrics(alarm)]
    dashboards = of_type("AWS::CloudWatch::Dashboard")
    shown = {name for each in dashboards for name in _SHOWN.findall(json.dumps(each.properties))}
    own = {str(metric["MetricName"]) for metric in metrics if metric["Namespace"] == NAMESPACE}
    return Resources(
        alarm_metrics=len(metrics),
        custom_metrics=len(own | shown),
        dashboards=len(dashboards),
        keys=len(of_type("AWS::KMS::Key")),
        secrets=len(of_type("AWS::SecretsManager::Secret")),
        pollers=len(of_type("AWS::Lambda::EventSourceMapping")),
    )


def _metrics(alarm: Resource) -> list[dict[str, Any]]:
    """Return the metrics that an alarm watches: one, or those of its expression."""
    if "MetricName" in alarm.properties:
        return [alarm.properties]
    return [each["MetricStat"]["Metric"] for each in alarm.properties["Metrics"] if "MetricStat" in each]


def _less(found: Resources, every: Resources) -> Resources:
    names = Resources.__struct_fields__
    return Resources(**{name: getattr(found, name) - getattr(every, name) for name in names})


def write() -> None:
    """Write the file."""

    def synthesize(settings: Settings) -> Templates:
        with tempfile.TemporaryDirectory() as directory:
            app = new_app(Path(directory))
            deployment(app, settings=settings)
            return Templates(app, settings)

    FILE.write_bytes(written(deployed(synthesize)))


if __name__ == "__main__":
    write()
