"""A chaos run that finds nothing must be able to find something."""

from __future__ import annotations

from tests.chaos.ledger import Ledger
from tests.chaos.load import Counting


def test_what_was_acknowledged_has_to_be_there_once() -> None:
    ledger = Ledger()
    for mark in ("there", "gone", "twice", "unsure"):
        ledger.sent(mark)
    for mark in ("there", "gone", "twice"):
        ledger.confirmed(mark, "contact.add")
    assert ledger.acknowledgements == {"contact.add": 3}
    assert ledger.compare({"there": 1, "twice": 2}) == (1, 1)
    # each is counted once
    assert ledger.compare({"there": 1, "twice": 2}) == (0, 0)
    assert ledger.compare({"twice": 2}) == (1, 0)


def test_a_call_without_an_answer_may_have_worked_once() -> None:
    ledger = Ledger()
    ledger.sent("unsure")
    assert ledger.compare({}) == (0, 0)
    assert ledger.compare({"unsure": 1}) == (0, 0)
    assert ledger.compare({"unsure": 2}) == (0, 1)


def test_a_counter_shows_steps_that_are_missing_or_too_many() -> None:
    counter = Counting("id")
    counter.value = 5
    counter.reread(5, '"1"')
    counter.unsure = 3
    counter.reread(6, '"2"')
    assert (counter.lost_steps, counter.doubled_steps) == (0, 0)
    counter.reread(8, '"3"')
    assert (counter.lost_steps, counter.doubled_steps) == (0, 2)
    counter.reread(5, '"4"')
    assert (counter.lost_steps, counter.doubled_steps) == (3, 2)
