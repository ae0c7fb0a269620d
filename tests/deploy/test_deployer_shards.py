"""Every command finds many shards in order, also after deploys were killed: the measurement, in small."""

from __future__ import annotations

from service.bench.shards import LIMITS, Site, measure_on, text
from service.settings import Settings

SHARDS, ROUNDS = 5, 4
WRONG = "shards with something missing or half after kills"


def test_killed_deploys_of_routines_and_columns_leave_no_shard_behind(site: Settings) -> None:
    results = measure_on(Site(site, examples=False), lambda _: None, SHARDS, ROUNDS)
    assert (results["shards"], results["rounds of kill -9"], results[WRONG]) == (SHARDS, ROUNDS, 0)
    assert results.keys() >= LIMITS.keys()
    last = text(results).splitlines()[-1]
    assert (last.split()[0], last.endswith(WRONG)) == ("met", True)
