"""Reads SES's JSON: strictly first, and where that fails, whatever of it can be read.

One field of an unexpected type must not cost the event: it becomes null and the rest stays.
"""

from __future__ import annotations

import json
import math
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import inspect

from mailbus.errors import InvalidNotification
from tracking.notification import SesNotification

if TYPE_CHECKING:
    from collections.abc import Mapping

_DECODER: Final = msgspec.json.Decoder(SesNotification)
_SHAPE: Final = inspect.type_info(SesNotification)
_LEAVES: Final[Mapping[type[inspect.Type], Any]] = {
    inspect.StrType: str,
    inspect.IntType: int,
    inspect.BoolType: bool,
    inspect.DateTimeType: datetime,
}


def read(message: str) -> tuple[SesNotification, bytes]:
    """Read a notification; the second value is the same JSON whole, valid for `esp_event`.

    What is not a JSON object is an `InvalidNotification`.
    """
    try:
        whole = message.encode()
        return _DECODER.decode(whole), whole
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return _salvage(message)


def _salvage(message: str) -> tuple[SesNotification, bytes]:
    try:
        whole = _valid(message)
        tree = json.loads(whole)
        found = _readable(tree, _SHAPE)
    except (ValueError, RecursionError) as error:
        # the text of a JSON error quotes nothing of the message
        reason = f"not SES's JSON: {error}; only SES may publish to the tracking topic"
        raise InvalidNotification(reason) from error
    if not isinstance(found, SesNotification):
        reason = "not SES's JSON: no object; only SES may publish to the tracking topic"
        raise InvalidNotification(reason)
    return found, whole


def _valid(message: str) -> bytes:
    """Give JSON that every parser takes.

    SES cuts headers at 10 KB, so that half of a surrogate pair can be left over; Python reads that
    and `NaN`, others refuse both.
    """
    try:
        return bytes(msgspec.json.decode(message, type=msgspec.Raw))
    except (msgspec.MsgspecError, UnicodeEncodeError):
        tree = json.loads(message, parse_constant=lambda _: None, parse_float=_finite)
        text = json.dumps(tree, ensure_ascii=False)
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _readable(value: Any, kind: inspect.Type) -> Any:  # noqa: ANN401 - any JSON goes in
    """Convert the parts that fit their type; null or left out is what does not."""
    match kind:
        case inspect.UnionType(types=types):
            return _readable(value, next(t for t in types if not isinstance(t, inspect.NoneType)))
        case inspect.VarTupleType(item_type=inner):
            members = value if isinstance(value, list) else [value]
            return tuple(m for m in (_readable(member, inner) for member in members) if m is not None)
        case inspect.StructType(cls=shape, fields=fields) if isinstance(value, dict):
            return shape(**{f.name: _readable(value.get(f.encode_name), f.type) for f in fields})
        case inspect.DictType(value_type=inner) if isinstance(value, dict):
            return {name: _readable(member, inner) for name, member in value.items()}
        case _ if type(kind) in _LEAVES:
            return _leaf(value, _LEAVES[type(kind)])
        case _:
            return None


def _leaf(value: Any, kind: Any) -> Any:  # noqa: ANN401 - any JSON goes in
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None
