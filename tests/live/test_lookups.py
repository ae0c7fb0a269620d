"""Lookups of sessions for WebSockets: failures count, and sessions that are known pass."""

from __future__ import annotations

from service.live.lookups import SessionLookups
from service.web.address import AddressKey

HERE, THERE = AddressKey("192.0.2.1"), AddressKey("192.0.2.2")


def test_failures_count_and_successes_do_not() -> None:
    lookups = SessionLookups(3, clock=lambda: 0.0)
    for _ in range(10):
        assert lookups.take(HERE, "good")
        lookups.ended(HERE, "good", is_known=True)
    for number in range(3):
        assert lookups.take(HERE, f"bad{number}")
        lookups.ended(HERE, f"bad{number}", is_known=False)
    assert not lookups.take(HERE, "bad3")
    assert not lookups.take(HERE, None)
    assert lookups.take(THERE, "bad3")
    for _ in range(10):
        assert lookups.take(HERE, "good"), "whatever others try from the same address"
        lookups.ended(HERE, "good", is_known=True)
    assert lookups.take(HERE, "good")
    lookups.ended(HERE, "good", is_known=False)
    assert not lookups.take(HERE, "good"), "it has ended"


def test_a_lookup_that_could_not_be_made_is_given_back() -> None:
    lookups = SessionLookups(1, clock=lambda: 0.0)
    for _ in range(5):
        assert lookups.take(HERE, "any")
        lookups.give_back(HERE)
