"""Watch one contact in three APIs and on both sockets, from the first address to the trash and back."""

from __future__ import annotations

from service.ids import from_wire
from tests.support.login_token import Client as LoginTokenClient
from tests.support.people import People
from tests.support.rest import ClientMaker


async def test_one_contact_in_three_apis(people: People, client_of: ClientMaker) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    rest, stranger = await client_of(person=alice), await client_of(person=bob)
    filemail = LoginTokenClient(alice)
    await filemail.login()
    tab, live, bobs = await alice.tab(), await rest.socket(), await stranger.socket()

    # The REST API creates it; a tab of the frontend and a socket of the REST API are notified.
    made = await rest.add(
        display_name="Ana García", emails=[{"address": "ana@acme.example", "label": "work", "primary": True}],
        company="Acme Labs", custom_fields={"since": 2019},
    )  # fmt: skip
    contact_id = from_wire(made["id"]) or ""
    path = f"/contacts/{made['id']}"
    assert (await live.expect("contact.created"))["data"] == made
    assert (await tab.expect("contact.add"))["model"]["contact_id"] == contact_id
    (contact,) = (await filemail.ok("contacts/get"))["contacts"]
    assert (contact["contactid"], contact["email"]) == (contact_id, "ana@acme.example")

    # The login-token API adds a number, the RPC a note, a tag and a group.
    await filemail.ok("contacts/update", contactid=contact_id, mobile="+34 612345")
    assert (await live.expect("contact.updated", 1))["data"]["phones"][0]["number"] == "+34 612345"
    await tab.expect("contact.update", 1)
    tag = await alice.ok("tagcontact.add", name="partner")
    await alice.ok("contact.update", contact_id=contact_id, comment="met in Rome", tag=[tag["tag_id"]])
    record = (await live.expect("contact.updated", 2))["data"]
    assert (record["notes"], record["tags"], record["company"]) == ("met in Rome", ["partner"], "Acme Labs")
    await tab.expect("contact.update", 2)
    group = (await filemail.ok("contacts/group/add", name="Friends"))["groups"][0]["contactgroupid"]
    await filemail.ok("contacts/addtogroup", contactgroupid=group, contactid=contact_id)
    assert (await live.expect("contact.updated", 3))["data"]["groups"] == ["Friends"]
    await tab.expect("contact.add_to_group")
    await alice.ok("tagcontact.rename", tag_id=tag["tag_id"], name="VIP")
    assert (await live.expect("contact.updated", 4))["data"]["tags"] == ["VIP"]

    # A client with an old revision is refused; one with the new revision may write.
    before = await rest.get(path)
    stale = await rest.patch(path, {"job_title": "Head"}, If_Match='"1"')
    assert stale.error == (412, "PRECONDITION_FAILED")
    assert (await rest.patch(path, {"job_title": "Head"}, If_Match=before.etag)).status == 200
    assert (await live.expect("contact.updated", 5))["data"]["job_title"] == "Head"
    await tab.expect("contact.update", 3)
    entry = await alice.ok("contact.get_contact", contact_id=contact_id)
    assert (entry["job_title"], entry["custom_fields"]) == ("Head", {"since": 2019})
    full = (await rest.get(path)).data

    # One API deletes it, another reuses its address: when it is restored, both have the address.
    await filemail.ok("contacts/delete", contactid=contact_id)
    deleted = (await live.expect("contact.deleted"))["data"]
    assert (deleted["permanent"], deleted["deleted_at"] is None) == (False, False)
    await tab.expect("contact.delete_contact")
    assert (await alice.ok("contact.get_contact", contact_id=contact_id)) == {}
    assert [c["id"] for c in (await rest.get("/contacts?only_deleted=true&search=garcia")).data] == [
        made["id"]
    ]
    other = await alice.ok(
        "contact.add", firstname="Other", email=[{"email": "ana@acme.example", "is_default": 1}]
    )
    back = (await rest.post(f"{path}/restore")).data
    await alice.ok("contact.delete_contact", contact_id=other["id"])
    assert {**back, "updated_at": ""} == {**full, "updated_at": ""}
    assert (await live.expect("contact.restored"))["data"] == back
    await tab.expect("contact.add", 3)
    assert (await filemail.ok("contacts/get"))["contacts"][0]["groups"][0]["name"] == "Friends"

    # Purged; a client that was away reads the changes from the feed.
    assert (await rest.delete(f"{path}?permanent=true")).status == 200
    assert (await live.expect("contact.deleted", 3))["data"] == {"id": made["id"], "permanent": True}
    assert (await filemail.ok("contacts/get"))["contacts"] == []
    assert [f["event"] for f in bobs.frames] == ["ping"]
