"""Set a forgotten password by the link of a mail, and change one, with the requests of the frontend."""

from __future__ import annotations

from tests.support.admin import Admin
from tests.support.links import PASSWORD, link_to
from tests.support.mail import Postman
from tests.support.nodes import NodeMaker
from tests.support.people import FRONTEND, People
from tests.support.people import PASSWORD as OLD_PASSWORD
from tests.support.waiting import until


async def mailed(postman: Postman, address: str, count: int = 1) -> str:
    """Wait for the mails to an address; return the secret of the newest link."""
    await until(lambda: len(postman.to(address)) >= count)
    return link_to(postman, address).rpartition("/")[2]


async def test_a_forgotten_password_is_set_by_mail_and_ends_every_sign_in(
    posted: People, postman: Postman
) -> None:
    alice, phone = await posted("Alice"), await posted.stranger()
    tab = await alice.tab()
    answer = await phone.call("butler.get_reset_token", FRONTEND, email=alice.email.upper())
    assert answer.status == 200
    assert answer.data
    secret = await mailed(postman, alice.email)
    link = await phone.ok("butler.check_token", secret=secret)
    assert (link["method"], link["metadata"]) == ("forgot_password", {"step": "password"})
    answer = await phone.call("butler.set_password", FRONTEND, secret=secret, id=alice.uid, password=PASSWORD)
    assert (answer.status, answer.data["metadata"]) == (200, {"step": "complete"})
    assert (await phone.ok("yp.get_env"))["user"]["id"] == alice.uid

    assert (await alice.call("contact.show_contact")).status == 401
    await until(lambda: tab.ws.closed)
    other = await posted.stranger()
    other.email = alice.email
    assert (await other.sign_in(PASSWORD)).data["status"] == "ok"
    refusal = await phone.call("butler.set_password", secret=secret, id=alice.uid, password=PASSWORD)
    assert (refusal.status, refusal.code) == (410, "EXPIRIED_TOKEN")


async def test_nobody_learns_which_addresses_have_accounts(posted: People, postman: Postman) -> None:
    alice, dora = await posted("Alice"), await posted.stranger()
    answers = [
        await dora.call("butler.get_reset_token", email=email)
        for email in (alice.email, "no.such@else.example")
    ]
    assert [(a.status, a.data["status"]) for a in answers] == [(200, "ok"), (200, "ok")]
    await mailed(postman, alice.email)
    # A second mail within a minute would help nobody but who wants to bury the first.
    await dora.ok("butler.get_reset_token", email=alice.email)
    assert len(postman.to(alice.email)) == 1
    assert not postman.to("no.such@else.example")


async def test_a_link_is_good_for_its_account_only(posted: People, postman: Postman) -> None:
    alice, bob, dora = await posted("Alice"), await posted("Bob"), await posted.stranger()
    await dora.ok("butler.get_reset_token", email=alice.email)
    secret = await mailed(postman, alice.email)
    for uid in (bob.uid, "0" * 16):
        refusal = await dora.call("butler.set_password", secret=secret, id=uid, password=PASSWORD)
        assert (refusal.status, refusal.code) == (400, "INVALID_TOKEN")
    refusal = await dora.call(
        "butler.b2c_signup_password", secret=secret, firstname="Dora", password=PASSWORD
    )
    assert (refusal.status, refusal.code) == (400, "INVALID_TOKEN")
    refusal = await dora.call("butler.set_password", secret=secret, id=alice.uid, password="password1")
    assert (refusal.status, refusal.code) == (400, "WEAK_PASSWORD")
    # The frontend shows that a password is weak when the answer is no 200.
    refusal = await dora.call(
        "butler.set_password", FRONTEND, secret=secret, id=alice.uid, password="password1"
    )
    assert (refusal.status, refusal.code) == (412, "WEAK_PASSWORD")
    # The password is the old one until a good one is set.
    assert (await bob.call("yp.hello")).status == 200
    assert (await alice.sign_in()).data["status"] == "ok"


async def test_an_address_asks_for_a_bounded_number_of_mails(make_node: NodeMaker, posted: People) -> None:
    node = await make_node(account_mails_address=3)
    dora = await posted.stranger(base=node.make_url("/"))
    answers = [await dora.call("butler.get_reset_token", email=f"no{n}@else.example") for n in range(5)]
    assert [a.status for a in answers] == [200, 200, 200, 429, 429]
    assert answers[3].code == "TOO_MANY_MAILS"
    assert 0 < int(answers[3].headers["Retry-After"]) <= 3600


async def test_an_address_tries_a_bounded_number_of_new_passwords(
    make_node: NodeMaker, posted: People
) -> None:
    """Each is judged, which costs CPU: this one would take seconds if it were judged as a whole."""
    node = await make_node(password_choices_address=3)
    alice = await posted("Alice")
    alice.base = node.make_url("/")
    await alice.sign_in(OLD_PASSWORD)
    args = {"old_password": OLD_PASSWORD, "new_password": "aaaaaaaaaaaaaaaa" + "4@8({[<3690|1!7$5+7%2" * 40}
    answers = [await alice.call("drumate.change_password", **args) for _ in range(5)]
    assert [(a.status, a.code) for a in answers[:4]] == [(400, "WEAK_PASSWORD")] * 3 + [
        (429, "TOO_MANY_PASSWORDS")
    ]
    assert 0 < int(answers[4].headers["Retry-After"]) <= 3600


async def test_a_change_of_the_password_ends_the_other_sign_ins(posted: People, admin: Admin) -> None:
    alice, phone = await posted("Alice"), await posted.stranger()
    phone.email = alice.email
    await phone.sign_in()
    args = {"old_password": OLD_PASSWORD, "new_password": PASSWORD, "hub_id": alice.uid}
    wrong = await alice.call("drumate.change_password", FRONTEND, **args | {"old_password": "not this one"})
    assert (wrong.status, wrong.data["status"]) == (200, "WRONG_PASSWORD")
    weak = await alice.call("drumate.change_password", **args | {"new_password": alice.email})
    assert (weak.status, weak.code) == (400, "WEAK_PASSWORD")
    assert (await phone.call("contact.show_contact")).status == 200
    answer = await alice.call("drumate.change_password", FRONTEND, **args)
    assert (answer.status, answer.data) == (200, {"id": alice.uid, "ended": 1})
    assert (await alice.call("contact.show_contact")).status == 200
    assert (await phone.call("contact.show_contact")).status == 401
    assert (await phone.sign_in(PASSWORD)).data["status"] == "ok"
    assert (await phone.sign_in()).data["status"] == "WRONG_CREDENTIALS"


async def test_old_passwords_cannot_be_guessed_by_changing_them(posted: People) -> None:
    alice = await posted("Alice")
    args = {"old_password": "a wrong guess", "new_password": PASSWORD}
    statuses = [(await alice.call("drumate.change_password", **args)).status for _ in range(15)]
    assert statuses[0] == 403
    # This browser has signed in before: ten guesses are its own, ten more those of its address.
    statuses += [(await alice.call("drumate.change_password", **args)).status for _ in range(15)]
    assert statuses[-1] == 429
