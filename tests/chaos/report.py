"""The table at the end, and the violations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.chaos.stale_tabs import LIMIT_SECONDS

Footprint = Mapping[str, tuple[int, int]]


@dataclass
class Row:
    """The totals of the rounds of one fault."""

    rounds: int = 0
    acknowledged: int = 0
    lost_writes: int = 0
    doubled: int = 0
    wrong: int = 0
    seconds: list[float] = field(default_factory=list)
    """Until every kind of call worked again."""


@dataclass
class Report:
    """All rounds of a run."""

    rows: dict[str, Row]
    stale_tabs: Mapping[str, list[float]]
    remaining_tabs: int
    wrong: Counter[str]
    skipped: Mapping[str, str]
    """Faults that were not tried, each with the reason."""
    before: Footprint
    after: Footprint

    def violations(self) -> list[str]:
        """Return a sentence for each violation."""
        slow = [f"{s:.1f} s" for times in self.stale_tabs.values() for s in times if s > LIMIT_SECONDS]
        total = {
            "acknowledged writes are lost": sum(row.lost_writes for row in self.rows.values()),
            "writes are doubled": sum(row.doubled for row in self.rows.values()),
            "answers are wrong": sum(self.wrong.values()),
            f"stale tabs stayed longer than {LIMIT_SECONDS:.0f} s ({', '.join(slow)})": len(slow),
            "stale tabs stay": self.remaining_tabs,
        }
        leaks = [
            f"{name} has {after} descriptors, {self.before[name][1]} at the start"
            for name, (_, after) in self.after.items()
            if after > 2 * self.before[name][1] + 50
        ]
        return [f"{count} {what}" for what, count in total.items() if count] + leaks

    def lines(self) -> list[str]:
        """Return the table, what was skipped, and what is wrong."""
        head = f"{'fault':<22}{'rounds':>7}{'acked':>8}{'lost':>6}{'doubled':>9}{'wrong':>7}"
        lines = [
            f"{head}{'recovery s':>14}{'stale tabs s':>16}",
            f"{'':<59}{'median / max':>14}{'n / max':>16}",
        ]
        lines += [_line(name, row, self.stale_tabs.get(name, [])) for name, row in self.rows.items()]
        lines += [_line("all", _sum(self.rows), [s for times in self.stale_tabs.values() for s in times]), ""]
        for name, (megabytes, descriptors) in self.after.items():
            memory, opened = self.before[name]
            lines.append(
                f"{name:<14}{memory:>5} -> {megabytes:>4} MB{opened:>8} -> {descriptors:>4} descriptors"
            )
        lines += [f"not tried: {name}: {reason}" for name, reason in self.skipped.items()]
        return lines + [f"wrong, {count} x: {text}" for text, count in self.wrong.most_common(20)]


def _line(name: str, row: Row, stays: list[float]) -> str:
    recovery = f"{_median(row.seconds):.1f} / {max(row.seconds, default=0):.1f}"
    stays_text = f"{len(stays)} / {max(stays, default=0):.1f}"
    figures = f"{row.rounds:>7}{row.acknowledged:>8}{row.lost_writes:>6}{row.doubled:>9}{row.wrong:>7}"
    return f"{name:<22}{figures}{recovery:>14}{stays_text:>16}"


def _sum(rows: Mapping[str, Row]) -> Row:
    total = Row()
    for row in rows.values():
        total.rounds += row.rounds
        total.acknowledged += row.acknowledged
        total.lost_writes += row.lost_writes
        total.doubled += row.doubled
        total.wrong += row.wrong
        total.seconds += row.seconds
    return total


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2] if values else 0.0
