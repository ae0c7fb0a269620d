"""The story of two users and an address book: a mail, a conversation, a file, the archive."""

from __future__ import annotations

from tests.support.address_files import export, upload
from tests.support.mail import Postman, body_of
from tests.support.people import People


async def test_two_people_from_first_invitation_to_archive(
    posted: People,
    postman: Postman,
) -> None:
    alice, bob = await posted("Alice"), await posted("Bob", shard="shard2")
    desk, phone, bobs = await alice.tab(), await alice.tab(), await bob.tab()

    # Alice imports the export of her old mail program; Bob is in the file.
    head = "First Name,Last Name,E-mail Address,Notes"
    old = f"{head}\nBobby,Stone,{bob.email},from school\nAda,L,a@x.example,\n"
    loaded = (await upload(alice, desk, "contacts.csv", old.encode())).data
    assert (loaded["loaded"], loaded["alreadyincontact"]) == (2, 0)
    assert (await desk.expect("contact.load"))["model"]["phase"] == "prepare"
    await phone.nothing("contact.load", 0.1)
    (noted,) = await alice.ok("contact.search", key="bobby")
    assert (noted["status"], noted["is_drumate"]) == ("memory", 1)

    # Alice invites Bob, who sees it at once and gets a mail.
    sent = await alice.ok("contact.update", contact_id=noted["id"], invite=1, message="Remember me?")
    assert sent["status"] == "sent"
    card = (await bobs.expect("contact.invite"))["model"]
    assert (card["drumate_id"], card["message"]) == (alice.uid, "Remember me?")
    (mail,) = postman.to(bob.email)
    assert "Remember me?" in body_of(mail)

    # Bob accepts; both have the first messages of a conversation, and see each other.
    await bob.ok("contact.invite_accept", email=alice.uid, socket_id=bobs.id)
    for tab in (desk, phone):
        assert (await tab.expect("contact.invite_accept"))["model"]["contact_id"] == noted["id"]
        assert (await tab.expect("chat.post"))["model"]["message"] == "Remember me?"
    await alice.ok("contact.accept_informed", email=bob.uid)
    assert [c["his_state"] for c in await bob.ok("contact.connection_status")] == [1]
    assert (await alice.ok("chat.chat_rooms"))[0]["display"] == "Bobby Stone"

    # Alice's notes are her own, and go into her file.
    tag = (await alice.ok("tagcontact.add", name="School"))["tag_id"]
    await alice.ok("tagcontact.entity_assign", entity_id=noted["id"], tag=[tag])
    file = (await export(alice)).decode()
    assert "FN:Bobby Stone" in file
    assert "CATEGORIES:School" in file
    assert "NOTE:from school" in file

    # They fall out: Alice blocks Bob, who cannot reach her.
    await alice.ok("contact.block", contact_id=noted["id"])
    assert (await bobs.expect("contact.block"))["model"]["is_blocked_me"] == 1
    assert await bob.ok("contact.connection_status") == []
    await alice.ok("contact.unblock", contact_id=noted["id"])

    # In the end Alice archives Bob.
    await alice.ok("contact.change_status", contact_id=noted["id"], status="archived")
    assert [c["surname"] for c in await alice.ok("contact.show_contact")] == ["Ada L"]
    assert [c["id"] for c in await alice.ok("contact.show_contact", option="archived")] == [noted["id"]]
