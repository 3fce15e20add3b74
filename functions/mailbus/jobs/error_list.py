"""Collects the errors of many values, so that one answer names all that must be fixed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailbus.errors import InvalidJob, UnsupportedFeature

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

# A job may have 100,000 errors. Those that are named must fit into an event's description: 1000 characters.
NAMED_ERRORS: Final = 10
NAMED_CHARACTERS: Final = 850


class ErrorList:
    """The errors of the parts of one job: the first ones, and how many there are."""

    def __init__(self) -> None:
        self._first: list[InvalidJob] = []
        self._count = 0

    def __bool__(self) -> bool:
        """Whether anything is wrong so far."""
        return self._count > 0

    def add(self, error: InvalidJob) -> None:
        """Add an error, to be named if it is among the first."""
        self._count += 1
        if len(self._first) < NAMED_ERRORS:
            self._first.append(error)

    def raise_all(self) -> None:
        """Raise one `InvalidJob` for all errors, at the path of the first; do nothing if there are none."""
        if not self._first:
            return
        first = self._first[0]
        if self._count == 1:
            raise first
        reason = _listed(self._first, self._count)
        if isinstance(first, UnsupportedFeature):
            raise UnsupportedFeature(first.path, first.feature, reason)
        raise InvalidJob(first.path, reason)


def _listed(errors: Iterable[InvalidJob], count: int) -> str:
    """Return the reasons of all errors, with the paths of all but the first."""
    text, named = "", 0
    for error in errors:
        more = f"; {error}" if text else error.reason
        if text and len(text) + len(more) > NAMED_CHARACTERS:
            break
        text, named = text + more, named + 1
    return text if named == count else f"{text}; and {count - named} more"
