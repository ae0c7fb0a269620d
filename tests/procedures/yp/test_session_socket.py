"""procedures/yp/session and socket, called directly."""

from __future__ import annotations

import secrets

from service.database import document
from tests.conftest import Admin
from tests.procedures.conftest import NODE, Direct


async def test_session_open_tells_who_where_and_how_much(direct: Direct) -> None:
    owner, guest = direct.person(), direct.person()
    hub = direct.registry.add_hub("Team", owner.uid, "private")
    direct.registry.grant(hub, guest.uid, 2)
    nobody = await direct.one("yp", "session_open", None, hub, None)
    assert (nobody["signed_in"], nobody["hub"], nobody["level"]) == (0, hub, 0)
    for person, level in ((owner, 7), (guest, 2)):
        sid = await direct.session(person.uid)
        found = await direct.one("yp", "session_open", sid, hub, None)
        assert (found["uid"], found["db"], found["level"], found["moving"]) == (
            person.uid,
            "shard1",
            level,
            0,
        )
        assert (await direct.one("yp", "session_open", sid, None, None))["level"] == 7
        assert (await direct.one("yp", "session_open", sid, "0" * 16, None))["hub"] is None


async def test_sessions_are_touched_and_purged(direct: Direct, admin: Admin) -> None:
    person = direct.person()
    sid = await direct.session(person.uid)
    admin.rows("UPDATE yp.session SET mtime = 1 WHERE uid = %s", person.uid)
    assert (await direct.one("yp", "session_open", sid, None, None))["stale"] == 1
    await direct.sets("yp", "session_touch", sid)
    assert (await direct.one("yp", "session_open", sid, None, None))["stale"] == 0
    admin.rows("UPDATE yp.session SET expiry = 1 WHERE uid = %s", person.uid)
    await direct.sets("yp", "session_touch", sid)
    assert (await direct.one("yp", "session_open", sid, None, None))["signed_in"] == 0
    await direct.sets("yp", "session_purge", 1000)
    assert admin.one("SELECT COUNT(*) FROM yp.session WHERE uid = %s", person.uid) == 0


async def test_session_signin_takes_the_sockets_of_the_old_session_along(
    direct: Direct, admin: Admin
) -> None:
    person = direct.person()
    old = await direct.session(person.uid)
    socket = await direct.socket(old)
    new = secrets.token_hex(16)
    strangers, found = await direct.sets("yp", "session_signin", person.uid, new, old, 60, "", "")
    assert strangers == []
    assert document(found)["user"]["id"] == person.uid
    assert admin.one("SELECT session_id = SHA2(%s, 256) FROM yp.socket WHERE id = %s", new, socket) == 1
    assert (await direct.one("yp", "session_open", old, None, None))["signed_in"] == 0


async def test_session_logout_closes_its_sockets_and_no_others(direct: Direct, admin: Admin) -> None:
    person = direct.person()
    first, second = await direct.session(person.uid), await direct.session(person.uid)
    socket = await direct.socket(first)
    other = await direct.socket(second)
    *_, closed, told = await direct.sets("yp", "session_logout", first)
    assert [(row[0], row[1]) for row in closed] == [(person.uid, NODE)]
    assert socket in closed[0][2]
    assert other in told[0][1]
    assert admin.rows("SELECT id FROM yp.socket WHERE uid = %s", person.uid) == [(other,)]


async def test_drumate_login_finds_by_email_and_name(direct: Direct) -> None:
    person = direct.person()
    for ident in (person.email, person.email.partition("@")[0]):
        (rows,) = await direct.sets("yp", "drumate_login", ident)
        assert [row[0] for row in rows] == [person.uid], ident
    (rows,) = await direct.sets("yp", "drumate_login", "nobody@nowhere.example")
    assert not rows


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
