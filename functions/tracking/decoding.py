"""Decodes SES's JSON: strictly first, and if that fails, every field that can be decoded.

One field of an unexpected type must not cost the event: it becomes null and the rest stays.
"""

from __future__ import annotations

import functools
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
_SCALARS: Final[Mapping[type[inspect.Type], Any]] = {
    inspect.StrType: str,
    inspect.IntType: int,
    inspect.BoolType: bool,
    inspect.DateTimeType: datetime,
}


def decode(message: str) -> tuple[SesNotification, bytes]:
    """Return a notification, and its whole JSON, valid for `esp_event`.

    Raise `InvalidNotification` for anything but a JSON object.
    """
    try:
        whole = message.encode()
        return _DECODER.decode(whole), whole
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return _decode_leniently(message)


def _decode_leniently(message: str) -> tuple[SesNotification, bytes]:
    try:
        whole = _valid_json(message)
        decoded = _convert(json.loads(whole), _notification_type())
    except (ValueError, RecursionError) as error:
        # the text of a JSON error quotes nothing of the message
        reason = f"not SES's JSON: {error}; only SES may publish to the tracking topic"
        raise InvalidNotification(reason) from error
    if not isinstance(decoded, SesNotification):
        reason = "not SES's JSON: no object; only SES may publish to the tracking topic"
        raise InvalidNotification(reason)
    return decoded, whole


@functools.cache
def _notification_type() -> inspect.Type:
    # made when it is needed: that takes longer than importing this module
    return inspect.type_info(SesNotification)


def _valid_json(message: str) -> bytes:
    """Return JSON that every parser accepts.

    SES truncates headers at 10 KB, which can leave half of a surrogate pair; Python's parser accepts that
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


def _convert(value: Any, kind: inspect.Type) -> Any:  # noqa: ANN401 - any JSON goes in
    """Convert what fits its type; anything else becomes null, or is left out of a list."""
    match kind:
        case inspect.UnionType(types=types):
            return _convert(value, next(t for t in types if not isinstance(t, inspect.NoneType)))
        case inspect.VarTupleType(item_type=inner):
            members = value if isinstance(value, list) else [value]
            return tuple(m for m in (_convert(member, inner) for member in members) if m is not None)
        case inspect.StructType(cls=struct, fields=fields) if isinstance(value, dict):
            return struct(**{f.name: _convert(value.get(f.encode_name), f.type) for f in fields})
        case inspect.DictType(value_type=inner) if isinstance(value, dict):
            return {name: _convert(member, inner) for name, member in value.items()}
        case _ if type(kind) in _SCALARS:
            return _convert_scalar(value, _SCALARS[type(kind)])
        case _:
            return None


def _convert_scalar(value: Any, kind: Any) -> Any:  # noqa: ANN401 - any JSON goes in
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None
