"""procedures/yp/session, called directly."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

import orjson
import pytest

from service.errors import Refused
from service.store.database import document
from tests.support.admin import Admin
from tests.support.direct import Direct
from tests.support.scene import NODE, Scene


async def test_session_open_tells_who_where_and_how_much(direct: Direct) -> None:
    owner, guest = direct.person(), direct.person()
    hub = direct.registry.add_hub("Team", owner.uid, "private")
    direct.registry.grant(hub, guest.uid, 2)
    nobody = await direct.one("yp", "session_open", None, hub, None)
    assert (nobody["signed_in"], nobody["hub"], nobody["level"]) == (0, hub, 0)
    for person, level in ((owner, 7), (guest, 2)):
        sid = await direct.session(person.uid)
        caller = await direct.one("yp", "session_open", sid, hub, None)
        assert (caller["uid"], caller["db"], caller["level"], caller["moving"]) == (
            person.uid,
            "shard1",
            level,
            0,
        )
        assert (await direct.one("yp", "session_open", sid, None, None))["level"] == 7
        assert (await direct.one("yp", "session_open", sid, "0" * 16, None))["hub"] is None


async def test_session_check_refuses_any_other_answer_than_that_of_session_read(
    direct: Direct, admin: Admin
) -> None:
    owner, guest = direct.person(), direct.person()
    hub = direct.registry.add_hub("Team", owner.uid, "private")
    direct.registry.grant(hub, guest.uid, 2)
    sid = await direct.session(guest.uid)
    gates: list[tuple[str | None, str | None, str | None]] = [
        (sid, None, None), (sid, hub, None), (sid, hub, "0" * 16), (sid, "0" * 16, None), (None, None, None),
        (None, hub, None), ("no-such-session-at-all", None, None),
    ]  # fmt: skip
    answers = []
    for gate in gates:
        (((answer,),),) = await direct.db.call("yp", "session_open", *gate)
        answers.append(answer)
        assert await direct.db.call("yp", "session_check", *gate, answer) == []
        for wrong in (None, "", answer + " ", answer.replace("moving", "Moving")):
            with pytest.raises(Refused, match="SESSION_CHANGED"):
                await direct.db.call("yp", "session_check", *gate, wrong)
    assert admin.rows("CALL yp.session_read(NULL, NULL, NULL, @answer)") == [], "it answers in its parameter"
    direct.registry.grant(hub, guest.uid, 3)
    with pytest.raises(Refused, match="SESSION_CHANGED"):
        await direct.db.call("yp", "session_check", *gates[1], answers[1])
    admin.rows("DELETE FROM yp.session WHERE uid = %s", guest.uid)
    for gate, answer in zip(gates[:4], answers[:4], strict=True):
        with pytest.raises(Refused, match="SESSION_CHANGED"):
            await direct.db.call("yp", "session_check", *gate, answer)


async def test_sessions_are_touched_and_purged(direct: Direct, admin: Admin) -> None:
    person = direct.person()
    sid = await direct.session(person.uid)
    admin.rows("UPDATE yp.session SET mtime = 1 WHERE uid = %s", person.uid)
    assert (await direct.one("yp", "session_open", sid, None, None))["stale"] == 1
    await direct.sets("yp", "session_touch", sid, 3600)
    assert (await direct.one("yp", "session_open", sid, None, None))["stale"] == 0
    admin.rows("UPDATE yp.session SET expiry = 1 WHERE uid = %s", person.uid)
    await direct.sets("yp", "session_touch", sid, 3600)
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
    strangers, session = await direct.sets("yp", "session_signin", person.uid, new, old, None, 60, 50, "", "")
    assert strangers == []
    assert document(session)["user"]["id"] == person.uid
    assert admin.one("SELECT session_id = SHA2(%s, 256) FROM yp.socket WHERE id = %s", new, socket) == 1
    assert (await direct.one("yp", "session_open", old, None, None))["signed_in"] == 0


async def test_session_logout_closes_its_sockets_and_no_others(direct: Direct, admin: Admin) -> None:
    person = direct.person()
    first, second = await direct.session(person.uid), await direct.session(person.uid)
    socket = await direct.socket(first)
    other = await direct.socket(second)
    *_, closed, recipients = await direct.sets("yp", "session_logout", first)
    assert [row[0] for row in closed] == [NODE]
    assert socket in closed[0][1]
    assert other in recipients[0][1]
    assert admin.rows("SELECT id FROM yp.socket WHERE uid = %s", person.uid) == [(other,)]


async def test_drumate_login_finds_by_email_and_name(direct: Direct) -> None:
    person = direct.person()
    for ident in (person.email, person.email.partition("@")[0]):
        (rows,) = await direct.sets("yp", "drumate_login", ident)
        assert [row[1] for row in rows] == [person.uid], ident
    (rows,) = await direct.sets("yp", "drumate_login", "nobody@nowhere.example")
    assert [row[1:] for row in rows] == [(None, None, None)]


async def test_drumate_login_folds_a_name_as_it_compares_it(direct: Direct) -> None:
    person = direct.person()
    email = person.email
    spellings = {
        email,
        email.upper(),
        f"  {email} ",
        email.replace("i", "\u0130"),
        email.replace("k", "\u212a"),
    }
    for ident in spellings:
        ((name, uid, *_),) = (await direct.sets("yp", "drumate_login", ident))[0]
        assert uid != person.uid or name == email, ascii(ident)
    for name in ("Nobody@Nowhere.example ", "nobody@nowhere.example"):
        assert (await direct.sets("yp", "drumate_login", name))[0][0][0] == "nobody@nowhere.example"


def test_a_one_time_token_belongs_to_a_session_and_expires(scene: Scene) -> None:
    bind = "yp.socket_bind('{}', NULL, '{}', :node)"
    scene.sets("yp.authn_store(:sid_alice, 'token', 60)")
    assert scene.rows(bind.format("s1", "other")) == []
    assert scene.doc(bind.format("s1", "token"))["uid"] == scene["alice"]
    scene.sets("yp.authn_store(:sid_alice, 'late', 60)")
    scene.sets("UPDATE yp.authn SET expiry = UNIX_TIMESTAMP() WHERE id = SHA2('late', 256)")
    assert scene.rows(bind.format("s2", "late")) == []
    scene.sets("yp.authn_store('no-session', 'lost', 60)")
    assert scene.rows(bind.format("s3", "lost")) == []


def test_a_visitor_has_a_session_that_a_sign_in_takes_over(scene: Scene) -> None:
    visit = "yp.session_visit({}, 'heir', {}, '{}', 60, 3600, 'test', '127.0.0.1')"
    assert scene.rows(visit.format("NULL", "'example-visitor'", "visitor-token")) == [("example-visitor",)]
    again = visit.format("'example-visitor'", "NULL", "another-token")
    assert scene.rows(again) == [("example-visitor",)]
    assert scene.doc("yp.socket_bind('v0', NULL, 'another-token', :node)")["uid"] == "f" * 16
    assert scene.rows(visit.format("'ended-session'", "NULL", "no-token")) == [(None,)]
    assert scene.rows("yp.socket_bind('v2', NULL, 'no-token', :node)") == []
    bound = scene.doc("yp.socket_bind('v1', NULL, 'visitor-token', :node)")
    assert (bound["uid"], bound["db"], bound["user"]["is_guest"]) == ("f" * 16, None, 0)
    caller = scene.doc("yp.session_open('example-visitor', NULL, NULL)")
    assert (caller["uid"], caller["signed_in"], caller["level"]) == ("f" * 16, 0, 0)
    assert scene.rows("yp.user_sockets('ffffffffffffffff', NULL)") == []
    scene.sets(
        "yp.session_signin(:alice, 'example-later', 'example-visitor', 'v1', 60, 20, 'test', '127.0.0.1')"
    )
    assert "v1" in str(scene.rows("yp.user_sockets(:alice, NULL)"))
    assert scene.doc("yp.session_open('example-visitor', NULL, NULL)")["expiry"] is None


def test_the_successor_of_a_session_is_found_by_its_browser_and_for_a_moment(scene: Scene) -> None:
    scene.sets("yp.session_dmz_login(:link, NULL, NULL, 'guest-sid', NULL, 60, 'Some browser', '192.0.2.1')")
    find = "SELECT yp.session_successor('{}', '{}', '{}')"
    own = find.format("guest-sid", "Some browser", "192.0.2.1")
    assert scene.one(own) == hashlib.sha256(b"guest-sid").hexdigest()
    assert scene.one(find.format("guest-sid", "Another", "192.0.2.1")) is None
    assert scene.one(find.format("guest-sid", "Some browser", "192.0.2.2")) is None
    assert scene.one(find.format("no-such-sid", "Some browser", "192.0.2.1")) is None
    scene.sets("UPDATE yp.session SET ctime = ctime - 11 WHERE id = SHA2('guest-sid', 256)")
    assert scene.one(own) is None


async def test_session_end_ends_these_and_ignores_others(direct: Direct, admin: Admin) -> None:
    person = direct.person()
    first, second, third = [await direct.session(person.uid) for _ in range(3)]
    sockets = {await direct.socket(first), await direct.socket(second)}
    other = await direct.socket(third)
    ids = [hashlib.sha256(sid.encode()).hexdigest() for sid in (first, second, "nobody has this")]
    *rooms, closed = await direct.sets("yp", "session_end", orjson.dumps(ids).decode())
    assert rooms == []
    assert [node for node, _ in closed] == [NODE]
    assert set(orjson.loads(closed[0][1])) == sockets
    assert admin.rows("SELECT id FROM yp.socket WHERE uid = %s", person.uid) == [(other,)]
    assert admin.one("SELECT COUNT(*) FROM yp.session WHERE uid = %s", person.uid) == 1
    assert await direct.sets("yp", "session_end", "[]") == [[]]


async def test_session_list_and_session_revoke(direct: Direct) -> None:
    person, stranger = direct.person(), direct.person()
    first, second = await direct.session(person.uid), await direct.session(person.uid)
    await direct.sets("yp", "api_token_add", person.uid, secrets.token_hex(16), 60, 5, "ua", "::1")
    await direct.sets(
        "yp", "api_grant_add", person.uid, secrets.token_hex(8), secrets.token_hex(8), 60, 5, "ua", "::1"
    )
    own = hashlib.sha256(first.encode()).hexdigest()[:16]

    async def listed() -> list[Any]:
        (rows,) = await direct.sets("yp", "session_list", person.uid, own)
        return [orjson.loads(row[0]) for row in rows]

    assert sorted((s["kind"], s["current"]) for s in await listed()) == [
        ("browser", 0), ("browser", 1), ("rest", 0), ("token", 0),
    ]  # fmt: skip
    for of_whom, which, count in ((stranger.uid, own, 0), (person.uid, "0" * 16, 0), (person.uid, own, 1)):
        *_, closed, ((ended,),) = await direct.sets("yp", "session_revoke", of_whom, which, None)
        assert (closed, ended) == ([], count)
    socket = await direct.socket(second)
    keep = hashlib.sha256(second.encode()).hexdigest()[:16]
    *_, closed, ((ended,),) = await direct.sets("yp", "session_revoke", person.uid, None, keep)
    assert (closed, ended) == ([], 2)
    assert [s["id"] for s in await listed()] == [keep]
    *_, closed, ((ended,),) = await direct.sets("yp", "session_revoke", person.uid, None, None)
    assert (ended, socket in closed[0][1]) == (1, True)
    assert await listed() == []


async def test_session_touch_stops_at_the_absolute_end(direct: Direct, admin: Admin) -> None:
    person = direct.person()
    sid = await direct.session(person.uid)
    await direct.sets("yp", "session_touch", sid, 50)
    assert admin.one("SELECT expiry - ctime FROM yp.session WHERE uid = %s", person.uid) == 50
