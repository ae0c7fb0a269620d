"""The bucket of each caller."""

from __future__ import annotations

from service.web.ratelimit import MAX_BUCKETS, RateLimit


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_empties_and_fills_evenly() -> None:
    clock = Clock()
    limit = RateLimit(60, clock)
    assert [limit.take("a").remaining for _ in range(60)] == list(range(59, -1, -1))
    refused = limit.take("a")
    assert (refused.allowed, refused.retry_after, refused.reset) == (False, 1, 60)
    assert limit.is_exhausted("a")
    assert limit.take("b").allowed
    clock.now += 1
    assert not limit.is_exhausted("a")
    assert limit.take("a").allowed
    assert not limit.take("a").allowed
    clock.now += 3600
    assert limit.take("a").remaining == 59, "never more than full"


def test_a_dear_request_counts_for_several_and_waits_for_all_of_them() -> None:
    clock = Clock()
    limit = RateLimit(60, clock)
    assert limit.take("a", 50).remaining == 10
    refused = limit.take("a", 20)
    assert (refused.allowed, refused.remaining, refused.retry_after) == (False, 10, 10)
    clock.now += 10
    assert limit.take("a", 20).allowed
    clock.now += 60
    assert limit.take("a", 1000).allowed, "a cost above the size takes a full bucket"


def test_headers_tell_the_budget() -> None:
    limit = RateLimit(1, Clock())
    assert limit.take("a").headers == {
        "RateLimit-Limit": "1", "RateLimit-Remaining": "0", "RateLimit-Reset": "60",
    }  # fmt: skip
    assert limit.take("a").headers["Retry-After"] == "60"
    assert RateLimit(0).take("a").headers == {}


def test_no_limit_and_bounded_memory() -> None:
    assert all(RateLimit(0).take("a").allowed for _ in range(1000))
    limit = RateLimit(1, Clock())
    for number in range(MAX_BUCKETS + 10):
        limit.take(str(number))
    assert len(limit._buckets) == MAX_BUCKETS
    assert not limit.take(str(MAX_BUCKETS + 9)).allowed


def test_work_that_is_done_is_owed_up_to_a_full_bucket() -> None:
    clock = Clock()
    limit = RateLimit(60, clock)
    charged = limit.charge("a", 100)
    assert (charged.allowed, charged.remaining, charged.reset) == (True, 0, 100)
    refused = limit.take("a")
    assert (refused.allowed, refused.remaining, refused.retry_after) == (False, 0, 41)
    assert limit.charge("a", 1000).reset == 120, "never more than a full bucket"
    clock.now += 61
    assert limit.take("a").allowed
    assert RateLimit(0).charge("a", 1000).headers == {}
