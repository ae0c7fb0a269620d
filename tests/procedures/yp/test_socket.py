"""procedures/yp/socket, called directly."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import orjson
import pytest

from service.store.database import document
from tests.support.admin import Admin
from tests.support.direct import Direct, json_text
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
    (recipients,) = await direct.sets("yp", "entity_sockets", hub, None, None)
    assert sorted(recipients) == sorted((NODE, f'["{socket}"]') for socket in (owner_socket, member_socket))
    (recipients,) = await direct.sets("yp", "entity_sockets", hub, None, owner_socket)
    assert list(recipients) == [(NODE, f'["{member_socket}"]')]


async def test_socket_states_and_ends(direct: Direct, admin: Admin) -> None:
    person = direct.person()
    sid = await direct.session(person.uid)
    socket = await direct.socket(sid)
    (rows,) = await direct.sets("yp", "socket_set_state", socket, 0)
    assert list(rows) == [(person.uid, "shard1")]
    assert not (await direct.sets("yp", "user_sockets", person.uid, None))[0]
    await direct.sets("yp", "socket_disconnect", json_text([{"id": socket, "silent": 0, "rest": 9}]))
    assert admin.one("SELECT COUNT(*) FROM yp.socket WHERE id = %s", socket) == 0, "it was idle"


async def test_a_node_that_goes_or_dies_leaves_no_sockets(direct: Direct, admin: Admin) -> None:
    person = direct.person()
    sid = await direct.session(person.uid)
    retired, dead, alive = (secrets.token_hex(8) for _ in range(3))
    for node in (retired, dead, alive):
        *_, known = await direct.sets("yp", "socket_refresh", node, "test", 1000, 1000, 0)
        assert known
        await direct.socket(sid, node)
    await direct.sets("yp", "socket_reset", retired, 0)
    admin.rows("UPDATE yp.node SET heartbeat = 1, suspected = 1 WHERE id = %s", dead)
    _, known = await direct.sets("yp", "socket_refresh", alive, "test", 12, 8, 0)
    assert known[0][0] == 1
    *_, people = await direct.sets("yp", "socket_expire", 1000)
    assert list(people).count((person.uid, "shard1")) == 2
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
    assert admin.rows("SELECT state FROM yp.socket WHERE node = %s", dead) == [("lost",)]


MEET = "yp.conference_join(:sid_{0}, :tab_{0}, :hub, 'room', 'meeting', '{{}}', 16)"


def test_socket_get_finds_an_open_socket_of_that_person(scene: Scene) -> None:
    get = "yp.socket_get(:{}, :tab_alice)"
    assert scene.rows(get.format("alice")) == [(NODE, f'["{scene["tab_alice"]}"]')]
    assert scene.rows(get.format("bob")) == []
    scene.sets("yp.socket_set_state(:tab_alice, 0)")
    assert scene.rows(get.format("alice")) == []


LOSE = "yp.socket_disconnect(JSON_ARRAY(JSON_OBJECT('id', {}, 'silent', 5, 'broken', 3, 'rest', 20)))"


def lose(scene: Scene, *tabs: str) -> None:
    """Break the connections of these sockets; 20 seconds of their grace are left."""
    for tab in tabs:
        scene.sets(LOSE.format(tab))


def test_a_socket_that_breaks_is_lost_for_the_rest_of_its_grace(scene: Scene) -> None:
    scene.sets(MEET.format("alice"))
    lose(scene, ":tab_alice", ":tab_bob", "'unknown'")
    times = "state, free_at - lost_at"
    assert scene.rows(f"SELECT {times} FROM yp.socket WHERE id = :tab_alice") == [("lost", 23)]
    assert scene.rows(f"SELECT {times} FROM yp.socket WHERE id = :tab_bob") == [("lost", 23)]
    past = "SELECT lost_at - heard_at, JSON_VALUE(rooms, '$[0].room') FROM yp.lost_socket WHERE id = {}"
    assert scene.rows(past.format(":tab_alice")) == [(5, "room")]
    assert scene.rows(past.format(":tab_bob")) == [(5, None)]
    # It breaks again, as a process says that was taken for dead: it has more time, not less.
    scene.sets("yp.socket_disconnect(JSON_ARRAY(JSON_OBJECT('id', :tab_bob, 'silent', 0, 'rest', 3)))")
    assert scene.one("SELECT free_at - lost_at FROM yp.socket WHERE id = :tab_bob") == 23
    scene.sets("yp.socket_disconnect(JSON_ARRAY(JSON_OBJECT('id', :tab_bob, 'silent', 0, 'rest', 25)))")
    assert scene.one("SELECT free_at - lost_at FROM yp.socket WHERE id = :tab_bob") == 28


def test_socket_rooms_lists_the_seats_of_a_socket(scene: Scene) -> None:
    assert scene.json("SELECT yp.socket_rooms(:tab_alice)") == []
    scene.sets(MEET.format("alice"))
    rooms = [{"hub": scene["hub"], "room": "room", "type": "meeting"}]
    assert scene.json("SELECT yp.socket_rooms(:tab_alice)") == rooms


def test_socket_missed_tells_a_fresh_page_what_rings_and_a_former_one_what_it_lost(scene: Scene) -> None:
    call = "yp.conference_invite('sid-alice', :tab_alice, :alice, 'call', :bob, 'connect', '{}', 30, 16)"
    scene["tab_bob"]
    scene.sets(call)
    ringing, news = scene.sets("yp.socket_missed(:tab_bob, NULL)")
    assert ringing == [("call",)]
    assert [(service, orjson.loads(data)["room_id"]) for service, data, *_ in news] == [
        ("conference.invite", "call")
    ]
    assert scene.sets("yp.socket_missed(:tab_alice, NULL)") == [[], []]
    # Alice's page was away, and is back without its seat; Bob's was away, and it rings no longer.
    for tab in (":tab_alice", ":tab_bob"):
        scene.sets(LOSE.format(tab))
    scene.sets("UPDATE yp.socket SET free_at = 1 WHERE id = :tab_alice")
    scene.sets("yp.socket_expire(1000)")
    scene.sets("UPDATE yp.call_invitation SET status = 'missed', mtime = UNIX_TIMESTAMP()")
    for who in ("alice", "bob"):
        scene["page"] = scene.tab(who)
        _, news = scene.sets(f"yp.socket_missed(:page, :tab_{who})")
        services = [(service, orjson.loads(data)["room_id"]) for service, data, *_ in news]
        assert services == [("conference.revoke", "call")], who


def test_a_lost_socket_is_still_a_recipient_by_its_mailbox(scene: Scene) -> None:
    lose(scene, ":tab_alice")
    assert scene.rows("yp.user_sockets(:alice, NULL)") == [("", f'["{scene["tab_alice"]}"]')]
    assert scene.rows("yp.socket_get(:alice, :tab_alice)") == [("", f'["{scene["tab_alice"]}"]')]
    scene["next"] = scene.tab("alice")
    assert sorted(node for node, _ in scene.rows("yp.user_sockets(:alice, NULL)")) == ["", NODE]


def test_idle_sockets_and_those_of_visitors_are_not_expected_back(scene: Scene) -> None:
    scene.sets("yp.session_visit(NULL, NULL, 'example-visitor', 'otak', 60, 60, 'test', '127.0.0.1')")
    scene.sets("yp.socket_bind('visitor', 'example-visitor', NULL, :node)")
    scene.sets("yp.socket_set_state(:tab_alice, 0)")
    lose(scene, "'visitor'", ":tab_alice")
    assert scene.count("yp.socket", "id IN ('visitor', :tab_alice)") == 0
    # An idle one in a room is: the page has another window.
    scene["next"] = scene.tab("alice")
    scene.sets(MEET.format("alice").replace(":tab_alice", ":next"))
    scene.sets("yp.socket_set_state(:next, 0)")
    lose(scene, ":next")
    assert scene.count("yp.socket", "id = :next AND state = 'lost'") == 1


@pytest.mark.parametrize(
    ("ends_in", "stays"), [(20, True), (1, True), (0, False), (-7200, False), (7200, False)]
)
def test_a_place_is_kept_for_the_grace_period_whatever_the_clock_does(
    scene: Scene, ends_in: int, stays: bool
) -> None:
    scene.sets(MEET.format("alice"))
    lose(scene, ":tab_alice")
    times = "lost_at = UNIX_TIMESTAMP() + ({0}) - 20, free_at = UNIX_TIMESTAMP() + ({0})"
    scene.sets(f"UPDATE yp.socket SET {times.format(ends_in)} WHERE id = :tab_alice")
    scene.sets("yp.socket_expire(1000)")
    assert scene.count("yp.socket", "id = :tab_alice") == stays
    assert scene.count("yp.conference", "socket_id = :tab_alice") == stays


def test_a_socket_lost_under_the_version_before_ends_as_well(scene: Scene) -> None:
    scene.sets(MEET.format("alice"))
    mark = "UPDATE yp.socket SET state = 'lost', lost_at = UNIX_TIMESTAMP() - {} WHERE id = :tab_alice"
    for ago, stays in ((20, True), (31, False)):
        scene.sets(mark.format(ago))
        scene.sets("yp.socket_expire(1000)")
        assert scene.count("yp.conference", "socket_id = :tab_alice") == stays


def test_only_the_socket_that_names_the_lost_one_takes_its_place(scene: Scene) -> None:
    scene.sets(MEET.format("alice"))
    lose(scene, ":tab_alice")
    scene.tab("alice")
    assert scene.rows("SELECT socket_id FROM yp.conference WHERE room_id = 'room'") == [(scene["tab_alice"],)]
    scene["token"] = f"token~{scene['tab_alice']}"
    scene.sets("yp.authn_store(:sid_alice, :token, 60)")
    *_, bound = scene.sets("yp.socket_bind('next', NULL, :token, :node)")
    assert (document(bound)["former"], document(bound)["holder"]) == (scene["tab_alice"], None)
    assert scene.rows("SELECT socket_id FROM yp.conference WHERE room_id = 'room'") == [("next",)]
    # That one is named before anybody has noticed that it broke.
    scene["again"] = "token~next"
    scene.sets("yp.authn_store(:sid_alice, :again, 60)")
    *_, bound = scene.sets("yp.socket_bind('last', NULL, :again, :node)")
    assert (document(bound)["former"], document(bound)["holder"]) == ("next", NODE)


def test_a_page_that_was_refused_behind_the_commit_follows_its_seat(scene: Scene) -> None:
    scene.sets(MEET.format("alice"))
    scene["token"] = f"token~{scene['tab_alice']}"

    def bind(socket: str) -> dict[str, Any]:
        scene.sets("yp.authn_store(:sid_alice, :token, 60)")
        bound: dict[str, Any] = document(scene.sets(f"yp.socket_bind('{socket}', NULL, :token, :node)")[-1])
        return bound

    first = scene["tab_alice"]
    assert bind("refused1")["mailboxes"] == [first]
    # An open successor keeps its seat: it is another page, or this one has heard its hello.
    assert bind("second")["mailboxes"] == [first]
    seat = "SELECT socket_id FROM yp.conference WHERE room_id = 'room'"
    assert scene.rows(seat) == [("refused1",)]
    # Two in a row: the frames of both are for this page.
    for refused, following in ((["refused1"], "refused2"), (["refused1", "refused2"], "third")):
        lose(scene, f"'{refused[-1]}'")
        bound = bind(following)
        assert (bound["former"], bound["mailboxes"]) == (first, [first, *refused])
        assert scene.rows(seat) == [(following,)]
    scene.sets("yp.session_signin(:bob, 'sid-other', NULL, NULL, 60, 50, 'test', '127.0.0.1')")
    scene.sets("yp.authn_store('sid-other', :token, 60)")
    foreign = document(scene.sets("yp.socket_bind('foreign', NULL, :token, :node)")[-1])
    assert (foreign["former"], foreign["mailboxes"]) == (None, [])


def test_a_process_lists_the_sockets_that_it_holds(scene: Scene) -> None:
    lose(scene, ":tab_alice")
    assert (scene["tab_bob"],) in scene.rows("yp.socket_held(:node, 0)")
    assert (scene["tab_alice"],) not in scene.rows("yp.socket_held(:node, 0)")
    assert scene.rows("yp.socket_held(:node, 60)") == []


def test_a_process_that_stops_leaves_its_sockets_lost(scene: Scene) -> None:
    scene.sets("UPDATE yp.socket SET node = 'elsewhere' WHERE node = :node")
    scene.sets(MEET.format("alice"))
    scene["tab_bob"]
    scene.sets("yp.socket_reset(:node, 30)")
    assert {*scene.rows("SELECT uid, state FROM yp.socket WHERE node = :node")} == {
        (scene["alice"], "lost"), (scene["bob"], "lost")
    }  # fmt: skip
    assert scene.count("yp.lost_socket", "id IN (:tab_alice, :tab_bob)") == 2


async def test_one_token_binds_one_of_many_sockets_at_once(direct: Direct) -> None:
    sid, token = await direct.session(direct.person().uid), secrets.token_hex(16)
    await direct.sets("yp", "authn_store", sid, token, 60)
    bind = ("yp", "socket_bind")
    calls = (direct.one(*bind, secrets.token_hex(8), None, token, NODE) for _ in range(4))
    assert sum(bound is not None for bound in await asyncio.gather(*calls)) == 1


async def test_processes_that_end_lost_sockets_at_once_end_each_once(direct: Direct, admin: Admin) -> None:
    person = direct.person()
    sid = await direct.session(person.uid)
    sockets = [await direct.socket(sid) for _ in range(8)]
    for socket in sockets:
        await direct.sets("yp", "conference_join", sid, socket, person.uid, socket, "meeting", "{}", 16)
    await direct.sets(
        "yp", "socket_disconnect", json_text([{"id": socket, "silent": 0, "rest": 0} for socket in sockets])
    )
    ended: list[str] = []
    while admin.one("SELECT COUNT(*) FROM yp.socket WHERE uid = %s", person.uid):
        outcomes = await asyncio.gather(*(direct.sets("yp", "socket_expire", 4) for _ in range(4)))
        ended += [uid for *_, rows in outcomes for uid, _ in rows if uid == person.uid]
    assert len(ended) == 8, "each once"
    assert admin.one("SELECT COUNT(*) FROM yp.conference WHERE uid = %s", person.uid) == 0


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
        await direct.sets("yp", "socket_reset", node, 0)
