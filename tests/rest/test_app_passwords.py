"""App passwords: made, listed and revoked over /api/v1, refused by it, and opened for CardDAV."""

from __future__ import annotations

import asyncio
import plistlib
from typing import Any

import segno
from aiohttp.test_utils import TestServer
from yarl import URL

from service.admin.registry import Registry
from service.app import DISPATCHER
from service.auth.app_passwords import MOST, AppPasswords, AppSignIn
from service.auth.keys import KEY, new_key
from service.web.address import AddressKey
from tests.support import waiting
from tests.support.admin import Admin
from tests.support.nodes import NodeMaker
from tests.support.people import PASSWORD
from tests.support.rest import Answer, Client, ClientMaker, make_key

PATH = "/auth/app-passwords"
UNAUTHORIZED = (401, "UNAUTHORIZED")


def opener(node: TestServer) -> AppPasswords:
    """Return what CardDAV opens app passwords with, in this process."""
    assert node.app is not None
    return node.app[DISPATCHER].process.app_passwords


async def signed_in(client_of: ClientMaker, **more: Any) -> Client:
    api = await client_of(scope="", **more)
    await api.login()
    return api


async def make(api: Client, name: str = "Phone") -> dict[str, Any]:
    answer = await api.post(PATH, {"name": name})
    assert answer.status == 201, answer.raw
    made: dict[str, Any] = answer.data
    return made


async def test_app_passwords_are_made_named_listed_and_revoked(
    client_of: ClientMaker, make_node: NodeMaker, admin: Admin
) -> None:
    node = await make_node()
    api = await signed_in(client_of, base=node.make_url("/"))
    made, other = await make(api, " My phone "), await make(api, "Tablet")
    assert KEY.fullmatch(made["password"])
    assert (made["name"], made["prefix"]) == ("My phone", made["password"][:8])
    assert (made["username"], made["last_used_at"]) == (api.person.email, None)
    answer = await api.get(PATH)
    listed = {each["id"]: each for each in answer.data}
    assert listed.keys() == {made["id"], other["id"]}
    assert listed[made["id"]] == {name: made[name] for name in listed[made["id"]]}
    assert made["password"].encode() not in answer.raw
    assert admin.rows("SELECT 1 FROM yp.api_key WHERE hash = %s", made["password"]) == []

    # its use is recorded soon after
    opened = await opener(node).open(f" {api.person.email.upper()} ", made["password"], AddressKey("a"))
    assert opened.caller is not None
    assert (opened.caller.uid, opened.caller.level, opened.retry_after) == (api.person.uid, 7, 0)
    last_use = "SELECT mtime FROM yp.api_key WHERE id = %s"
    await waiting.until(lambda: admin.one(last_use, made["id"]) > 0)
    used = {each["id"]: each["last_used_at"] for each in (await api.get(PATH)).data}
    assert (used[made["id"]] is None, used[other["id"]]) == (False, None)

    deleted = await api.delete(f"{PATH}/{made['id']}")
    assert (deleted.status, deleted.data) == (200, {"id": made["id"], "deleted": True})
    assert await opener(node).open(api.person.email, made["password"], AddressKey("a")) == AppSignIn()
    assert [each["id"] for each in (await api.get(PATH)).data] == [other["id"]]


async def test_app_passwords_are_the_users_own_and_need_a_sign_in(
    client_of: ClientMaker, registry: Registry
) -> None:
    alice, bob = await signed_in(client_of), await signed_in(client_of)
    made = await make(alice)
    make_key(registry, alice.person)
    assert (await bob.get(PATH)).data == []
    (key,) = [each for each in (await alice.get("/api-keys/mine")).data if each["scope"] == "agent"]
    for nothing in (made["id"], "0" * 16, "x", "%00"):
        assert (await bob.delete(f"{PATH}/{nothing}")).error == (404, "NOT_FOUND"), nothing
    assert (await alice.delete(f"{PATH}/{key['id']}")).error == (404, "NOT_FOUND"), "a key for programs"
    assert [each["id"] for each in (await alice.get(PATH)).data] == [made["id"]]
    agent = await client_of(person=alice.person)
    for answer in (
        await agent.get(PATH),
        await agent.post(PATH, {"name": "x"}),
        await agent.delete(f"{PATH}/{made['id']}"),
    ):
        assert answer.error == (403, "INSUFFICIENT_SCOPE")


async def test_an_app_password_opens_no_other_api(client_of: ClientMaker) -> None:
    api = await signed_in(client_of)
    password = (await make(api))["password"]
    phone = Client(api.person, password)
    assert (await phone.get("/contacts")).error == UNAUTHORIZED
    assert (await phone.get("/contacts", X_Claw_User_Id=api.person.uid)).error == UNAUTHORIZED
    assert (await phone.get("/admin/api-keys")).error == UNAUTHORIZED
    assert (await phone.post("/auth/login", {"email": api.person.email, "password": password})).status == 401
    assert (await phone.post("/auth/refresh", {"refresh_token": password})).error == UNAUTHORIZED
    socket = await phone.http.ws_connect((phone.base / "ws").with_query(token=password))
    await socket.receive(5)
    assert socket.close_code == 4401
    legacy = (phone.base / "api/contacts/get").with_query(logintoken=password)
    async with phone.http.get(legacy) as response:
        assert (await response.json())["responsestatus"] == "InvalidOrExpiredLoginToken"
    await phone.http.close()


async def test_keys_of_other_scopes_and_passwords_open_no_address_book(
    client_of: ClientMaker, make_node: NodeMaker, registry: Registry
) -> None:
    node = await make_node()
    api = await signed_in(client_of, base=node.make_url("/"))
    right = (await make(api))["password"]
    wrong = [make_key(registry, api.person, scope) for scope in ("agent", "system", "sync")]
    bob = await client_of(scope="")
    for place, (email, password) in enumerate(
        [
            *((api.person.email, key) for key in (*wrong, PASSWORD, api.token, new_key(), "", right.upper())),
            *((email, right) for email in (bob.person.email, "", "x", "\0", "\ud800", "a" * 5000)),
        ]
    ):
        outcome = await opener(node).open(email, password, AddressKey(f"{api.person.uid} {place}"))
        assert outcome == AppSignIn(), (email[:20], password[:8])
    assert (await opener(node).open(api.person.email, right, AddressKey("a"))).caller


async def test_an_old_app_password_shuts_nobody_out(client_of: ClientMaker, make_node: NodeMaker) -> None:
    node = await make_node(login_attempts=3, login_attempts_address=5)
    api, bob = await signed_in(client_of, base=node.make_url("/")), await client_of(scope="")
    right, home = (await make(api))["password"], AddressKey(f"home of {api.person.uid}")

    async def wrong(email: str, address: AddressKey = home) -> int:
        outcome = await opener(node).open(email, new_key(), address)
        assert outcome.caller is None
        return outcome.retry_after

    assert [await wrong(api.person.email) for _ in range(3)] == [0] * 3
    assert all(800 < wait <= 900 for wait in [await wrong(api.person.email) for _ in range(20)])
    # the other devices of the same user, and of others in the same house
    assert (await opener(node).open(api.person.email, right, home)).caller
    assert [await wrong(bob.person.email) for _ in range(3)][:2] == [0, 0]
    # many names from one address are as bounded as one
    assert all([await wrong(f"{number}@example.org") for number in range(5)])
    assert await wrong(api.person.email, AddressKey(f"work of {api.person.uid}")) == 0
    assert (await opener(node).open(api.person.email, right, home)).caller


async def test_a_user_has_a_bounded_number_of_app_passwords(client_of: ClientMaker) -> None:
    api = await signed_in(client_of)
    for number in range(MOST - 3):
        await make(api, f"Phone {number}")
    answers: list[Answer] = await asyncio.gather(*(api.post(PATH, {"name": "x"}) for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [201] * 3 + [422] * 5
    assert len((await api.get(PATH)).data) == MOST


async def test_a_frozen_account_opens_nothing(
    client_of: ClientMaker, make_node: NodeMaker, admin: Admin
) -> None:
    node = await make_node()
    api = await signed_in(client_of, base=node.make_url("/"))
    password = (await make(api))["password"]
    admin.rows("UPDATE yp.entity SET status = 'frozen' WHERE id = %s", api.person.uid)
    assert await opener(node).open(api.person.email, password, AddressKey("a")) == AppSignIn()
    admin.rows("UPDATE yp.entity SET status = 'active' WHERE id = %s", api.person.uid)
    assert (await opener(node).open(api.person.email, password, AddressKey("a"))).caller


async def test_a_device_is_set_up_by_a_picture(client_of: ClientMaker) -> None:
    made = await make(await signed_in(client_of))
    uri = URL(made["setup_uri"])
    assert (uri.scheme, uri.user, uri.password, uri.path) == (
        "carddav", made["username"], made["password"], "/",
    )  # fmt: skip
    assert f"{uri.host}:{uri.port}" in made["server"]
    assert made["qr_code"] == segno.make(made["setup_uri"], error="m").svg_data_uri(
        scale=4, border=4, light="#fff"
    )


async def test_a_device_is_set_up_by_a_profile_with_a_password_of_its_own(
    client_of: ClientMaker, make_node: NodeMaker
) -> None:
    node = await make_node(public_url="https://contacts.example.org:8443/team")
    api = await signed_in(client_of, base=node.make_url("/"))
    answers = [await api.post(f"{PATH}/profile", {"name": "My <phone> & \U0001f600"}) for _ in range(2)]
    first, second = (plistlib.loads(answer.raw) for answer in answers)
    assert answers[0].headers["Content-Type"] == "application/x-apple-aspen-config"
    assert answers[0].headers["Cache-Control"] == "no-store"
    assert 'filename="contacts.mobileconfig"' in answers[0].headers["Content-Disposition"]
    (account,) = first["PayloadContent"]
    assert (first["PayloadType"], account["PayloadType"]) == ("Configuration", "com.apple.carddav.account")
    assert (account["CardDAVHostName"], account["CardDAVPort"], account["CardDAVUseSSL"]) == (
        "contacts.example.org", 8443, True,
    )  # fmt: skip
    assert account["CardDAVUsername"] == api.person.email
    assert "My <phone> & \U0001f600" in first["PayloadDescription"]
    (other,) = second["PayloadContent"]
    passwords = {account["CardDAVPassword"], other["CardDAVPassword"]}
    assert len(passwords) == 2
    for password in passwords:
        assert (await opener(node).open(api.person.email, password, AddressKey("a"))).caller
    identifiers = [part["PayloadUUID"] for part in (first, second, account, other)]
    assert len(set(identifiers)) == 4
    agent = await client_of(person=api.person)
    assert (await agent.post(f"{PATH}/profile", {"name": "x"})).error == (403, "INSUFFICIENT_SCOPE")
    assert (await Client(api.person).post(f"{PATH}/profile", {"name": "x"})).error == UNAUTHORIZED
