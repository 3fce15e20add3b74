"""Shows dead letters in a terminal, or as JSON. Bodies are mail content, and are left out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from mailbus_cli import output
from mailbus_cli.dead_letters.letters import group
from mailbus_cli.printable import printable
from mailbus_cli.times import elapsed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from mailbus_cli.dead_letters.checking import Problem
    from mailbus_cli.dead_letters.consequences import Consequences
    from mailbus_cli.dead_letters.letters import Letter
    from mailbus_cli.dead_letters.reading import Reading
    from mailbus_cli.dead_letters.redriving import Outcome
    from mailbus_cli.error_words import ErrorWords
    from mailbus_cli.times import Times

#: How many letters of a group are shown on a terminal.
SHOWN: Final = 5
_LINE_SHOWN: Final = 160
_RESULTS: Final = {
    "redriven": "redriven",
    "deleted": "deleted",
    "gone": "not there any more, or somebody else is reading it: list again in a minute",
    "refused": "not taken",
    "kept": "sent again, and still there: delete it",
}


def as_json(letter: Letter) -> dict[str, Any]:
    """Return a letter without its body."""
    return {
        "id": letter.id,
        "queue": letter.queue,
        "lane": letter.lane,
        "sent_at": letter.sent_at,
        "job_id": letter.job_id,
        "part": letter.part,
        "recipients": letter.contents.recipients,
        "recipient_count": letter.contents.recipient_count,
        "error": letter.code,
        "path": letter.path,
        "reason": letter.reason,
    }


def recipients(letter: Letter) -> str:
    """Return the first recipient, and how many more there are."""
    if not letter.contents.recipients:
        return ""
    more = letter.contents.recipient_count - 1
    first = printable(letter.contents.recipients[0])
    return f"{first} and {more:,} more" if more else first


def show_list(readings: Sequence[Reading], letters: Sequence[Letter], times: Times, now: datetime) -> None:
    """Print letters by their errors; where it is not a terminal a line for each letter."""
    if not sys.stdout.isatty():
        output.print_table((), (_row(letter) for letter in letters))
        return
    console = output.console()
    for reading in readings:
        found = [letter for letter in letters if letter.queue == reading.queue]
        if not found:
            continue
        oldest = min(letter.sent_at for letter in found)
        age = elapsed(max((now - oldest).total_seconds(), 0))
        count = "1 dead letter" if len(found) == 1 else f"{len(found):,} dead letters"
        console.print(Text.assemble((reading.queue, "bold"), f": {count}, the oldest {age} old"))
        for one in group(tuple(found)):
            console.print(
                Text.assemble("\n  ", (f"{len(one.letters):,}", "bold"), "  ", (printable(one.title), "red"))
            )
            for letter in one.letters[:SHOWN]:
                line = Text("     ")
                line.append(printable(letter.name))
                line.append(f"  {recipients(letter)}  {times.whole(letter.sent_at)}", "dim")
                console.print(line)
                if letter.reason and letter is one.letters[0]:
                    console.print(Text(f"     {printable(letter.reason)}"))
            if len(one.letters) > SHOWN:
                console.print(Text(f"     and {len(one.letters) - SHOWN:,} more: --json has all", "dim"))
        console.print()


def notes(readings: Iterable[Reading]) -> list[str]:
    """Return what a list does not have."""
    said = []
    for reading in readings:
        if reading.left:
            said.append(f"{reading.queue}: about {reading.left:,} more were not read")
        if reading.hidden:
            said.append(f"{reading.queue}: about {reading.hidden:,} are being read by somebody else just now")
    return said


def show_letter(  # noqa: PLR0913 - what is known of it
    letter: Letter,
    *,
    text: str,
    problems: Sequence[Problem],
    words: ErrorWords,
    done: Consequences,
    times: Times,
    body: bool,
    problem: str | None,
) -> None:
    """Print why a letter is dead, where, what to do, and what a redrive does."""
    console = output.console()

    def line(*parts: str | Text | tuple[str, str]) -> None:
        # what is no terminal has no width
        console.print(Text.assemble(*parts), soft_wrap=not sys.stdout.isatty())

    lane = f", {letter.lane} lane" if letter.lane else ""
    part = "" if letter.part is None else f", part {letter.part}"
    line((printable(letter.name), "bold"), "  ", (printable(letter.title), "red"))
    facts = [recipients(letter), times.whole(letter.sent_at), f"{letter.queue}{lane}{part}", letter.id]
    line(("  ".join(fact for fact in facts if fact), "dim"))
    console.print()
    line(f"{words.sentence} {words.advice}")
    if letter.reason and letter.path not in {one.path for one in problems}:
        line(printable(letter.reason))
    if problem:
        line(f"Not shown: {printable(problem)}.")
    lines = text.split("\n")
    marked = {one.line: one for one in problems}
    chosen = range(1, len(lines) + 1) if body else sorted(marked)
    if chosen:
        console.print()
    for number in chosen:
        _show_line(number, lines[number - 1], marked.get(number), whole=body)
    console.print()
    line(("Redriven: ", "bold"), done.text)
    if done.changed:
        line(done.changed)
    line(f"docs/runbook.md: {words.section}")


def outcome_rows(letters: Sequence[Letter], outcomes: Iterable[Outcome]) -> list[tuple[str, str, str]]:
    """Return a row for each letter: its name, what became of it, and why or where to."""
    by_id = {letter.id: letter for letter in letters}
    rows = []
    for outcome in outcomes:
        letter = by_id[outcome.id]
        where = letter.lane or letter.queue if outcome.result == "redriven" else ""
        rows.append((printable(letter.name), _RESULTS[outcome.result], printable(outcome.reason or where)))
    return rows


def _row(letter: Letter) -> tuple[str, ...]:
    return (
        letter.queue,
        letter.code,
        letter.path or "",
        letter.sent_at.isoformat(timespec="seconds"),
        letter.id,
        letter.job_id or "",
        printable(" ".join(letter.contents.recipients)),
        printable(letter.reason or ""),
    )


def _show_line(number: int, line: str, problem: Problem | None, *, whole: bool) -> None:
    shown = line if whole or len(line) <= _LINE_SHOWN else f"{line[:_LINE_SHOWN]}…"
    console = output.console()
    # a tab or an escape of the mail would command the terminal; what is at the beginning is indentation
    indent = len(shown) - len(shown.lstrip(" "))
    style = "red" if problem else ""
    console.print(
        Text.assemble((f"{number:5}  ", "dim"), (" " * indent + printable(shown), style)), soft_wrap=True
    )
    if problem is not None:
        said = Text(f"       {' ' * indent}^ {problem.path} {printable(problem.reason)}", "red")
        console.print(said, soft_wrap=not sys.stdout.isatty())
