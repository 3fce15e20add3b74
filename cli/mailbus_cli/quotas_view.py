"""Shows what mails a second need of each quota."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from mailbus_cli.output import console, print_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mailbus_cdk.quota import Use

_FITS: Final = {True: "yes", False: "no", None: ""}


def show(uses: Sequence[Use]) -> None:
    """Print a line for each quota; on a terminal then what to do about those that are too small."""
    if not sys.stdout.isatty():
        print_table(
            ("quota", "limit", "of", "needed", "at most", "fits", "command"),
            ((*_cells(use), _FITS[use.fits], _command(use)) for use in uses),
        )
        return
    print_table(
        ("quota", "limit", "of", "needed", "mails a second at most", ""),
        ((*_cells(use), Text("✗ too small", "red") if use.fits is False else "") for use in uses),
    )
    screen = console()
    screen.print()
    for use in (use for use in uses if use.fits is False):
        screen.print(Text(f"{use.quota.title}: otherwise {use.quota.beyond}"))
        # not broken at the terminal's width, so that it can be copied
        screen.print(Text(f"    {use.command or 'Service Quotas cannot raise it'}", "cyan"), soft_wrap=True)
    screen.print(Text("docs/quotas.md says what each is, and what is counted", "dim"))


def documents(uses: Sequence[Use]) -> list[dict[str, Any]]:
    """Return what `--json` prints."""
    return [
        {
            "name": use.quota.name,
            "title": use.quota.title,
            "service": use.quota.service,
            "code": use.quota.code,
            "region": use.region,
            "limit": use.limit,
            "is_default": use.is_default,
            "needed": use.needed,
            "most_mails_a_second": use.most,
            "only": use.quota.only,
            "fits": use.fits,
            "command": _command(use) or None,
            "source": use.quota.source,
        }
        for use in uses
    ]


def _cells(use: Use) -> Iterator[str]:
    yield use.quota.name
    yield f"{use.limit:,.0f}"
    yield "sandbox" if use.is_default and use.quota.granted else "default" if use.is_default else "account"
    yield "" if use.needed is None else f"{use.needed:,.4g}" if use.needed < 100 else f"{use.needed:,.0f}"  # noqa: PLR2004 - digits
    yield "" if use.most is None else f"{use.most:,.0f}"


def _command(use: Use) -> str:
    return (use.command or "") if use.fits is False else ""
