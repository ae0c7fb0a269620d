"""procedures/yp/registry, called directly."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from service.errors import Refused
from tests.support.admin import SECOND_SHARD, Admin
from tests.support.direct import Direct
from tests.support.scene import Scene


def new_person(email: str, domain: str | None = None, shard: str | None = None) -> tuple[Any, ...]:
    return ("yp", "drumate_create", None, email, email.partition("@")[0], "-", "A", "B", domain, shard)


async def test_drumate_create_registers_once(direct: Direct) -> None:
    email = f"{secrets.token_hex(5)}@example.org"
    calls = (direct.sets(*new_person(email)) for _ in range(3))
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(r, Refused) and r.code == "EMAIL_IN_USE" for r in results) == 2, results
    ((((uid, wicket, shard),),),) = (sets for sets in results if isinstance(sets, list))
    assert (len(uid), len(wicket)) == (16, 16)
    assert shard in {"shard1", SECOND_SHARD}
    other = f"{secrets.token_hex(5)}@example.org"
    assert await direct.refusal(*new_person(other, None, "nowhere")) == "NO_SHARD"


def test_drumate_find_by_uid_and_email(direct: Direct, admin: Admin) -> None:
    person = direct.person()
    for key in (person.uid, person.email):
        assert admin.one("SELECT yp.drumate_find(%s)", key) == person.uid
    assert admin.one("SELECT yp.drumate_find('nobody')") is None


async def test_get_user_returns_the_profile(direct: Direct) -> None:
    person = direct.person()
    answer = await direct.one("yp", "get_user", person.uid)
    assert (answer["user"]["id"], answer["user"]["email"]) == (person.uid, person.email)
    assert await direct.one("yp", "get_user", "0" * 16) is None


async def test_hub_create_and_permission_grant(direct: Direct, admin: Admin) -> None:
    owner, guest = direct.person(), direct.person()
    assert await direct.refusal("yp", "hub_create", None, "x", "nobody", "private") == "NOT_A_DRUMATE"
    (((hub, owner_uid, _shard),),) = await direct.sets(
        "yp", "hub_create", None, "Team", owner.email, "private"
    )
    assert owner_uid == owner.uid
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
    assert (await direct.one("yp", "wicket_get", owner.uid)) == wickets[0]


def test_wicket_add_makes_a_wicket_only_where_there_is_none(scene: Scene) -> None:
    scene.sets("DELETE FROM yp.entity WHERE id = (SELECT id FROM yp.hub WHERE owner_id = :alice)")
    scene.sets("yp.wicket_add(:alice, @wicket)")
    wicket = scene.one("SELECT @wicket")
    assert scene.rows("SELECT id, name, serial FROM yp.hub WHERE owner_id = :alice") == [
        (wicket, "wicket", 0)
    ]
    assert scene.one(f"SELECT level FROM yp.permission WHERE hub_id = '{wicket}' AND entity_id = :alice") == 7
    scene.sets("yp.wicket_add(:alice, @wicket)")
    assert scene.one("SELECT @wicket") == wicket


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


def test_intro_acknowledge_keeps_the_rest_of_the_profile(scene: Scene) -> None:
    scene.sets("UPDATE yp.drumate SET profile = JSON_OBJECT('mobile', '555') WHERE id = :alice")
    for _ in range(2):
        profile = scene.doc("yp.intro_acknowledge(:alice)")["profile"]
        assert (profile["intro"], profile["mobile"], profile["firstname"]) == ("no", "555", "Alice")
    assert scene.doc("yp.get_user(:alice)")["user"]["profile"] == profile
    assert scene.rows("yp.intro_acknowledge(:nobody)") == []


def test_hub_list_has_the_team_hubs_that_a_user_may_read(scene: Scene) -> None:
    scene["hub"], scene["dmz"]
    (team,) = scene.docs("yp.hub_list(:alice, '', 1, 45)")
    assert (team["hub_id"], team["name"], team["level"], team["privilege"]) == (scene["hub"], "Team", 7, 63)
    assert scene.docs("yp.hub_list(:alice, 'EA', 1, 45)") == [team]
    for call in (":alice, 'x', 1, 45", ":alice, '%', 1, 45", ":alice, '', 2, 45", ":bob, '', 1, 45"):
        assert scene.docs(f"yp.hub_list({call})") == [], call


def test_a_user_has_a_country_of_numbers(scene: Scene) -> None:
    assert scene.refusal("yp.drumate_region(:hub, 'DE')") == "USER_NOT_FOUND"
    assert scene.one("yp.drumate_region(:alice, 'DE')") == "DE"
    assert scene.one("yp.drumate_region(:alice, '')") is None


def test_the_limits_of_a_hub_go_before_those_of_the_service(scene: Scene) -> None:
    assert scene.refusal("yp.hub_limits(:alice, 5, 5)") == "HUB_NOT_FOUND"
    assert scene.doc("yp.hub_limits(:hub, NULL, NULL)") == {"people": None, "minutes": None}
    assert scene.doc("yp.hub_limits(:hub, 5, 0)") == {"people": 5, "minutes": 0}
    service = '{"people": 9, "minutes": 8}'
    join = f"yp.conference_join(:sid_alice, :tab_alice, :hub, '{{}}', 'meeting', '{service}', 16)"
    room = scene.doc(join.replace("{}", "one"))["room"]
    assert (room["people"], room["minutes"]) == (5, 0)
    assert scene.doc("yp.hub_limits(:hub, -1, 7)") == {"people": None, "minutes": 7}
    room = scene.doc(join.replace("{}", "two"))["room"]
    assert (room["people"], room["minutes"]) == (9, 7)


def test_hub_home_of_users_and_hubs(scene: Scene) -> None:
    for place, name, area in (("alice", "Alice Scene", "personal"), ("hub", "Team", "private")):
        home = scene.doc(f"yp.hub_home(:{place})")
        assert (home["hub_id"], home["name"], home["area"]) == (scene[place], name, area)
        assert home["chat_upload_id"] == home["home_id"]
    assert scene.rows("yp.hub_home(:nobody)") == []


def test_transaction_missing_says_how_to_start_one(scene: Scene) -> None:
    refusal = scene.refused("yp.transaction_missing()")
    assert refusal.code == "NO_TRANSACTION"
    assert "START TRANSACTION; CALL ...; COMMIT" in str(refusal.reason)


def test_home_set_keeps_the_newest_agreement(scene: Scene) -> None:
    scene.sets("DELETE FROM yp.home")
    assert scene.rows("yp.home_get()") == []
    assert scene.rows("yp.home_set('db2:3306', 0)") == [(1, "db2:3306")]
    # Somebody else who knew of none comes too late.
    assert scene.rows("yp.home_set('db3:3306', 0)") == [(1, "db2:3306")]
    assert scene.rows("yp.home_set('db3:3306', 1)") == [(2, "db3:3306")]
    assert scene.rows("yp.home_get()") == [(2, "db3:3306")]
