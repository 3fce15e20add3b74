"""How the Date header is read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from inbound import mime
from inbound.dates import parse_date


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("Mon, 16 Nov 2026 09:12:44 +0100", datetime(2026, 11, 16, 8, 12, 44, tzinfo=UTC)),
        ("16 Nov 26 09:12 GMT", datetime(2026, 11, 16, 9, 12, tzinfo=UTC)),
        ("Mon, 16 Nov 2026 09:12:44 -0000", datetime(2026, 11, 16, 9, 12, 44, tzinfo=UTC)),
        ("Mon, 16 Nov 2026 09:12:44 +0100 (CET)", datetime(2026, 11, 16, 8, 12, 44, tzinfo=UTC)),
        ("yesterday", None),
        ("", None),
        ("Mon, 99 Nov 2026 09:12:44 +0100", None),
        ("Fri, 31 Dec 9999 23:59:59 -2300", None),
        ("Mon, 16 Nov 2026 09:12:44 +99999999999", None),
        ("1" * 5000, None),
    ],
)
def test_dates_are_in_utc_or_none(value: str, moment: datetime | None) -> None:
    assert parse_date(value) == moment


@pytest.mark.parametrize(
    "zone",
    [
        *("-0500", "-05:00", "-05", "-5", "-500", "\N{MINUS SIGN}0500"),
        *("GMT-0500", "GMT-5", "UTC -05:00", "(EST) -0500", "-0500 (EST)", "-0500 (Eastern Standard Time)"),
        *("EST", "est", "(EST)", "EST-0500", "-0500 EST", "CDT", "-0500 (CET)"),
    ],
)
def test_a_zone_is_read_however_it_is_written(zone: str) -> None:
    assert parse_date(f"Mon, 16 Nov 2026 09:32:29 {zone}") == datetime(2026, 11, 16, 14, 32, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "hour"),
    [
        ("", 9),
        ("Z", 9),
        ("UT", 9),
        ("CEST", 7),
        ("CEDT", 7),
        ("MESZ", 7),
        ("CET", 8),
        ("BST", 8),
        ("MSK", 6),
        ("JST", 0),
    ],
)
def test_zones_of_one_meaning_have_it(zone: str, hour: int) -> None:
    assert parse_date(f"16 Nov 2026 09:32:29 {zone}") == datetime(2026, 11, 16, hour, 32, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "Mon, 16 Nov 2026 09:32:29 +0000",
        "Mon,16 Nov 2026 09:32:29 GMT",
        "Monday, 16 November 2026, 9:32:29 AM +0000",
        "Monday, November 16, 2026 at 9:32:29 a.m. GMT",
        "Mon, 16-Nov-2026 09:32:29 GMT",
        "16-Nov-26 09:32:29 UTC",
        "Mon Nov 16 09:32:29 2026",
        "Mon Nov 16 10:32:29 CET 2026",
        "Mon Nov 16 10:32:29 +0100 2026",
        "2026-11-16T09:32:29Z",
        "2026-11-16 10:32:29.123456 +01:00",
        "16.11.2026 09:32:29",
        "Mo, 16. Nov. 2026 10:32:29 +0100",
        "lun., 16 nov. 2026 10:32:29 +0100",
        "Mon, 16 Nov 2026 09.32.29 +0000",
        "Mon, 16 Nov 2026 (a day) 09:32:29 +0000 (UTC)",
        "Mon, 16 Nov 2026 09(the hour):   32  :  29 +0000",
        "Mon Nov 16 10:32:29 2026 +0100",
        "Nov 16, 2026, 9:32:29 AM",
        "November 16 2026 09:32:29",
        "Nov 16 09:32:29 2026",
        "Mon, 16 Nov 2026 09:32:29,+0000",
    ],
)
def test_dates_are_read_in_the_shapes_that_programs_write(value: str) -> None:
    assert parse_date(value) == datetime(2026, 11, 16, 9, 32, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("16 Nov 2026 12:05 AM", datetime(2026, 11, 16, 0, 5, tzinfo=UTC)),
        ("16 Nov 2026 12:05 PM", datetime(2026, 11, 16, 12, 5, tzinfo=UTC)),
        ("16 Nov 2026 09:32:29 PM +0200", datetime(2026, 11, 16, 19, 32, 29, tzinfo=UTC)),
        ("16 Nov 2026 21:32 PM", datetime(2026, 11, 16, 21, 32, tzinfo=UTC)),
        ("16 Nov 2026 9:2:4 GMT", datetime(2026, 11, 16, 9, 2, 4, tzinfo=UTC)),
        ("31 Dec 2026 23:59:60 +0000", datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("16 Nov 49 09:32 GMT", datetime(2049, 11, 16, 9, 32, tzinfo=UTC)),
        ("16 Nov 99 09:32 GMT", datetime(1999, 11, 16, 9, 32, tzinfo=UTC)),
        ("Mi, 16 Dez 2026 09:32 GMT", datetime(2026, 12, 16, 9, 32, tzinfo=UTC)),
        ("mar., 17 févr. 2026 09:32 GMT", datetime(2026, 2, 17, 9, 32, tzinfo=UTC)),
        ("mié, 16 dic 2026 09:32 GMT", datetime(2026, 12, 16, 9, 32, tzinfo=UTC)),
        ("mar, 16 giu 2026 09:32 GMT", datetime(2026, 6, 16, 9, 32, tzinfo=UTC)),
    ],
)
def test_halves_of_days_years_and_months_are_read(value: str, moment: datetime) -> None:
    assert parse_date(value) == moment


@pytest.mark.parametrize(
    "value",
    [
        "Mon, 16 Nov 2026 09:32:29 XYZ",
        "Mon, 16 Nov 2026 09:32:29 IST",
        "Mon, 16 Nov 2026 09:32:29 A",
        "Mon, 16 Nov 2026 09:32:29 (W. Europe Standard Time)",
        "Mon, 16 Nov 2026 09:32:29 EST+0500",
        "Mon, 16 Nov 2026 09:32:29 +0275",
        "Mon, 16 Nov 2026 09:32:29 +02:00:00",
        "Mon, 16 Nov 2026 13:32 AM",
        "Mon, 16 Nov 2026 25:32:29 +0000",
        "Mon, 16 Nov 2026 09:72:29 +0000",
        "Mon, 16 Nov 2026",
        "Mon, 16 Nope 2026 09:32:29 +0000",
        "Mon, 16 Nov 126 09:32:29 +0000",
        "Mon, 16 Nov 2026 09:32:61 +0000",
        "Mon, 16 Nov 2026 09:32:290 +0000",
        "Mon, 16 Nov 2026 09:32:29 +2400",
        "Mon, 16 Nov 2026 09:32:29 -9900",
        "Mon, 16 Nov 0026 09:32:29 +0000",
        "11/12/2026 09:32:29",
        "1 Jan 0001 00:00:00 +0100",
    ],
)
def test_a_date_whose_meaning_is_not_certain_is_none(value: str) -> None:
    mail = mime.parse(f"Date: {value}\n\nhello".encode())
    assert (mail.message.date, mail.defects) == (None, ("bad_date",))
