"""The Query protocol of SES's first API: flat names of a form, and its errors in XML.

https://docs.aws.amazon.com/ses/latest/APIReference/Welcome.html
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from mailbus_local.ses.errors import SesError

NAMESPACE: Final = "http://ses.amazonaws.com/doc/2010-12-01/"


def parse_form(body: bytes) -> dict[str, str]:
    """Return the parameters of a call; empty for a body that is no form."""
    return {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}


def nested(form: dict[str, str], prefix: str) -> Any:
    """Return the structure below a parameter, with its lists. Raise `ValueError` if it is contradictory.

    `Rule.Actions.member.1.StopAction.Scope=RuleSet` is `{"Actions": [{"StopAction": {"Scope": "RuleSet"}}]}`
    below `Rule`.
    """
    root: dict[str, Any] = {}
    for name, value in form.items():
        if not name.startswith(f"{prefix}."):
            continue
        *steps, last = name.removeprefix(f"{prefix}.").split(".")
        place = root
        for step in steps:
            inner = place.setdefault(step, {})
            if not isinstance(inner, dict):
                reason = f"{name} is below a text"
                raise ValueError(reason)  # noqa: TRY004 - of the form's content
            place = inner
        place[last] = value
    return _with_lists(root)


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    members = value.get("member")
    if isinstance(members, dict):
        return [_with_lists(members[number]) for number in sorted(members, key=int)]
    return {name: _with_lists(inner) for name, inner in value.items()}


def query_error_response(error: SesError) -> str:
    """Return the XML of an error."""
    return (
        f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>Sender</Type><Code>{error.code}</Code>'
        f"<Message>{escape(error.reason)}</Message></Error><RequestId>{uuid.uuid4()}</RequestId>"
        "</ErrorResponse>"
    )
