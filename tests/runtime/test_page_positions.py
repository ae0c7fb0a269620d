"""PagePositions: a page starts where the one before it ended, as long as nothing has changed."""

from __future__ import annotations

import pytest

from service.runtime import page_positions
from service.runtime.page_positions import PagePositions
from tests.support.rest import ClientMaker

LIST = {"sort": "display_name", "order": "asc"}


def test_the_nearest_end_before_an_offset_is_found() -> None:
    positions = PagePositions()
    positions.put("a1", LIST, 7, 20, "c20")
    positions.put("a1", LIST, 7, 40, "c40")
    assert positions.find("a1", LIST, 19) is None
    assert positions.find("a1", LIST, 39) == {"rev": 7, "offset": 20, "contact": "c20"}
    assert positions.find("a1", LIST, 400) == {"rev": 7, "offset": 40, "contact": "c40"}
    assert positions.find("b1", LIST, 400) is None
    assert positions.find("a1", {**LIST, "order": "desc"}, 400) is None
    positions.put("a1", LIST, 8, 20, "d20")
    assert positions.find("a1", LIST, 400) == {"rev": 8, "offset": 20, "contact": "d20"}


def test_the_oldest_page_and_the_oldest_list_are_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_positions, "LISTS", 2)
    monkeypatch.setattr(page_positions, "PAGES", 2)
    positions = PagePositions()
    for offset in (20, 40, 40, 60):
        positions.put("a1", LIST, 1, offset, f"c{offset}")
    assert positions.find("a1", LIST, 39) is None
    assert positions.find("a1", LIST, 59) == {"rev": 1, "offset": 40, "contact": "c40"}
    for uid in ("b1", "c1"):
        positions.put(uid, LIST, 1, 20, "c")
    assert positions.find("a1", LIST, 60) is None


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_a_walk_shows_every_contact_once_and_follows_changes(
    client_of: ClientMaker, order: str
) -> None:
    api = await client_of()
    for name in "ABCDE":
        await api.add(first_name="Ann", last_name=name)
    names = [f"Ann {name}" for name in ("ABCDE" if order == "asc" else "EDCBA")]
    for filters in ("", "&search=ann", "&include_deleted=true", "&sort=created_at"):
        path = f"/contacts?limit=2&order={order}{filters}"
        seen = [(await api.get(f"{path}&offset={offset}")).data for offset in (0, 2, 3, 4)]
        assert [[c["display_name"] for c in page] for page in seen] == [
            names[0:2], names[2:4], names[3:5], names[4:5]
        ]  # fmt: skip
    first = (await api.get(f"/contacts?limit=2&order={order}")).data[0]["id"]
    await api.delete(f"/contacts/{first}")
    page = (await api.get(f"/contacts?limit=2&order={order}&offset=2")).data
    assert [c["display_name"] for c in page] == names[3:5]
