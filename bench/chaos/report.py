"""The tables of a run, as they are printed and as docs/chaos.md has them, and the same as JSON."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.chaos.calls import Fault
    from bench.chaos.jobs import Job
    from bench.chaos.run import Result

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs" / "chaos.md"
DIRECTORY: Final = ROOT / "build" / "chaos"
BEGIN: Final = "<!-- Written by `make chaos ARGS=--docs`: a run. -->"
END: Final = "<!-- End. -->"

_FAULTS: Final[dict[Fault, str]] = {
    "error": "an error instead of the answer",
    "cut": "done, and the answer lost",
    "part": "a part of a batch",
}


class Outcomes(msgspec.Struct, kw_only=True):
    """The recipients of the jobs of a kind, by what became of them; `failed` ones have a dead letter."""

    jobs: int = 0
    recipients: int = 0
    accepted: int = 0
    failed: int = 0
    lost: int = 0
    twice: int = 0


def outcomes(result: Result) -> dict[str, Outcomes]:
    """Return what became of the jobs of each kind, and of all."""
    copies: Counter[tuple[str, str]] = Counter()
    for mail in result.observed.accepted:
        copies.update((mail.job_id, address) for address in mail.recipients)
    dead = {letter.job_id for letter in result.observed.letters_after}
    found: dict[str, Outcomes] = defaultdict(Outcomes)
    for job in result.expected.jobs:
        for name in (job.kind, "all"):
            _count(found[name], job, copies, is_dead=job.job_id in dead)
    return {name: found[name] for name in sorted(found, key=lambda name: (name == "all", name))}


def _count(found: Outcomes, job: Job, copies: Counter[tuple[str, str]], *, is_dead: bool) -> None:
    found.jobs += 1
    found.recipients += len(job.to)
    for address in job.to:
        times = copies[job.job_id, address]
        found.accepted += times == 1
        found.twice += times > 1
        found.failed += not times and is_dead
        found.lost += not times and not is_dead


def as_json(result: Result) -> dict[str, Any]:
    """Return a run's counts."""
    published = [one for each in result.expected.published.values() for one in each]
    events = Counter(event.event_type for event in result.observed.events)
    return {
        "seed": result.seed,
        "size": msgspec.to_builtins(result.size),
        "problems": list(result.problems),
        "jobs": {name: msgspec.to_builtins(found) for name, found in outcomes(result).items()},
        "messages_of_ses": len(result.observed.accepted),
        "notifications": len(published),
        "notifications_published_twice": sum(one.copies > 1 for one in published),
        "notifications_through_the_webhook": sum(one.by_webhook for one in published),
        "poison": sum(one.code is not None for one in published),
        "received_mails": len(result.expected.received),
        "events": dict(sorted(events.items())),
        "event_ids": len({event.event_id for event in result.observed.events}),
        "dead_letters": _codes(result.observed.letters),
        "dead_letters_after_redrive": _codes(result.observed.letters_after),
        "faults": [
            {
                "function": rule.function,
                "service": rule.service,
                "fault": rule.fault,
                "of": rule.point or rule.code,
            }
            | {"calls": count}
            for rule, count in result.happened
        ],
        "episodes": list(result.episodes),
        "calls_of_ses_that_failed": result.faulted,
        "calls_of_ses_that_were_throttled": result.throttled,
        "deployments": result.deployments,
        "redriven": result.redriven,
        "longest_silence": round(result.longest_silence, 1),
        "seconds": {
            "loaded": round(result.loaded_seconds),
            "settled": round(result.settled_seconds),
            "all": round(result.seconds),
        },
    }


def tables(result: Result) -> str:
    """Return the tables of a run, as Markdown."""
    found = as_json(result)
    return "\n\n".join(
        (
            _jobs(result),
            _counts(found),
            _kills(result),
            _faults(result),
            _letters(found),
        )
    )


def written(page: str, result: Result) -> str:
    """Return the page with the tables of a run."""
    text = f"{BEGIN}\n\n{tables(result)}\n\n{END}"
    page, count = re.subn(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: text, page, flags=re.DOTALL)
    assert count == 1, f"{PAGE.name} has the marks of a run"  # noqa: S101 - our own page
    return page


def _jobs(result: Result) -> str:
    fields = ("jobs", "recipients", "accepted", "failed", "lost", "twice")
    header = ("kind", "jobs", "recipients", "accepted once", "failed, dead letter", "lost", "accepted twice")
    rows = [
        (name, *(f"{getattr(counts, field):,}" for field in fields))
        for name, counts in outcomes(result).items()
    ]
    return _table(header, rows)


def _counts(found: dict[str, Any]) -> str:
    seconds = found["seconds"]
    events = found["events"]
    rows: list[tuple[str, object]] = [
        ("messages that SES accepted", found["messages_of_ses"]),
        ("notifications published directly", found["notifications"]),
        ("of these twice", found["notifications_published_twice"]),
        ("of these through the webhook", found["notifications_through_the_webhook"]),
        ("of these poison", found["poison"]),
        ("mails received", found["received_mails"]),
        ("events on the bus, repeated ones too", sum(events.values())),
        ("ids of events", found["event_ids"]),
        ("dead letters", sum(found["dead_letters"].values())),
        ("of these redriven", found["redriven"]),
        ("dead letters after the redrive", sum(found["dead_letters_after_redrive"].values())),
        ("calls that SES failed", found["calls_of_ses_that_failed"]),
        ("calls that SES throttled", found["calls_of_ses_that_were_throttled"]),
        ("deployments meanwhile", found["deployments"]),
        ("longest silence of the bus until all was in, in seconds", found["longest_silence"]),
        ("all was in after seconds", seconds["loaded"]),
        ("all was settled after seconds", seconds["settled"]),
        ("problems", len(found["problems"])),
    ]
    return _table(("seed", f"{found['seed']}"), [(name, f"{value:,}") for name, value in rows])


def _kills(result: Result) -> str:
    rows = [(rule.function, rule.point, count) for rule, count in result.happened if rule.is_kill]
    total = ("all", "", sum(count for *_, count in rows))
    return _table(("workers killed", "where", "times"), [*rows, total])


def _faults(result: Result) -> str:
    counted: Counter[tuple[str, str]] = Counter()
    functions: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for rule, count in result.happened:
        if not rule.is_kill:
            what = f"{_FAULTS[rule.fault]}: `{rule.code}`" if rule.code else _FAULTS[rule.fault]
            counted[rule.service, what] += count
            functions[rule.service, what][rule.function] = None
    rows: list[tuple[object, ...]] = [
        (service, what, ", ".join(functions[service, what]), count)
        for (service, what), count in counted.items()
    ]
    rows += [("sesv2", name, "sender", "an episode") for name in result.episodes]
    return _table(("service", "fault", "calls of", "calls"), sorted(rows, key=lambda row: str(row[0])))


def _letters(found: dict[str, Any]) -> str:
    first, after = found["dead_letters"], found["dead_letters_after_redrive"]
    rows = [(name, first.get(name, 0), after.get(name, 0)) for name in sorted({*first, *after})]
    return _table(("queue and code", "dead letters", "again after the redrive"), rows)


def _codes(letters: Iterable[Any]) -> dict[str, int]:
    return dict(sorted(Counter(f"{letter.queue}: {letter.code}" for letter in letters).items()))


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
