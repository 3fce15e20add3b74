"""`mailbus cancel`."""

from __future__ import annotations

from typing import Annotated

import typer

from mailbus_cli import options


def cancel(
    jobs: Annotated[list[str], typer.Argument(metavar="JOB", help="The ids of jobs.")],
    *,
    local: options.Local = False,
    stage: options.Stage = None,
    profile: options.Profile = None,
    region: options.Region = None,
    directory: options.Directory = None,
    json: options.Json = False,
) -> int:
    """Cancel jobs that are not sent yet.

        mailbus cancel --local order-1017 order-1018

    A scheduled job can be cancelled until it is due, and one that waits on the queue until a worker takes it;
    one that never arrived is remembered, and refused when it comes. A line for each job says `cancelled`,
    `already_cancelled`, or `too_late`: then its mail is sent, and the exit code is 1. What goes to several
    recipients is one job.
    """
    from mailbus.client import Client  # noqa: PLC0415 - only now
    from mailbus.errors import SendError  # noqa: PLC0415 - as above
    from mailbus.jobs.job_id import INVALID_JOB_ID, is_job_id  # noqa: PLC0415 - as above
    from mailbus_cli import output  # noqa: PLC0415 - as above
    from mailbus_cli.deployment import find  # noqa: PLC0415 - as above
    from mailbus_cli.errors import UsageError  # noqa: PLC0415 - as above

    for job in jobs:
        if not is_job_id(job):
            reason = f"{job!r} is no id of a job: it {INVALID_JOB_ID}"
            raise UsageError(reason, hint="`mailbus status ADDRESS` shows the ids of jobs")
    deployment = find(local=local, stage=stage, profile=profile, region=region, directory=directory)
    client = Client(
        deployment.output("SendQueueUrl"),
        sqs=deployment.client("sqs"),
        dynamodb=deployment.client("dynamodb"),
    )
    outcomes: dict[str, str] = {}
    for job in dict.fromkeys(jobs):
        try:
            outcomes[job] = client.cancel(job)
        except SendError as error:
            outcomes[job] = "not_known"
            typer.echo(f"{job}: {error}", err=True)
    if json:
        output.print_json(outcomes)
    else:
        output.print_table(("job", "outcome"), outcomes.items())
    return int(any(outcome in {"too_late", "not_known"} for outcome in outcomes.values()))
