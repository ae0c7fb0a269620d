"""The table of a comparison of two revisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.bench.report import table

COLUMNS = (
    "scenario",
    "conn",
    "req/s",
    "x",
    "p50 ms",
    "p99 ms",
    "service µs",
    "db µs",
    "tmp tables",
    "errors",
)
NOTES = """\
Each pair of figures is {before}, then this checkout: medians of turns. x: the median of the ratios of the
requests a second, turn by turn; above 1 this checkout is faster. service µs, db µs: time on a core a
request, of the service's processes and of MariaDB's, with the work that nobody waits for. tmp tables:
temporary tables a request. The processor times hold where others use the cores as well, the rest hardly."""


def text(results: Mapping[str, Any]) -> str:
    """Render the report."""
    rows = [_row(each) for each in results["rows"]]
    return f"\n{table([COLUMNS, *rows])}\n\n{NOTES.format(before=results['before'])}\n"


def _row(row: Mapping[str, Any]) -> tuple[str, ...]:
    before, now = row["before"], row["now"]

    def pair(name: str, form: str) -> str:
        return f"{before[name]:{form}} {now[name]:{form}}"

    return (
        row["name"],
        str(row["connections"]),
        pair("per_second", ",.0f"),
        "?" if row["ratio"] is None else f"{row['ratio']:.2f}",
        pair("p50_ms", ".1f"),
        pair("p99_ms", ".1f"),
        pair("service_us", ",.0f"),
        pair("database_us", ",.0f"),
        pair("tables", ".1f"),
        pair("errors", ".0f"),
    )
