"""Measure the use of cores by the service, its servers, the bench, and others on the machine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
Groups = Callable[[], Mapping[str, Iterable[int]]]
"""Return the current processes of each group."""


class Mark(NamedTuple):
    """A sample: the clock, and CPU seconds so far, of all cores and of our groups."""

    clock: float
    everybody: float
    ours: dict[str, float]

    def work_since(self, start: Mark, group: str) -> float:
        """Return the CPU seconds of a group."""
        return self.ours.get(group, 0.0) - start.ours.get(group, 0.0)


class Cores:
    """Separates our work from that of others; needs /proc."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self._tick = os.sysconf("SC_CLK_TCK")

    def mark(self) -> Mark:
        """Take a sample."""
        ours = {name: sum(map(self._process, pids)) for name, pids in self._groups().items()}
        # The bench itself, and its load generators that have ended.
        ours["bench"] = sum(os.times()[:4])
        return Mark(time.monotonic(), self._everybody(), ours)

    def others_since(self, start: Mark) -> float | None:
        """Return the share of the cores that others used, with some hundredths of kernel work for us."""
        now = self.mark()
        if not now.everybody:
            return None
        others = (now.everybody - start.everybody) - (sum(now.ours.values()) - sum(start.ours.values()))
        share = others / ((now.clock - start.clock) * (os.cpu_count() or 1))
        return round(min(max(share, 0.0), 1.0), 2)

    def costs_since(self, start: Mark, count: int) -> dict[str, float | None]:
        """Return milliseconds on a core, of the service and of MariaDB, of each of `count` equal works.

        They hardly depend on others, who make everything slower meanwhile: `others` is their share.
        """
        now = self.mark()
        costs = {group: (now.work_since(start, group) / count) * 1000 for group in ("service", "mariadb")}
        costs_ms = {f"{group}_cpu_ms": round(cost, 2) for group, cost in costs.items()}
        return {**costs_ms, "others": self.others_since(start)}

    def _everybody(self) -> float:
        with suppress(OSError):
            words = (PROC / "stat").read_text().splitlines()[0].split()[1:9]
            user, nice, system, _idle, _waiting, interrupts, softly, stolen = map(int, words)
            return (user + nice + system + interrupts + softly + stolen) / self._tick
        return 0.0

    def _process(self, pid: int) -> float:
        with suppress(OSError):
            # The process name before the last bracket may contain any character.
            words = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
            return (int(words[11]) + int(words[12])) / self._tick
        return 0.0
