"""The writes that were acknowledged, compared with the tables."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple


class Call(NamedTuple):
    """A call that was sent."""

    kind: str
    sent: float
    ended: float
    """Both by time.monotonic()."""
    status: int
    """Of its answer; 0: none."""
    has_succeeded: bool


@dataclass
class Ledger:
    """Every write that was sent, and every answer that no fault explains."""

    acknowledged: dict[str, bool] = field(default_factory=dict)
    """Of each contact by its mark: whether its creation was acknowledged."""
    acknowledgements: Counter[str] = field(default_factory=Counter)
    """Number of acknowledged calls of each kind."""
    wrong: Counter[str] = field(default_factory=Counter)
    """Answers that are neither a success nor one of a service whose servers fail."""
    calls: list[Call] = field(default_factory=list)
    lost_marks: set[str] = field(default_factory=set)
    doubled_marks: set[str] = field(default_factory=set)

    def sent(self, mark: str) -> None:
        """Note that a contact with this mark may exist from now on."""
        self.acknowledged.setdefault(mark, False)

    def confirmed(self, mark: str, kind: str) -> None:
        """Note that it has to exist from now on."""
        self.acknowledged[mark] = True
        self.acknowledgements[kind] += 1

    def compare(self, stored: dict[str, int]) -> tuple[int, int]:
        """Compare with the number of contacts by mark; return how many are newly (lost, doubled)."""
        missing = {mark for mark, sure in self.acknowledged.items() if sure and not stored.get(mark)}
        twice = {mark for mark, count in stored.items() if count > 1}
        news = len(missing - self.lost_marks), len(twice - self.doubled_marks)
        self.lost_marks |= missing
        self.doubled_marks |= twice
        return news
