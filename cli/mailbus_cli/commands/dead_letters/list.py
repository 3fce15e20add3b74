"""`mailbus dead-letters list`."""

from __future__ import annotations

from typing import Annotated

import typer

from mailbus_cli import options

Queue = Annotated[
    str | None, typer.Option(metavar="NAME", help="Only this queue: send, tracking, inbound or timeline.")
]
Error = Annotated[
    str | None,
    typer.Option(metavar="ERROR", help="Only this error: InvalidJob, or 'InvalidJob at $.to'."),
]


def list_(
    *,
    queue: Queue = None,
    error: Error = None,
    utc: Annotated[bool, typer.Option("--utc", help="Show times in UTC.")] = False,
    local: options.Local = False,
    stage: options.Stage = None,
    profile: options.Profile = None,
    region: options.Region = None,
    directory: options.Directory = None,
    json: options.Json = False,
) -> None:
    """List dead letters by their errors.

        mailbus dead-letters list --stage prod
        mailbus dead-letters list --stage prod --error InvalidJob --json

    Where the output is not a terminal, a line for each: queue, error, JSON path, time, id, job, recipients,
    reason. Letters that are being read are hidden from others for some seconds; a queue is read up to 5,000
    letters.
    """
    import sys  # noqa: PLC0415 - only now
    from datetime import UTC, datetime  # noqa: PLC0415 - as above

    from mailbus_cli import dead_letters_view, output  # noqa: PLC0415 - loads rich
    from mailbus_cli.dead_letters import selection  # noqa: PLC0415 - loads boto3
    from mailbus_cli.deployment import find  # noqa: PLC0415 - as above
    from mailbus_cli.times import Times  # noqa: PLC0415 - as above

    deployment = find(local=local, stage=stage, profile=profile, region=region, directory=directory)
    readings = selection.read_queues(deployment, queue)
    letters = [
        letter
        for reading in readings
        for letter in reading.letters
        if error is None or selection.has_error(letter, error)
    ]
    if json:
        output.print_json(
            {
                "queues": [
                    {
                        "queue": reading.queue,
                        "letters": len(reading.letters),
                        "not_read": reading.left,
                        "read_by_others": reading.hidden,
                    }
                    for reading in readings
                ],
                "letters": [dead_letters_view.as_json(letter) for letter in letters],
            }
        )
        return
    dead_letters_view.show_list(readings, letters, Times.of(utc=utc), datetime.now(UTC))
    for note in dead_letters_view.notes(readings):
        typer.echo(note, err=True)
    if not letters and sys.stdout.isatty():
        names = ", ".join(reading.queue for reading in readings)
        with_error = f" with the error {error}" if error else ""
        typer.echo(f"No dead letters{with_error} in {deployment.name} ({names}).")
