"""Slow a deploy down while the cluster is busy."""

from __future__ import annotations

import time
from typing import cast

import pytest

from service.deploy.pace import Pace
from service.store.admin import Connection


class Cluster:
    """A Galera node whose flow control had much to do once, and has now and then."""

    def __init__(self, clock: list[float]) -> None:
        self.clock = clock
        self.running = 1
        self.paused_ns = 3_600 * 10**9
        self.held = 0.0
        """Part of the time from now on."""

    def rows(self, statement: str) -> list[tuple[str, str]]:
        assert "wsrep_flow_control_paused_ns" in statement
        return [("Threads_running", str(self.running)), ("wsrep_flow_control_paused_ns", str(self.paused_ns))]

    def sleep(self, seconds: float) -> None:
        self.clock[0] += seconds
        self.paused_ns += int(seconds * self.held * 1e9)


def test_a_busy_moment_stops_the_deploy_and_a_bad_hour_long_ago_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [10_000.0]
    cluster = Cluster(clock)
    lines: list[str] = []
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    calm_after = [5]

    def sleep(seconds: float) -> None:
        cluster.sleep(seconds)
        calm_after[0] -= 1
        if not calm_after[0]:
            cluster.held = 0.0

    monkeypatch.setattr(time, "sleep", sleep)
    brake = Pace(cast(Connection, cluster), 0, lines.append)
    for _ in range(3):
        cluster.sleep(1)
        brake.after_item(0.001)
    assert lines == []

    cluster.held = 0.5
    cluster.sleep(1)
    brake.after_item(0.001)
    assert [line.partition(":")[0] for line in lines] == ["paused", "going on"]
    assert "50% of the time" in lines[0]

    # the server was started again
    cluster.paused_ns = 0
    cluster.sleep(1)
    brake.after_item(0.001)
    assert len(lines) == 2


def test_beside_others_a_deploy_takes_half_of_the_time_and_never_pauses_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [10_000.0]
    cluster = Cluster(clock)
    cluster.running = 10
    pauses: list[float] = []
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(time, "sleep", pauses.append)
    pace = Pace(cast(Connection, cluster), 0, lambda _: None)
    for took in (0.25, 3_600.0):
        pace.after_item(took)
    assert pauses == [0.25, 1.0]
