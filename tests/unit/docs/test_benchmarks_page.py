"""docs/benchmarks.md, its plots and README.md have the figures of docs/benchmarks.json, and no others."""

from __future__ import annotations

import re

import msgspec
import pytest
from ministack.services import lambda_svc

import bench.__main__
from bench import page as benchmarks
from bench.comparisons import pacing
from bench.results import read
from mailbus_cdk import limits
from tests.unit.docs.pages import ROOT, page, prose

RUN = read(benchmarks.RESULTS)
RESULTS = {name: {found.title for found in results} for name, results in RUN.sections.items()}
README = (ROOT / "README.md").read_text()
#: The figures that the issue of the benchmarks names.
FIGURES = ("an event", "20 equal attachments", "cold start: sender", "batches of 100")


def test_the_page_has_the_results() -> None:
    assert page(benchmarks.PAGE) == benchmarks.page(page(benchmarks.PAGE), RUN), "python -m bench.page"


def test_the_readme_has_the_results() -> None:
    assert benchmarks.readme(README, RUN) == README, "python -m bench.page"


@pytest.mark.parametrize(("name", "chart"), benchmarks.plots(RUN).items())
def test_the_plots_have_the_results(name: str, chart: str) -> None:
    assert (ROOT / "docs/images" / name).read_text() == chart, "python -m bench.page"
    assert f"images/{name}" in page(benchmarks.PAGE)


def test_another_figure_shows_on_the_page_and_in_the_readme() -> None:
    sections = {
        name: tuple(
            msgspec.structs.replace(found, value=found.value * 2) if found.goal else found
            for found in results
        )
        for name, results in RUN.sections.items()
    }
    other = msgspec.structs.replace(RUN, sections=sections)
    assert benchmarks.page(page(benchmarks.PAGE), other) != page(benchmarks.PAGE)
    assert benchmarks.readme(README, other) != README


def test_the_results_are_of_all_that_is_measured() -> None:
    assert list(RUN.sections) == list(bench.__main__.SECTIONS)
    assert all(RUN.sections.values())


@pytest.mark.parametrize("figure", FIGURES)
def test_each_figure_with_a_goal_is_in_the_readme(figure: str) -> None:
    assert any(figure in line for line in README.splitlines() if "≤" in line)


def test_each_result_has_a_title_of_its_own_for_its_baseline() -> None:
    titles = [(name, found.title, found.baseline) for name, of in RUN.sections.items() for found in of]
    assert len(titles) == len(set(titles))


def test_the_readme_quotes_no_figure_beside_its_table() -> None:
    outside = re.sub(r"<!-- Written by `make bench`\. -->.*?<!-- End\. -->", "", README, flags=re.DOTALL)
    assert re.findall(r"\d+(?:\.\d+)? (?:ms|µs|MB|times)\b", outside) == []


def test_the_page_describes_how_it_is_measured() -> None:
    text = prose(benchmarks.PAGE)
    assert f"at most every {1000 * lambda_svc._ESM_IDLE_WAKE_GAP_SECONDS:.0f} ms" in text  # noqa: SLF001 - no public name
    assert limits.TRACKING.batch_window_seconds == 1
    assert "for up to a second before tracking" in text
    assert f"an SES at {pacing.LATENCY_MS:.0f} ms" in text
    assert f"is {100 * pacing.CARRIED:.0f} % of what the machine sends" in text
