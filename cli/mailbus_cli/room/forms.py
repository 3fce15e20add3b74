"""What somebody filled into a form: its files, and what is wrong by its fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file that somebody chose."""

    name: str
    content_type: str
    content: bytes


class InvalidFormError(Exception):
    """A form cannot be used as it is: `errors` has a sentence for each field that is wrong, by its name."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = dict(errors)
