"""Reads several queues at once, and finds the letters that somebody names."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from mailbus_cli.dead_letters.queues import named, queues
from mailbus_cli.dead_letters.reading import read
from mailbus_cli.errors import CommandError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mailbus_cli.dead_letters.letters import Letter
    from mailbus_cli.dead_letters.reading import Reading
    from mailbus_cli.deployment import Deployment

# A beginning of an id that is shorter could be a word.
SHORTEST: Final = 6


def read_queues(deployment: Deployment, name: str | None = None) -> tuple[Reading, ...]:
    """Read a queue by its name, or all of them. Raises `UsageError` and botocore's errors."""
    chosen = (named(deployment.outputs, name),) if name else queues(deployment.outputs)
    with ThreadPoolExecutor(max_workers=max(len(chosen), 1)) as pool:
        return tuple(pool.map(lambda queue: read(deployment, queue), chosen))


def has_error(letter: Letter, error: str) -> bool:
    """Return whether a letter has an error, by its code or with its path: `InvalidJob at $.to`."""
    return error.lower() in {letter.code.lower(), letter.title.lower()}


def find(letters: Sequence[Letter], name: str) -> tuple[Letter, ...]:
    """Return the letters of a job, or the one with an id or its beginning.

    Raises `CommandError` if there is none, or more than one id begins so.
    """
    of_job = tuple(letter for letter in letters if letter.job_id == name)
    by_id = tuple(letter for letter in letters if letter.id == name)
    begins = tuple(letter for letter in letters if len(name) >= SHORTEST and letter.id.startswith(name))
    found = of_job or by_id or begins
    if not found:
        reason = f"there is no dead letter {name!r}"
        raise CommandError(reason, hint="`mailbus dead-letters list` has the jobs and ids")
    if len(found) > 1 and not of_job:
        reason = f"{len(found)} dead letters have ids that begin with {name!r}"
        raise CommandError(reason, hint=f"write more of it: {', '.join(letter.id for letter in found[:3])}")
    return found


def choose(
    letters: Sequence[Letter], names: Iterable[str], *, error: str | None, everything: bool
) -> tuple[Letter, ...]:
    """Return the letters that are named, those with an error, or all.

    Raises `UsageError` unless it is exactly one of these, and `CommandError` for what there is not.
    """
    wanted = tuple(dict.fromkeys(names))
    if bool(wanted) + bool(error) + everything != 1:
        reason = "name dead letters, or use one of --error and --all"
        raise UsageError(reason, hint="`mailbus dead-letters list` has the jobs and ids")
    if wanted:
        return tuple({letter.id: letter for name in wanted for letter in find(letters, name)}.values())
    found = tuple(letter for letter in letters if everything or has_error(letter, error or ""))
    if not found:
        codes = ", ".join(sorted({letter.code for letter in letters}))
        reason = "there are no dead letters" if everything else f"no dead letter has the error {error!r}"
        raise CommandError(reason, hint=f"there are {codes}" if codes else "nothing is to be done")
    return found
