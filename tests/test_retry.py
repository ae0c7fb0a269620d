"""Pauses between attempts."""

from __future__ import annotations

from service.retry import attempts, pause_after


def test_pauses_double_up_to_a_limit_and_differ() -> None:
    tries = list(attempts(5, 0.1, 0.5))
    assert [attempt.is_last for attempt in tries] == [False, False, False, False, True]
    for attempt, full in zip(tries, (0.1, 0.2, 0.4, 0.5, 0.5), strict=True):
        pauses = {attempt.pause for _ in range(50)}
        assert len(pauses) > 10
        assert full / 2 <= min(pauses) <= max(pauses) <= full
    assert pause_after(10_000, 0.5, 5) <= 5
