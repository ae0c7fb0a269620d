"""Keys, access tokens and refresh tokens of /api/v1, and the envelope around every answer."""

from __future__ import annotations

import asyncio
import base64
import logging
import re
import time
from typing import Any

import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from service.admin.registry import Registry
from service.cli import main
from service.ids import from_wire, to_wire
from service.rest.guesses import Guesses
from service.rest.operations import OPERATIONS
from service.settings import Settings
from service.web.address import AddressKey
from tests.support.admin import Admin
from tests.support.nodes import NodeMaker
from tests.support.people import PASSWORD, People
from tests.support.rest import Client, ClientMaker
from tests.support.waiting import until

UNAUTHORIZED = (401, "UNAUTHORIZED")


def secret(admin: Admin) -> OctKey:
    """Return the key with which the service signs."""
    return OctKey.import_key(bytes.fromhex(admin.one("SELECT secret FROM yp.api_secret")))


def claims_of(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    claims: dict[str, Any] = orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def later(admin: Admin) -> None:
    """Let the grace period of all refresh tokens be over that were used."""
    admin.rows("UPDATE yp.api_refresh SET used = used - 60 WHERE used > 60")


async def test_login_answers_in_the_words_of_clients_and_document(client_of: ClientMaker) -> None:
    api = await client_of(scope="")
    answer = await api.post("/auth/login", {"email": api.person.email, "password": PASSWORD})
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    data = answer.data
    assert data["access_token"] == data["accessToken"] == answer.body["accessToken"]
    assert data["refresh_token"] == data["refreshToken"] == answer.body["refreshToken"]
    assert data["user"] == answer.body["user"]
    assert answer.body["tier"] == "free"
    assert data["user"] == {
        "id": to_wire(api.person.uid), "email": api.person.email,
        "display_name": "Alice Test", "role": "user",
    }  # fmt: skip
    claims = claims_of(data["access_token"])
    assert (claims["sub"], claims["email"]) == (to_wire(api.person.uid), api.person.email)
    assert claims["exp"] - claims["iat"] == data["expires_in"] == 86_400

    api.token = data["access_token"]
    own = {"avatar_path": None, "password_changed_at": None}
    assert (await api.get("/auth/me")).data == {**data["user"], **own}


async def test_refresh_rotates_and_reuse_ends_the_sign_in(client_of: ClientMaker, admin: Admin) -> None:
    api = await client_of(scope="")
    first = await api.login()
    second = (await api.post("/auth/refresh", {"refresh_token": first["refresh_token"]})).data
    assert second["refresh_token"] != first["refresh_token"]
    assert second["refresh_token_id"] == first["refresh_token_id"]
    api.token = second["access_token"]
    assert (await api.get("/auth/me")).status == 200
    # No usable secret is stored.
    stored = admin.rows("SELECT id FROM yp.api_refresh")
    assert not {first["refresh_token"], second["refresh_token"]} & {row[0] for row in stored}

    later(admin)
    assert (await api.post("/auth/refresh", {"refresh_token": first["refresh_token"]})).error == UNAUTHORIZED
    assert (await api.get("/auth/me")).error == UNAUTHORIZED
    assert (await api.post("/auth/refresh", {"refresh_token": second["refresh_token"]})).error == UNAUTHORIZED


async def test_tabs_that_are_opened_at_once_all_go_on(
    client_of: ClientMaker, make_node: NodeMaker, admin: Admin
) -> None:
    """Refresh as the vendor's client does: each tab with the stored token, and again with its own new one."""
    api = await client_of(scope="")
    stored = (await api.login())["refresh_token"]
    tabs = [Client(api.person, "", base) for base in (api.base, (await make_node()).make_url("/")) * 3]

    async def load(tab: Client, token: str) -> tuple[int, dict[str, Any]]:
        answer = await tab.post("/auth/refresh", {"refresh_token": token})
        tab.token = answer.data["access_token"]
        return (await tab.get("/auth/me")).status, answer.data

    async def load_twice(tab: Client) -> tuple[int, dict[str, Any]]:
        _, tokens = await load(tab, stored)
        return await load(tab, tokens["refresh_token"])

    loaded = await asyncio.gather(*(load_twice(tab) for tab in tabs))
    assert [status for status, _ in loaded] == [200] * 6
    assert len({tokens["refresh_token"] for _, tokens in loaded}) == 6

    later(admin)
    again = await asyncio.gather(
        *(load(tab, tokens["refresh_token"]) for tab, (_, tokens) in zip(tabs, loaded, strict=True))
    )
    assert [status for status, _ in again] == [200] * 6, "each tab goes on with its own"
    assert (await tabs[0].post("/auth/refresh", {"refresh_token": stored})).error == UNAUTHORIZED
    for tab, (_, tokens) in zip(tabs, again, strict=True):
        assert (await tab.get("/auth/me")).error == UNAUTHORIZED
        body = {"refresh_token": tokens["refresh_token"]}
        assert (await tab.post("/auth/refresh", body)).error == UNAUTHORIZED
        await tab.http.close()


async def test_access_tokens_of_one_second_are_equal_on_all_nodes(
    client_of: ClientMaker, make_node: NodeMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vendor's client refreshes whenever its access token has changed: it must find the same one."""
    api = await client_of(scope="")
    tokens = await api.login()
    other = Client(api.person, "", (await make_node()).make_url("/"))
    now = time.time()
    monkeypatch.setattr("service.rest.tokens.time.time", lambda: now)
    access = set()
    for client in (api, other, api):
        tokens = (await client.post("/auth/refresh", {"refresh_token": tokens["refresh_token"]})).data
        access.add(tokens["access_token"])
    assert len(access) == 1
    await other.http.close()


@pytest.mark.parametrize("by", ["access", "refresh"])
async def test_logout_ends_this_sign_in_only(client_of: ClientMaker, by: str) -> None:
    api = await client_of(scope="")
    one, other = await api.login(), await api.login()
    api.token = one["access_token"] if by == "access" else ""
    body = {"refresh_token": one["refresh_token"]} if by == "refresh" else None
    assert (await api.post("/auth/logout", body)).data == {"success": True}
    api.token = one["access_token"]
    assert (await api.get("/auth/me")).error == UNAUTHORIZED
    assert (await api.post("/auth/refresh", {"refresh_token": one["refresh_token"]})).error == UNAUTHORIZED
    api.token = other["access_token"]
    assert (await api.get("/auth/me")).status == 200


async def test_a_new_password_ends_every_sign_in(client_of: ClientMaker, admin: Admin) -> None:
    api = await client_of(scope="")
    session = await api.login()
    admin.rows(
        "UPDATE yp.drumate SET password_hash = CONCAT(password_hash, 'x') WHERE id = %s", api.person.uid
    )
    assert (await api.get("/auth/me")).error == UNAUTHORIZED
    assert (
        await api.post("/auth/refresh", {"refresh_token": session["refresh_token"]})
    ).error == UNAUTHORIZED


async def test_forged_and_expired_tokens_open_nothing(client_of: ClientMaker, admin: Admin) -> None:
    api = await client_of(scope="")
    good = (await api.login())["access_token"]
    header, payload, signature = good.split(".")
    claims = claims_of(good)
    key, now = secret(admin), int(time.time())

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(orjson.dumps(value)).decode().rstrip("=")

    forged = {
        "alg none": f"{part({'alg': 'none', 'typ': 'JWT'})}.{payload}.",
        "alg none, old signature": f"{part({'alg': 'none'})}.{payload}.{signature}",
        "no signature": f"{header}.{payload}.",
        "another secret": jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(b"x" * 32)),
        "another algorithm": jwt.encode({"alg": "HS512"}, claims, key, algorithms=["HS512"]),
        "another payload": f"{header}.{part({**claims, 'sub': to_wire('f' * 16)})}.{signature}",
        "expired": jwt.encode({"alg": "HS256"}, {**claims, "exp": now - 60}, key),
        "without end": jwt.encode({"alg": "HS256"}, {k: v for k, v in claims.items() if k != "exp"}, key),
        "without sign-in": jwt.encode({"alg": "HS256"}, {k: v for k, v in claims.items() if k != "sid"}, key),
        "sign-in of nobody": jwt.encode({"alg": "HS256"}, {**claims, "sid": "0" * 16}, key),
        "sign-in is a list": jwt.encode({"alg": "HS256"}, {**claims, "sid": ["0" * 16]}, key),
        "two parts": f"{header}.{payload}",
        "long": "a" * 5000,
        "a key of nobody": "clk_" + "0" * 32,
        "half a key": "clk_0",
        "nothing": "",
    }
    for label, token in forged.items():
        api.token = token
        answer = await api.get("/contacts")
        assert answer.error == UNAUTHORIZED, label
        assert answer.body["error"]["message"] == "Invalid or missing authentication token"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    # A token in the query is for images only; cookies are ignored.
    api.token = ""
    assert (await api.get(f"/auth/me?token={good}")).error == UNAUTHORIZED
    assert (await api.get("/auth/me", Cookie=f"token={good}; access_token={good}")).error == UNAUTHORIZED
    api.token = good
    assert (await api.get("/auth/me")).status == 200


async def test_secrets_do_not_reach_the_log(
    people: People, client_of: ClientMaker, caplog: pytest.LogCaptureFixture
) -> None:
    alice = await people("Alice")
    with caplog.at_level(logging.DEBUG):
        api, key = await client_of(person=alice, scope=""), await client_of(person=alice)
        root = await client_of(person=alice, scope="system")
        session = await api.login()
        await api.post("/auth/login", {"email": alice.email, "password": "wrong horse"})
        renewed = (await api.post("/auth/refresh", {"refresh_token": session["refresh_token"]})).data
        made = (await root.post("/admin/api-keys", {"user_id": alice.uid})).data
        contact = await key.add(display_name="X")
        for token in (renewed["access_token"], key.token, "no-token-of-anybody"):
            api.token = ""
            await api.get(f"/contacts/{contact['id']}/avatar?token={token}")
            ws = await api.http.ws_connect((api.base / "ws").with_query(token=token))
            await ws.receive(5)
            await ws.close()
        otak = (await alice.ok("bootstrap.authn"))["token"]
        ws = await alice.http.ws_connect((alice.base / "-/websocket/").with_query(otak=otak))
        await ws.receive(5)
        await ws.close()
        await api.post("/auth/logout", {"refresh_token": renewed["refresh_token"]})
        ws = await alice.http.ws_connect((alice.base / "-/websocket/").with_query(otak="f" * 32))
        await ws.receive(5)
        await ws.close()
    lines = [str(vars(record)) for record in caplog.records]
    assert any("v1/contacts.avatar" in line for line in lines)
    secrets = {
        PASSWORD, "wrong horse", key.token, root.token, made["key"], "no-token-of-anybody", "f" * 32, otak,
        *(s[name] for s in (session, renewed) for name in ("access_token", "refresh_token")),
    }  # fmt: skip
    assert not [line for line in lines for secret in secrets if secret in line]


async def test_a_cookie_lets_nobody_in(people: People, client_of: ClientMaker) -> None:
    """Refuse a token in a cookie, and the session of the RPC that the browser sends along."""
    alice = await people("Alice")
    api = await client_of(person=alice)
    cookies = dict.fromkeys(
        ("token", "access_token", "accessToken", "Authorization", "logintoken"), api.token
    )
    for operation in OPERATIONS:
        if not operation.public:
            url = f"{alice.base}api/v1{re.sub(r'{[a-z]+}', '0' * 16, operation.path)}"
            async with alice.http.request(operation.method, url, json={}, cookies=cookies) as response:
                assert response.status == 401, operation.name
    ws = await alice.http.ws_connect(alice.base / "ws", headers={"Cookie": f"token={api.token}"})
    await ws.receive(5)
    assert ws.close_code == 4401


async def test_guessing_passwords_is_slowed_down(client_of: ClientMaker) -> None:
    api = await client_of(scope="")
    wrong = {"email": api.person.email, "password": "wrong"}
    answers = [await api.post("/auth/login", wrong) for _ in range(11)]
    assert [a.status for a in answers] == [401] * 10 + [429]
    assert answers[-1].error == (429, "RATE_LIMITED")
    assert int(answers[-1].headers["Retry-After"]) > 0
    # The right password has to wait as well.
    assert (await api.post("/auth/login", {**wrong, "password": PASSWORD})).status == 429


async def test_the_scope_of_a_key_decides_its_rights(client_of: ClientMaker, people: People) -> None:
    alice, bob = await client_of("Alice"), await people.registered("Bob")
    assert (await alice.get("/auth/me")).data["id"] == to_wire(alice.person.uid)
    # An agent always acts as its own user.
    assert (await alice.get("/auth/me", X_Claw_User_Id=bob.uid)).data["id"] == to_wire(alice.person.uid)
    for scope in ("system", "sync"):
        api = await client_of(person=alice.person, scope=scope)
        assert (await api.get("/auth/me")).error == (400, "USER_CONTEXT_REQUIRED")
        for nobody in ("0" * 16, "x", to_wire("0" * 16)):
            assert (await api.get("/auth/me", X_Claw_User_Id=nobody)).error == (400, "USER_CONTEXT_REQUIRED")
        for form in (bob.uid, to_wire(bob.uid)):
            assert (await api.get("/auth/me", X_Claw_User_Id=form)).data["email"] == bob.email


async def test_keys_are_listed_hashed_and_revoked(
    client_of: ClientMaker, admin: Admin, registry: Registry
) -> None:
    api = await client_of()
    listed = (await api.get("/api-keys/mine")).data
    assert [(k["prefix"], k["scope"]) for k in listed] == [(api.token[:8], "agent")]
    assert listed[0]["created_at"].endswith("Z")
    assert admin.rows("SELECT 1 FROM yp.api_key WHERE hash = %s", api.token) == []
    # Its use is recorded soon after.

    async def is_use_recorded() -> bool:
        return bool((await api.get("/api-keys/mine")).data[0]["last_used_at"])

    await until(is_use_recorded)
    assert registry.call("yp", "api_key_drop", listed[0]["id"]) == [(1,)]
    assert (await api.get("/api-keys/mine")).error == UNAUTHORIZED
    assert registry.call("yp", "api_key_drop", listed[0]["id"]) == [(0,)]


async def test_the_commands_make_list_and_drop_keys(
    client_of: ClientMaker,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("db", "db_admin", "redis"):
        monkeypatch.setenv(f"DRUMEE_{name.upper()}", getattr(settings, name))
    api = await client_of(scope="")

    def run(*words: str) -> list[str]:
        main(list(words))
        return capsys.readouterr().out.splitlines()

    api.token, output = await asyncio.to_thread(run, "apikey", "--user", api.person.email)
    assert (await api.get("/auth/me")).data["email"] == api.person.email
    (key_line,) = [line for line in await asyncio.to_thread(run, "apikeys") if api.person.email in line]
    key_id = key_line.split()[0]
    assert key_id in output
    assert api.token[:8] in key_line
    assert api.token not in key_line
    await asyncio.to_thread(run, "apikeys", "--drop", key_id)
    assert (await api.get("/auth/me")).error == UNAUTHORIZED
    assert await asyncio.to_thread(main, ["apikey", "--user", api.person.email, "--scope", "root"]) == 2
    phone = ("apikey", "--user", api.person.email, "--scope", "carddav", "--name", "My phone")
    api.token, output = await asyncio.to_thread(run, *phone)
    assert output.endswith("its scope carddav")
    assert (await api.get("/auth/me")).error == UNAUTHORIZED
    (phone_line,) = [line for line in await asyncio.to_thread(run, "apikeys") if api.person.email in line]
    assert phone_line.endswith("My phone")
    for name in ("x" * 65, "a\nb"):
        assert await asyncio.to_thread(main, [*phone[:-1], name]) == 2
    assert await asyncio.to_thread(main, ["apikey", "--user", "nobody@example.org"]) == 2


async def test_a_closed_account_has_no_api(client_of: ClientMaker, admin: Admin) -> None:
    key, signed_in = await client_of(), await client_of(scope="")
    signed_in.person = key.person
    session = await signed_in.login()
    admin.rows("UPDATE yp.entity SET status = 'locked' WHERE id = %s", key.person.uid)
    for api in (key, signed_in):
        assert (await api.get("/auth/me")).error == UNAUTHORIZED
    refresh = {"refresh_token": session["refresh_token"]}
    assert (await signed_in.post("/auth/refresh", refresh)).error == UNAUTHORIZED
    login = {"email": key.person.email, "password": PASSWORD}
    assert (await signed_in.post("/auth/login", login)).error == (403, "FORBIDDEN")


async def test_two_nodes_share_the_secret(client_of: ClientMaker, make_node: NodeMaker) -> None:
    api = await client_of(scope="")
    await api.login()
    other = Client(api.person, api.token, (await make_node()).make_url("/"))
    assert (await other.get("/auth/me")).status == 200
    await other.http.close()


async def test_expired_tokens_are_purged(client_of: ClientMaker, admin: Admin) -> None:
    api = await client_of(scope="")
    await api.login()
    admin.rows("UPDATE yp.api_grant SET expiry = 1 WHERE uid = %s", api.person.uid)
    admin.rows("UPDATE yp.api_refresh SET expiry = 1")
    assert (await api.get("/auth/me")).error == UNAUTHORIZED
    admin.rows("CALL yp.session_purge(1000)")
    assert admin.one("SELECT COUNT(*) FROM yp.api_grant WHERE uid = %s", api.person.uid) == 0
    assert admin.one("SELECT COUNT(*) FROM yp.api_refresh WHERE expiry = 1") == 0


# --- the envelope ------------------------------------------------------------------------------


async def test_every_answer_has_its_headers(client_of: ClientMaker) -> None:
    api = await client_of()
    for path, status in (("/auth/me", 200), ("/nothing", 404), ("/openapi.json", 200)):
        answer = await api.get(path)
        assert answer.status == status
        assert (answer.headers["X-Claw-Tier"], answer.headers["X-Claw-Version"]) == ("free", "1")
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert len(answer.headers["X-Request-Id"]) == 16
    assert (await api.get("/auth/me", X_Request_Id="my-id.1")).headers["X-Request-Id"] == "my-id.1"
    for bad in ("two words", "x" * 65, "a<b>"):
        made = (await api.get("/auth/me", X_Request_Id=bad)).headers["X-Request-Id"]
        assert made != bad
        assert len(made) == 16


async def test_paths_and_methods_that_do_not_exist(client_of: ClientMaker) -> None:
    api = await client_of()
    for path in ("", "/", "/nothing", "/contacts/a/b/c/d", "/contact", "/auth"):
        assert (await api.get(path)).error == (404, "NOT_FOUND"), path
    answer = await api.send("PUT", "/contacts")
    assert answer.error == (405, "METHOD_NOT_ALLOWED")
    assert answer.headers["Allow"] == "GET, POST, HEAD, OPTIONS"
    assert (await api.send("GET", "/auth/login")).headers["Allow"] == "POST, OPTIONS"
    assert (await api.send("OPTIONS", "/contacts")).status == 204
    for path in ("/auth/me", "/contacts", "/openapi.json"):
        head, whole = await api.send("HEAD", path), await api.get(path)
        assert (head.status, head.raw) == (200, b""), path
        assert head.headers["Content-Length"] == str(len(whole.raw)), path
        assert head.headers.get("ETag") == whole.headers.get("ETag"), path
    assert (await api.send("OPTIONS", "/openapi.json")).headers["Allow"] == "GET, HEAD, OPTIONS"
    assert (await api.post("/openapi.json", {})).error == (405, "METHOD_NOT_ALLOWED")


async def test_bodies_without_a_json_object_are_refused(client_of: ClientMaker) -> None:
    api = await client_of(scope="")
    kind = {"Content-Type": "application/json"}
    for text in (b"{", b"nonsense", b'{"email": "\xff"}', b'{"a": NaN}'):
        answer = await api.send("POST", "/auth/login", headers=kind, data=text)
        assert answer.error == (400, "VALIDATION_ERROR")
        assert answer.flaw == ("", "json"), text
    for text in (b"[]", b'"x"', b"1", b"null"):
        answer = await api.send("POST", "/auth/login", headers=kind, data=text)
        assert answer.flaw == ("", "type"), text
    assert (await api.send("POST", "/auth/login", headers=kind)).flaw == ("email", "required")
    assert (await api.send("POST", "/auth/login", data={"email": "a"})).error == (
        415, "UNSUPPORTED_MEDIA_TYPE",
    )  # fmt: skip
    large = await api.send("POST", "/auth/login", headers=kind, data=b" " * 1_100_000)
    assert large.error == (413, "PAYLOAD_TOO_LARGE")
    gzip = await api.send("POST", "/auth/login", headers={**kind, "Content-Encoding": "gzip"}, data=b"x")
    assert gzip.error == (415, "UNSUPPORTED_MEDIA_TYPE")
    # Unknown values are ignored.
    body = {"email": api.person.email, "password": PASSWORD, "remember": True, "__proto__": {}}
    assert (await api.post("/auth/login", body)).status == 200


async def test_only_configured_origins_may_read(client_of: ClientMaker, make_node: NodeMaker) -> None:
    node = await make_node(allowed_origins="https://dash.example")
    api = await client_of(base=node.make_url("/"))
    allowed = await api.get("/auth/me", Origin="https://dash.example")
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://dash.example"
    assert "ETag" in allowed.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in allowed.headers
    asked = await api.send("OPTIONS", "/contacts", headers={"Origin": "https://dash.example"})
    assert "PATCH" in asked.headers["Access-Control-Allow-Methods"]
    assert "If-Match" in asked.headers["Access-Control-Allow-Headers"]
    other = await api.get("/auth/me", Origin="https://evil.example")
    assert "Access-Control-Allow-Origin" not in other.headers


async def test_too_many_requests_are_refused(client_of: ClientMaker, make_node: NodeMaker) -> None:
    node = await make_node(rate_limit=5)
    api = await client_of(base=node.make_url("/"))
    remaining = [(await api.get("/auth/me")).headers["RateLimit-Remaining"] for _ in range(5)]
    assert remaining == ["4", "3", "2", "1", "0"]
    answer = await api.get("/auth/me")
    assert answer.error == (429, "RATE_LIMITED")
    assert answer.headers["RateLimit-Limit"] == "5"
    assert 1 <= int(answer.headers["Retry-After"]) <= 12
    assert 1 <= int(answer.headers["RateLimit-Reset"]) <= 60
    # Other users are unaffected.
    assert (await (await client_of(base=node.make_url("/"))).get("/auth/me")).status == 200


async def test_guessing_tokens_is_slowed_down_by_address(
    client_of: ClientMaker, make_node: NodeMaker
) -> None:
    node = await make_node(rate_limit=5)
    api = await client_of(base=node.make_url("/"))
    good = api.token
    statuses = []
    for number in range(7):
        api.token = f"clk_f{number:031x}"  # those of the bench begin with 0
        statuses.append((await api.get("/auth/me")).status)
    assert statuses == [401] * 5 + [429] * 2
    # A stranger behind the same address shuts out nobody who has a valid key.
    api.token = good
    assert (await api.get("/auth/me")).status == 200


async def test_a_page_that_repeats_an_old_token_uses_up_no_first_refusal(
    client_of: ClientMaker, make_node: NodeMaker
) -> None:
    node = await make_node(rate_limit=5)
    api = await client_of(base=node.make_url("/"))
    key = "clk_f" + "1" * 31
    api.token = key
    stuck = [(await api.get("/auth/me")).status for _ in range(12)]
    assert stuck[:5] == [401] * 5
    assert stuck[-1] == 429
    for number in range(3):
        ws = await api.http.ws_connect((api.base / "ws").with_query(token=f"clk_e{number:031x}"))
        await ws.receive(5)
        assert ws.close_code == 4401, "a socket of somebody else is told why"
    api.token = "clk_f" + "2" * 31
    assert (await api.get("/auth/me")).error == UNAUTHORIZED, "the fifth token"
    api.token = "clk_f" + "3" * 31
    assert (await api.get("/auth/me")).error == (429, "RATE_LIMITED")


def test_repeated_tokens_of_an_address_are_bounded() -> None:
    guesses, home = Guesses(5, clock=lambda: 0.0), AddressKey("192.0.2.1")
    tokens = [str(number) for number in range(5)]
    assert all(guesses.take(home, token).allowed for token in tokens)
    assert not guesses.take(home, "another").allowed
    repeated = sum(guesses.take(home, token).allowed for _ in range(100) for token in tokens)
    assert repeated == 5 * 5, "each as often as new ones"
    assert all(guesses.is_exhausted(home, token) for token in (*tokens, "another"))
    assert not guesses.is_exhausted(AddressKey("192.0.2.2"), tokens[0])


def test_an_address_that_has_collected_tokens_repeats_a_bounded_number_of_them() -> None:
    now = [0.0]
    guesses, home = Guesses(5, clock=lambda: now[0]), AddressKey("192.0.2.1")
    for number in range(20):
        now[0] += 60
        assert guesses.take(home, str(number)).allowed
    assert sum(guesses.take(home, str(number)).allowed for _ in range(9) for number in range(20)) == 50


def test_ids_translate_both_ways() -> None:
    wire = to_wire("61a3c41a5c677a20")
    assert wire == "61a3c41a-5c67-47a2-8000-000000000000"
    assert from_wire(wire) == from_wire(wire.upper()) == from_wire("61a3c41a5c677a20") == "61a3c41a5c677a20"
    for text in ("", "x", wire[:-1], wire + "0", wire.replace("-47a2", "-17a2"), "../" + wire, wire + "\n"):
        assert from_wire(text) is None
