"""The report of a chaos run."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.chaos.report import Report, Row

GOOD: dict[str, Any] = {
    "rows": {"kill Redis": Row(2, 40, seconds=[0.5, 1.5])},
    "stale_tabs": {"kill Redis": [25.2, 29.9]},
    "remaining_tabs": 0,
    "wrong": Counter(),
    "skipped": {},
    "before": {"worker": (90, 40)},
    "after": {"worker": (91, 60)},
}


def test_a_good_run_has_no_violation() -> None:
    report = Report(**GOOD)
    assert report.violations() == []
    total = report.lines()[3].split()
    assert total == ["all", "2", "40", "0", "0", "0", "1.5", "/", "1.5", "2", "/", "29.9"]


@pytest.mark.parametrize(
    ("change", "violation"),
    [
        ({"rows": {"kill Redis": Row(1, 2, lost_writes=1)}}, "1 acknowledged writes are lost"),
        ({"rows": {"kill Redis": Row(1, 2, doubled=2)}}, "2 writes are doubled"),
        ({"wrong": Counter({"contact.add: 500": 3})}, "3 answers are wrong"),
        ({"stale_tabs": {"kill Redis": [30.4]}}, "1 stale tabs stayed longer than 30 s (30.4 s)"),
        ({"remaining_tabs": 1}, "1 stale tabs stay"),
        ({"after": {"worker": (91, 131)}}, "worker has 131 descriptors, 40 at the start"),
    ],
)
def test_each_kind_of_violation_is_reported(change: dict[str, Any], violation: str) -> None:
    assert Report(**(GOOD | change)).violations() == [violation]


def test_faults_that_were_not_tried_are_listed() -> None:
    lines = Report(**(GOOD | {"skipped": {"fill the disk": "no root"}})).lines()
    assert "not tried: fill the disk: no root" in lines
