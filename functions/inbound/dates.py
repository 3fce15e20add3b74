"""Parses the Date header as mail programs write it: the time that is meant, or none.

The standard library's parser takes zones that it does not know for UTC, `+02:00` too, and `+1` for a minute.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

BAD_DATE: Final = "bad_date"

DATE_CHARACTERS: Final = 200

# English names, and those of other languages by which programs format dates, without accents and dots. Each
# name is of one month in all of these languages: de, es, fr, it, nl, pt, da, no, sv, fi, pl, cs have others.
_MONTHS: Final[Mapping[str, int]] = {
    name: number
    for number, names in enumerate(
        (
            "jan january januar janvier janv ene enero gen gennaio januari janeiro",
            "feb february februar fevr fevrier febrero febbraio februari fev fevereiro",
            "mar march mrz marz maerz mars marzo mrt maart marco",
            "apr april avr avril abr abril aprile",
            "may mai mayo mag maggio mei maio maj",
            "jun june juni juin junio giu giugno junho",
            "jul july juli juil juillet julio lug luglio julho",
            "aug august aout ago agosto augustus augusti",
            "sep sept september septembre septiembre set settembre setembro",
            "oct october okt oktober octobre octubre ott ottobre out outubro",
            "nov november novembre noviembre novembro",
            "dec december dez dezember decembre dic diciembre dicembre dezembro des desember",
        ),
        start=1,
    )
    for name in names.split()
}

# RFC 5322, 4.3, and the zones that have one meaning in mail. IST (India, Israel, Ireland) and others that
# have several are not here, nor are the military letters, which RFC 822 got wrong.
_ZONES: Final[Mapping[str, float]] = {
    "UT": 0,
    "UTC": 0,
    "GMT": 0,
    "Z": 0,
    "WET": 0,
    "WEST": 1,
    "BST": 1,
    "CET": 1,
    "MET": 1,
    "MEZ": 1,
    "CEDT": 2,
    "CEST": 2,
    "MEST": 2,
    "MESZ": 2,
    "EET": 2,
    "SAST": 2,
    "EEDT": 3,
    "EEST": 3,
    "MSK": 3,
    "HKT": 8,
    "SGT": 8,
    "AWST": 8,
    "JST": 9,
    "KST": 9,
    "ACST": 9.5,
    "AEST": 10,
    "ACDT": 10.5,
    "AEDT": 11,
    "NZST": 12,
    "NZDT": 13,
    "NDT": -2.5,
    "BRT": -3,
    "ADT": -3,
    "NST": -3.5,
    "EDT": -4,
    "EST": -5,
    "CDT": -5,
    "CST": -6,
    "MDT": -6,
    "MST": -7,
    "PDT": -7,
    "PST": -8,
    "AKDT": -8,
    "AKST": -9,
    "HST": -10,
}

# It ends in a sign or a blank, so that it is no half of a month's name.
_WEEKDAY: Final = r"\s*(?:[^\W\d_]++(?:\s*[.,]+|\s|(?=\d))\s*)?"
_TIME: Final = (
    r"(?P<hour>\d{1,2})\s*[:.]\s*(?P<minute>\d{1,2})(?:\s*[:.]\s*(?P<second>\d{1,2})(?:[.,]\d{1,9})?)?(?!\d)"
    r"(?:\s*(?P<half>[AaPp])\.?[Mm]\.?(?![A-Za-z]))?"
)
_YEAR: Final = r"(?P<year>\d{4}|\d{2})"
_BREAK: Final = r"[\s,]+(?:at\s+)?"
# They are compiled when they are needed, since cold starts wait for imports, and most dates have the first.
_SHAPES: Final = (
    # Mon, 16 Nov 2026 09:12:44 +0100; 16-Nov-2026 09:12
    rf"{_WEEKDAY}(?P<day>\d{{1,2}})\.?[\s-]*(?P<month>[^\W\d_]+)\.?[\s,-]*{_YEAR}{_BREAK}{_TIME}(?P<zone>.*)",
    # Mon Nov 16 09:12:44 CET 2026
    rf"{_WEEKDAY}(?P<month>[^\W\d_]+)\.?\s+(?P<day>\d{{1,2}}),?\s+{_TIME}(?P<zone>.*?)\s+(?P<year>\d{{4}})\s*",
    # Mon Nov 16 09:12:44 2026 +0100
    rf"{_WEEKDAY}(?P<month>[^\W\d_]+)\.?\s+(?P<day>\d{{1,2}}),?\s+{_TIME}\s+(?P<year>\d{{4}})(?P<zone>\s.*)",
    # Mon, Nov 16, 2026 09:12:44 AM +0100
    rf"{_WEEKDAY}(?P<month>[^\W\d_]+)\.?\s+(?P<day>\d{{1,2}}),?\s+(?P<year>\d{{4}}){_BREAK}{_TIME}(?P<zone>.*)",
    # 2026-11-16T09:12:44+01:00
    rf"{_WEEKDAY}(?P<year>\d{{4}})[-/.](?P<number>\d{{1,2}})[-/.](?P<day>\d{{1,2}})[\sT,]+{_TIME}(?P<zone>.*)",
    # 16.11.2026 09:12: with dots the day is always first, with other separators it is not certain
    rf"{_WEEKDAY}(?P<day>\d{{1,2}})\.\s*(?P<number>\d{{1,2}})\.\s*(?P<year>\d{{4}}){_BREAK}{_TIME}(?P<zone>.*)",
)
_COMMENT: Final = re.compile(r"\(([^()]*)\)?")
_OFFSET: Final = re.compile(r"([A-Z]*)\s*([+-])\s*(\d{1,2}):?(\d{2})?(?![\d:])(.*)")
_MINUS: Final = str.maketrans("\N{MINUS SIGN}\N{EN DASH}\N{HYPHEN}", "---")
_NAMES_OF_UTC: Final = frozenset({"", "UT", "UTC", "GMT"})
_MONTHS_OF_A_YEAR: Final = 12
_MINUTES: Final = 60
_OLDEST_YEAR: Final = 50
_FIRST_YEAR: Final = 1900
_DAY: Final = timedelta(days=1)


def parse_date(value: str) -> datetime | None:
    """Return a date in UTC, None if it cannot be parsed. A date without any zone is in UTC."""
    if len(value) > DATE_CHARACTERS:
        return None
    plain = " ".join(_COMMENT.sub(" ", value).translate(_MINUS).split())
    match = next((match for shape in _SHAPES if (match := re.fullmatch(shape, plain))), None)
    if match is None:
        return None
    comments = [comment.strip() for comment in _COMMENT.findall(value) if comment.strip()]
    offset = _offset(match["zone"].strip(" ,").upper(), comments)
    moment = _moment(match)
    if offset is None or moment is None:
        return None
    try:
        return (moment - offset).replace(tzinfo=UTC)
    except OverflowError:
        return None


def _moment(match: re.Match[str]) -> datetime | None:
    """Return the local time, None if there is none such."""
    given = match.groupdict()
    month = int(given["number"]) if given.get("number") else _MONTHS.get(_plain(given["month"]))
    hour = _hour(int(given["hour"]), (given["half"] or "").lower())
    if month is None or hour is None:
        return None
    second = int(given["second"] or 0)
    # 60 is a leap second
    second -= second == _MINUTES
    try:
        return datetime(_year(given["year"]), month, int(given["day"]), hour, int(given["minute"]), second)  # noqa: DTZ001 - the zone is not known yet
    except ValueError:
        return None


def _plain(month: str) -> str:
    return unicodedata.normalize("NFKD", month.casefold()).encode("ascii", "ignore").decode()


def _year(digits: str) -> int:
    """Return a year; of two digits by RFC 5322, 4.3. One before 1900 is 0, which is none."""
    year = int(digits)
    if len(digits) > len("26"):
        return year if year >= _FIRST_YEAR else 0
    return year + (2000 if year < _OLDEST_YEAR else 1900)


def _hour(hour: int, half: str) -> int | None:
    if not half:
        return hour
    # some programs write "16:30 PM"
    if hour > _MONTHS_OF_A_YEAR:
        return hour if half == "p" else None
    return hour % 12 + (12 if half == "p" else 0)


def _offset(zone: str, comments: list[str]) -> timedelta | None:
    """Return the offset of a zone, None if its meaning is not known.

    A number counts, whatever name is beside it; then a name; then a name in a comment.
    """
    number = _OFFSET.fullmatch(zone)
    if number is not None:
        name, sign, hours, minutes, _ = number.groups()
        size = timedelta(hours=int(hours), minutes=int(minutes or 0))
        offset = size if sign == "+" else -size
        is_known = name in _NAMES_OF_UTC or timedelta(hours=_ZONES.get(name, 99)) == offset
        return offset if is_known and int(minutes or 0) < _MINUTES and size < _DAY else None
    if not zone and not comments:
        return timedelta()
    name = zone or comments[0].upper()
    return timedelta(hours=_ZONES[name]) if name in _ZONES else None
