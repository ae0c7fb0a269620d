"""procedures/yp/session, called directly."""

from __future__ import annotations

import secrets

from service.database import document
from tests.conftest import Admin
from tests.procedures.conftest import Direct
from tests.procedures.scene import NODE, Scene


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


def test_a_one_time_token_is_kept_for_a_session_and_expires(scene: Scene) -> None:
    bind = "yp.socket_bind('{}', NULL, '{}', :node)"
    scene.sets("yp.authn_store(:sid_alice, 'token', 60)")
    assert scene.rows(bind.format("s1", "other")) == []
    assert scene.doc(bind.format("s1", "token"))["uid"] == scene["alice"]
    scene.sets("yp.authn_store(:sid_alice, 'late', 60)")
    scene.sets("UPDATE yp.authn SET expiry = UNIX_TIMESTAMP()")
    assert scene.rows(bind.format("s2", "late")) == []
    scene.sets("yp.authn_store('no-session', 'lost', 60)")
    assert scene.rows(bind.format("s3", "lost")) == []
