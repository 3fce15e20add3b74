"""Mails whose answers from SES were lost, while the tracking function that could settle them is killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.system import eventually

if TYPE_CHECKING:
    from tests.e2e.system import System

JOBS = 40
KILLING_SECONDS = 5.0


def test_a_killed_tracker_causes_no_second_mail(system: System) -> None:
    """With the deployment's own timeouts and defaults: nothing is shortened here."""
    fault = {"operation": "SendEmail", "count": JOBS, "error": "ConnectionReset", "after_accept": True}
    system.add_faults(fault)
    jobs = [system.job() for _ in range(JOBS)]
    job_ids = {job["job_id"] for job in jobs}

    system.enqueue_together([json.dumps(job) for job in jobs])
    held = _kill_trackers_until_they_hold_reports(system, job_ids)
    for job in jobs:
        system.wait(1, job_id=job["job_id"], event_type="queued")
    system.wait_until_empty("SendQueueUrl")
    system.wait_until_empty("TrackingQueueUrl")

    copies = [len(system.sent_for(job_id)) for job_id in job_ids]
    assert held
    assert copies == [1] * JOBS


def _kill_trackers_until_they_hold_reports(system: System, job_ids: set[str]) -> int:
    """Kill each worker of the tracking function for some seconds; return how many reports it held then."""
    marker = f"AWS_LAMBDA_FUNCTION_NAME={system.function_name('Tracker')}".encode()
    killing_ends: float | None = None

    def killed_long_enough() -> bool:
        nonlocal killing_ends
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if marker in (process / "environ").read_bytes().split(b"\0"):
                    os.kill(int(process.name), signal.SIGKILL)
        accepted = {message["tags"].get("mailbus-job-id") for message in system.accepted()}
        if killing_ends is None and job_ids <= accepted:
            killing_ends = time.monotonic() + KILLING_SECONDS
        return killing_ends is not None and time.monotonic() > killing_ends

    eventually(killed_long_enough, f"{JOBS} mails accepted while trackers are killed")
    return system.message_count(system.outputs["TrackingQueueUrl"], "NotVisible")
