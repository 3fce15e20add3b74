"""`mailbus send`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mailbus.stages import TRANSACTIONAL, Lane
from mailbus_cli import options
from mailbus_cli.errors import UsageError

_Texts = list[str] | None
_MAIL = "The mail"
_FILES = "Many mails"


def send(
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE",
            help="A job in JSON, or one on each line; - is the input. Options set fields.",
        ),
    ] = None,
    *,
    from_: Annotated[str | None, typer.Option("--from", metavar="ADDRESS", help="The From address.")] = None,
    to: Annotated[_Texts, typer.Option(metavar="ADDRESS", help="A recipient; may be repeated.")] = None,
    cc: Annotated[_Texts, typer.Option(metavar="ADDRESS", help="Of a copy; may be repeated.")] = None,
    bcc: Annotated[_Texts, typer.Option(metavar="ADDRESS", help="Of a blind copy; may be repeated.")] = None,
    reply_to: Annotated[_Texts, typer.Option(metavar="ADDRESS", help="Where replies go.")] = None,
    subject: Annotated[str | None, typer.Option(metavar="TEXT", help="The subject.")] = None,
    text: Annotated[str | None, typer.Option(metavar="TEXT", help="The plain text.")] = None,
    text_file: Annotated[Path | None, typer.Option(metavar="PATH", help="A file with the text.")] = None,
    html: Annotated[str | None, typer.Option(metavar="HTML", help="The HTML body.")] = None,
    html_file: Annotated[Path | None, typer.Option(metavar="PATH", help="A file with the HTML body.")] = None,
    attach: Annotated[
        list[Path] | None, typer.Option(metavar="PATH", help="A file to attach; may be repeated.")
    ] = None,
    header: Annotated[
        _Texts, typer.Option(metavar="'NAME: VALUE'", help="A header; may be repeated.")
    ] = None,
    tag: Annotated[_Texts, typer.Option(metavar="TAG", help="Every event has it; may be repeated.")] = None,
    metadata: Annotated[
        _Texts, typer.Option(metavar="NAME=VALUE", help="Every event has it; may be repeated.")
    ] = None,
    template: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="A template stored in SES; with --csv also a job's .json file.",
        ),
    ] = None,
    data: Annotated[
        _Texts, typer.Option(metavar="NAME=VALUE", help="A value for the template; may be repeated.")
    ] = None,
    send_at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Not before: 2026-12-01T08:00:00+01:00, or epoch seconds."),
    ] = None,
    job_id: Annotated[
        str | None, typer.Option(metavar="ID", help="The job's id: jobs with the same id are sent once.")
    ] = None,
    csv: Annotated[
        str | None, typer.Option(metavar="PATH", help="A mail for each row, by --template; - is the input.")
    ] = None,
    campaign: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What job ids begin with.  [default: the name of the file]"),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="With --csv: what job ids end with.  [default: the address]"),
    ] = None,
    skip_invalid: Annotated[
        bool, typer.Option("--skip-invalid", help="Leave invalid jobs of a file out.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, and enqueue nothing.")
    ] = False,
    lane: Annotated[Lane, typer.Option(help="Mail that somebody waits for, or bulk mail.")] = TRANSACTIONAL,
    local: options.Local = False,
    stage: options.Stage = None,
    profile: options.Profile = None,
    region: options.Region = None,
    directory: options.Directory = None,
    json: options.Json = False,
) -> int:
    """Send a mail, or one for each row of a file.

        mailbus send --local --from shop@example.com --to ann@example.org --subject Hello --text "Hello Ann"

    The mail is a send job, which is checked here and enqueued; `mailbus status` shows what becomes of it. A
    job file has the fields of the job (`mailbus schema job`), and --dry-run --json writes one:

        mailbus send --from shop@example.com --to ann@example.org --text Hi --dry-run --json > job.json
        mailbus send --local job.json --job-id hello-1

    A job with the same id is sent once; one without an id is another mail each time. Fields that the stage's
    `send_defaults` would fill in have to be given here.

    With --csv there is a job for each row. The column `to` or `email` has the address; {{name}} in the
    template is the row's column `name`, in HTML escaped. A template of SES gets all columns as its data.

        mailbus send --local --csv readers.csv --template november.json --lane bulk

    All rows are checked before anything is enqueued. Job ids are made of the campaign and the row's key, so
    the same command after Ctrl-C or a failure enqueues what is missing, and nobody gets a mail twice. Another
    mailing to the same file needs another --campaign.
    """
    from mailbus_cli.sending import job_files, job_options  # noqa: PLC0415 - only now
    from mailbus_cli.sending.command import Request, run  # noqa: PLC0415 - as above

    if (text is not None and text_file) or (html is not None and html_file):
        reason = "a body is given twice, as text and as a file"
        raise UsageError(reason, hint="use one of --text and --text-file, and one of --html and --html-file")
    stored = template if csv is None or not template or not template.endswith(".json") else None
    fields: dict[str, Any] = job_options.fields(
        job_id=job_id,
        from_email=from_,
        to=to,
        cc=cc,
        bcc=bcc,
        reply_to=reply_to,
        subject=subject,
        text=text if text_file is None else job_files.read_text(text_file),
        html=html if html_file is None else job_files.read_text(html_file),
        attachments=[job_options.attachment(path) for path in attach or ()],
        headers=job_options.pairs(header or (), "--header", ":"),
        tags=tag,
        metadata=job_options.pairs(metadata or (), "--metadata"),
        template_id=stored,
        merge_global_data=job_options.pairs(data or (), "--data"),
        send_at=None if send_at is None else job_options.moment(send_at),
    )
    request = Request(
        fields=fields,
        file=file,
        csv=csv,
        template=None if stored else template,
        campaign=campaign,
        key=key,
        lane=lane,
        skip_invalid=skip_invalid,
        dry_run=dry_run,
        json=json,
    )

    def deployment() -> Any:  # noqa: ANN401 - found only if something is enqueued
        from mailbus_cli.deployment import find  # noqa: PLC0415 - as above

        return find(local=local, stage=stage, profile=profile, region=region, directory=directory)

    return run(request, deployment)
