"""What the account pages of the vendor's web client call: name, sign-ins, password."""

from __future__ import annotations

from service.ids import to_wire
from tests.support.admin import Admin
from tests.support.links import PASSWORD, link_to
from tests.support.mail import Postman, body_of
from tests.support.nodes import NodeMaker
from tests.support.people import PASSWORD as OLD_PASSWORD
from tests.support.people import People
from tests.support.rest import Client, ClientMaker
from tests.support.waiting import until

UNAUTHORIZED = (401, "UNAUTHORIZED")


async def signed_in(client_of: ClientMaker, **more: object) -> Client:
    api = await client_of(scope="", **more)
    await api.login()
    return api


async def test_a_user_reads_and_changes_their_name(client_of: ClientMaker, admin: Admin) -> None:
    api = await signed_in(client_of)
    same = {"id": to_wire(api.person.uid), "email": api.person.email, "role": "user"}
    before = (await api.get("/auth/me")).data
    assert {name: before[name] for name in same} == same
    assert (before["avatar_path"], before["password_changed_at"]) == (None, None)
    answer = await api.patch("/auth/me", {"display_name": "  Ana  García López ", "avatar_path": None})
    assert (answer.status, answer.data) == (200, {**before, "display_name": "Ana García López"})
    assert (await api.get("/auth/me")).data == answer.data
    stored = "SELECT CONCAT(firstname, '|', lastname) FROM yp.drumate WHERE id = %s"
    assert admin.one(stored, api.person.uid) == "Ana|García López"
    assert (await api.patch("/auth/me", {})).data == answer.data
    assert (await api.patch("/auth/me", {"display_name": "Ana"})).data["display_name"] == "Ana"
    for wrong in ("", "a\nb", "x" * 201, None, 5):
        assert (await api.patch("/auth/me", {"display_name": wrong})).error == (400, "VALIDATION_ERROR")
    assert (await api.patch("/auth/me", {"avatar_path": "/a.png"})).error == (422, "UNPROCESSABLE")
    assert (await api.get("/auth/me")).data["display_name"] == "Ana"


async def test_sign_ins_are_shown_in_the_words_of_the_client(client_of: ClientMaker) -> None:
    api = await signed_in(client_of)
    tokens = await api.login()
    listed = (await api.get(f"/auth/sessions?current_id={tokens['refresh_token_id']}")).data
    (own,) = [each for each in listed if each["is_current"]]
    assert own["id"] == tokens["refresh_token_id"]
    assert own["device_label"].startswith("Python")
    assert (own["device_name"], own["ip_address"]) == (None, "127.0.0.1")
    assert own["created_at"] <= own["last_seen_at"] < own["expires_at"]


async def test_a_user_ends_their_other_sign_ins(client_of: ClientMaker) -> None:
    api = await signed_in(client_of)
    other = await signed_in(client_of, person=api.person)
    third = await signed_in(client_of, person=api.person)
    path = "/auth/sessions/revoke-others"
    assert (await api.post(path, {"current_id": "0" * 16})).data["revoked"] >= 2
    for ended in (other, third):
        assert (await ended.get("/auth/me")).error == UNAUTHORIZED
    assert (await api.post(path)).data == {"revoked": 0}
    assert (await api.post(path, {"current_id": ""})).data == {"revoked": 1}
    assert (await api.get("/auth/me")).error == UNAUTHORIZED


async def test_a_new_password_keeps_the_sign_in_that_sets_it_and_ends_the_others(
    client_of: ClientMaker,
) -> None:
    api = await client_of(scope="")
    tokens = await api.login()
    other = await signed_in(client_of, person=api.person)
    live = await other.socket()
    path, body = "/auth/change-password", {"current_password": OLD_PASSWORD, "new_password": PASSWORD}
    wrong = await api.post(path, {**body, "current_password": "not this one"})
    assert wrong.error == (403, "FORBIDDEN")
    weak = await api.post(path, {**body, "new_password": "password1"})
    assert (weak.error, weak.flaw[0]) == ((400, "VALIDATION_ERROR"), "new_password")
    assert (await other.get("/auth/me")).status == 200
    agent = await client_of(person=api.person)
    assert (await agent.post(path, body)).error == (403, "INSUFFICIENT_SCOPE")

    assert (await api.post(path, body)).data == {"success": True}
    assert (await api.get("/auth/me")).status == 200
    assert (await api.post("/auth/refresh", {"refresh_token": tokens["refresh_token"]})).status == 200
    assert await live.closed() == 4401
    assert (await other.get("/auth/me")).error == UNAUTHORIZED
    login = {"email": api.person.email, "password": OLD_PASSWORD}
    assert (await other.post("/auth/login", login)).error == UNAUTHORIZED
    assert (await other.login(PASSWORD))["access_token"]
    assert (await agent.get("/auth/me")).status == 200


async def test_the_old_password_cannot_be_guessed_by_changing_it(
    client_of: ClientMaker, make_node: NodeMaker
) -> None:
    node = await make_node(login_attempts=3, trust_proxy=True)
    api = await signed_in(client_of, base=node.make_url("/"))
    body = {"current_password": "a wrong guess", "new_password": PASSWORD}
    place = {"X_Forwarded_For": f"2001:db8:{api.person.uid[:4]}:{api.person.uid[4:8]}::1"}
    answers = [await api.post("/auth/change-password", body, **place) for _ in range(5)]
    assert [answer.status for answer in answers] == [403] * 3 + [429] * 2
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 900


async def test_a_forgotten_password_is_mailed_a_link_and_tells_nobody_about_accounts(
    posted: People, postman: Postman, admin: Admin
) -> None:
    alice = await posted("Alice")
    admin.rows("UPDATE yp.drumate SET lang = 'fr' WHERE id = %s", alice.uid)
    api = Client(alice)
    known = await api.post("/auth/forgot-password", {"email": alice.email.upper()})
    unknown = await api.post("/auth/forgot-password", {"email": "no.such@else.example"})
    assert (known.status, known.raw) == (unknown.status, unknown.raw) == (200, b'{"data":{"success":true}}')
    await until(lambda: postman.to(alice.email))
    assert "mot de passe" in body_of(postman.to(alice.email)[0]), "the language is that of the user"
    secret = link_to(postman, alice.email).rpartition("/")[2]
    dora = await posted.stranger()
    await dora.ok("butler.set_password", secret=secret, id=alice.uid, password=PASSWORD)
    assert (await api.login(PASSWORD))["access_token"]
    assert not postman.to("no.such@else.example")
    assert (await api.post("/auth/forgot-password", {"email": "x"})).error == (400, "VALIDATION_ERROR")
    await api.http.close()


async def test_an_address_asks_for_a_bounded_number_of_mails(
    client_of: ClientMaker, make_node: NodeMaker
) -> None:
    node = await make_node(account_mails_address=3, trust_proxy=True)
    api = await client_of(scope="", base=node.make_url("/"))
    place = {"X_Forwarded_For": f"2001:db8:{api.person.uid[:4]}:{api.person.uid[4:8]}::2"}
    answers = [
        await api.post("/auth/forgot-password", {"email": f"no{n}@else.example"}, **place) for n in range(5)
    ]
    assert [answer.status for answer in answers] == [200] * 3 + [429] * 2
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 3600
