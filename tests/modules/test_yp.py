"""yp.*, bootstrap.*, desk.* and drumate.*: sign-in, sign-out, and the data that the page needs to start."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from service import ROOT
from service.admin.registry import Registry
from service.auth.passwords import hash_password
from tests.support.admin import Admin
from tests.support.nodes import NodeMaker
from tests.support.people import FRONTEND, PASSWORD, People, Person, Tab


async def test_signing_in_rotates_the_session_and_says_offline_once(people: People, admin: Admin) -> None:
    alice = await people.registered("Alice")
    first = await alice.sign_in()
    assert (first.status, first.data["status"], first.body["__status__"]) == (200, "ok", "offline")
    cookie = first.headers["Set-Cookie"]
    for part in ("regsid=", "HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=2592000"):
        assert part in cookie
    assert "Secure" not in cookie
    env = await alice.get("yp.get_env")
    assert (env.body["__status__"], env.data["user"]["signed_in"]) == ("online", 1)

    before = _session(alice)
    await alice.sign_in()
    assert _session(alice) != before
    assert admin.one("SELECT COUNT(*) FROM yp.session WHERE uid = %s", alice.uid) == 1
    # The table does not reveal the cookie.
    assert admin.one("SELECT COUNT(*) FROM yp.session WHERE id = %s", _session(alice)) == 0


def _session(person: Person) -> str:
    return person.http.cookie_jar.filter_cookies(person.base)["regsid"].value


async def test_user_names_of_the_free_domain_sign_in_too(people: People) -> None:
    alice = await people.registered("Alice")
    answer = await alice.call("yp.login", vars={"ident": alice.email.partition("@")[0], "password": PASSWORD})
    assert answer.data["status"] == "ok"


async def test_wrong_password_and_unknown_account_look_the_same(people: People) -> None:
    alice = await people.registered("Alice")
    wrong = await alice.sign_in("not the password")
    unknown = await alice.call("yp.login", vars={"ident": "who@example.org", "password": PASSWORD})
    for answer in (wrong, unknown):
        assert (answer.status, answer.data) == (200, {"status": "WRONG_CREDENTIALS"})
        assert "Set-Cookie" not in answer.headers


async def test_guessing_is_throttled_and_the_right_password_waits_too(
    make_node: NodeMaker, people: People
) -> None:
    node = await make_node(login_attempts=3)
    alice = await people.registered("Alice", base=node.make_url("/"))
    for _ in range(3):
        assert (await alice.sign_in("guess")).data["status"] == "WRONG_CREDENTIALS"
    blocked = await alice.sign_in()
    assert blocked.data["status"] == "BLOCKED"
    assert 0 < blocked.data["retry_after"] <= 900
    bob = await people.registered("Bob", base=node.make_url("/"))
    assert (await bob.sign_in()).data["status"] == "ok"


async def test_guessing_at_many_accounts_from_one_address_is_throttled(
    make_node: NodeMaker, people: People
) -> None:
    node = await make_node(login_attempts_address=3, trust_proxy=True)
    alice = await people.registered("Alice", base=node.make_url("/"))

    async def sign_in(ident: str, password: str, address: str) -> str:
        headers = {"X-Forwarded-For": address}
        answer = await alice.call("yp.login", headers, vars={"ident": ident, "password": password})
        return str(answer.data["status"])

    here, elsewhere = "2001:db8::1", "2001:db8:0:1::1"
    for n in range(3):
        assert await sign_in(f"who{n}@example.org", "guess", here) == "WRONG_CREDENTIALS"
    assert await sign_in(alice.email, PASSWORD, here) == "BLOCKED"
    assert await sign_in(alice.email, PASSWORD, elsewhere) == "ok"


@pytest.mark.parametrize(
    ("state", "status"), [("archived", "ARCHIVED"), ("frozen", "frozen"), ("locked", "locked")]
)
async def test_only_active_accounts_sign_in(people: People, admin: Admin, state: str, status: str) -> None:
    alice = await people("Alice")
    admin.rows("UPDATE yp.entity SET status = %s WHERE id = %s", state, alice.uid)
    # Only a caller with the password learns the state; open sessions end.
    assert (await alice.sign_in("guess")).data["status"] == "WRONG_CREDENTIALS"
    assert (await alice.sign_in()).data["status"] == status
    assert (await alice.call("contact.show_contact")).status == 401


async def test_sessions_expire_and_are_purged(people: People, admin: Admin) -> None:
    alice = await people("Alice")
    admin.rows("UPDATE yp.session SET expiry = UNIX_TIMESTAMP() - 1 WHERE uid = %s", alice.uid)
    answer = await alice.call("yp.hello")
    assert answer.body["__status__"] == "offline"
    assert answer.data == {"id": "f" * 16, "signed_in": 0, "connection": "offline"}
    admin.rows("CALL yp.session_purge(1000)")
    assert admin.one("SELECT COUNT(*) FROM yp.session WHERE uid = %s", alice.uid) == 0


async def test_a_session_in_use_lives_on(people: People, admin: Admin) -> None:
    alice = await people("Alice")
    admin.rows(
        "UPDATE yp.session SET mtime = mtime - 1000, expiry = UNIX_TIMESTAMP() + 60 WHERE uid = %s", alice.uid
    )
    await alice.ok("yp.hello")
    for _ in range(50):
        await alice.ok("yp.ping")
        seconds = admin.one("SELECT expiry - UNIX_TIMESTAMP() FROM yp.session WHERE uid = %s", alice.uid)
        if seconds > 86400:
            return
    pytest.fail("the session was not extended")


async def test_visitors_without_cookie_leave_no_trace(people: People, admin: Admin) -> None:
    nobody = await people.stranger()
    before = admin.one("SELECT COUNT(*) FROM yp.session")
    env = await nobody.get("yp.get_env")
    assert (env.status, env.body["__status__"]) == (200, "offline")
    assert (env.data["user"]["id"], env.data["user"]["signed_in"]) == ("f" * 16, 0)
    assert admin.one("SELECT COUNT(*) FROM yp.session") == before


async def test_the_environment_is_complete(people: People) -> None:
    alice = await people("Alice")
    data = (await alice.get("yp.get_env")).data
    assert data["organization"]["link"] == alice.base.host
    assert data["privilege"] == 63
    assert isinstance(data["user"]["profile"], dict)
    wanted = orjson.loads((ROOT / "service/modules/service_map.json").read_bytes())
    served = data["platform"]["services"]
    for module, methods in wanted.items():
        assert methods.items() <= served[module].items()
    desk = await alice.ok("desk.get_env", hub_id=alice.uid)
    assert desk["privilege"] == 63
    assert desk["home_id"] == desk["nid"]
    wicket = await alice.ok("desk.create_wicket")
    assert wicket["wicket_id"] == wicket["hub_id"] == desk["wicket_id"]
    assert await alice.ok("desk.home", page=1) == []


async def test_signing_out_ends_the_session_its_sockets_and_tells_the_other_tabs(people: People) -> None:
    alice = await people("Alice")
    here, phone = await alice.tab(), None
    elsewhere = await people.registered("Alice")
    elsewhere.email = alice.email
    await elsewhere.sign_in()
    phone = await elsewhere.tab()
    answer = await alice.call("drumate.logout", hub_id=alice.uid)
    assert answer.data == {"id": "f" * 16, "signed_in": 0, "connection": "offline"}
    assert answer.body["__status__"] == "offline"
    await phone.expect("drumate.logout")
    await here._reader
    assert here.ws.close_code == 1008
    assert (await alice.call("contact.show_contact")).status == 401
    assert (await elsewhere.call("contact.show_contact")).status == 200


async def test_signing_out_in_one_tab_tells_the_others_of_the_browser_before_they_close(
    people: People,
) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    one, other, bystander = await alice.tab(), await alice.tab(), await bob.tab()
    await alice.ok("conference.join", hub_id=alice.uid, socket_id=one.id, metadata={"type": "meeting"})
    assert (await alice.call("drumate.logout", FRONTEND, socket_id=other.id)).data["signed_in"] == 0
    for tab in (one, other):
        await tab._reader
        last = tab.frames[-1]
        assert (last["service"], last["model"]) == ("live.update", {"uid": alice.uid})
        assert (last["options"]["service"], last["options"]["sender"]) == ("drumate.logout", {})
        assert len(tab.updates("drumate.logout")) == 1
        assert tab.ws.close_code == 1008
    assert not (await alice.ok("yp.hello"))["signed_in"]
    assert not bystander.updates("drumate.logout")


async def test_tabs_are_told_when_somebody_else_signs_in_in_their_browser(people: People) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    tab = await alice.tab()
    alice.email = bob.email
    assert (await alice.sign_in()).data["status"] == "ok"
    await tab._reader
    assert len(tab.updates("drumate.logout")) == 1
    assert tab.ws.close_code == 1008


async def test_reset_session_forgets_the_browser(people: People) -> None:
    alice = await people("Alice")
    assert (await alice.ok("yp.reset_session"))["signed_in"] == 0
    assert (await alice.ok("yp.hello"))["signed_in"] == 0


async def test_the_cookie_follows_the_public_url(make_node: NodeMaker, people: People) -> None:
    for domain in ("", "drumee.example.org"):
        node = await make_node(public_url="https://drumee.example.org/", cookie_domain=domain)
        alice = await people.registered("Alice", base=node.make_url("/"))
        cookie = (await alice.sign_in()).headers["Set-Cookie"]
        assert cookie.startswith("regsid=")
        assert "Secure" in cookie
        # Other hosts of the domain get it only where a setting says so.
        assert ("Domain=drumee.example.org" in cookie) is bool(domain)


async def test_the_session_travels_by_header_and_under_another_key(people: People) -> None:
    alice = await people("Alice")
    sid = _session(alice)
    nobody = await people.stranger()
    for headers in (
        {"x-param-regsid": sid},
        {"x-param-keysel": "mykey", "x-param-mykey": sid},
        {"x-param-keysel": "mykey", "Cookie": f"mykey={sid}"},
    ):
        assert (await nobody.call("yp.hello", headers)).data["id"] == alice.uid
    assert (await nobody.call("yp.hello", {"x-param-regsid": sid[:-1] + "\\"})).data["signed_in"] == 0


async def test_a_password_is_taken_as_it_is(people: People, admin: Admin) -> None:
    alice = await people.registered("Alice")
    password = " blanks around, \t and a snowman \u2603 "
    admin.rows("UPDATE yp.drumate SET password_hash = %s WHERE id = %s", hash_password(password), alice.uid)
    assert (await alice.sign_in(password.strip())).data["status"] == "WRONG_CREDENTIALS"
    assert (await alice.sign_in(password)).data["status"] == "ok"


async def test_the_next_user_of_a_browser_gets_no_updates_of_the_last_one(
    people: People, admin: Admin
) -> None:
    alice, bob = await people("Alice"), await people.registered("Bob")
    old_tab = await alice.tab()
    elsewhere = await people.registered("Alice")
    elsewhere.email = alice.email
    await elsewhere.sign_in()
    bob.http.cookie_jar.update_cookies(alice.http.cookie_jar.filter_cookies(alice.base), alice.base)
    await bob.sign_in()
    await old_tab._reader
    assert old_tab.ws.close_code == 1008
    assert admin.one("SELECT COUNT(*) FROM yp.socket WHERE uid = %s", alice.uid) == 0
    assert (await elsewhere.ok("yp.hello"))["id"] == alice.uid


async def test_signing_in_again_keeps_the_tabs(people: People) -> None:
    alice = await people("Alice")
    tab = await alice.tab()
    await alice.sign_in()
    await alice.ok("contact.add", firstname="A", email=[{"email": "a@x.example", "is_default": 1}])
    await tab.expect("contact.add")


async def test_an_account_that_is_locked_does_nothing_any_more(
    people: People, admin: Admin, registry: Registry
) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    team = registry.add_hub("Team", alice.uid, "private")
    registry.grant(team, bob.uid, 4)
    tab = await bob.tab()
    admin.rows("UPDATE yp.entity SET status = 'locked' WHERE id = %s", bob.uid)
    answer = await bob.call("conference.join", hub_id=team, socket_id=tab.id, metadata={"type": "meeting"})
    assert (answer.status, answer.code) == (403, "WEAK_PRIVILEGE")
    fresh = Tab(await bob.http.ws_connect(bob.base / "-/websocket/", protocols=("service",)))
    assert await fresh.expect_frame("sys.handshake") == {"error": "no session"}
    await fresh.close()


async def test_guesses_sent_all_at_once_are_counted(make_node: NodeMaker, people: People) -> None:
    node = await make_node(login_attempts=5)
    alice = await people.registered("Alice", base=node.make_url("/"))
    answers = await asyncio.gather(*(alice.sign_in(f"guess {n}") for n in range(20)))
    outcomes = [a.data["status"] for a in answers]
    assert outcomes.count("WRONG_CREDENTIALS") == 5
    assert outcomes.count("BLOCKED") == 15


async def test_sockets_of_an_expired_session_are_closed(people: People, admin: Admin) -> None:
    alice = await people("Alice")
    tab = await alice.tab()
    admin.rows("UPDATE yp.session SET expiry = UNIX_TIMESTAMP() - 1 WHERE uid = %s", alice.uid)
    rows = admin.rows("CALL yp.session_purge(1000)")
    assert tab.id in str(rows)


async def test_the_cookie_lives_on_with_the_session(people: People, admin: Admin) -> None:
    alice = await people("Alice")
    assert "Set-Cookie" not in (await alice.call("yp.hello")).headers
    admin.rows("UPDATE yp.session SET mtime = mtime - 1000 WHERE uid = %s", alice.uid)
    assert "Max-Age=2592000" in (await alice.call("yp.hello")).headers["Set-Cookie"]


async def test_a_session_id_in_a_url_is_worth_nothing(people: People) -> None:
    alice, nobody = await people("Alice"), await people.stranger()
    sid = _session(alice)
    for query in (f"regsid={sid}", f"keysel=foo&foo={sid}"):
        assert (await nobody.get("yp.hello", query)).data["signed_in"] == 0


async def test_pages_of_other_origins_call_nothing(people: People, admin: Admin) -> None:
    alice = await people("Alice")
    for origin in ("https://evil.example", "null", f"http://{alice.base.host}:1"):
        answer = await alice.call(
            "contact.add", {"Origin": origin}, email=[{"email": "a@x.example", "is_default": 1}]
        )
        assert (answer.status, answer.code) == (403, "FORBIDDEN_ORIGIN")
    own = f"http://{alice.base.host}:{alice.base.port}"
    assert (await alice.call("yp.hello", {"Origin": own})).status == 200
