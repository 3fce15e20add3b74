"""The steps of `mailbus send`: read, check, compare with the ledger, enqueue, and say what became of it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus.stages import QUEUE_URLS, Lane
from mailbus_cli import output
from mailbus_cli.errors import CommandError, UsageError
from mailbus_cli.progress import Progress
from mailbus_cli.sending.checking import Plan, checked, planned
from mailbus_cli.sending.csv_files import read_csv
from mailbus_cli.sending.enqueue import enqueue
from mailbus_cli.sending.job_files import read_jobs, read_object, read_text
from mailbus_cli.sending.rows import Jobs, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mailbus.client import Client
    from mailbus_cli.deployment import Deployment
    from mailbus_cli.sending.enqueue import Outcome
    from mailbus_cli.sending.rows import Problem

INPUT: Final = "-"
SHOWN: Final = 20
SLOW: Final = 10_000
ERROR: Final = 1
INTERRUPTED: Final = 130
DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException"})
_UNNAMED: Final = "with --job-id the same command could be repeated, and would send it once"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be sent, as the options say it."""

    fields: dict[str, Any]
    file: str | None = None
    csv: str | None = None
    template: str | None = None
    campaign: str | None = None
    key: str | None = None
    lane: Lane = "transactional"
    skip_invalid: bool = False
    dry_run: bool = False
    json: bool = False


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the jobs, for `--json`."""

    enqueued: tuple[str, ...] = ()
    already: int = 0
    failed: tuple[dict[str, Any], ...] = ()
    invalid: tuple[dict[str, Any], ...] = ()
    untried: int = 0


def run(request: Request, find: Callable[[], Deployment]) -> int:
    """Send what is requested; return the exit code."""
    jobs = _read(request)
    # fewer are checked before anybody waits
    slow = len(jobs.rows) > SLOW and not request.json
    with Progress("checked", len(jobs.rows), shown=slow) as progress:
        jobs = checked(jobs, progress.advance)
    if jobs.problems and not request.skip_invalid:
        raise _invalid(jobs, request)
    _warn(jobs.problems, jobs.name)
    if request.dry_run:
        _show(jobs, request)
        return 0
    deployment = find()
    client = _client(deployment, request.lane)
    many = len(jobs.rows) > 1 or request.csv is not None
    plan = _plan(jobs, deployment, request) if many else Plan(new=jobs.rows)
    problems = jobs.problems + plan.problems
    with Progress("enqueued", len(plan.new), shown=many and not request.json) as progress:
        outcome = enqueue(client, plan.new, progress.advance)
    if not many and outcome.failures:
        named = "job_id" in jobs.rows[0].job
        raise CommandError(outcome.failures[0].reason, hint=_go_on() if named else _UNNAMED)
    _report(request, deployment, jobs, Plan(new=plan.new, already=plan.already, problems=problems), outcome)
    if outcome.interrupted:
        return INTERRUPTED
    return ERROR if outcome.failures or outcome.stopped else 0


def _read(request: Request) -> Jobs:
    if request.csv is not None:
        return _read_csv(request, request.csv)
    if request.template is not None or request.key is not None:
        reason = "--key and a template's file are for --csv"
        raise UsageError(reason, hint="`--csv readers.csv --template november.json`")
    if request.file is None:
        if not request.fields:
            reason = "there is nothing to send"
            raise UsageError(reason, hint="`mailbus send --help` has examples")
        return Jobs(name="the job", rows=(Row(line=0, job=request.fields),))
    text, name = _content(request.file)
    jobs = read_jobs(text, name, request.fields, campaign=request.campaign or Path(name).stem)
    if len(jobs.rows) + len(jobs.problems) > 1 and "job_id" in request.fields:
        reason = f"{name} has several jobs, which cannot have the same id"
        raise UsageError(reason, hint="leave out --job-id; --campaign is what their ids begin with")
    return jobs


def _read_csv(request: Request, csv: str) -> Jobs:
    if request.file is not None or "job_id" in request.fields or "to" in request.fields:
        reason = "with --csv the jobs, their ids and their recipients are those of its rows"
        raise UsageError(reason, hint="leave out FILE, --job-id and --to; --campaign and --key make the ids")
    template: dict[str, Any] = {}
    if request.template is not None:
        template = read_object(read_text(Path(request.template)), request.template)
    text, name = _content(csv)
    return read_csv(
        text,
        name,
        {**template, **request.fields},
        campaign=request.campaign or Path(name).stem,
        key=request.key,
    )


def _content(path: str) -> tuple[str, str]:
    if path != INPUT:
        return read_text(Path(path)), path
    try:
        return sys.stdin.read().removeprefix("\ufeff"), "stdin"
    except UnicodeDecodeError as error:
        reason = f"the input is not {error.encoding}: byte {error.start}"
        raise CommandError(reason, hint="convert it to UTF-8: `iconv -f latin1 -t utf-8`") from error


def _invalid(jobs: Jobs, request: Request) -> CommandError:
    """Return the error of a file with invalid jobs, whose list is printed before it."""
    if len(jobs.problems) == 1 and not jobs.rows:
        return CommandError(jobs.problems[0].text(jobs.name), hint="nothing was enqueued; correct the job")
    _warn(jobs.problems, jobs.name)
    total = len(jobs.rows) + len(jobs.problems)
    reason = f"{len(jobs.problems):,} of {total:,} jobs cannot be enqueued; nothing was enqueued"
    skip = "" if request.skip_invalid else ", or leave them out with --skip-invalid"
    return CommandError(reason, hint=f"correct them{skip}")


def _warn(problems: Iterable[Problem], name: str) -> None:
    texts = [problem.text(name) for problem in problems]
    for text in texts[:SHOWN]:
        sys.stderr.write(f"{text}\n")
    if len(texts) > SHOWN:
        sys.stderr.write(f"… and {len(texts) - SHOWN:,} more\n")


def _show(jobs: Jobs, request: Request) -> None:
    """Print what would be enqueued."""
    if request.json:
        for row in jobs.rows:
            sys.stdout.write(msgspec.json.encode(row.job).decode() + "\n")
        return
    valid = f"{len(jobs.rows):,} jobs are valid" if len(jobs.rows) != 1 else "the job is valid"
    verb = "is" if len(jobs.problems) == 1 else "are"
    left_out = f", {len(jobs.problems):,} {verb} left out" if jobs.problems else ""
    sys.stdout.write(f"{valid}{left_out}; nothing was enqueued (--json prints the jobs)\n")


def _client(deployment: Deployment, lane: Lane) -> Client:
    from mailbus.client import Client  # noqa: PLC0415 - only if something is enqueued

    return Client(
        deployment.output(QUEUE_URLS[lane]),
        sqs=deployment.client("sqs"),
        s3=deployment.client("s3"),
        dynamodb=deployment.client("dynamodb"),
    )


def _plan(jobs: Jobs, deployment: Deployment, request: Request) -> Plan:
    """Return what is new to the ledger; if it cannot be read, all is."""
    from mailbus.errors import SendError  # noqa: PLC0415 - as above
    from mailbus.ledger.table import LedgerTable  # noqa: PLC0415 - as above

    table = LedgerTable(deployment.client("dynamodb"), deployment.output("LedgerTableName"))
    try:
        plan = planned(jobs.rows, table)
    except SendError as error:
        if error.code not in DENIED:
            # with what to do about it
            raise error.__cause__ or error from None
        sys.stderr.write(
            "note: which jobs were enqueued before is not known, which needs dynamodb:BatchGetItem on the "
            "ledger; all are enqueued, and each is sent once\n"
        )
        return Plan(new=jobs.rows)
    if plan.problems and not request.skip_invalid:
        raise _invalid(Jobs(name=jobs.name, rows=plan.new, problems=plan.problems), request)
    _warn(plan.problems, jobs.name)
    return plan


def _report(request: Request, deployment: Deployment, jobs: Jobs, plan: Plan, outcome: Outcome) -> None:
    if request.json:
        output.print_json(
            Summary(
                enqueued=tuple(str(result.job_id) for result in outcome.enqueued),
                already=plan.already,
                failed=tuple(
                    {"line": row.line, "job_id": row.job.get("job_id"), "reason": reason}
                    for row, reason in ((failure.row, failure.reason) for failure in outcome.failures)
                ),
                invalid=tuple(
                    {"line": problem.line, "column": problem.column, "reason": problem.reason}
                    for problem in plan.problems
                ),
                untried=outcome.untried,
            )
        )
    elif request.csv is None and len(jobs.rows) == 1:
        job_id = outcome.enqueued[0].job_id if outcome.enqueued else None
        if job_id is not None:
            sys.stdout.write(f"{job_id}\n")
            if sys.stdout.isatty():
                status = f"`mailbus status {deployment.option} {job_id}`"
                sys.stderr.write(f"enqueued; {status} shows what becomes of it\n")
    else:
        _print_counts(jobs.name, plan, outcome)


def _print_counts(name: str, plan: Plan, outcome: Outcome) -> None:
    for failure in outcome.failures[:SHOWN]:
        sys.stderr.write(f"{name}, line {failure.row.line}: {failure.reason}\n")
    counts = {
        "enqueued": len(outcome.enqueued),
        "enqueued before": plan.already,
        "left out": len(plan.problems),
        "failed": len(outcome.failures),
        "not tried": outcome.untried,
    }
    shown = [f"{count:,} {label}" for label, count in counts.items() if count or label == "enqueued"]
    sys.stdout.write(", ".join(shown) + "\n")
    sys.stdout.flush()
    if outcome.untried or outcome.failures:
        sys.stderr.write(f"hint: {_go_on()}\n")


def _go_on() -> str:
    return f"the same command goes on, and sends nothing twice: `{shlex.join(['mailbus', *sys.argv[1:]])}`"
