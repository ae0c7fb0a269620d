"""procedures/yp/socket, called directly."""

from __future__ import annotations

import asyncio
import secrets

import orjson
import pytest

from service.store.database import document
from tests.support.admin import Admin
from tests.support.direct import Direct
from tests.support.scene import NODE, Scene


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
    owner_socket = await direct.socket(await direct.session(owner.uid))
    member_socket = await direct.socket(await direct.session(member.uid))
    ((node, sockets),) = (await direct.sets("yp", "user_sockets", owner.uid, None))[0]
    assert (node, owner_socket in sockets, member_socket in sockets) == (NODE, True, False)
    assert not (await direct.sets("yp", "user_sockets", owner.uid, owner_socket))[0]
    ((_, sockets),) = (await direct.sets("yp", "entity_sockets", hub, None, None))[0]
    assert owner_socket in sockets
    assert member_socket in sockets
    ((_, sockets),) = (await direct.sets("yp", "entity_sockets", hub, None, owner_socket))[0]
    assert owner_socket not in sockets


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
    retired, dead, alive = (secrets.token_hex(8) for _ in range(3))
    for node in (retired, dead, alive):
        *_, known = await direct.sets("yp", "socket_refresh", node, "test", 1000, 1000, 0)
        assert known
        await direct.socket(sid, node)
    *_, people = await direct.sets("yp", "socket_reset", retired, 0)
    assert (person.uid, "shard1") in list(people)
    admin.rows("UPDATE yp.node SET heartbeat = 1, suspected = 1 WHERE id = %s", dead)
    *_, people, known = await direct.sets("yp", "socket_refresh", alive, "test", 12, 8, 0)
    assert (person.uid, "shard1") in list(people)
    assert known[0][0] == 1
    assert [n for (n,) in admin.rows("SELECT node FROM yp.socket WHERE uid = %s", person.uid)] == [alive]


async def test_a_process_that_died_before_the_clock_went_back_is_removed(
    direct: Direct, admin: Admin
) -> None:
    person = direct.person()
    sid = await direct.session(person.uid)
    dead, alive = secrets.token_hex(8), secrets.token_hex(8)
    for node in (dead, alive):
        await direct.sets("yp", "socket_refresh", node, "test", 1000, 1000, 0)
    await direct.socket(sid, dead)
    admin.rows("UPDATE yp.node SET heartbeat = heartbeat + 7200 WHERE id = %s", dead)
    await direct.sets("yp", "socket_refresh", alive, "test", 1000, 1000, 0)
    suspected = admin.one("SELECT suspected FROM yp.node WHERE id = %s", dead)
    assert suspected <= admin.one("SELECT UNIX_TIMESTAMP()")
    assert admin.one("SELECT suspected FROM yp.node WHERE id = %s", alive) is None
    # suspected before it went back once more
    admin.rows("UPDATE yp.node SET suspected = suspected + 7200 WHERE id = %s", dead)
    await direct.sets("yp", "socket_refresh", alive, "test", 1000, 1000, 0)
    assert admin.one("SELECT suspected FROM yp.node WHERE id = %s", dead) <= suspected + 5
    admin.rows("UPDATE yp.node SET suspected = suspected - 1001 WHERE id = %s", dead)
    await direct.sets("yp", "socket_refresh", alive, "test", 1000, 1000, 0)
    assert admin.one("SELECT COUNT(*) FROM yp.socket WHERE node = %s", dead) == 0


MEET = "yp.conference_join(:sid_{0}, :tab_{0}, :hub, 'room', 'meeting', '{{}}', 16)"


def test_socket_get_finds_an_open_socket_of_that_person(scene: Scene) -> None:
    get = "yp.socket_get(:{}, :tab_alice)"
    assert scene.rows(get.format("alice")) == [(NODE, f'["{scene["tab_alice"]}"]')]
    assert scene.rows(get.format("bob")) == []
    scene.sets("yp.socket_set_state(:tab_alice, 0)")
    assert scene.rows(get.format("alice")) == []


def test_a_dropped_socket_keeps_its_place_in_a_room_only(scene: Scene) -> None:
    assert scene.rows("yp.socket_lose(:tab_bob)") == [(scene["bob"], "shard1", 0)]
    assert scene.count("yp.socket", "uid = :bob") == 0
    scene.sets(MEET.format("alice"))
    assert scene.rows("yp.socket_lose(:tab_alice)") == [(scene["alice"], "shard1", 1)]
    assert scene.one("SELECT state FROM yp.socket WHERE id = :tab_alice") == "lost"
    assert scene.rows("yp.socket_lose('unknown')") == []


@pytest.mark.parametrize(
    ("lost_ago", "stays"), [(0, True), (20, True), (40, False), (-20, True), (-7200, False)]
)
def test_a_place_is_kept_for_the_grace_period_whatever_the_clock_does(
    scene: Scene, lost_ago: int, stays: bool
) -> None:
    scene.sets(MEET.format("alice"))
    scene.sets("yp.socket_lose(:tab_alice)")
    scene.sets(f"UPDATE yp.socket SET lost_at = UNIX_TIMESTAMP() - ({lost_ago}) WHERE id = :tab_alice")
    scene.sets("yp.socket_reset(NULL, 30)")
    assert scene.count("yp.socket", "id = :tab_alice") == stays
    assert scene.count("yp.conference", "socket_id = :tab_alice") == stays


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
    assert sum(bound is not None for bound in await asyncio.gather(*calls)) == 1


async def test_one_of_several_sockets_bound_at_once_takes_the_reserved_place(
    direct: Direct, admin: Admin
) -> None:
    person = direct.person()
    sid = await direct.session(person.uid)
    lost_socket = await direct.socket(sid)
    await direct.sets("yp", "conference_join", sid, lost_socket, person.uid, None, "meeting", "{}", 16)
    await direct.sets("yp", "socket_lose", lost_socket)
    bind = ("yp", "socket_bind")
    await asyncio.gather(*(direct.sets(*bind, secrets.token_hex(8), sid, None, NODE) for _ in range(4)))
    assert admin.one("SELECT COUNT(*) FROM yp.conference WHERE uid = %s", person.uid) == 1
    assert admin.one("SELECT COUNT(*) FROM yp.socket WHERE uid = %s", person.uid) == 4


async def test_socket_ended_finds_sockets_without_a_session_or_an_account(
    direct: Direct, admin: Admin
) -> None:
    node = secrets.token_hex(8)
    expired, frozen, active = direct.person(), direct.person(), direct.person()
    sockets = [await direct.socket(await direct.session(p.uid), node) for p in (expired, frozen, active)]

    async def ended() -> set[str]:
        (rows,) = await direct.sets("yp", "socket_ended", node)
        return {row[0] for row in rows}

    assert await ended() == set()
    admin.rows("UPDATE yp.session SET expiry = UNIX_TIMESTAMP() WHERE uid = %s", expired.uid)
    admin.rows("UPDATE yp.entity SET status = 'frozen' WHERE id = %s", frozen.uid)
    assert await ended() == set(sockets[:2])
    admin.rows("DELETE FROM yp.session WHERE uid = %s", active.uid)
    assert await ended() == set(sockets)
    admin.rows("UPDATE yp.socket SET state = 'lost' WHERE node = %s", node)
    assert await ended() == set(), "a lost socket has no connection"
    admin.rows("DELETE FROM yp.socket WHERE node = %s", node)


def test_node_write_counts_the_checks_of_a_process(scene: Scene) -> None:
    scene.sets("INSERT INTO yp.node (id, ctime, heartbeat) VALUES ('00000000000000ab', 1, UNIX_TIMESTAMP())")
    for node in ("00000000000000ab", "00000000000000ab", "00000000000000ac"):
        scene.sets(f"yp.node_write('{node}')")
    assert scene.one("SELECT checks FROM yp.node WHERE id = '00000000000000ab'") == 2


def test_a_socket_belongs_to_whoever_the_visitor_becomes(scene: Scene) -> None:
    scene.sets("yp.session_visit(NULL, NULL, 'example-visitor', 'otak', 60, 60, 'test', '127.0.0.1')")
    *_, bound = scene.sets("yp.socket_bind('visitor', 'example-visitor', NULL, :node)")
    assert document(bound)["user"]["id"] == "f" * 16
    assert scene.doc("yp.socket_user('visitor')")["user"]["is_guest"] == 0
    link = "yp.session_dmz_login(:link, '{}', '{}', 'unused', {}, 60, 'test', '127.0.0.1')"
    scene.sets(link.format("example-visitor", "example-guest", "NULL"))
    assert scene.rows("yp.session_sockets('example-visitor')") == []
    assert scene.rows("yp.session_sockets('example-guest')") == [(scene["node"], '["visitor"]')]
    scene.sets("UPDATE yp.session SET guest_name = 'Zoë' WHERE id = SHA2('example-guest', 256)")
    guest = scene.doc("yp.socket_user('visitor')")
    assert (guest["db"], guest["user"]["firstname"], guest["user"]["is_guest"]) == (None, "Zoë", 1)
    scene.sets("yp.session_visit(NULL, NULL, 'another', 'late', 60, 60, 'test', '127.0.0.1')")
    scene.sets("yp.socket_bind('second', NULL, 'late', :node)")
    scene["tab_alice"]
    for socket in (scene["tab_alice"], "nobody"):
        assert scene.sets(link.format("example-guest", "unused", f"'{socket}'"))[1] == []
    _, socket_rows = scene.sets(link.format("example-guest", "unused", "'second'"))
    assert [(node, set(orjson.loads(ids))) for node, ids in socket_rows] == [
        (scene["node"], {"visitor", "second"})
    ]
    account = scene.doc("yp.socket_user(:tab_alice)")["user"]
    assert (account["id"], account["signed_in"], account["domain_id"]) == (scene["alice"], 1, 1)
    assert scene.rows("yp.socket_user('nobody')") == []


async def test_a_process_that_leaves_counts_those_that_stay(direct: Direct, admin: Admin) -> None:
    leaving, staying = secrets.token_hex(8), secrets.token_hex(8)
    for node in (leaving, staying):
        await direct.sets("yp", "socket_refresh", node, "test", 1000, 1000, 0)
    ((before,),) = (await direct.sets("yp", "node_leave", leaving))[0]
    assert before >= 1
    ((others,),) = (await direct.sets("yp", "node_leave", staying))[0]
    assert others == before - 1, "neither counts the other one any more"
    # one that is suspected does not count either
    fresh = secrets.token_hex(8)
    await direct.sets("yp", "socket_refresh", fresh, "test", 1000, 1000, 0)
    assert (await direct.sets("yp", "node_leave", leaving))[0][0][0] == others + 1
    admin.rows("UPDATE yp.node SET suspected = 1 WHERE id = %s", fresh)
    assert (await direct.sets("yp", "node_leave", leaving))[0][0][0] == others
    for node in (leaving, staying, fresh):
        await direct.sets("yp", "socket_retire", node)


async def test_the_successor_of_a_socket_is_the_one_that_named_it(direct: Direct) -> None:
    person = direct.person()
    sid = await direct.session(person.uid)
    former, token = await direct.socket(sid), f"{secrets.token_hex(16)}~"
    assert not (await direct.sets("yp", "socket_successors", f'["{former}"]'))[0]
    await direct.sets("yp", "authn_store", sid, token + former, 60)
    successor = secrets.token_hex(8)
    await direct.sets("yp", "socket_bind", successor, None, token + former, NODE)
    (rows,) = await direct.sets("yp", "socket_successors", f'["{former}", "unknown"]')
    assert list(rows) == [(former, NODE, f'["{successor}"]')]


async def test_nobody_gets_the_frames_of_a_socket_that_they_merely_know(direct: Direct) -> None:
    person, other = direct.person(), direct.person()
    former, sid = await direct.socket(await direct.session(person.uid)), await direct.session(other.uid)
    token = f"{secrets.token_hex(16)}~{former}"
    await direct.sets("yp", "authn_store", sid, token, 60)
    await direct.sets("yp", "socket_bind", secrets.token_hex(8), None, token, NODE)
    assert await direct.sets("yp", "socket_successors", f'["{former}"]') == [[]]
