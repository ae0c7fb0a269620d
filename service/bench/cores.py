"""Who uses the cores: the bench and what it has started, or others on the same machine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")


class Mark(NamedTuple):
    """A moment, in seconds: of the clock, of work of all cores, of work of our processes."""

    clock: float
    everybody: float
    ours: float


class Cores:
    """Tells our work from that of others; only where there is a /proc."""

    def __init__(self, pids: Callable[[], Iterable[int]]) -> None:
        self._pids = pids
        self._tick = os.sysconf("SC_CLK_TCK")

    def mark(self) -> Mark:
        """Now."""
        # ourselves, and the programs that made load and have ended
        own = sum(os.times()[:4])
        return Mark(time.monotonic(), self._everybody(), own + sum(map(self._process, self._pids())))

    def others_since(self, start: Mark) -> float | None:
        """Share of the cores that others have used; also what the kernel did for us, a few hundredths."""
        now = self.mark()
        if not now.everybody:
            return None
        others = (now.everybody - start.everybody) - (now.ours - start.ours)
        share = others / ((now.clock - start.clock) * (os.cpu_count() or 1))
        return round(min(max(share, 0.0), 1.0), 2)

    def _everybody(self) -> float:
        with suppress(OSError):
            words = (PROC / "stat").read_text().splitlines()[0].split()[1:9]
            user, nice, system, _idle, _waiting, interrupts, softly, stolen = map(int, words)
            return (user + nice + system + interrupts + softly + stolen) / self._tick
        return 0.0

    def _process(self, pid: int) -> float:
        with suppress(OSError):
            # the name before the last bracket may hold anything
            words = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
            return (int(words[11]) + int(words[12])) / self._tick
        return 0.0
