"""CountCache of lists, counted once and then cached."""

from __future__ import annotations

import pytest

from service.rest import count_cache
from service.rest.count_cache import CountCache
from tests.support.rest import ClientMaker


def test_the_oldest_total_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(count_cache, "SIZE", 2)
    cache = CountCache()
    nothing = {"known": None, "known_floor": None}
    cache.put("a1", "no", {"search": "ada"}, 1, 5, is_floor=False)
    cache.put("b1", "no", {"search": "ada"}, 1, 6, is_floor=False)
    cache.put("a1", "no", {"search": "ada"}, 2, 7, is_floor=False)
    cache.put("a1", "no", {"search": "bob"}, 2, 1001, is_floor=True)
    assert cache.get("a1", "no", {"search": "ada"}) == {**nothing, "known": {"rev": 2, "total": 7}}
    assert cache.get("b1", "no", {"search": "ada"}) == nothing
    assert cache.get("a1", "only", {"search": "ada"}) == nothing
    assert cache.get("a1", "no", {"search": "bob"}) == {**nothing, "known_floor": {"rev": 2, "total": 1001}}
    cache.put("a1", "no", {"search": "bob"}, 2, 1639, is_floor=False)
    assert cache.get("a1", "no", {"search": "bob"}) == {**nothing, "known": {"rev": 2, "total": 1639}}


async def test_a_total_is_counted_again_after_every_change(client_of: ClientMaker) -> None:
    api = await client_of()
    for count in (1, 2):
        await api.add(first_name="Ann", last_name=f"No{count}")
        for _page in range(2):
            assert (await api.get("/contacts?search=ann&limit=1")).body["meta"]["total"] == count
    contact_id = (await api.get("/contacts?search=ann&limit=1")).data[0]["id"]
    await api.delete(f"/contacts/{contact_id}")
    assert (await api.get("/contacts?search=ann&limit=1")).body["meta"]["total"] == 1
    assert (await api.get("/contacts?search=ann&only_deleted=true")).body["meta"]["total"] == 1
    assert (await api.get("/contacts?search=ann&include_deleted=true")).body["meta"]["total"] == 2
