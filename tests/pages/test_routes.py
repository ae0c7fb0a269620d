"""The pages behind the links of mails, as a browser without scripts uses them."""

from __future__ import annotations

import re

import pytest

from service.admin.registry import Registry
from tests.support.links import PASSWORD, invite, link_to, new_address
from tests.support.mail import Postman
from tests.support.nodes import NodeMaker
from tests.support.people import PASSWORD as OLD_PASSWORD
from tests.support.people import People, Person
from tests.support.waiting import until

SAME = {"Sec-Fetch-Site": "same-origin"}


async def page(person: Person, path: str, **headers: str) -> tuple[int, str]:
    """Open a page; return status and text."""
    async with person.http.get(person.base / path, headers=headers) as response:
        assert response.content_type == "text/html"
        assert "script" not in response.headers["Content-Security-Policy"].replace("script-src", "")
        assert response.headers["Cache-Control"] == "no-store"
        return response.status, await response.text()


async def send(person: Person, path: str, **fields: str) -> tuple[int, str]:
    """Send the form of a page; return status and text."""
    async with person.http.post(person.base / path, data=fields, headers=SAME) as response:
        return response.status, await response.text()


async def test_an_invited_person_signs_up_on_a_page(posted: People, postman: Postman) -> None:
    alice, dora, address = await posted("Alice"), await posted.stranger(), new_address()
    tab = await alice.tab()
    path = "-/invitation/" + await invite(alice, postman, address, firstname="Dorothea")
    status, text = await page(dora, path)
    assert status == 200
    assert 'value="Dorothea"' in text, "by the name that the inviter gave"
    assert "Alice Test invites you to stay in contact" in text
    assert address in text

    status, text = await send(dora, path, answer="yes", firstname="<b>Dora", password="passw0rd")
    assert status == 400
    assert "This password is easy to guess." in text
    assert 'value="&lt;b&gt;Dora"' in text, "the form keeps the name, as text"
    status, text = await send(dora, path, answer="yes", firstname="Dora", lastname="Doe", password=PASSWORD)
    assert status == 200
    assert "Welcome, Dora" in text
    assert (await dora.ok("yp.get_env"))["user"]["email"] == address
    assert (await tab.expect("contact.invite_accept"))["options"]["sender"]["fullname"] == "Dora Doe"

    status, text = await page(dora, path)
    assert status == 410
    assert "was used before" in text


async def test_an_invited_person_who_has_an_account_meanwhile_finds_the_sign_in(
    posted: People, postman: Postman, registry: Registry, password_hash: str
) -> None:
    alice, dora, address = await posted("Alice"), await posted.stranger(), new_address()
    path = "-/invitation/" + await invite(alice, postman, address)
    name = address.partition("@")[0]
    registry.call("yp", "drumate_create", None, address, name, password_hash, "Dora", "Test", 1, None)
    status, text = await page(dora, path)
    assert (status, "has an account already" in text, 'href="/-/invitations"' in text) == (200, True, True)


async def test_an_invited_person_refuses_on_a_page(posted: People, postman: Postman) -> None:
    alice, dora, address = await posted("Alice"), await posted.stranger(), new_address()
    tab = await alice.tab()
    path = "-/invitation/" + await invite(alice, postman, address)
    status, text = await send(dora, path, answer="no")
    assert (status, "You have refused the invitation" in text) == (200, True)
    update = await tab.expect("contact.invite_refuse")
    assert (update["model"]["status"], update["model"]["email"]) == ("deleted", address)
    (entry,) = await alice.ok("contact.show_contact")
    assert (entry["entity"], entry["status"]) == (address, "memory")
    assert (await page(dora, path))[0] == 410


async def test_a_member_answers_invitations_on_a_page(posted: People, postman: Postman) -> None:
    alice, bob, carol = await posted("Alice"), await posted("Bob"), await posted.registered("Carol")
    tab = await alice.tab()
    for inviter in (alice, bob):
        await inviter.ok("contact.invite", email=carol.email, message=f"It is me, {inviter.uid}")
    path = link_to(postman, carol.email).partition("/-/")[2]
    status, text = await page(carol, f"-/{path}")
    assert (status, 'autocomplete="current-password"' in text) == (200, True)
    status, text = await send(carol, f"-/{path}", ident=carol.email, password="wrong")
    assert (status, "The address or the password is wrong." in text) == (400, True)
    status, text = await send(carol, f"-/{path}", answer="yes", inviter=alice.uid)
    assert (status, "Please sign in first." in text) == (400, True)

    status, text = await send(carol, f"-/{path}", ident=carol.email, password=OLD_PASSWORD)
    assert (status, text.count("It is me")) == (200, 2)
    status, text = await send(carol, f"-/{path}", answer="yes", inviter=alice.uid)
    assert (status, text.count("It is me"), alice.uid in text) == (200, 1, False)
    assert (await tab.expect("contact.invite_accept"))["model"]["drumate_id"] == carol.uid
    status, text = await send(carol, f"-/{path}", answer="no", inviter=bob.uid)
    assert (status, "No invitation waits for" in text) == (200, True)
    (entry,) = await carol.ok("contact.show_contact")
    assert (entry["entity"], entry["status"]) == (alice.uid, "active")
    assert (await send(carol, f"-/{path}", answer="yes", inviter=bob.uid))[0] == 404


async def test_a_forgotten_password_is_set_on_pages(posted: People, postman: Postman) -> None:
    alice, phone = await posted("Alice"), await posted.stranger()
    status, text = await page(phone, "-/password")
    assert (status, 'type="email"' in text) == (200, True)
    status, text = await send(phone, "-/password", email="no address")
    assert (status, "This is not an email address." in text) == (400, True)
    status, text = await send(phone, "-/password", email=alice.email)
    assert (status, "it is on its way" in text) == (200, True)
    await until(lambda: postman.to(alice.email))
    path = link_to(postman, alice.email).partition("/-/")[2]
    status, text = await page(phone, f"-/{path}")
    assert (status, alice.email in text) == (200, True)
    status, text = await send(phone, f"-/{path}", password="short")
    assert (status, "needs at least 8 characters" in text) == (400, True)
    status, text = await send(phone, f"-/{path}", password=PASSWORD)
    assert (status, "Your password is set" in text) == (200, True)
    assert (await phone.ok("yp.get_env"))["user"]["id"] == alice.uid


async def test_pages_speak_the_language_of_the_browser(posted: People, postman: Postman) -> None:
    alice, dora = await posted("Alice"), await posted.stranger()
    path = "-/invitation/" + await invite(alice, postman, new_address())
    _, text = await page(dora, path, **{"Accept-Language": "fr-CA,en;q=0.5"})
    assert '<html lang="fr">' in text
    assert "Alice Test vous invite à rester en contact" in text
    assert "Mot de passe" in text
    assert not re.search(r">\s*Password|First name", text)
    _, text = await page(dora, "-/invitation/none", **{"Accept-Language": "fr"})
    assert "Ce lien n’existe pas." in text


async def test_forms_of_other_sites_are_refused(posted: People, postman: Postman) -> None:
    alice, dora, address = await posted("Alice"), await posted.stranger(), new_address()
    path = "-/invitation/" + await invite(alice, postman, address)
    form = {"answer": "yes", "firstname": "Dora", "password": PASSWORD}
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        async with dora.http.post(dora.base / path, data=form, headers=headers) as response:
            assert response.status == 403
    async with dora.http.put(dora.base / path, data=form) as response:
        assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD, POST")
    assert (await page(dora, path))[0] == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [("-/signup", 403), ("-/invitation/none", 404), (f"-/password/{'0' * 16}/none", 404)],
)
async def test_a_page_that_is_not_for_the_visitor_says_so(posted: People, path: str, status: int) -> None:
    assert (await page(await posted.stranger(), path))[0] == status


async def test_an_open_site_has_a_page_for_new_accounts(make_node: NodeMaker, posted: People) -> None:
    site = await make_node(signup="open")
    dora = await posted.stranger(base=site.make_url("/"))
    assert (await page(dora, "-/signup"))[0] == 200
    status, text = await send(dora, "-/signup", email=new_address())
    assert (status, "it is on its way" in text) == (200, True)


async def test_links_lead_to_the_frontend_where_there_is_one(
    make_node: NodeMaker, posted: People, postman: Postman
) -> None:
    site = await make_node(smtp=postman.url, frontend_url="https://drumee.example/app/")
    alice, address = await posted("Alice"), new_address()
    alice.base = site.make_url("/")
    await alice.ok("contact.invite", email=address)
    body = postman.to(address)[0].get_body(("plain",))
    assert body is not None
    assert "https://drumee.example/app/#/welcome/signup/" in body.get_content()
