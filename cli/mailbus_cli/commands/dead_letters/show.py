"""`mailbus dead-letters show`."""

from __future__ import annotations

from typing import Annotated

import typer

from mailbus_cli import options


def show(
    what: Annotated[
        str, typer.Argument(metavar="LETTER", help="The id of a job or letter; a beginning is enough.")
    ],
    *,
    body: Annotated[
        bool, typer.Option("--body", help="Show the whole message, which is content of a mail.")
    ] = False,
    utc: Annotated[bool, typer.Option("--utc", help="Show times in UTC.")] = False,
    local: options.Local = False,
    stage: options.Stage = None,
    profile: options.Profile = None,
    region: options.Region = None,
    directory: options.Directory = None,
    json: options.Json = False,
) -> None:
    """Say why a letter is dead, what to do, and what a redrive does.

        mailbus dead-letters show --stage prod ticket-3317

    Of an invalid job the line with the error is shown, checked as it is now by the sender's own rules; with
    `--body` the whole job. Of a job in S3 it is the job there.
    """
    import time  # noqa: PLC0415 - only now

    from mailbus_cli import dead_letters_view, output  # noqa: PLC0415 - loads rich
    from mailbus_cli.dead_letters import documents, selection  # noqa: PLC0415 - loads boto3
    from mailbus_cli.dead_letters.checking import check  # noqa: PLC0415 - as above
    from mailbus_cli.dead_letters.consequences import consequences, words  # noqa: PLC0415 - as above
    from mailbus_cli.dead_letters.ledger import state_of  # noqa: PLC0415 - as above
    from mailbus_cli.deployment import find  # noqa: PLC0415 - as above
    from mailbus_cli.times import Times  # noqa: PLC0415 - as above

    deployment = find(local=local, stage=stage, profile=profile, region=region, directory=directory)
    readings = selection.read_queues(deployment)
    found = selection.find([letter for reading in readings for letter in reading.letters], what)
    defaults = documents.defaults(deployment) if any(letter.lane for letter in found) else None
    shown = []
    for letter in found:
        document = documents.load(deployment, letter)
        problems = (
            check(document.text, job_id=letter.original_id, defaults=defaults, now=time.time())
            if letter.lane
            else ()
        )
        done, said = consequences(letter, state_of(deployment, letter)), words(letter)
        if json:
            shown.append(
                {
                    **dead_letters_view.as_json(letter),
                    "problems": problems,
                    "advice": f"{said.sentence} {said.advice}",
                    "runbook": said.section,
                    "redriven_as_it_is": done.as_it_is,
                    "redriven": done.text,
                    "changed": done.changed,
                    **({"body": document.text} if body else {}),
                }
            )
            continue
        if letter is not found[0]:
            typer.echo()
        dead_letters_view.show_letter(
            letter,
            text=document.text,
            problems=problems,
            words=said,
            done=done,
            times=Times.of(utc=utc),
            body=body,
            problem=document.problem,
        )
    if json:
        output.print_json(shown)
