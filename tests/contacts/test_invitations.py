"""The life of a relation: each row of docs/frontend-contract.md#contact-status, pushes, races."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from typing import Any

import aiohttp
import pytest

from tests.support.admin import SECOND_SHARD, Admin
from tests.support.people import FRONTEND, Answer, People, Person


async def entry(owner: Person, admin: Admin, other: Person) -> tuple[str, str | None] | None:
    """Return (status, uid) of the owner's entry about a user."""
    rows = admin.rows(
        f"SELECT status, uid FROM {owner.shard}.contact "
        "WHERE owner_id = %s AND (peer_id = %s OR entity = %s)",
        owner.uid,
        other.uid,
        other.email,
    )
    assert len(rows) <= 1, rows
    return rows[0] if rows else None


async def states(a: Person, b: Person, admin: Admin) -> tuple[str | None, str | None]:
    """Return the status of the entries that two users have about each other."""
    entry_of_a, entry_of_b = await entry(a, admin, b), await entry(b, admin, a)
    return entry_of_a and entry_of_a[0], entry_of_b and entry_of_b[0]


async def pair(people: People) -> tuple[Person, Person]:
    """Create two users on two shards."""
    return await people("Alice"), await people("Bob", shard=SECOND_SHARD)


async def related(people: People) -> tuple[Person, Person]:
    """Create two users who are contacts of each other."""
    alice, bob = await pair(people)
    await alice.ok("contact.invite", email=bob.email)
    await bob.ok("contact.invite_accept", email=alice.uid)
    await alice.ok("contact.accept_informed", email=bob.uid)
    return alice, bob


async def contact_id(owner: Person, other: Person, **more: Any) -> str:
    """Return the id of the owner's entry about a user."""
    for option in ("active", "archived"):
        for row in await owner.ok("contact.show_contact", option=option):
            if row["entity"] in {other.uid, other.email}:
                return str(row["id"])
    raise AssertionError("no entry")


def refused(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.code) == (status, code), answer.body


async def test_add_without_invitation_concerns_nobody_else(people: People, admin: Admin) -> None:
    alice, bob = await pair(people)
    tab = await bob.tab()
    await alice.ok("contact.add", invitee_id=bob.uid)
    assert await states(alice, bob, admin) == ("memory", None)
    await tab.nothing("contact.invite")


async def test_invitation_of_somebody_without_an_entry(people: People, admin: Admin) -> None:
    alice, bob = await pair(people)
    alice_tab, tabs = await alice.tab(), [await bob.tab(), await bob.tab()]
    made = await alice.ok("contact.invite", email=bob.email, message="Hello Bob", surname="Bobby")
    # The frontend says to which address the invitation went.
    assert made["input"] == bob.email
    assert (made["status"], made["surname"], made["entity"], made["uid"]) == ("sent", "Bobby", bob.uid, None)
    assert made["invitetime"] is not None
    assert await states(alice, bob, admin) == ("sent", "received")
    for tab in tabs:
        update = (await tab.expect("contact.invite"))["model"]
        assert (update["drumate_id"], update["status"], update["message"]) == (
            alice.uid,
            "received",
            "Hello Bob",
        )
        assert (update["email"], update["fullname"]) == (alice.email, "Alice Test")
    await alice_tab.nothing("contact.invite")
    # Hidden in lists, visible in the inbox.
    assert await bob.ok("contact.show_contact", option="all") == []
    inbox = await bob.ok("contact.invite_get")
    assert [(c["drumate_id"], c["status"]) for c in inbox] == [(alice.uid, "received")]
    assert inbox[0]["contact_id"] == update["contact_id"]
    assert await bob.ok("contact.invite_count") == {"count": 1, "cnt": 1}


async def test_invitation_of_somebody_who_has_an_entry(people: People, admin: Admin) -> None:
    alice, bob = await pair(people)
    noted = await bob.ok(
        "contact.add", firstname="Al", email=[{"email": alice.email, "is_default": 1}], comment="keep me"
    )
    tab = await bob.tab()
    await alice.ok("contact.invite", email=bob.email)
    assert await states(alice, bob, admin) == ("sent", "invitation")
    assert (await tab.expect("contact.invite"))["model"]["contact_id"] == noted["id"]
    assert [c["status"] for c in await bob.ok("contact.show_contact")] == ["invitation"]
    contact = await bob.ok("contact.get_contact", contact_id=noted["id"])
    assert (contact["comment"], contact["firstname"]) == ("keep me", "Al")


async def test_repeated_invitation_refreshes_the_words_and_rings_nobody(people: People, admin: Admin) -> None:
    alice, bob = await pair(people)
    tab = await bob.tab()
    await alice.ok("contact.invite", email=bob.email, message="one")
    await tab.expect("contact.invite")
    await alice.ok("contact.invite", email=bob.email, message="two")
    await tab.nothing("contact.invite")
    assert await states(alice, bob, admin) == ("sent", "received")
    assert (await bob.ok("contact.invite_get"))[0]["message"] == "two"


async def test_invitation_of_an_inviter_who_has_no_relation_yet_accepts(people: People, admin: Admin) -> None:
    """The first is `sent`, the user who invites back has an entry (`invitation`): an implicit accept."""
    alice, bob = await pair(people)
    await bob.ok("contact.add", invitee_id=alice.uid)
    await alice.ok("contact.invite", email=bob.email)
    tab = await alice.tab()
    back = await bob.ok("contact.invite", email=alice.email)
    assert back["status"] == "active"
    assert await states(alice, bob, admin) == ("informed", "active")
    assert (await tab.expect("contact.invite"))["model"]["status"] == "informed"
    assert await entry(alice, admin, bob) == ("informed", bob.uid)
    assert len(await bob.ok("chat.messages", key=alice.uid)) == 2


async def test_received_invitation_is_to_be_accepted_not_returned(people: People) -> None:
    alice, bob = await pair(people)
    await alice.ok("contact.invite", email=bob.email)
    refused(await bob.call("contact.invite", email=alice.email), 409, "INVITE_RECEIVED")


async def test_people_in_contact_cannot_be_invited(people: People) -> None:
    alice, bob = await related(people)
    refused(await alice.call("contact.invite", email=bob.email), 409, "ALREADY_IN_CONTACT")
    refused(await bob.call("contact.invite", email=alice.uid), 409, "ALREADY_IN_CONTACT")


async def test_invitation_by_somebody_who_is_still_in_contact_on_the_other_side(
    people: People, admin: Admin
) -> None:
    alice, bob = await related(people)
    # An entry removed without delete_contact, which would have notified the other side.
    admin.rows(f"DELETE FROM {alice.shard}.contact WHERE owner_id = %s", alice.uid)
    tab = await bob.tab()
    again = await alice.ok("contact.invite", email=bob.email)
    assert again["status"] == "informed"
    assert await states(alice, bob, admin) == ("informed", "active")
    await tab.nothing("contact.invite")


async def test_invitation_of_somebody_who_is_informed(people: People, admin: Admin) -> None:
    alice, bob = await pair(people)
    await alice.ok("contact.invite", email=bob.email)
    await bob.ok("contact.invite_accept", email=alice.email)
    admin.rows(f"DELETE FROM {bob.shard}.contact WHERE owner_id = %s", bob.uid)
    again = await bob.ok("contact.invite", email=alice.email)
    assert again["status"] == "active"
    assert await states(alice, bob, admin) == ("informed", "active")


async def test_invitation_of_an_address_without_account(people: People, admin: Admin) -> None:
    alice = await people("Alice")
    address = f"Friend.{secrets.token_hex(4)}@Else.Example"
    made = await alice.ok("contact.invite", email=address, firstname="Fred", message="join us")
    assert (made["status"], made["entity"], made["email"][0]["email"]) == (
        "sent",
        address.lower(),
        address.lower(),
    )
    again = await alice.ok("contact.invite", email=address)
    assert again["id"] == made["id"]
    tokens = admin.rows("SELECT status, expiry - ctime FROM yp.token WHERE email = %s", address.lower())
    assert tokens == [("active", 7 * 86400)]
    mails = admin.rows("SELECT template FROM yp.mail_outbox WHERE recipient = %s", address.lower())
    assert mails == [("invite_stranger",)]
    assert [c["id"] for c in await alice.ok("contact.show_contact", option="sent")] == [made["id"]]


@pytest.mark.parametrize("key", ["email", "uid", "username"])
async def test_accept_relates_both_users(people: People, admin: Admin, key: str) -> None:
    alice, bob = await pair(people)
    await alice.ok("contact.invite", email=bob.email, message="Shall we?")
    alice_tab, bob_tab = await alice.tab(), await bob.tab()
    who = {"email": alice.email, "uid": alice.uid, "username": alice.email.partition("@")[0]}[key]
    done = await bob.ok("contact.invite_accept", email=who, socket_id=bob_tab.id)
    assert (done["drumate_id"], done["status"]) == (alice.uid, "active")
    assert await entry(alice, admin, bob) == ("informed", bob.uid)
    assert await entry(bob, admin, alice) == ("active", alice.uid)

    update = (await alice_tab.expect("contact.invite_accept"))["model"]
    assert (update["drumate_id"], update["status"], update["firstname"]) == (bob.uid, "informed", "Bob")
    assert (await alice.ok("contact.get_contact", contact_id=update["contact_id"]))["uid"] == bob.uid
    assert (await bob_tab.expect("contact.invite_accept"))["model"]["contact_id"] == done["contact_id"]
    # Both see the first messages of both, and both are notified.
    for person, tab, other in ((alice, alice_tab, bob), (bob, bob_tab, alice)):
        posted = await tab.expect("chat.post", 2)
        assert posted["model"]["entity_id"] == other.uid
        assert posted["model"]["entity"]["entity"] == other.uid
        first, second = tab.updates("chat.post")
        assert (first["model"]["message"], first["model"]["author_id"]) == ("Shall we?", alice.uid)
        assert second["model"]["author_id"] == bob.uid
        messages = await person.ok("chat.messages", key=other.uid)
        assert {m["message_id"] for m in messages} == {f["model"]["message_id"] for f in (first, second)}
    events = admin.rows("SELECT uid, target_uid, event FROM yp.contact_activity WHERE uid = %s", bob.uid)
    assert (bob.uid, alice.uid, "invite_accepted") in events


async def test_accept_notifies_all_tabs_of_the_accepter(people: People) -> None:
    alice, bob = await pair(people)
    await alice.ok("contact.invite", email=bob.email)
    this, other = await bob.tab(), await bob.tab()
    card = {"email": alice.uid, "hub_id": bob.uid, "socket_id": this.id, "device_id": "ddi_4"}
    answer = await bob.call("contact.invite_accept", FRONTEND, **card)
    for tab in (this, other):
        frame = await tab.expect("contact.invite_accept")
        model = frame["model"]
        assert (model["contact_id"], model["status"]) == (answer.data["contact_id"], "active")
        assert model["drumate_id"] == alice.uid
        # The desk drops a frame that names its own socket as the sender.
        assert "socket_id" not in frame["options"]["sender"]
        row = await bob.ok("contact.get_contact", contact_id=model["contact_id"])
        assert (row["entity"], row["surname"]) == (alice.uid, "Alice Test")


async def test_accept_fills_names_left_out_and_keeps_those_given(people: People) -> None:
    alice, bob = await pair(people)
    carol = await people("Carol")
    await alice.ok("contact.invite", email=bob.email)
    await alice.ok("contact.invite", email=carol.email, firstname="Caro", lastname="Mine")
    for other in (bob, carol):
        await other.ok("contact.invite_accept", email=alice.uid)
        await alice.ok("contact.accept_informed", email=other.uid)
    names = {(c["firstname"], c["lastname"]) for c in await alice.ok("contact.show_contact")}
    assert names == {("Bob", "Test"), ("Caro", "Mine")}


async def test_acknowledge_activates_the_contact(people: People, admin: Admin) -> None:
    alice, bob = await pair(people)
    await alice.ok("contact.invite", email=bob.email)
    await bob.ok("contact.invite_accept", email=alice.uid)
    assert [c["status"] for c in await alice.ok("contact.invite_get")] == ["informed"]
    alice_tab, bob_tab = await alice.tab(), await bob.tab()
    await alice.ok("contact.accept_informed", email=bob.email)
    assert (await alice_tab.expect("contact.accept_informed"))["model"] == {
        "drumate_id": bob.uid,
        "status": "active",
    }
    assert (await bob_tab.expect("contact.accept_informed"))["model"] == {
        "drumate_id": alice.uid,
        "status": "active",
    }
    assert await states(alice, bob, admin) == ("active", "active")
    assert await alice.ok("contact.invite_count") == {"count": 0, "cnt": 0}
    refused(await alice.call("contact.accept_informed", email=bob.email), 404, "NO_INVITE")


async def test_refuse_of_somebody_without_an_entry(people: People, admin: Admin) -> None:
    alice, bob = await pair(people)
    await alice.ok("contact.invite", email=bob.email, firstname="B")
    alice_tab, bob_tab = await alice.tab(), await bob.tab()
    await bob.ok("contact.invite_refuse", email=alice.uid)
    assert await states(alice, bob, admin) == ("memory", None)
    update = (await alice_tab.expect("contact.invite_refuse"))["model"]
    assert (update["drumate_id"], update["status"]) == (bob.uid, "deleted")
    assert update["contact_id"] == await contact_id(alice, bob)
    assert (await bob_tab.expect("contact.invite_refuse"))["model"] == {
        "drumate_id": alice.uid,
        "status": "deleted",
    }
    events = admin.rows("SELECT event FROM yp.contact_activity WHERE uid = %s", bob.uid)
    assert ("invite_refused",) in events
    # The relation can start again.
    assert (await alice.ok("contact.invite", email=bob.email))["status"] == "sent"


async def test_refuse_of_somebody_with_an_entry(people: People, admin: Admin) -> None:
    alice, bob = await pair(people)
    await bob.ok("contact.add", invitee_id=alice.uid, comment="mine")
    await alice.ok("contact.invite", email=bob.email)
    await bob.ok("contact.invite_refuse", email=alice.uid)
    assert await states(alice, bob, admin) == ("memory", "memory")
    assert (await bob.ok("contact.show_contact"))[0]["comment"] == "mine"


@pytest.mark.parametrize("service", ["invite_accept", "invite_refuse", "accept_informed"])
async def test_answers_without_an_invitation_are_refused(people: People, admin: Admin, service: str) -> None:
    alice, bob = await pair(people)
    for email in ("nobody@else.example", "0123456789abcdef", "no such name"):
        refused(await bob.call(f"contact.{service}", email=email), 404, "NOT_A_DRUMATE")
    refused(await bob.call(f"contact.{service}", email=alice.email), 404, "NO_INVITE")
    await bob.ok("contact.invite", email=alice.email)
    refused(await bob.call(f"contact.{service}", email=alice.email), 404, "NO_INVITE")
    # A refused update leaves no trace.
    events = admin.rows("SELECT event FROM yp.contact_activity WHERE uid = %s", bob.uid)
    assert events == [("invite_sent",)]


async def test_another_default_address_withdraws_the_invitation(people: People, admin: Admin) -> None:
    alice, bob = await pair(people)
    made = await alice.ok("contact.invite", email=bob.email)
    tab = await bob.tab()
    await alice.ok(
        "contact.update", contact_id=made["id"], email=[{"email": "new@else.example", "is_default": 1}]
    )
    assert await states(alice, bob, admin) == (None, None)
    moved = await alice.ok("contact.get_contact", contact_id=made["id"])
    assert (moved["status"], moved["entity"]) == ("memory", "new@else.example")
    update = (await tab.expect("contact.update"))["model"]
    assert (update["drumate_id"], update["status"]) == (alice.uid, "removed")
    assert await bob.ok("contact.invite_get") == []


async def test_another_default_address_makes_the_mailed_link_void(people: People, admin: Admin) -> None:
    alice = await people("Alice")
    address = f"{secrets.token_hex(6)}@else.example"
    made = await alice.ok("contact.invite", email=address)
    await alice.ok("contact.update", contact_id=made["id"], email=[{"email": f"b{address}", "is_default": 1}])
    assert admin.rows("SELECT status FROM yp.token WHERE email = %s", address) == [("expired",)]


async def test_delete_leaves_the_peer_their_own_entry(people: People, admin: Admin) -> None:
    alice, bob = await related(people)
    bob_entry = await contact_id(bob, alice)
    await bob.ok("contact.update", contact_id=bob_entry, firstname="Ali", lastname="Ce", comment="mine")
    alice_tab, bob_tab = await alice.tab(), await bob.tab()
    my_id = await contact_id(alice, bob)
    deleted = await alice.ok("contact.delete_contact", contact_id=my_id)
    assert deleted == {"contact_id": my_id, "his_id": bob.uid, "entity": bob.uid}
    assert await states(alice, bob, admin) == (None, "memory")
    contact = await bob.ok("contact.get_contact", contact_id=bob_entry)
    assert (contact["comment"], contact["uid"], contact["category"]) == ("mine", None, "independant")
    assert contact["email"][0]["email"] == alice.email
    assert (await alice_tab.expect("contact.delete_contact"))["model"]["contact_id"] == my_id
    update = (await bob_tab.expect("contact.delete_contact"))["model"]
    assert (update["contact_id"], update["drumate_id"]) == (bob_entry, alice.uid)
    assert "status" not in update
    # They can start again.
    await bob.ok("contact.invite", email=alice.email)
    assert await states(alice, bob, admin) == ("received", "sent")


@pytest.mark.parametrize(("noted", "after"), [(False, None), (True, "memory")])
async def test_delete_takes_a_waiting_invitation_along(
    people: People, admin: Admin, noted: bool, after: str | None
) -> None:
    alice, bob = await pair(people)
    if noted:
        await bob.ok("contact.add", invitee_id=alice.uid)
    made = await alice.ok("contact.invite", email=bob.email)
    tab = await bob.tab()
    await alice.ok("contact.delete_contact", contact_id=made["id"])
    assert await states(alice, bob, admin) == (None, after)
    update = (await tab.expect("contact.delete_contact"))["model"]
    assert update["status"] == "deleted"
    assert (update["contact_id"] is None) == (not noted)


async def test_block_and_unblock_are_visible_to_both_users(people: People, admin: Admin) -> None:
    alice, bob = await related(people)
    alice_tab, bob_tab = await alice.tab(), await bob.tab()
    my_id, bob_entry = await contact_id(alice, bob), await contact_id(bob, alice)
    for service, flag in (("block", 1), ("block", 1), ("unblock", 0), ("unblock", 0)):
        seen = await alice.ok(f"contact.{service}", contact_id=my_id)
        assert (seen["id"], seen["is_blocked"], seen["is_blocked_me"]) == (my_id, flag, 0)
        assert await alice.ok("contact.get_contact", contact_id=my_id) == seen
        assert (await bob.ok("contact.get_contact", contact_id=bob_entry))["is_blocked_me"] == flag
    for service, flag in (("contact.block", 1), ("contact.unblock", 0)):
        model = (await alice_tab.expect(service, 2))["model"]
        assert (model["entity"], model["entity_id"], model["contact_id"]) == (bob.uid, bob.uid, my_id)
        assert (model["is_blocked"], model["is_blocked_me"]) == (flag, 0)
        model = (await bob_tab.expect(service, 2))["model"]
        assert (model["entity"], model["entity_id"], model["contact_id"]) == (
            alice.uid,
            alice.uid,
            bob_entry,
        )
        assert (model["is_blocked"], model["is_blocked_me"]) == (0, flag)
    # Nobody can lift the block of the other user.
    await alice.ok("contact.block", contact_id=my_id)
    await bob.ok("contact.unblock", contact_id=bob_entry)
    assert (await alice.ok("contact.get_contact", contact_id=my_id))["is_blocked"] == 1
    refused(await bob.call("contact.block", contact_id=my_id), 404, "CONACT_NOT_EXIST")


async def test_invitations_of_a_blocked_person_vanish(people: People, admin: Admin) -> None:
    alice, bob = await pair(people)
    noted = await alice.ok("contact.add", invitee_id=bob.uid)
    await alice.ok("contact.block", contact_id=noted["id"])
    tab = await alice.tab()
    made = await bob.ok("contact.invite", email=alice.email)
    assert made["status"] == "sent"
    assert await states(alice, bob, admin) == ("memory", "sent")
    await tab.nothing("contact.invite")
    assert await alice.ok("contact.invite_get") == []
    assert admin.rows("SELECT 1 FROM yp.mail_outbox WHERE sender_id = %s", bob.uid) == []


async def test_deleting_a_blocked_contact_lifts_the_block(people: People, admin: Admin) -> None:
    alice, bob = await related(people)
    my_id = await contact_id(alice, bob)
    await alice.ok("contact.block", contact_id=my_id)
    await alice.ok("contact.delete_contact", contact_id=my_id)
    assert admin.rows("SELECT 1 FROM yp.contact_block WHERE owner_id = %s", alice.uid) == []


async def test_block_of_an_address_follows_the_entry(people: People, admin: Admin) -> None:
    alice, bob = await pair(people)
    made = await alice.ok("contact.add", email=[{"email": "x@else.example", "is_default": 1}])
    await alice.ok("contact.block", contact_id=made["id"])
    await alice.ok("contact.update", contact_id=made["id"], email=[{"email": bob.email, "is_default": 1}])
    assert admin.rows("SELECT entity, uid FROM yp.contact_block WHERE owner_id = %s", alice.uid) == [
        (bob.uid, bob.uid)
    ]


async def test_a_contact_is_archived_and_restored(people: People, admin: Admin) -> None:
    alice, bob = await related(people)
    tab = await alice.tab()
    my_id = await contact_id(alice, bob)
    for status, flag in (("archived", 1), ("active", 0)):
        await alice.ok("contact.change_status", contact_id=my_id, status=status)
        seen = await alice.ok("contact.get_contact", contact_id=my_id)
        assert (seen["is_archived"], seen["status"]) == (flag, "active")
        assert (await tab.expect("contact.change_status", 2 - flag))["model"] == {"entity_id": my_id}
    for args, code, http in (
        ({"contact_id": my_id, "status": "deleted"}, "INVALID_STATUS0", 400),
        ({"contact_id": "0123456789abcdef", "status": "active"}, "CONACT_NOT_EXIST", 404),
    ):
        refused(await alice.call("contact.change_status", **args), http, code)


async def test_colleagues_of_a_paid_domain_are_not_invited(people: People) -> None:
    dave, erin = await people("Dave", domain="inv.test"), await people("Erin", domain="inv.test")
    refused(await dave.call("contact.invite", email=erin.email), 400, "SAME_DOMAIN")
    refused(await dave.call("contact.add", invitee_id=erin.uid, invite="1"), 400, "SAME_DOMAIN")


async def test_nobody_can_invite_themselves_or_an_invalid_address(people: People) -> None:
    alice = await people("Alice")
    refused(await alice.call("contact.invite", email=alice.email), 400, "SELF_CONTACT")
    for nonsense in ("not an address", "a@", "x@y@z.example", "evil\\@x.example"):
        refused(await alice.call("contact.invite", email=nonsense), 400, "INVALID_DATA")
    injected = await alice.call("contact.invite", email="a@b.example\r\nBcc: c@d.example")
    assert injected.status == 400
    # The frontend finds the outcome in the place where it looks.
    seen = await alice.call("contact.invite", FRONTEND, email="not an address")
    assert (seen.status, seen.data["status"]) == (200, "INVALID_DATA")


async def test_add_and_update_can_invite(people: People, admin: Admin) -> None:
    alice, bob = await pair(people)
    carol = await people("Carol")
    tabs = await bob.tab(), await carol.tab()
    made = await alice.ok(
        "contact.add",
        firstname="Bobby",
        email=[{"email": bob.email, "is_default": 1}],
        mobile=[{"phone": "1"}],
        invite="1",
        message="hey",
    )
    assert (made["status"], made["firstname"], len(made["mobile"])) == ("sent", "Bobby", 1)
    assert (await tabs[0].expect("contact.invite"))["model"]["message"] == "hey"
    noted = await alice.ok("contact.add", invitee_id=carol.uid)
    sent = await alice.ok("contact.update", contact_id=noted["id"], invite=1, message="ho")
    assert sent["status"] == "sent"
    assert (await tabs[1].expect("contact.invite"))["model"]["message"] == "ho"
    # For an existing relation, invite changes nothing.
    await carol.ok("contact.invite_accept", email=alice.uid)
    contact = await alice.ok("contact.update", contact_id=noted["id"], firstname="C", lastname="D", invite=1)
    assert (contact["status"], contact["firstname"]) == ("informed", "C")


async def test_presence_is_published_to_mutual_contacts_only(people: People) -> None:
    alice, bob = await related(people)
    await bob.tab()
    seen = await alice.ok("contact.connection_status")
    assert [(c["his_id"], c["his_state"]) for c in seen] == [(bob.uid, 1)]
    await bob.ok("contact.block", contact_id=await contact_id(bob, alice))
    assert await alice.ok("contact.connection_status") == []


async def test_new_contacts_see_each_other_online_at_once(people: People) -> None:
    alice, bob = await pair(people)
    tabs = {bob.uid: await alice.tab(), alice.uid: await bob.tab()}
    await alice.ok("contact.invite", email=bob.email)
    await bob.ok("contact.invite_accept", email=alice.uid)
    for uid, tab in tabs.items():
        await tab.settles("user.connection_status", {"user_id": uid, "status": 1})


async def test_inviters_of_each_other_see_each_other_online_at_once(people: People) -> None:
    alice, bob = await pair(people)
    tabs = {bob.uid: await alice.tab(), alice.uid: await bob.tab()}
    await bob.ok("contact.add", invitee_id=alice.uid)
    await alice.ok("contact.invite", email=bob.email)
    await bob.ok("contact.invite", email=alice.email)
    for uid, tab in tabs.items():
        await tab.settles("user.connection_status", {"user_id": uid, "status": 1})


async def test_who_lifts_a_block_sees_the_contact_online_again(people: People) -> None:
    alice, bob = await related(people)
    entry_id = await contact_id(alice, bob)
    await alice.ok("contact.block", contact_id=entry_id)
    alice_tab, _ = await alice.tab(), await bob.tab()
    await alice_tab.nothing("user.connection_status")
    await alice.ok("contact.unblock", contact_id=entry_id)
    await alice_tab.settles("user.connection_status", {"user_id": bob.uid, "status": 1})


async def test_the_summary_counts_contacts(people: People, admin: Admin) -> None:
    alice, bob = await related(people)
    summary = await alice.ok("contact.summary", hub_id=alice.uid, nid="0")
    assert summary["contact_count"] == 1
    assert isinstance(summary["last_updated"], int)
    home = admin.one("SELECT home_id FROM yp.entity WHERE id = %s", alice.uid)
    assert await alice.ok("contact.summary", hub_id=alice.uid, nid=home) == summary
    for args, status, code in (
        ({"hub_id": bob.uid, "nid": "0"}, 403, "PERMISSION_DENIED"),
        ({"hub_id": alice.uid, "nid": "0123456789abcdef"}, 404, "FOLDER_NOT_FOUND"),
    ):
        refused(await alice.call("contact.summary", **args), status, code)


async def newcomer(people: People, inviters: list[Person], admin: Admin) -> tuple[Person, list[str]]:
    """Create a user who was invited by mail and then registered; return them with the tokens."""
    late = await people.registered("Late")
    admin.rows("UPDATE yp.drumate SET email = CONCAT('hidden.', email) WHERE id = %s", late.uid)
    for inviter in inviters:
        await inviter.ok("contact.invite", email=late.email, firstname="L")
    rows = admin.rows(
        "SELECT JSON_VALUE(data, '$.secret') FROM yp.mail_outbox WHERE recipient = %s ORDER BY ctime, id",
        late.email,
    )
    tokens = [str(row[0]) for row in rows]
    admin.rows("UPDATE yp.drumate SET email = SUBSTRING(email, 8) WHERE id = %s", late.uid)
    await late.sign_in()
    return late, tokens


async def test_a_newcomer_joins_by_link(people: People, admin: Admin) -> None:
    alice = await people("Alice", shard=SECOND_SHARD)
    stranger = await people.stranger()
    late, (token,) = await newcomer(people, [alice], admin)
    assert await stranger.ok("contact.invitation_status", token=token) == {
        "status": "register",
        "contact_id": None,
        "message": None,
    }
    assert (await stranger.ok("contact.invitation_status", token=token, uid=late.uid))["status"] == "register"
    assert (await late.ok("contact.invitation_status", token=token, uid=late.uid))["status"] == "register"
    tab, own_tab = await alice.tab(), await late.tab()
    made = await late.ok("contact.join", token=token)
    assert (made["status"], made["uid"], made["firstname"]) == ("active", alice.uid, "Alice")
    assert await states(alice, late, admin) == ("informed", "active")
    assert (await tab.expect("contact.invite_accept"))["model"]["drumate_id"] == late.uid
    assert (await own_tab.expect("contact.invite_accept"))["model"]["contact_id"] == made["id"]
    assert len(await late.ok("chat.messages", key=alice.uid)) == 2
    seen = await late.ok("contact.invitation_status", token=token, uid=late.uid)
    assert (seen["status"], seen["contact_id"]) == ("active", made["id"])
    # The link is used up.
    refused(await late.call("contact.join", token=token), 410, "EXPIRIED_TOKEN")


async def test_join_leaves_other_inviters_waiting(people: People, admin: Admin) -> None:
    alice, bob = await pair(people)
    late, _ = await newcomer(people, [alice, bob], admin)
    token = admin.one(
        "SELECT JSON_VALUE(data, '$.secret') FROM yp.mail_outbox WHERE recipient = %s AND sender_id = %s",
        late.email,
        alice.uid,
    )
    await late.ok("contact.join", token=token)
    assert await states(bob, late, admin) == ("sent", "received")
    assert [c["drumate_id"] for c in await late.ok("contact.invite_get")] == [bob.uid]
    await late.ok("contact.invite_accept", email=bob.uid)
    assert await states(bob, late, admin) == ("informed", "active")


async def test_links_are_for_the_invited_address(people: People, admin: Admin) -> None:
    alice = await people("Alice")
    other = await people("Other")
    late, (token,) = await newcomer(people, [alice], admin)
    refused(await other.call("contact.join", token=token), 400, "INVALID_TOKEN")
    assert (await other.ok("contact.invitation_status", token=token, uid=other.uid))["status"] == "invalid"
    # Unless the user confirms that both addresses are their own.
    joined = await other.ok("contact.join", token=token, bind=1)
    assert joined["uid"] == alice.uid
    assert admin.one("SELECT accepted_by FROM yp.token WHERE email = %s", late.email) == other.uid


async def test_links_expire(people: People, admin: Admin) -> None:
    alice = await people("Alice")
    late, (token,) = await newcomer(people, [alice], admin)
    refused(await late.call("contact.join", token="no-such-token"), 400, "INVALID_TOKEN")
    assert (await late.ok("contact.invitation_status", token="no-such-token"))["status"] == "nodata"
    admin.rows("UPDATE yp.token SET expiry = UNIX_TIMESTAMP() - 1 WHERE email = %s", late.email)
    refused(await late.call("contact.join", token=token), 410, "EXPIRIED_TOKEN")


async def test_link_works_once_for_two_at_once(people: People, admin: Admin) -> None:
    alice = await people("Alice")
    late, (token,) = await newcomer(people, [alice], admin)
    answers = await asyncio.gather(*(late.call("contact.join", token=token) for _ in range(5)))
    assert sorted(a.status for a in answers) == [200, 410, 410, 410, 410]
    assert await states(alice, late, admin) == ("informed", "active")


async def test_an_invitation_survives_when_another_link_is_followed_at_once(
    people: People, admin: Admin
) -> None:
    """Each of them waits for an answer, or their own link is still valid."""
    first, others = await people("First"), [await people("Other") for _ in range(8)]
    joiner, address = await people("Joiner"), f"{secrets.token_hex(6)}@else.example"
    await first.ok("contact.invite", email=address)
    token = admin.one("SELECT JSON_VALUE(data, '$.secret') FROM yp.mail_outbox WHERE recipient = %s", address)
    joined, *invited = await asyncio.gather(
        joiner.call("contact.join", token=token, bind=1),
        *(other.call("contact.invite", email=address) for other in others),
    )
    assert {a.status for a in (joined, *invited)} == {200}
    waiting = {c["drumate_id"] for c in await joiner.ok("contact.invite_get")}
    links = admin.rows("SELECT inviter_id FROM yp.token WHERE email = %s AND status = 'active'", address)
    assert sorted([*waiting, *(uid for (uid,) in links)]) == sorted(other.uid for other in others)


@pytest.mark.parametrize(("each", "words"), [(400, "Hello"), (60, "Hello for the {}th time")])
async def test_mutual_invitations_at_once_end_as_one_relation(
    people: People, admin: Admin, each: int, words: str
) -> None:
    alice, bob = await pair(people)
    for person in (alice, bob):
        # All requests run at once: none waits in the client for a free connection.
        jar = person.http.cookie_jar
        await person.http.close()
        person.http = aiohttp.ClientSession(cookie_jar=jar, connector=aiohttp.TCPConnector(limit=0))
    answers = await asyncio.gather(
        *(call for n in range(each) for call in (
            alice.call("contact.invite", email=bob.email, message=words.format(n)),
            bob.call("contact.invite", email=alice.email, message=words.format(n)),
        ))
    )  # fmt: skip
    assert Counter(a.status for a in answers) == {200: 2 * each}, Counter(a.code for a in answers)
    assert {a.code for a in answers} <= {"sent", "active", "informed"}
    assert set(await states(alice, bob, admin)) == {"active", "informed"}
    for person, other in ((alice, bob), (bob, alice)):
        assert await entry(person, admin, other) in {("active", other.uid), ("informed", other.uid)}
        assert len(await person.ok("chat.messages", key=other.uid)) == 2
    # A later request is refused as usual; later means ten seconds, to cover requests under way.
    assert (await alice.call("contact.invite", email=bob.email)).status == 200
    admin.rows(
        f"UPDATE {alice.shard}.contact SET metadata = JSON_SET(metadata, '$.crossed', "
        "JSON_VALUE(metadata, '$.crossed') - 10000000) WHERE owner_id = %s",
        alice.uid,
    )
    refused(await alice.call("contact.invite", email=bob.email), 409, "ALREADY_IN_CONTACT")


async def test_invitations_that_cross_refuse_nobody(people: People, admin: Admin) -> None:
    for _ in range(10):
        alice, bob = await people("Alice"), await people("Bob", shard=SECOND_SHARD)
        answers = await asyncio.gather(
            alice.call("contact.invite", email=bob.email), bob.call("contact.invite", email=alice.email)
        )
        assert [a.status for a in answers] == [200, 200], [a.body for a in answers]
        assert set(await states(alice, bob, admin)) == {"active", "informed"}


@pytest.mark.parametrize("turn", range(3))
async def test_two_accepts_at_once_count_once(people: People, admin: Admin, turn: int) -> None:
    alice, bob = await pair(people)
    await alice.ok("contact.invite", email=bob.email)
    answers = await asyncio.gather(*(bob.call("contact.invite_accept", email=alice.uid) for _ in range(4)))
    assert sorted(a.status for a in answers) == [200, 404, 404, 404]
    assert {a.code for a in answers if a.status == 404} == {"NO_INVITE"}
    assert len(await bob.ok("chat.messages", key=alice.uid)) == 2


@pytest.mark.parametrize("turn", range(3))
async def test_accept_and_refuse_at_once_leave_consistent_entries(
    people: People, admin: Admin, turn: int
) -> None:
    alice, bob = await pair(people)
    await alice.ok("contact.invite", email=bob.email)
    accepted, declined = await asyncio.gather(
        bob.call("contact.invite_accept", email=alice.uid), bob.call("contact.invite_refuse", email=alice.uid)
    )
    assert sorted((accepted.status, declined.status)) == [200, 404]
    expected = ("informed", "active") if accepted.status == 200 else ("memory", None)
    assert await states(alice, bob, admin) == expected


@pytest.mark.parametrize("turn", range(3))
async def test_delete_and_accept_at_once_leave_consistent_entries(
    people: People, admin: Admin, turn: int
) -> None:
    alice, bob = await pair(people)
    made = await alice.ok("contact.invite", email=bob.email)
    accepted, deleted = await asyncio.gather(
        bob.call("contact.invite_accept", email=alice.uid),
        alice.call("contact.delete_contact", contact_id=made["id"]),
    )
    assert deleted.status == 200
    if accepted.status == 200:
        assert await states(alice, bob, admin) == (None, "memory")
    else:
        refused(accepted, 404, "NO_INVITE")
        assert await states(alice, bob, admin) == (None, None)


async def test_two_adds_of_one_address(people: People) -> None:
    alice, bob = await pair(people)
    answers = await asyncio.gather(
        *(
            alice.call("contact.add", email=[{"email": bob.email, "is_default": 1}], invite="1")
            for _ in range(6)
        )
    )
    assert sorted(a.status for a in answers) == [200, *[409] * 5]
    assert {a.code for a in answers if a.status == 409} == {"ALREADY_IN_CONTACT"}


async def test_services_about_two_users_take_four_calls(
    people: People, caplog: pytest.LogCaptureFixture
) -> None:
    alice, bob = await pair(people)
    carol, dave = await people("Carol"), await people("Dave")
    stranger = [{"email": f"{secrets.token_hex(6)}@else.example", "is_default": 1}]
    noted = await alice.ok("contact.add", invitee_id=carol.uid)
    await dave.ok("contact.invite", email=alice.email)
    made = (await alice.ok("contact.add", email=stranger))["id"]
    with caplog.at_level("INFO", "service.web.access_log"):
        await alice.ok("contact.add", invitee_id=bob.uid, invite=1, message="hey")
        await alice.ok("contact.update", contact_id=noted["id"], invite=1)
        await alice.ok("contact.update", contact_id=noted["id"], invite=1, message="again")
        await alice.ok("contact.update", contact_id=made, email=stranger, invite=1)
        await alice.ok("contact.invite_accept", email=dave.uid)
        await bob.ok("contact.invite_refuse", email=alice.uid)
        await carol.ok("contact.invite_accept", email=alice.uid)
    lines = [vars(record) for record in caplog.records if record.getMessage() == "request"]
    assert len(lines) == 7
    calls = [(line["service"], line["calls"]) for line in lines]
    assert max(count for _, count in calls) == 4, calls


async def test_an_address_noted_with_somebody_else_does_not_stand_in_the_way(
    people: People, admin: Admin
) -> None:
    """Check that a relation records the address of the peer, which another entry of the owner has, too."""
    alice, bob = await pair(people)
    contact = await alice.ok("contact.add", invitee_id=bob.uid)
    other = [
        {"email": f"{secrets.token_hex(6)}@else.example", "is_default": 1},
        {"email": bob.email, "is_default": 0},
    ]
    # No service allows this once Bob is in the book; it was possible before.
    admin.rows(f"UPDATE {alice.shard}.contact SET peer_id = NULL, entity = 'x' WHERE id = %s", contact["id"])
    family = await alice.ok("contact.add", firstname="Bob's mother", email=other)
    admin.rows(
        f"UPDATE {alice.shard}.contact SET peer_id = %s, entity = %s WHERE id = %s",
        bob.uid,
        bob.uid,
        contact["id"],
    )
    await bob.ok("contact.invite", email=alice.email)
    related_now = await alice.ok("contact.invite", email=bob.email)
    assert (related_now["status"], related_now["id"]) == ("active", contact["id"])
    assert [e["email"] for e in related_now["email"]] == [bob.email]
    assert len(await alice.ok("chat.messages", key=bob.uid)) == 2
    relative = await alice.ok("contact.get_contact", contact_id=family["id"])
    assert [e["email"] for e in relative["email"]] == [e["email"] for e in other]
