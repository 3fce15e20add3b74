"""A job for each row of a CSV file: a template with the row's columns for its placeholders."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, Final

from mailbus.addresses import address_key, parse_mailbox
from mailbus.errors import InvalidJob
from mailbus.spelling import nearest
from mailbus_cli.errors import CommandError
from mailbus_cli.sending.placeholders import filled, names
from mailbus_cli.sending.rows import Jobs, Problem, Row, derived_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ADDRESS_COLUMNS: Final = ("to", "email", "address")
# with one of these a job is a merge, whose subject, text and html SES fills
MERGE_FIELDS: Final = frozenset(
    {"template_id", "merge_data", "merge_global_data", "merge_headers", "merge_metadata"}
)
CONTENT: Final = frozenset({"subject", "text", "html"})
_DELIMITERS: Final = ",;\t"


def read_csv(
    text: str, name: str, template: Mapping[str, Any], *, campaign: str, key: str | None = None
) -> Jobs:
    """Return a job for each row. `key` is the column that makes the job's id, by default the address.

    Raises `CommandError` for what is wrong with the whole file.
    """
    lines = iter(_records(text, name))
    _, header = next(lines, (0, ()))
    columns = [cell.strip() for cell in header]
    address = _address_column(columns, name)
    key = address if key is None else key
    _check_columns(columns, key, name)
    _check_placeholders(template, columns, name)
    rows: list[Row] = []
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    for line, cells in lines:
        problem = _shape(line, cells, columns) or _repeated(
            line, dict(zip(columns, cells, strict=True)), key, address, seen
        )
        if problem is not None:
            problems.append(problem)
            continue
        values = dict(zip(columns, cells, strict=True))
        rows.append(
            Row(
                line=line,
                job={
                    "job_id": derived_id(campaign, _key(values, key, address)),
                    **_job(template, values, values[address].strip()),
                },
                columns={"$.to": address, "$.job_id": key},
            )
        )
    return Jobs(name=name, rows=tuple(rows), problems=tuple(problems))


def _records(text: str, name: str) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield the line of each record and its cells; empty lines are left out."""
    first = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        reason = f"{name}, line {line}: is not CSV: {error}"
        hint = 'a cell with a quote in it is written as "one ""quoted"" word"'
        raise CommandError(reason, hint=hint) from error


def _address_column(columns: Sequence[str], name: str) -> str:
    found = [column for column in columns if column.lower() in ADDRESS_COLUMNS]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(columns) or "none"
    reason = (
        f"{name}: several columns can be the address: {', '.join(found)}"
        if found
        else f"{name}: no column is named to or email; its columns: {listed}"
    )
    raise CommandError(reason, hint="the first line has the names of columns; `to` has the address")


def _check_columns(columns: Sequence[str], key: str, name: str) -> None:
    if "" in columns or len(set(columns)) < len(columns):
        reason = f"{name}, line 1: each column needs a name of its own: {', '.join(columns)}"
        raise CommandError(reason, hint="name them, or remove the empty ones")
    if key not in columns:
        reason = f"{name} has no column {key}; its columns: {', '.join(columns)}"
        meant = nearest(key, columns)
        raise CommandError(reason, hint=f"`--key {meant or columns[0]}`")


def _check_placeholders(template: Mapping[str, Any], columns: Sequence[str], name: str) -> None:
    unknown = sorted(names(_filled_here(template)) - {*columns})
    if unknown:
        reason = f"{{{{{unknown[0]}}}}} is no column of {name}; its columns: {', '.join(columns)}"
        meant = nearest(unknown[0], columns)
        hint = f"did you mean {{{{{meant}}}}}?" if meant else "correct the template, or add the column"
        raise CommandError(reason, hint=hint)


def _shape(line: int, cells: Sequence[str], columns: Sequence[str]) -> Problem | None:
    if len(cells) == len(columns):
        return None
    return Problem(line=line, reason=f"has {len(cells)} cells, but there are {len(columns)} columns")


def _repeated(
    line: int, values: Mapping[str, str], key: str, address: str, seen: dict[str, int]
) -> Problem | None:
    value = _key(values, key, address)
    if not value:
        return Problem(line=line, column=key, reason="is empty")
    first = seen.setdefault(value, line)
    if first == line:
        return None
    reason = f"is the same as in line {first}; remove one, or name a column that differs with --key"
    return Problem(line=line, column=key, reason=reason)


def _key(values: Mapping[str, str], key: str, address: str) -> str:
    value = values[key].strip()
    return address_key(_bare(value)) if key == address and value else value


def _bare(address: str) -> str:
    """Return the address of a mailbox; what is none, which the job's check refuses, as it is."""
    try:
        return parse_mailbox(address, "$.to").address
    except InvalidJob:
        return address


def _filled_here(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a template whose placeholders are filled here, not by SES."""
    by_ses = CONTENT if MERGE_FIELDS & template.keys() else frozenset()
    return {
        field: value for field, value in template.items() if field not in by_ses | {"merge_data", "job_id"}
    }


def _job(template: Mapping[str, Any], values: Mapping[str, str], address: str) -> dict[str, Any]:
    job = {**template, **filled(_filled_here(template), values), "to": [address]}
    job.pop("job_id", None)
    if MERGE_FIELDS & template.keys():
        job["merge_data"] = {_bare(address): dict(values)}
    return job
