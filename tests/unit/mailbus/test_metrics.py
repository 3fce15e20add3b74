from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mailbus.metrics import SENDING_PAUSED, WAITING_JOB_SECONDS, put_metric

if TYPE_CHECKING:
    from mailbus.metrics import Metric


FUNCTION = "mailbus-dev-sender"


@pytest.mark.parametrize(("name", "unit"), [(SENDING_PAUSED, "Count"), (WAITING_JOB_SECONDS, "Seconds")])
def test_what_the_alarms_watch_is_written_as_a_metric(
    name: Metric, unit: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # as deployed
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "sender")
    put_metric(FUNCTION, name, 3)
    written = json.loads(capsys.readouterr().out)
    assert written[name] == [3.0]
    assert written["service"] == FUNCTION
    (directive,) = written["_aws"]["CloudWatchMetrics"]
    assert directive == {
        "Namespace": "Mailbus",
        "Dimensions": [["service"]],
        "Metrics": [{"Name": name, "Unit": unit}],
    }
