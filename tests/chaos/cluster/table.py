"""The table of a run, and what in it breaks a limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tests.chaos.ledger import Call


@dataclass(frozen=True)
class Limits:
    """What a fault may cost."""

    seconds: float
    """From the first failed call to the last one."""
    silence: float = 3.0
    """Longest time without a successful call."""
    statuses: tuple[int, ...] = (503, 504)
    """Answers of failed calls; 0: none."""
    after_heal: float = 0.0
    """Seconds with failed calls after the repair began."""
    late: float = 3.0
    """Seconds until a live update arrives."""


@dataclass
class Row:
    """What one fault did."""

    fault: str
    limits: Limits
    acknowledged: int = 0
    lost_writes: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    failed: Counter[int] = field(default_factory=Counter)
    """Failed calls by status."""
    seconds: float = 0.0
    """From the first failed call to the last one, until the repair began."""
    after_heal: float = 0.0
    """The same, after that."""
    silence: float = 0.0
    """Longest time without a successful call."""
    updates: int = 0
    """Live updates that had to arrive."""
    lost_updates: int = 0
    doubled_updates: int = 0
    late: float = 0.0
    """Seconds until the latest one arrived."""
    former_home: str = ""
    """The home node that was broken: another one has to be home afterwards."""
    notes: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    """What is not as it should be afterwards."""

    def measure(self, calls: Sequence[Call], healed_at: float) -> None:
        """Count the failures of these calls."""
        failures = [call for call in calls if not call.has_succeeded and call.status not in range(200, 500)]
        self.failed = Counter(call.status for call in failures)
        self.seconds = span([call.sent for call in failures if call.sent < healed_at])
        self.after_heal = span([call.sent for call in failures if call.sent >= healed_at])
        self.silence = longest_gap([call.ended for call in calls if call.has_succeeded])

    def violations(self) -> list[str]:
        """Return a sentence for each broken limit."""
        limits = self.limits
        other = {status: n for status, n in self.failed.items() if status not in limits.statuses}
        checks = {
            f"{self.lost_writes} acknowledged writes lost": self.lost_writes,
            f"{sum(self.wrong.values())} wrong answers: {_list(self.wrong)}": self.wrong,
            f"failures for {self.seconds:.1f} s, limit {limits.seconds:g} s": self.seconds > limits.seconds,
            f"failures for {self.after_heal:.1f} s after the repair, limit {limits.after_heal:g} s": (
                self.after_heal > limits.after_heal
            ),
            f"no success for {self.silence:.1f} s, limit {limits.silence:g} s": self.silence > limits.silence,
            f"answers {_list(other)}": other,
            f"{self.lost_updates} of {self.updates} live updates lost": self.lost_updates,
            f"{self.doubled_updates} live updates arrived twice": self.doubled_updates,
            f"a live update came {self.late:.1f} s late, limit {limits.late:g} s": self.late > limits.late,
        }
        texts = [text for text, is_broken in checks.items() if is_broken] + self.troubles
        return [f"{self.fault}: {text}" for text in texts]

    def cells(self) -> list[str]:
        """Return the cells of its line."""
        failed = ", ".join(f"{n} × {status or 'no answer'}" for status, n in sorted(self.failed.items()))
        answers = f"{self.seconds:.1f} s" + (f" and {self.after_heal:.1f} s" if self.after_heal else "")
        return [
            self.fault,
            str(self.acknowledged),
            str(self.lost_writes),
            str(sum(self.wrong.values())),
            f"{answers}: {failed}" if failed else "0",
            f"{self.silence:.1f} s",
            f"{self.lost_updates} of {self.updates}, {self.doubled_updates} twice, {self.late:.1f} s late",
            "; ".join(self.notes),
        ]


HEAD = [
    "fault", "acked", "lost", "wrong or empty", "no answer or 5xx", "silence", "live updates lost", "also"
]  # fmt: skip


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table in Markdown."""
    lines = [HEAD, ["---"] * len(HEAD), *(row.cells() for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def span(moments: Sequence[float]) -> float:
    """Return the seconds from the first moment to the last; a tenth of a second for a single one."""
    return max(moments) - min(moments) + 0.1 if moments else 0.0


def longest_gap(moments: Sequence[float]) -> float:
    """Return the longest time between two moments."""
    ordered = sorted(moments)
    return max((after - before for before, after in pairwise(ordered)), default=0.0)


def _list(counts: Counter[str] | dict[int, int]) -> str:
    return ", ".join(f"{count} × {what}" for what, count in counts.items())
