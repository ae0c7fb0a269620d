"""procedures/shard/invite, called directly: the two sides of an invitation, each in its own shard."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from service.errors import Refused
from service.store.database import ResultSet, Transaction, document
from tests.support.direct import Direct
from tests.support.scene import Scene

INVITE = (
    "contact_invite(:alice, {peer}, JSON_OBJECT('email', {email}, 'message', 'Hi'), 'sent', {asked}, {greet})"
)
GREETINGS = (
    "JSON_ARRAY("
    "JSON_OBJECT('message_id', '00000000000000d1', 'author_id', :alice, 'message', 'x', 'ctime', 5), "
    "JSON_OBJECT('message_id', '00000000000000d2', 'author_id', :bob, 'message', 'y', 'ctime', 6))"
)


def invite(
    scene: Scene, peer: str = ":bob", email: str = "NULL", asked: int = 0, greet: str = "NULL"
) -> object:
    """Create Alice's side of an invitation; return her entry."""
    return scene.doc(INVITE.format(peer=peer, email=email, asked=asked, greet=greet))


def status(scene: Scene, owner: str, peer: str) -> str | None:
    """Return the state of one user's entry about another."""
    relation = scene.one(f"SELECT status FROM contact WHERE owner_id = :{owner} AND peer_id = :{peer}")
    return str(relation) if relation else None


def related(scene: Scene, status: str) -> None:
    """Create an entry of Alice about Bob in this state."""
    scene["entry"] = scene.doc("my_contact_add(:alice, JSON_OBJECT('invitee_id', :bob))")["id"]
    scene.sets(f"contact_relate(:alice, :entry, :bob, '{status}')")


def test_each_refusal_has_its_code(scene: Scene) -> None:
    scene.refuses({
        "contact_invite_accept(:alice, :bob, '[]')": "NO_INVITE",
        "contact_invite_refuse(:alice, :bob)": "NO_INVITE",
        "contact_invite_lock(:alice, :bob, @id, @status, @message)": "NO_INVITE",
        "contact_invite_informed(:alice, :mail_bob)": "NO_INVITE",
        "contact_invite_informed(:alice, 'nobody@scene.org')": "NOT_A_DRUMATE",
    })  # fmt: skip
    related(scene, "active")
    scene.refuses({"contact_invite_lock(:alice, :bob, @id, @status, @message)": "NO_INVITE"})
    again = INVITE.format(peer=":bob", email="NULL", asked=2**62, greet="NULL")
    scene.refuses({again: "ALREADY_IN_CONTACT"})
    scene.sets("contact_relate(:alice, :entry, :bob, 'received')")
    scene.refuses({again: "INVITE_RECEIVED"})
    scene.sets("contact_invite_lock(:alice, :bob, @id, @status, @message)")
    assert scene.rows("SELECT @id, @status, @message") == [(scene["entry"], "received", None)]
    scene["grace"]
    taken = INVITE.format(peer=":carol", email="'grace@scene.example'", asked=0, greet="NULL")
    scene.refuses({taken: "ALREADY_IN_CONTACT"})


def test_contact_invite_makes_an_entry_or_takes_the_one_there_is(scene: Scene) -> None:
    made = invite(scene, "NULL", "'new@scene.org'")
    again = invite(scene, "NULL", "'new@scene.org'")
    assert isinstance(made, dict)
    assert isinstance(again, dict)
    assert made["id"] == again["id"]
    assert scene.rows("SELECT status, message, entity FROM contact WHERE owner_id = :alice") == [
        ("sent", "Hi", "new@scene.org")
    ]
    invite(scene)
    assert status(scene, "alice", "bob") == "sent"


def test_an_invitation_that_was_declined_leaves_the_entry(scene: Scene) -> None:
    entry = invite(scene, "NULL", "'new@scene.org'")
    assert isinstance(entry, dict)
    for contact_id in (entry["id"], None):
        update_rows, _ = scene.sets("contact_invite_declined(:alice, 'new@scene.org')")
        update = document(update_rows)
        assert (update["contact_id"], update["status"]) == (contact_id, "deleted")
    assert scene.one("SELECT status FROM contact WHERE owner_id = :alice") == "memory"


def test_a_known_address_is_invited_in_its_entry(scene: Scene) -> None:
    scene["ada"]
    contact = invite(scene, "NULL", "'ada@scene.example'")
    assert isinstance(contact, dict)
    assert (contact["id"], contact["firstname"]) == (scene["ada"], "Ada")


@pytest.mark.parametrize(
    ("before", "after", "inviter_status"),
    [
        (None, "received", "sent"),
        ("memory", "invitation", "sent"),
        ("received", "received", "sent"),
        ("invitation", "invitation", "sent"),
        ("sent", "informed", "active"),
        ("informed", "informed", "active"),
        ("active", "active", "informed"),
    ],
)
def test_contact_invite_post_answers_with_the_inviters_state(
    scene: Scene, before: str | None, after: str, inviter_status: str
) -> None:
    if before:
        related(scene, before)
    posted = scene.doc(f"contact_invite_post(:alice, :bob, 'Hello', 0, {GREETINGS})")
    assert posted["status"] == inviter_status
    assert posted["changed"] == int(before in {None, "memory", "sent"})
    assert status(scene, "alice", "bob") == after
    assert bool(posted["greetings"]) == (before == "sent")


def test_an_invitation_is_accepted_and_both_have_greetings(scene: Scene) -> None:
    invite(scene)
    scene.sets("contact_invite_post(:bob, :alice, 'Come!', 0, '[]')")
    tab = scene["tab_bob"]
    answer, greetings, notice, recipients = scene.sets(f"contact_invite_accept(:bob, :alice, {GREETINGS})")
    assert [tab in sockets for _, sockets in recipients] == [True]
    assert (len(answer), len(greetings), len(notice)) == (1, 2, 1)
    assert "Come!" in greetings[0][0], "the first words are those of the invitation"
    assert len(scene.docs(f"contact_invite_accepted(:alice, NULL, :bob, {GREETINGS})")) == 2
    assert (status(scene, "alice", "bob"), status(scene, "bob", "alice")) == ("informed", "active")
    assert scene.count("message", "owner_id IN (:alice, :bob)") == 4
    seen = scene.doc("contact_invite_informed(:alice, :mail_bob)")
    assert (seen["status"], status(scene, "alice", "bob")) == ("active", "active")


def test_an_acceptance_makes_an_entry_that_was_deleted_meanwhile(scene: Scene) -> None:
    scene.sets("contact_invite_accepted(:alice, NULL, :bob, '[]')")
    assert status(scene, "alice", "bob") == "informed"


@pytest.mark.parametrize(("before", "after"), [("received", None), ("invitation", "memory")])
def test_an_invitation_is_refused(scene: Scene, before: str, after: str | None) -> None:
    related(scene, before)
    refused, blocked, _ = scene.sets("contact_invite_refuse(:alice, :bob)")
    assert '"deleted"' in refused[0][0]
    assert '"blocked": null' in blocked[0][0]
    assert status(scene, "alice", "bob") == after


def test_a_refused_stranger_leaves_a_block_to_lift(scene: Scene) -> None:
    related(scene, "received")
    scene.sets("yp.contact_block_add(:alice, :entry, 'x', :bob)")
    _, blocked, _ = scene.sets("contact_invite_refuse(:alice, :bob)")
    assert scene["entry"] in blocked[0][0]


@pytest.mark.parametrize(
    ("before", "after"), [("sent", "memory"), ("invitation", "memory"), ("active", "active")]
)
def test_contact_invite_refused_peer_makes_it_an_entry_like_any_other(
    scene: Scene, before: str, after: str
) -> None:
    related(scene, before)
    contact = scene.doc("contact_invite_refused_peer(:alice, :bob)")
    assert (contact["contact_id"], contact["status"]) == (scene["entry"], "deleted")
    assert status(scene, "alice", "bob") == after
    assert scene.doc("contact_invite_refused_peer(:alice, :carol)")["contact_id"] is None


@pytest.mark.parametrize(
    ("before", "withdrawn", "after", "expected"),
    [
        ("received", 0, None, "deleted"),
        ("received", 1, None, "removed"),
        ("invitation", 1, "memory", "removed"),
        ("active", 0, "memory", None),
        ("active", 1, "active", None),
        ("informed", 0, "memory", "deleted"),
        ("sent", 0, "memory", None),
    ],
)
def test_contact_peer_gone_ends_the_relation(
    scene: Scene, before: str, withdrawn: int, after: str | None, expected: str | None
) -> None:
    related(scene, before)
    update = scene.doc(f"contact_peer_gone(:alice, :bob, {withdrawn})")
    assert update.get("status") == expected
    assert status(scene, "alice", "bob") == after
    assert update["contact_id"] == (scene["entry"] if after else None)


def test_contact_peer_gone_reaches_into_the_trash(scene: Scene) -> None:
    scene.befriend("alice", "bob")
    scene.sets("my_contact_trash(:alice, :alice_bob, NULL)")
    scene.sets("contact_peer_gone(:alice, :bob, 0)")
    aside = "SELECT status, uid, peer_id FROM contact_relation_aside WHERE owner_id = :alice"
    assert scene.rows(aside) == [("memory", None, scene["bob"])]
    assert scene.one("SELECT category FROM contact WHERE owner_id = :alice") == "independant"


def test_contact_received_is_hidden_until_it_is_answered(scene: Scene) -> None:
    scene.sets("contact_received(:alice, :bob, 'Hello')")
    assert scene.rows("SELECT status, box, message FROM contact WHERE owner_id = :alice") == [
        ("received", "hidden", "Hello")
    ]
    scene.sets("contact_received(:carol, :nobody, NULL)")
    assert scene.count("contact", "owner_id = :carol") == 0


def test_contact_relate_takes_over_names_that_nobody_typed(scene: Scene) -> None:
    scene["typed"] = scene.contact("one@scene.example", firstname="Bobby", lastname="")
    scene.sets("contact_received(:alice, :carol, NULL)")
    scene["auto"] = scene.one("SELECT my_contact_of(:alice, :carol)")
    scene.sets("UPDATE contact SET firstname = 'Old' WHERE owner_id = :alice AND id = :auto")
    for contact, peer, name in (("typed", "bob", "Bobby"), ("auto", "carol", "Carol")):
        scene.sets(f"contact_relate(:alice, :{contact}, :{peer}, 'active')")
        related = scene.doc(f"my_contact_get(:alice, :{contact})")
        assert (related["firstname"], related["status"]) == (name, "active")
    assert (
        scene.one("SELECT email FROM contact WHERE owner_id = :alice AND id = :auto") == scene["mail_carol"]
    )


def test_contact_invitee_registered_turns_addresses_into_the_person(scene: Scene) -> None:
    for owner in ("alice", "carol"):
        scene[f"of_{owner}"] = scene.contact("late@scene.org", owner=owner)
    scene.sets("UPDATE yp.drumate SET email = 'late@scene.org' WHERE id = :bob")
    assert scene.sets("contact_invitee_registered(:bob, 'late@scene.org', JSON_ARRAY(:alice))") == []
    assert scene.count("contact", "owner_id = :alice AND peer_id = :bob") == 1
    assert scene.count("contact", "owner_id = :carol AND peer_id = :bob") == 0


def test_a_user_who_follows_a_link_is_related_and_sees_other_invitations(scene: Scene) -> None:
    others = "JSON_ARRAY(JSON_OBJECT('inviter', :carol))"
    joined = scene.doc(f"contact_join(:bob, :alice, {others}, '[]')")
    assert joined["status"] == "active"
    assert (status(scene, "bob", "alice"), status(scene, "bob", "carol")) == ("active", "received")


@pytest.mark.parametrize("book", ["by address", "by person", "not at all"])
def test_an_accepted_link_finds_the_inviters_entry(scene: Scene, book: str) -> None:
    if book == "by address":
        scene.contact("link@scene.org")
    elif book == "by person":
        related(scene, "sent")
    _, notice, _ = scene.sets("contact_invite_accepted(:alice, 'link@scene.org', :bob, '[]')")
    assert '"informed"' in notice[0][0]
    assert scene.count("contact", "owner_id = :alice") == 1
    assert status(scene, "alice", "bob") == "informed"


def test_contact_link_status_for_somebody_signed_in(scene: Scene) -> None:
    scene.sets(
        "yp.contact_invite_open(:alice, 'new@scene.org', 'new@scene.org', NULL, 'status', "
        "'00000000000000ea', 50, 10, 7)"
    )

    def link(secret: str = "status") -> str:
        return str(scene.doc(f"contact_link_status(:bob, '{secret}')")["status"])

    assert (link("other"), link()) == ("nodata", "invalid")
    scene.sets("UPDATE yp.drumate SET email = 'new@scene.org' WHERE id = :bob")
    assert link() == "register"
    scene.sets("contact_received(:bob, :alice, NULL)")
    assert link() == "received"


def test_notifications_leave_out_whom_the_owner_blocked(scene: Scene) -> None:
    scene["tab_alice"]
    scene.sets("contact_received(:alice, :bob, 'Hello')")
    scene.sets("contact_received(:alice, :carol, 'Hello')")

    def waiting() -> int:
        listed = scene.docs("contact_notification_get(:alice)")
        counted = scene.doc("contact_notification_count(:alice)")
        assert counted == {"count": len(listed), "cnt": len(listed)}
        return len(listed)

    assert waiting() == 2
    notice, sockets = scene.sets("contact_notification_by_entity(:alice, :bob)")
    assert (len(notice), len(sockets)) == (1, 1)
    assert scene.rows("contact_notification_by_entity(:bob, :alice)") == []
    scene.sets("yp.contact_block_add(:alice, :ada, 'x', :bob)")
    assert waiting() == 1


async def test_one_of_two_answers_at_once_counts(direct: Direct) -> None:
    owner, inviter = direct.person(), direct.person("Bob")
    await direct.sets("shard1", "contact_received", owner.uid, inviter.uid, None)
    calls = [
        direct.sets("shard1", "contact_invite_accept", owner.uid, inviter.uid, "[]"),
        direct.sets("shard1", "contact_invite_refuse", owner.uid, inviter.uid),
        direct.sets("shard1", "contact_invite_accept", owner.uid, inviter.uid, "[]"),
    ]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(r, Refused) and r.code == "NO_INVITE" for r in results) == 2, results


async def test_contact_invite_twice_at_once_makes_one_entry(direct: Direct) -> None:
    owner, peer = direct.person(), direct.person("Bob")
    invite = ("shard1", "contact_invite", owner.uid, peer.uid, "{}", "sent", 0, None)

    async def unit(_: int) -> object:
        return await direct.db.transaction("invite", lambda tx: _locked(tx, owner.uid, peer.uid, invite))

    results = await asyncio.gather(*(unit(n) for n in range(3)), return_exceptions=True)
    assert not [r for r in results if isinstance(r, BaseException)], results
    page = ("name", "asc", "active", 1, 9, None)
    assert len(await direct.all("shard1", "my_contact_list", owner.uid, None, None, *page)) == 1


async def _locked(tx: Transaction, uid: str, peer: str, call: tuple[Any, ...]) -> list[ResultSet]:
    await tx.call("yp", "contact_pair_lock", uid, peer, None)
    return await tx.call(*call)


def test_an_invited_address_stands_for_one_contact(scene: Scene) -> None:
    mail = "doe@scene.example"
    scene["body"] = f'{{"from_api": 1, "email": [{{"email": "{mail}", "is_default": 1}}]}}'
    scene["jane"], scene["john"], scene["jim"] = [
        scene.doc(f"my_contact_create(:alice, JSON_SET(:body, '$.firstname', '{name}'))")["id"]
        for name in ("Jane", "John", "Jim")
    ]

    def entities() -> dict[str, str]:
        rows = scene.rows("SELECT id, entity FROM contact WHERE owner_id = :alice")
        names = {scene[name]: name for name in ("jane", "john", "jim")}
        return {names[str(contact)]: names.get(str(entity), str(entity)) for contact, entity in rows}

    assert entities() == {"jane": mail, "john": "john", "jim": "jim"}
    # John's page invites him, not the first contact with the address.
    scene["body"] = f'{{"invite": 1, "email": [{{"email": "{mail}", "is_default": 1}}]}}'
    scene.sets("my_contact_update(:alice, :john, :body)")
    assert entities() == {"jane": "jane", "john": mail, "jim": "jim"}
    assert scene.refused("my_contact_update(:alice, :jane, :body)").code == "ALREADY_IN_CONTACT"
    assert scene.doc(f"contact_invite_declined(:alice, '{mail}')")["contact_id"] == scene["john"]
    # Nobody stands for the address: the oldest contact is invited by it.
    scene.sets("my_contact_trash(:alice, :john, NULL)")
    scene.sets("UPDATE contact SET ctime = ctime - 9 WHERE owner_id = :alice AND id = :jim")
    scene.sets(f"contact_invite(:alice, NULL, '{{\"email\": \"{mail}\"}}', 'sent', 0, NULL)")
    assert entities() == {"jane": "jane", "john": "john", "jim": mail}
    scene.sets("my_contact_restore(:alice, :john, NULL)")
    assert entities() == {"jane": "jane", "john": "john", "jim": mail}
    # Merged into another one, the invitation stays with the target.
    scene.sets("my_contact_merge(:alice, :jane, JSON_ARRAY(:jim), NULL)")
    assert entities() == {"jane": mail, "john": "john"}
    scene.sets("my_contact_merge(:alice, :john, JSON_ARRAY(:jane), NULL)")
    assert entities() == {"john": mail}
