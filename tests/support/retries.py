"""How many units of this process ran again."""

from __future__ import annotations

from collections import Counter

from service import metrics


def retries() -> Counter[str]:
    """Return the number of retries so far, by error number."""
    counts: Counter[str] = Counter()
    for metric in metrics.RETRIES.collect():
        for sample in metric.samples:
            if sample.name.endswith("_total"):
                counts[sample.labels["error"]] += int(sample.value)
    return counts
