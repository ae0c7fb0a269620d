"""yp.*, bootstrap.*, desk.* and drumate.*: signing in and out, and what the page needs to start."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from service import ROOT
from service.demo import Registry
from service.passwords import hash_password
from tests.conftest import Admin, NodeMaker
from tests.people import PASSWORD, People, Tab


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
    # the cookie is worth nothing to whoever reads the table
    assert admin.one("SELECT COUNT(*) FROM yp.session WHERE id = %s", _session(alice)) == 0


def _session(person: object) -> str:
    jar = person.http.cookie_jar.filter_cookies(person.base)  # type: ignore[attr-defined]
    return jar["regsid"].value


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
        answer = await alice.call("yp.login", headers=headers, vars={"ident": ident, "password": password})
        return str(answer.data["status"])

    here, elsewhere = "2001:db8::1", "2001:db8::2"
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
    # the state is told only to whoever knows the password; open sessions end
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
        left = admin.one("SELECT expiry - UNIX_TIMESTAMP() FROM yp.session WHERE uid = %s", alice.uid)
        if left > 86400:
            return
    pytest.fail("the session was not extended")


async def test_visitors_without_cookie_leave_no_trace(people: People, admin: Admin) -> None:
    nobody = await people.stranger()
    before = admin.one("SELECT COUNT(*) FROM yp.session")
    env = await nobody.get("yp.get_env")
    assert (env.status, env.body["__status__"]) == (200, "offline")
    assert (env.data["user"]["id"], env.data["user"]["signed_in"]) == ("f" * 16, 0)
    assert (await nobody.ok("bootstrap.authn")) == {"token": ""}
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


async def test_reset_session_forgets_the_browser(people: People) -> None:
    alice = await people("Alice")
    assert (await alice.ok("yp.reset_session"))["signed_in"] == 0
    assert (await alice.ok("yp.hello"))["signed_in"] == 0


async def test_the_cookie_follows_the_public_url(make_node: NodeMaker, people: People) -> None:
    node = await make_node(public_url="https://drumee.example.org/")
    alice = await people.registered("Alice", base=node.make_url("/"))
    cookie = (await alice.sign_in()).headers["Set-Cookie"]
    assert "Secure" in cookie
    assert "Domain=drumee.example.org" in cookie


async def test_the_session_travels_by_header_and_under_another_key(people: People) -> None:
    alice = await people("Alice")
    sid = _session(alice)
    nobody = await people.stranger()
    for headers in (
        {"x-param-regsid": sid},
        {"x-param-keysel": "mykey", "x-param-mykey": sid},
        {"x-param-keysel": "mykey", "Cookie": f"mykey={sid}"},
    ):
        assert (await nobody.call("yp.hello", headers=headers)).data["id"] == alice.uid
    assert (await nobody.call("yp.hello", headers={"x-param-regsid": sid[:-1] + "\\"})).data["signed_in"] == 0


async def test_a_password_is_taken_as_it_is(people: People, admin: Admin) -> None:
    alice = await people.registered("Alice")
    password = " blanks around, \t and a snowman \u2603 "
    admin.rows("UPDATE yp.drumate SET password_hash = %s WHERE id = %s", hash_password(password), alice.uid)
    assert (await alice.sign_in(password.strip())).data["status"] == "WRONG_CREDENTIALS"
    assert (await alice.sign_in(password)).data["status"] == "ok"


async def test_the_next_person_in_a_browser_hears_nothing_of_the_one_before(
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
    found = admin.rows("CALL yp.session_purge(1000)")
    assert tab.id in str(found)


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
            "contact.add", headers={"Origin": origin}, email=[{"email": "a@x.example", "is_default": 1}]
        )
        assert (answer.status, answer.code) == (403, "FORBIDDEN_ORIGIN")
    own = f"http://{alice.base.host}:{alice.base.port}"
    assert (await alice.call("yp.hello", headers={"Origin": own})).status == 200
