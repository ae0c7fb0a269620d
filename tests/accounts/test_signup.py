"""Sign up by the link of an invitation mail, with the requests of the frontend."""

from __future__ import annotations

import asyncio

from tests.support.admin import Admin
from tests.support.links import PASSWORD, invite, link_to, new_address
from tests.support.mail import Postman
from tests.support.nodes import NodeMaker
from tests.support.people import FRONTEND, People
from tests.support.waiting import until


async def test_the_invited_person_has_an_account_and_both_are_contacts(
    posted: People, postman: Postman
) -> None:
    alice, dora = await posted("Alice"), await posted.stranger()
    tab, address = await alice.tab(), new_address()
    secret = await invite(alice, postman, address)

    link = await dora.call("butler.check_token", FRONTEND, secret=secret)
    assert (link.status, link.data["method"], link.data["metadata"]) == (200, "signup", {"step": "password"})
    assert (link.data["email"], link.data["inviter"]) == (address, "Alice Test")
    form = {"firstname": "Dora", "lastname": "Doe", "password": PASSWORD}
    answer = await dora.call("butler.b2c_signup_password", FRONTEND, secret=secret, **form)
    assert (answer.status, answer.data["metadata"]) == (200, {"step": "complete"})

    environment = await dora.ok("yp.get_env")
    user = environment["user"]
    assert (user["signed_in"], user["email"], user["fullname"]) == (1, address, "Dora Doe")
    accepted = await tab.expect("contact.invite_accept")
    assert accepted["model"]["drumate_id"] == user["id"]
    assert accepted["options"]["sender"]["fullname"] == "Dora Doe"
    (entry,) = await dora.ok("contact.show_contact")
    assert (entry["entity"], entry["status"]) == (alice.uid, "active")
    (entry,) = await alice.ok("contact.show_contact")
    assert (entry["entity"], entry["status"]) == (user["id"], "informed")
    assert (await dora.ok("desk.get_env"))["wicket_id"]

    # The link is used up; the password signs in, from another browser.
    again = await dora.call("butler.b2c_signup_password", secret=secret, **form)
    assert (again.status, again.code) == (410, "EXPIRIED_TOKEN")
    other = await posted.stranger()
    other.email = address
    assert (await other.sign_in(PASSWORD)).data["status"] == "ok"


async def test_others_who_invited_the_address_wait_for_an_answer(posted: People, postman: Postman) -> None:
    alice, bob, dora = await posted("Alice"), await posted("Bob"), await posted.stranger()
    address = new_address()
    await invite(bob, postman, address)
    secret = await invite(alice, postman, address)
    await dora.ok("butler.b2c_signup_password", secret=secret, firstname="Dora", password=PASSWORD)
    (waiting,) = await dora.ok("contact.invite_get")
    assert waiting["drumate_id"] == bob.uid


async def test_a_link_that_is_followed_twice_at_once_makes_one_account(
    posted: People, postman: Postman, admin: Admin
) -> None:
    alice, address = await posted("Alice"), new_address()
    secret = await invite(alice, postman, address)
    form = {"secret": secret, "firstname": "Dora", "password": PASSWORD}
    dora = await posted.stranger()
    answers = await asyncio.gather(*(dora.call("butler.b2c_signup_password", **form) for _ in range(4)))
    assert sorted(a.status for a in answers)[0] == 200
    assert {a.code for a in answers if a.status != 200} <= {"EXPIRIED_TOKEN", "EMAIL_IN_USE"}
    assert admin.one("SELECT COUNT(*) FROM yp.drumate WHERE email = %s", address) == 1
    assert len(await alice.ok("contact.show_contact")) == 1


async def test_weak_passwords_are_refused_and_the_link_stays(posted: People, postman: Postman) -> None:
    alice, dora, address = await posted("Alice"), await posted.stranger(), new_address()
    secret = await invite(alice, postman, address)
    for password in ("short", "passw0rd", "12345678", "dora.doe", "qwertyuiop"):
        form = {"secret": secret, "firstname": "Dora", "lastname": "Doe", "password": password}
        answer = await dora.call("butler.b2c_signup_password", FRONTEND, **form)
        assert (answer.status, answer.data["status"]) == (200, "WEAK_PASSWORD"), password
        # The frontend shows a refusal only when it takes it for that of this service.
        assert answer.body["__ack__"] == "butler.b2b_signup_company"
    assert (await dora.call("butler.check_token", secret=secret)).status == 200


async def test_user_names_are_unique(posted: People, postman: Postman, admin: Admin) -> None:
    alice = await posted("Alice")
    names = set()
    local_part = new_address().partition("@")[0]
    for domain in ("one.example", "two.example"):
        secret = await invite(alice, postman, f"{local_part}@{domain}")
        form = {"secret": secret, "firstname": "Dora", "password": PASSWORD}
        await (await posted.stranger()).ok("butler.b2c_signup_password", **form)
        names.add(admin.one("SELECT username FROM yp.drumate WHERE email = %s", f"{local_part}@{domain}"))
    assert len(names) == 2
    assert local_part in names


async def test_links_that_are_no_invitations_are_refused(posted: People) -> None:
    dora = await posted.stranger()
    for service, form in (
        ("butler.check_token", {}),
        ("butler.b2c_signup_password", {"firstname": "Dora", "password": PASSWORD}),
    ):
        answer = await dora.call(service, secret="no-such-link", **form)
        assert (answer.status, answer.code) == (400, "INVALID_TOKEN")
    # The pages of the frontend stay blank without the field.
    answer = await dora.call("butler.check_token", FRONTEND, secret="no-such-link")
    assert (answer.status, answer.data) == (200, {"status": "INVALID_TOKEN", "metadata": {}})


async def test_an_open_site_mails_a_link_and_a_closed_one_makes_no_accounts(
    make_node: NodeMaker, posted: People, postman: Postman
) -> None:
    address = new_address()
    dora = await posted.stranger()
    refusal = await dora.call("butler.signup", email=address)
    assert (refusal.status, refusal.code) == (403, "SIGNUP_BY_INVITATION")

    site = await make_node(smtp=postman.url, signup="open")
    dora.base = site.make_url("/")
    assert (await dora.ok("butler.signup", email=address, lang="fr"))["status"] == "ok"
    await until(lambda: postman.to(address))
    assert postman.to(address)[0]["Subject"] == "Votre nouveau compte"
    secret = link_to(postman, address).rpartition("/")[2]
    await dora.ok("butler.b2c_signup_password", secret=secret, firstname="Dora", password=PASSWORD)
    assert (await dora.ok("yp.get_env"))["user"]["email"] == address
    assert await dora.ok("contact.show_contact") == []

    # An address with an account gets no mail, and the answer does not tell.
    assert (await dora.ok("butler.signup", email=address))["status"] == "ok"
    assert len(postman.to(address)) == 1

    alice, invited = await posted("Alice"), new_address()
    secret = await invite(alice, postman, invited)
    closed = await make_node(smtp=postman.url, signup="closed")
    dora.base = closed.make_url("/")
    form = {"secret": secret, "firstname": "Dora", "password": PASSWORD}
    for service, args in (("butler.check_token", {"secret": secret}), ("butler.b2c_signup_password", form)):
        refusal = await dora.call(service, **args)
        assert (refusal.status, refusal.code) == (403, "SIGNUP_CLOSED")
