"""procedures/shard/tag, group and presence, called directly."""

from __future__ import annotations

import asyncio

from service.errors import Refused
from tests.conftest import Admin
from tests.procedures.conftest import Direct, text


async def test_tag_add_gives_every_tag_a_name_and_a_place_of_its_own(direct: Direct, admin: Admin) -> None:
    owner = direct.person()
    calls = (direct.one("shard1", "tag_add", owner.uid, "Work", None) for _ in range(4))
    tags = await asyncio.gather(*calls)
    assert {t["name"] for t in tags} == {"Work", "Work (2)", "Work (3)", "Work (4)"}
    assert sorted(t["position"] for t in tags) == [1, 2, 3, 4]
    child = await direct.one("shard1", "tag_add", owner.uid, "Rome", tags[0]["tag_id"])
    assert child["parent_tag_id"] == tags[0]["tag_id"]
    assert await direct.refusal("shard1", "tag_add", owner.uid, "x", "0" * 16) == "PARENT_TAG_NOT_FOUND"


async def test_contact_group_add(direct: Direct, admin: Admin) -> None:
    owner = direct.person()
    contact = await direct.contact(owner)
    add = ("shard1", "contact_group_add", owner.uid)
    group = await direct.one(*add, "Pioneers", None, text([contact]))
    assert (group["name"], group["member_count"]) == ("Pioneers", 1)
    assert await direct.refusal(*add, "Others", None, text(["0" * 16])) == "CONTACT_NOT_FOUND"
    assert admin.one("SELECT COUNT(*) FROM shard1.contact_group WHERE owner_id = %s", owner.uid) == 1
    calls = (direct.sets(*add, "Twins", None, "[]") for _ in range(3))
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(r, Refused) and r.code == "GROUP_EXISTS" for r in results) == 2, results


async def test_presence_recipients_tells_the_state(direct: Direct) -> None:
    owner = direct.person()
    assert (await direct.one("shard1", "presence_recipients", owner.uid))["status"] == 0
    await direct.socket(await direct.session(owner.uid))
    assert (await direct.one("shard1", "presence_recipients", owner.uid))["status"] == 1
