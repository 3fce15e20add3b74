"""What `mailbus dead-letters redrive` and `delete` do: choose, edit, ask, act, and report."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import msgspec
import typer

from mailbus_cli import dead_letters_view as view
from mailbus_cli import output
from mailbus_cli.dead_letters import documents, redriving, selection
from mailbus_cli.dead_letters.checking import check
from mailbus_cli.dead_letters.consequences import consequences
from mailbus_cli.dead_letters.editing import edit as edit_text
from mailbus_cli.dead_letters.queues import named
from mailbus_cli.errors import CommandError, UsageError
from mailbus_cli.printable import printable
from mailbus_cli.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mailbus_cli.dead_letters.checking import Problem
    from mailbus_cli.dead_letters.letters import Letter
    from mailbus_cli.dead_letters.redriving import Outcome
    from mailbus_cli.deployment import Deployment


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """The letters that are named on the command line."""

    names: tuple[str, ...]
    everything: bool
    error: str | None
    queue: str | None


def redrive(  # noqa: PLR0913 - the options
    deployment: Deployment, choice: Choice, *, edit: bool, dry_run: bool, yes: bool, json: bool
) -> int:
    """Redrive the chosen letters; return the exit code."""
    letters = _chosen(deployment, choice)
    bodies: dict[str, str | None] = {letter.id: None for letter in letters}
    if dry_run:
        _show_plan(letters, json=json)
        return 0
    if edit:
        bodies = {letter.id: _edited(deployment, letter) for letter in letters}
        given_up = [letter for letter in letters if bodies[letter.id] is None]
        for letter in given_up:
            typer.echo(f"{printable(letter.name)}: not changed, not redriven", err=True)
        letters = tuple(letter for letter in letters if bodies[letter.id] is not None)
        if not letters:
            return 1
    failing = [letter for letter in letters if consequences(letter).as_it_is == "fails" and not edit]
    again = f"; {len(failing):,} fail again as they are" if failing else ""
    _ask(f"Redrive {_count(letters)} of {deployment.name}{again}?", choice, yes=yes)

    def act(of_queue: Sequence[Letter], done: Callable[[Outcome], None]) -> None:
        queue = named(deployment.outputs, of_queue[0].queue)
        redriving.redrive(deployment, queue, {one.id: bodies[one.id] for one in of_queue}, done=done)

    return _run("Redriving", letters, act, json=json)


def delete(deployment: Deployment, choice: Choice, *, yes: bool, json: bool) -> int:
    """Delete the chosen letters; return the exit code."""
    letters = _chosen(deployment, choice)
    _ask(f"Delete {_count(letters)} of {deployment.name} for good?", choice, yes=yes, always=True)

    def act(of_queue: Sequence[Letter], done: Callable[[Outcome], None]) -> None:
        queue = named(deployment.outputs, of_queue[0].queue)
        redriving.delete(deployment, queue, [one.id for one in of_queue], done=done)

    return _run("Deleting", letters, act, json=json)


def _chosen(deployment: Deployment, choice: Choice) -> tuple[Letter, ...]:
    readings = selection.read_queues(deployment, choice.queue)
    letters = [letter for reading in readings for letter in reading.letters]
    chosen = selection.choose(letters, choice.names, error=choice.error, everything=choice.everything)
    for note in view.notes(readings):
        typer.echo(note, err=True)
    return chosen


def _run(
    doing: str,
    letters: Sequence[Letter],
    act: Callable[[Sequence[Letter], Callable[[Outcome], None]], None],
    *,
    json: bool,
) -> int:
    outcomes: list[Outcome] = []
    with Progress(doing, len(letters), shown=not json and len(letters) > 1) as progress:

        def done(outcome: Outcome) -> None:
            outcomes.append(outcome)
            progress.advance(1)

        for queue in dict.fromkeys(letter.queue for letter in letters):
            act([letter for letter in letters if letter.queue == queue], done)
    if json:
        output.print_json(outcomes)
    else:
        output.print_table(("letter", "", ""), view.outcome_rows(letters, outcomes))
    return int(any(not outcome.is_done for outcome in outcomes))


def _edited(deployment: Deployment, letter: Letter) -> str | None:
    """Return the body of a letter's job as it is edited; None if it is left as it is."""
    if letter.lane is None:
        reason = f"{letter.name} is no job: only jobs can be edited"
        raise UsageError(reason, hint="redrive it without --edit")
    document = documents.load(deployment, letter)
    if document.problem:
        raise CommandError(document.problem, hint="correct it there, and redrive the letter without --edit")
    defaults = documents.defaults(deployment)

    def checked(text: str) -> Sequence[Problem]:
        return check(text, job_id=letter.original_id, defaults=defaults, now=time.time())

    def again(problems: Sequence[Problem]) -> bool:
        for one in problems:
            typer.echo(
                f"{printable(letter.name)}, line {one.line}: {one.path} {printable(one.reason)}", err=True
            )
        return sys.stdin.isatty() and typer.confirm("Edit it again?", default=True, err=True)

    text = edit_text(document.text, check=checked, again=again)
    return None if text is None else documents.body_of(deployment, letter, text)


def _show_plan(letters: Sequence[Letter], *, json: bool) -> None:
    if json:
        rows = [(letter, consequences(letter)) for letter in letters]
        output.print_json(
            [{**view.as_json(letter), "redriven_as_it_is": done.as_it_is} for letter, done in rows]
        )
        return
    output.print_table(
        ("letter", "to", "as it is"),
        (
            (printable(letter.name), letter.lane or letter.queue, consequences(letter).text)
            for letter in letters
        ),
    )


def _ask(question: str, choice: Choice, *, yes: bool, always: bool = False) -> None:
    """Ask before letters are redriven that nobody named. Raises `UsageError` and `typer.Abort`."""
    if yes or (choice.names and not always):
        return
    if not sys.stdin.isatty():
        raise UsageError(question.replace("?", ""), hint="add --yes, since there is no terminal to ask at")
    if not typer.confirm(question, err=True):
        raise CommandError("nothing was done", hint="--dry-run says what would be")  # noqa: EM101, TRY003


def _count(letters: Sequence[Letter]) -> str:
    return "1 dead letter" if len(letters) == 1 else f"{len(letters):,} dead letters"
