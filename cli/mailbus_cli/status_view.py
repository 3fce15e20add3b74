"""Shows the answer of `mailbus status`: on a terminal for people, elsewhere as lines with tabs."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mailbus_cli.output import console
from mailbus_cli.printable import printable
from mailbus_cli.status_words import STATUS_WORDS, AnyStatus, Glyph, Tone, label_of
from mailbus_cli.times import Times, elapsed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rich.console import Console, RenderableType

    from mailbus_cli.deployment import Deployment
    from mailbus_cli.job_states import JobState
    from mailbus_cli.status_report import EventLine, MailLine, Report

#: The colours of a terminal's own palette, which suits its background.
STYLES: Final[Mapping[Tone, str]] = {
    "grey": "dim",
    "blue": "blue",
    "amber": "yellow",
    "green": "green",
    "violet": "magenta",
    "red": "bold red",
    "magenta": "bold magenta",
}
MARKS: Final[Mapping[Glyph, str]] = {
    "dots": "·",
    "clock": "…",
    "ring": "○",
    "plane": "→",
    "pause": "‖",
    "question": "?",
    "tick": "✓",
    "eye": "◉",
    "hand": "»",
    "return": "↩",
    "cross": "✗",
    "flag": "⚑",
}
# a terminal so narrow has no column for the job, a wider one also one for the reason
NARROW: Final = 70
WIDE: Final = 110
NOTHING: Final = "-"
# of a server's words in a list
REASON_CHARACTERS: Final = 60
_LISTED: Final[Mapping[str, str]] = {"address": "to", "domain": "to", "tag": "with"}


def show(report: Report, deployment: Deployment, times: Times) -> None:
    """Print the answer."""
    if not sys.stdout.isatty():
        for line in plain_lines(report, times):
            sys.stdout.write("\t".join(line) + "\n")
        return
    out = console()
    if report.mails and report.events is not None:
        _show_mail(out, report, report.mails[0], times)
    elif report.mails:
        _show_mails(out, report, deployment, times)
    if report.job is not None and not report.mails:
        _show_job(out, report.job, deployment, times)
    if report.suppression is not None:
        listed = report.suppression
        since = f" since {times.whole(listed.since)}" if listed.since else ""
        out.print()
        out.print(
            Text(f"SES's suppression list holds {listed.address}{since}: {listed.reason}. ", style="yellow")
            + Text("SES tries no mail to it; if the address is right, take it off the list:", style="")
        )
        out.print(Text(f"  {listed.command}"), soft_wrap=True)


def plain_lines(report: Report, times: Times) -> Iterable[tuple[str, ...]]:
    """Return a line for each mail; of one mail alone then its events, each after an empty cell."""
    for mail in report.mails:
        yield (
            mail.label,
            _shown(mail.recipient),
            mail.job_id or NOTHING,
            times.whole(mail.last),
            mail.server or NOTHING,
            _advised(mail),
        )
    for event in report.events or ():
        yield ("", times.whole(event.at), event.event_type, event.server or NOTHING, _advised(event))
    if report.job is not None and not report.mails:
        job = report.job
        when = job.due if job.status == "scheduled" else job.accepted_at
        yield (
            label_of(job.status),
            NOTHING,
            job.job_id,
            times.whole(_instant(when)) if when else NOTHING,
            ", ".join(job.errors) or NOTHING,
            STATUS_WORDS[job.status].sentence,
        )


def status_text(status: AnyStatus, label: str, tone: Tone | None = None) -> Text:
    """Return a status with its glyph and colour."""
    of = STATUS_WORDS[status]
    return Text(f"{MARKS[of.glyph]} {label}", style=STYLES[tone or of.tone])


def _show_mails(out: Console, report: Report, deployment: Deployment, times: Times) -> None:
    if report.total > 1:
        what = _LISTED.get(report.query.kind)
        out.print(Text(f"{report.total:,} mails {what} {report.query}" if what else report.outcome))
        out.print()
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("status", no_wrap=True)
    table.add_column("to", overflow="fold", min_width=12)
    if out.width >= NARROW:
        table.add_column("job", overflow="fold")
    table.add_column("last", no_wrap=True)
    if out.width >= WIDE:
        table.add_column("reason", overflow="fold")
    for mail in report.mails:
        cells: list[RenderableType] = [
            status_text(mail.status, mail.label, mail.tone),
            Text(_shown(mail.recipient)),
        ]
        if out.width >= NARROW:
            cells.append(Text(mail.job_id or NOTHING))
        cells.append(Text(times.whole(mail.last), style="dim"))
        if out.width >= WIDE:
            cells.append(Text(_reason(mail)))
        table.add_row(*cells)
    out.print(table)
    hidden = report.total - len(report.mails)
    if hidden or report.more:
        more = f"{hidden:,} more: " if hidden else "There may be more: "
        out.print(Text(f"{more}`--limit {report.total}`", style="dim"))
    if report.total > 1:
        job = next((mail.job_id for mail in report.mails if mail.job_id), "JOB")
        also = " --recipient ADDRESS" if report.query.kind in {"job", "message"} else ""
        of = report.query.value if also else job
        out.print(Text(f"One of them whole: mailbus status {of}{also} {deployment.option}", style="dim"))


def _reason(mail: MailLine) -> str:
    if not STATUS_WORDS[mail.status].attention:
        return ""
    server = mail.server or ""
    if len(server) > REASON_CHARACTERS:
        server = f"{server[:REASON_CHARACTERS]}…"
    return f"{server}: {_advised(mail)}" if server else _advised(mail)


def _show_mail(out: Console, report: Report, mail: MailLine, times: Times) -> None:
    out.print(
        status_text(mail.status, mail.label, mail.tone) + Text(f"  {_shown(mail.recipient)}", style="bold")
    )
    out.print(Padding(Text(f"{mail.title}. {mail.sentence}"), (0, 0, 0, 2)))
    if mail.advice:
        out.print(Padding(Text(mail.advice), (0, 0, 0, 2)))
    out.print()
    facts = Table.grid(padding=(0, 2, 0, 0))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, value in (
        ("job", mail.job_id),
        ("message", mail.message_id),
        ("tags", ", ".join(map(printable, mail.tags))),
    ):
        if value:
            facts.add_row(name, Text(value))
    out.print(Padding(facts, (0, 0, 0, 2)))
    day = ""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(no_wrap=True, justify="right", style="dim")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for event in report.events or ():
        if times.day(event.at) != day:
            day = times.day(event.at)
            table.add_row("", "", "", "")
            table.add_row(Text(day), "", "", "")
        table.add_row(*_event_cells(event, times))
    out.print(Padding(table, (0, 0, 0, 2)))


def _event_cells(event: EventLine, times: Times) -> tuple[Text, Text, Text, Text]:
    text = Text(_advised(event))
    if event.server:
        text.append(f"\n{event.server}", style="dim")
    since = "" if event.seconds is None else f"{'+' if event.seconds else ''}{elapsed(event.seconds)}"
    return (
        Text(times.clock(event.at)),
        Text(since),
        Text(printable(event.event_type), style=STYLES[event.tone]),
        text,
    )


def _show_job(out: Console, job: JobState, deployment: Deployment, times: Times) -> None:
    out.print(status_text(job.status, label_of(job.status)) + Text(f"  {job.job_id}", style="bold"))
    for line in _of_job(job, deployment, times):
        out.print(Padding(line, (0, 0, 0, 2)))


def _of_job(job: JobState, deployment: Deployment, times: Times) -> Iterable[Text]:
    """Yield what the ledger knows of a job before its first event."""
    of = STATUS_WORDS[job.status]
    yield Text(f"{of.sentence} {of.advice}")
    if job.due and job.status == "scheduled":
        yield Text(f"It is sent at {times.whole(_instant(job.due))}.")
        yield Text(f"mailbus cancel {deployment.option} {job.job_id}", style="dim")
    if sum(job.counts.values()) > 1:
        counts = ", ".join(f"{count:,} {label_of(status)}" for status, count in job.counts.items())
        yield Text(f"{counts}.")
    if job.waiting_parts:
        yield Text(f"{job.waiting_parts:,} of {job.parts:,} parts wait for their turn.")
    if job.errors:
        yield Text(f"{', '.join(job.errors)}")
    yield Text(f"The ledger keeps it until {times.whole(_instant(job.remembered_until))}.", style="dim")


def _advised(line: MailLine | EventLine) -> str:
    return f"{line.sentence} {line.advice}" if line.advice else line.sentence


def _shown(recipient: str | None) -> str:
    return printable(recipient) if recipient else NOTHING


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
