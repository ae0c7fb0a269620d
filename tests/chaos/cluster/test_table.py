"""A run against a cluster that finds nothing is able to find something."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.chaos.cluster.__main__ import chosen, parsed
from tests.chaos.cluster.faults import FAULTS, SHORT
from tests.chaos.cluster.table import Limits, Row, longest_gap, span, table
from tests.chaos.ledger import Call


def call(sent: float, status: int = 200) -> Call:
    return Call("contact.add", sent, sent + 0.1, status, status == 200)


def row(**values: object) -> Row:
    return Row("kill home", Limits(4.0), **values)  # type: ignore[arg-type]


def test_failures_are_measured_before_and_after_the_repair() -> None:
    measured = Row("kill home", Limits(4.0, silence=4.0))
    measured.measure([call(0), call(1, 503), call(3, 503), call(3.5), call(9, 503), call(9.5, 409)], 5.0)
    assert measured.failed == {503: 3}, "a refusal is no failure"
    assert measured.seconds == pytest.approx(2.1)
    assert measured.after_heal == pytest.approx(0.1)
    assert measured.silence == pytest.approx(3.5)
    assert measured.violations() == ["kill home: failures for 0.1 s after the repair, limit 0 s"]


def test_a_good_row_breaks_no_limit() -> None:
    assert row(seconds=4.0, failed=Counter({503: 2}), updates=10).violations() == []


@pytest.mark.parametrize(
    ("values", "violation"),
    [
        ({"lost_writes": 1}, "1 acknowledged writes lost"),
        (
            {"wrong": Counter({"contact.get_contact: empty": 2})},
            "2 wrong answers: 2 × contact.get_contact: empty",
        ),
        ({"seconds": 4.3}, "failures for 4.3 s, limit 4 s"),
        ({"silence": 3.4}, "no success for 3.4 s, limit 3 s"),
        ({"failed": Counter({500: 1})}, "answers 1 × 500"),
        ({"lost_updates": 1, "updates": 9}, "1 of 9 live updates lost"),
        ({"doubled_updates": 3}, "3 live updates arrived twice"),
        ({"late": 3.4}, "a live update came 3.4 s late, limit 3 s"),
        ({"troubles": ["2 homes: db1, db2"]}, "2 homes: db1, db2"),
    ],
)
def test_each_kind_of_violation_is_reported(values: dict[str, object], violation: str) -> None:
    assert row(**values).violations() == [f"kill home: {violation}"]


def test_the_table_has_a_line_for_each_fault() -> None:
    lines = table(
        [row(acknowledged=40, seconds=3.1, failed=Counter({503: 4, 0: 1}), silence=3.2)]
    ).splitlines()
    assert len(lines) == 3
    assert lines[2].startswith("| kill home | 40 | 0 | 0 | 3.1 s: 1 × no answer, 4 × 503 | 3.2 s |")


def test_times_without_calls() -> None:
    assert (span([]), longest_gap([])) == (0.0, 0.0)
    assert longest_gap([5.0, 1.0, 2.0]) == 3.0


def test_faults_are_chosen_by_name() -> None:
    assert [fault.name for fault in chosen(parsed(["--only", "roll,cut home"]))] == ["cut home", "roll"]
    assert [fault.name for fault in chosen(parsed(["--short"]))] == list(SHORT)
    assert {fault.name for fault in chosen(parsed([]))} == {fault.name for fault in FAULTS} - {"kill home"}


def test_an_unknown_fault_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        chosen(parsed(["--only", "roll,rool"]))
    assert ended.value.code == 2
    assert "no such fault: rool" in capsys.readouterr().err
