"""service/dialects/rest/totals.py"""

from __future__ import annotations

import pytest

from service.dialects.rest import totals
from service.dialects.rest.totals import Totals
from tests.dialects.conftest import ClientMaker


def test_the_oldest_total_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(totals, "SIZE", 2)
    known = Totals()
    known.note("a1", "no", {"search": "ada"}, 1, 5)
    known.note("b1", "no", {"search": "ada"}, 1, 6)
    known.note("a1", "no", {"search": "ada"}, 2, 7)
    known.note("a1", "no", {"search": "bob"}, 2, 8)
    assert known.of("a1", "no", {"search": "ada"}) == {"rev": 2, "total": 7}
    assert known.of("b1", "no", {"search": "ada"}) is None
    assert known.of("a1", "only", {"search": "ada"}) is None
    assert known.of("a1", "no", {"search": "bob"}) == {"rev": 2, "total": 8}


async def test_a_total_is_counted_again_after_every_change(client_of: ClientMaker) -> None:
    api = await client_of()
    for count in (1, 2):
        await api.add(first_name="Ann", last_name=f"No{count}")
        for _page in range(2):
            assert (await api.get("/contacts?search=ann&limit=1")).body["meta"]["total"] == count
    gone = (await api.get("/contacts?search=ann&limit=1")).data[0]["id"]
    await api.delete(f"/contacts/{gone}")
    assert (await api.get("/contacts?search=ann&limit=1")).body["meta"]["total"] == 1
    assert (await api.get("/contacts?search=ann&only_deleted=true")).body["meta"]["total"] == 1
    assert (await api.get("/contacts?search=ann&include_deleted=true")).body["meta"]["total"] == 2
