"""Two revisions are measured in turns, each on servers of its own. No test judges a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.bench import against, ratios
from service.bench.against import compare
from service.bench.revisions import HERE, Revision
from service.bench.scenarios import SCENARIOS, World
from service.bench.tools import BenchError

SIZES = (5, 10)
NAMES = ("contact.add by 64 people", "contact.update, nothing changes", "conference.update")
CHOSEN = [each for each in SCENARIOS if each.title(World("shard1", *SIZES)) in NAMES]


async def test_both_sides_serve_the_same_scenarios_and_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(against, "CONNECTIONS", (4,))
    monkeypatch.setattr(against, "TURNS", 2)
    monkeypatch.setattr(against, "LOADED", 30)
    other = Revision("cafe123", HERE.root, HERE.python)
    results = await compare(other, CHOSEN, SIZES, 0.2, load=True)

    assert [row["name"] for row in results["rows"]] == [*NAMES, "contact.load, a contact"]
    for row in results["rows"]:
        assert len(row["ratios"]) == 2
        for side in (row["before"], row["now"]):
            assert side["errors"] == 0
            assert min(side["per_second"], side["p50_ms"], side["database_us"], side["service_us"]) > 0
    table = ratios.text(results)
    assert "Each pair of figures is cafe123, then this checkout" in table
    for name in NAMES:
        assert name in table


async def test_a_revision_that_does_not_start_is_named_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "service").mkdir()
    (tmp_path / "service" / "__init__.py").write_text("")
    with pytest.raises(BenchError, match=r"cafe123 does not start:\n(?s:.*)No module named 'service.bench'"):
        await compare(Revision("cafe123", tmp_path, HERE.python), [], SIZES, 0.2, load=True)
