"""Makes the template data of each recipient of a merge complete, so that SES has nothing to merge.

SES merges the data of a call and of its entry deeply: objects member by member, arrays and all other values
are replaced (https://github.com/domdomegg/aws-ses-v2-local/issues/102). Here it is the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mailbus.jobs.json_paths import refuse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

    from mailbus.jobs.inline_template import InlineTemplate

# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_Template.html
MAX_TEMPLATE_DATA: Final = 262_144
GLOBAL_PATH: Final = "$.merge_global_data"
_NULL: Final = b"null"


class EntryData:
    """The template data of one merge's recipients.

    An inline `template` can only use the names in it, a stored one any. Raises `InvalidJob` if the global
    data alone is larger than SES allows.
    """

    def __init__(self, global_data: dict[str, Any], template: InlineTemplate | None) -> None:
        self._names = None if template is None else template.names
        own, size = self._as_sent(global_data)
        literals = {} if template is None else template.literals
        self.of_all = own | literals
        self._bytes = size + len(msgspec.json.encode(literals))
        _check_size(self.of_all, GLOBAL_PATH)

    def of(self, own: dict[str, Any], path: str) -> dict[str, Any]:
        """Return a recipient's own data. Raises `InvalidJob` at `path` if SES refuses the complete data."""
        sent, size = self._as_sent(own)
        # merged it has no more bytes than apart, and no more characters than bytes
        if size + self._bytes > MAX_TEMPLATE_DATA:
            _check_size(merge_data(self.of_all, sent), path)
        return sent

    def _as_sent(self, data: dict[str, Any]) -> tuple[dict[str, Any], int]:
        """Return the part of a job's data that is sent, and its bytes at most."""
        if self._names is not None:
            data = {sent: data[name] for name, sent in self._names.items() if name in data}
        encoded = msgspec.json.encode(data)
        # null is rare
        if _NULL in encoded:
            data = {name: _without_null(value) for name, value in data.items()}
        return data, len(encoded)


def merge_data(whole: dict[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Merge objects as SES does: `own` wins, and objects in both are merged in turn."""
    merged = dict(whole)
    for name, value in own.items():
        default = merged.get(name)
        if isinstance(default, dict) and isinstance(value, dict):
            merged[name] = merge_data(default, value)
        else:
            merged[name] = value
    return merged


def _without_null(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a value with empty texts in place of null.

    To SES a null is a missing value: it accepts the mail, and then cannot render it
    (https://github.com/aws/aws-sdk-js/issues/2239).
    """
    if value is None:
        return ""
    if isinstance(value, dict):
        return {name: _without_null(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_null(item) for item in value]
    return value


def _check_size(data: dict[str, Any], path: str) -> None:
    size = len(msgspec.json.encode(data).decode())
    if size > MAX_TEMPLATE_DATA:
        refuse(path, f"has {size} characters as JSON with the global data; SES allows {MAX_TEMPLATE_DATA}")
