"""procedures/yp/registry, called directly."""

from __future__ import annotations

import asyncio
import secrets

from service.errors import Refused
from tests.conftest import SECOND_SHARD, Admin
from tests.procedures.conftest import Direct


def new_person(email: str, domain: str | None = None, shard: str | None = None) -> tuple[object, ...]:
    return ("yp", "drumate_create", None, email, email.partition("@")[0], "-", "A", "B", domain, shard)


async def test_drumate_create_registers_once(direct: Direct) -> None:
    email = f"{secrets.token_hex(5)}@example.org"
    calls = (direct.sets(*new_person(email)) for _ in range(3))  # type: ignore[arg-type]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(r, Refused) and r.code == "EMAIL_IN_USE" for r in results) == 2, results
    (((uid, wicket, shard),),) = (r for r in results if isinstance(r, list) for r in r)
    assert (len(uid), len(wicket)) == (16, 16)
    assert shard in {"shard1", SECOND_SHARD}
    other = f"{secrets.token_hex(5)}@example.org"
    assert await direct.refusal(*new_person(other, None, "nowhere")) == "NO_SHARD"  # type: ignore[arg-type]


def test_drumate_find_by_uid_and_email(direct: Direct, admin: Admin) -> None:
    person = direct.person()
    for key in (person.uid, person.email):
        assert admin.one("SELECT yp.drumate_find(%s)", key) == person.uid
    assert admin.one("SELECT yp.drumate_find('nobody')") is None


async def test_get_user(direct: Direct) -> None:
    person = direct.person()
    found = await direct.one("yp", "get_user", person.uid)
    assert (found["user"]["id"], found["user"]["email"]) == (person.uid, person.email)
    assert await direct.one("yp", "get_user", "0" * 16) is None


async def test_hub_create_and_permission_grant(direct: Direct, admin: Admin) -> None:
    owner, guest = direct.person(), direct.person()
    assert await direct.refusal("yp", "hub_create", None, "x", "nobody", "private") == "NOT_A_DRUMATE"
    (((hub, found, _shard),),) = await direct.sets("yp", "hub_create", None, "Team", owner.email, "private")
    assert found == owner.uid
    grant = ("yp", "permission_grant", hub, "*")
    (rows,) = await direct.sets(*grant, guest.email, 4, 0)
    assert list(rows) == [(guest.uid, 4)]
    await direct.sets(*grant, guest.uid, 0, 0)
    assert (
        admin.one("SELECT COUNT(*) FROM yp.permission WHERE entity_id = %s AND hub_id = %s", guest.uid, hub)
        == 0
    )
    assert await direct.refusal(*grant, "nobody", 4, 0) == "NOT_A_DRUMATE"
    assert await direct.refusal(*grant, owner.uid, 4, 0) == "WEAK_PRIVILEGE"
    assert await direct.refusal("yp", "permission_grant", "0" * 16, "*", guest.uid, 4, 0) == "HUB_NOT_FOUND"


async def test_hubs_made_at_once_have_serials_of_their_own(direct: Direct, admin: Admin) -> None:
    owner = direct.person()
    calls = (direct.sets("yp", "hub_create", None, f"h{n}", owner.uid, "private") for n in range(4))
    await asyncio.gather(*calls)
    serials = admin.rows("SELECT serial FROM yp.hub WHERE owner_id = %s ORDER BY serial", owner.uid)
    assert [s for (s,) in serials] == [0, 1, 2, 3, 4]


async def test_wickets_made_at_once_are_one(direct: Direct, admin: Admin) -> None:
    owner = direct.person()
    admin.rows("DELETE FROM yp.entity WHERE id = (SELECT id FROM yp.hub WHERE owner_id = %s)", owner.uid)
    calls = (direct.one("yp", "wicket_get", owner.uid) for _ in range(4))
    wickets = await asyncio.gather(*calls)
    assert len({w["wicket_id"] for w in wickets}) == 1
    assert admin.one("SELECT yp.wicket_ensure(%s)", owner.uid) == wickets[0]["wicket_id"]


async def test_shard_list_and_shard_pick(direct: Direct, admin: Admin) -> None:
    (rows,) = await direct.sets("yp", "shard_list")
    assert {name for (name,) in rows} >= {"shard1", SECOND_SHARD}
    assert admin.one("SELECT yp.shard_pick('shard1')") == "shard1"
    assert admin.one("SELECT yp.shard_pick(NULL)") in {name for (name,) in rows}
    assert admin.refusal("SELECT yp.shard_pick('nowhere')") == "NO_SHARD"


async def test_grants_to_one_person_at_once_leave_one(direct: Direct, admin: Admin) -> None:
    owner, guest = direct.person(), direct.person("Bob")
    hub = direct.registry.add_hub("Team", owner.uid, "private")
    grant = ("yp", "permission_grant", hub, "*", guest.uid)
    await asyncio.gather(*(direct.sets(*grant, level, 0) for level in (2, 3, 4)))
    levels = admin.rows(
        "SELECT level FROM yp.permission WHERE hub_id = %s AND entity_id = %s", hub, guest.uid
    )
    assert len(levels) == 1
