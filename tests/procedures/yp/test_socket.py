"""procedures/yp/socket, called directly."""

from __future__ import annotations

import asyncio
import secrets

from tests.conftest import Admin
from tests.procedures.conftest import Direct
from tests.procedures.scene import NODE, Scene


async def test_a_token_binds_one_socket_once(direct: Direct) -> None:
    person = direct.person()
    sid, token = await direct.session(person.uid), secrets.token_hex(16)
    await direct.sets("yp", "authn_store", sid, token, 60)
    bound = await direct.one("yp", "socket_bind", secrets.token_hex(8), None, token, NODE)
    assert (bound["uid"], bound["db"], bound["first"]) == (person.uid, "shard1", 1)
    assert not await direct.one("yp", "socket_bind", secrets.token_hex(8), None, token, NODE)


async def test_sockets_are_found_by_person_and_by_hub(direct: Direct) -> None:
    owner, member = direct.person(), direct.person()
    hub = direct.registry.add_hub("Team", owner.uid, "private")
    direct.registry.grant(hub, member.uid, 2)
    mine = await direct.socket(await direct.session(owner.uid))
    his = await direct.socket(await direct.session(member.uid))
    ((node, sockets),) = (await direct.sets("yp", "user_sockets", owner.uid, None))[0]
    assert (node, mine in sockets, his in sockets) == (NODE, True, False)
    assert not (await direct.sets("yp", "user_sockets", owner.uid, mine))[0]
    ((_, sockets),) = (await direct.sets("yp", "entity_sockets", hub, None, None))[0]
    assert mine in sockets
    assert his in sockets
    ((_, sockets),) = (await direct.sets("yp", "entity_sockets", hub, None, mine))[0]
    assert mine not in sockets


async def test_socket_states_and_ends(direct: Direct, admin: Admin) -> None:
    person = direct.person()
    sid = await direct.session(person.uid)
    socket = await direct.socket(sid)
    (rows,) = await direct.sets("yp", "socket_set_state", socket, 0)
    assert list(rows) == [(person.uid, "shard1")]
    assert not (await direct.sets("yp", "user_sockets", person.uid, None))[0]
    *_, freed = await direct.sets("yp", "socket_free", socket)
    assert freed[0][:2] == (person.uid, "shard1")
    assert admin.one("SELECT COUNT(*) FROM yp.socket WHERE id = %s", socket) == 0


async def test_a_node_that_goes_or_dies_leaves_no_sockets(direct: Direct, admin: Admin) -> None:
    person = direct.person()
    sid = await direct.session(person.uid)
    gone, dead, alive = (secrets.token_hex(8) for _ in range(3))
    for node in (gone, dead, alive):
        *_, known = await direct.sets("yp", "socket_refresh", node, "test", 1000, 1000, 0)
        assert known
        await direct.socket(sid, node)
    *_, people = await direct.sets("yp", "socket_reset", gone, 0)
    assert (person.uid, "shard1") in list(people)
    admin.rows("UPDATE yp.node SET heartbeat = 1, suspected = 1 WHERE id = %s", dead)
    *_, people, known = await direct.sets("yp", "socket_refresh", alive, "test", 12, 8, 0)
    assert (person.uid, "shard1") in list(people)
    assert known[0][0] == 1
    assert [n for (n,) in admin.rows("SELECT node FROM yp.socket WHERE uid = %s", person.uid)] == [alive]


MEET = "yp.conference_join(:sid_{0}, :tab_{0}, :hub, 'room', 'meeting', '{{}}', 16)"


def test_socket_get_finds_an_open_socket_of_that_person(scene: Scene) -> None:
    get = "yp.socket_get(:{}, :tab_alice)"
    assert scene.rows(get.format("alice")) == [(NODE, f'["{scene["tab_alice"]}"]')]
    assert scene.rows(get.format("bob")) == []
    scene.sets("yp.socket_set_state(:tab_alice, 0)")
    assert scene.rows(get.format("alice")) == []


def test_a_lost_socket_keeps_its_place_in_a_room_only(scene: Scene) -> None:
    assert scene.rows("yp.socket_lose(:tab_bob)") == [(scene["bob"], "shard1", 0)]
    assert scene.count("yp.socket", "uid = :bob") == 0
    scene.sets(MEET.format("alice"))
    assert scene.rows("yp.socket_lose(:tab_alice)") == [(scene["alice"], "shard1", 1)]
    assert scene.one("SELECT state FROM yp.socket WHERE id = :tab_alice") == "lost"
    assert scene.rows("yp.socket_lose('unknown')") == []


def test_the_next_socket_of_the_session_takes_the_place(scene: Scene) -> None:
    scene.sets(MEET.format("alice"))
    scene.sets("yp.socket_lose(:tab_alice)")
    scene["next"] = scene.tab("alice")
    assert scene.rows("SELECT socket_id FROM yp.conference WHERE room_id = 'room'") == [(scene["next"],)]
    assert scene.count("yp.socket", "uid = :alice") == 1


def test_a_process_that_says_goodbye_leaves_only_those_in_rooms(scene: Scene) -> None:
    scene.sets("UPDATE yp.socket SET node = 'elsewhere' WHERE node = :node")
    scene.sets(MEET.format("alice"))
    scene["tab_bob"]
    people = {uid for uid, _ in scene.rows("yp.socket_retire(:node)")}
    assert people == {scene["alice"], scene["bob"]}
    assert scene.rows("SELECT uid, state FROM yp.socket WHERE node = :node") == [(scene["alice"], "lost")]


async def test_one_token_binds_one_of_many_sockets_at_once(direct: Direct) -> None:
    sid, token = await direct.session(direct.person().uid), secrets.token_hex(16)
    await direct.sets("yp", "authn_store", sid, token, 60)
    bind = ("yp", "socket_bind")
    calls = (direct.one(*bind, secrets.token_hex(8), None, token, NODE) for _ in range(4))
    assert sum(found is not None for found in await asyncio.gather(*calls)) == 1


async def test_of_sockets_bound_at_once_one_takes_the_lost_place(direct: Direct, admin: Admin) -> None:
    person = direct.person()
    sid = await direct.session(person.uid)
    lost = await direct.socket(sid)
    await direct.sets("yp", "conference_join", sid, lost, person.uid, None, "meeting", "{}", 16)
    await direct.sets("yp", "socket_lose", lost)
    bind = ("yp", "socket_bind")
    await asyncio.gather(*(direct.sets(*bind, secrets.token_hex(8), sid, None, NODE) for _ in range(4)))
    assert admin.one("SELECT COUNT(*) FROM yp.conference WHERE uid = %s", person.uid) == 1
    assert admin.one("SELECT COUNT(*) FROM yp.socket WHERE uid = %s", person.uid) == 4
