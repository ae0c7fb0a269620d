"""Two people with one address: in every API, in files, in relations with accounts, and as duplicates."""

from __future__ import annotations

from typing import Any

from service.ids import from_wire
from tests.support.address_files import upload
from tests.support.contacts import email_list
from tests.support.people import People, Person
from tests.support.rest import ClientMaker

FAMILY = b"""BEGIN:VCARD\r
VERSION:3.0\r
N:Doe;Jane;;;\r
FN:Jane Doe\r
EMAIL:doe@case.example\r
TEL:111\r
END:VCARD\r
BEGIN:VCARD\r
VERSION:3.0\r
N:Doe;John;;;\r
FN:John Doe\r
EMAIL:doe@case.example\r
TEL:222\r
END:VCARD\r
"""


async def counts(person: Person, content: bytes) -> tuple[int, int]:
    """Load a file of cards; return how many were loaded, and how many were known."""
    report = (await upload(person, await person.tab(), "family.vcf", content)).data
    return report["loaded"], report["alreadyincontact"]


async def test_a_file_with_a_family_is_loaded_once(people: People, client_of: ClientMaker) -> None:
    alice = await people("Alice")
    rest = await client_of(person=alice)
    assert await counts(alice, FAMILY) == (2, 0)
    records = (await rest.get("/contacts")).data
    assert [(r["display_name"], r["emails"][0]["address"], r["phones"][0]["number"]) for r in records] == [
        ("Jane Doe", "doe@case.example", "111"), ("John Doe", "doe@case.example", "222"),
    ]  # fmt: skip
    # Again, in one file twice, in other letters, with a name more, and without a name: nobody is new.
    assert await counts(alice, FAMILY) == (0, 2)
    assert await counts(alice, FAMILY + FAMILY) == (0, 4)
    assert await counts(alice, FAMILY.replace(b"Jane", b"JAN\xc3\x89")) == (0, 2)
    assert await counts(alice, FAMILY.replace(b"FN:Jane", b"FN:Dr. Jane Ann")) == (0, 2)
    assert await counts(alice, b"BEGIN:VCARD\nVERSION:3.0\nEMAIL:doe@case.example\nEND:VCARD\n") == (0, 1)
    # A person more, who has the address among others, is.
    jim = FAMILY.split(b"END:VCARD")[0].replace(b"Jane", b"Jim") + b"EMAIL;PREF=1:jim@x.example\nEND:VCARD\n"
    assert await counts(alice, jim * 2) == (1, 1)
    assert await counts(alice, jim) == (0, 1)
    groups = (await rest.get("/contacts/duplicates")).data
    assert [(g["reason"], g["value"], g["count"]) for g in groups] == [("email", "doe@case.example", 3)]
    members = [c["id"] for c in groups[0]["contacts"]]
    merged = (await rest.post("/contacts/merge", {"into": members[0], "ids": members[1:]})).data
    assert sorted(e["address"] for e in merged["emails"]) == ["doe@case.example", "jim@x.example"]
    assert [e["primary"] for e in merged["emails"]].count(True) == 1
    assert (await rest.get("/contacts/duplicates")).data == []


async def test_what_a_person_types_is_refused_and_what_they_have_stays(
    people: People, client_of: ClientMaker
) -> None:
    alice = await people("Alice")
    rest = await client_of(person=alice)
    both = [{"address": "doe@case.example"}]
    jane, john = [
        from_wire((await rest.add(display_name=name, emails=both))["id"]) for name in ("Jane", "John")
    ]
    typed = await alice.call("contact.add", firstname="Jim", email=email_list("doe@case.example"))
    assert (typed.status, typed.code) == (409, "ALREADY_IN_CONTACT")
    for contact_id, comment in ((john, "son"), (jane, "mother")):
        form = {"contact_id": contact_id, "comment": comment, "email": email_list("doe@case.example")}
        assert (await alice.ok("contact.update", **form))["comment"] == comment
        form["email"] = email_list("doe@case.example", f"{comment}@case.example")
        assert len((await alice.ok("contact.update", **form))["email"]) == 2
    form = {"contact_id": jane, "email": email_list("doe@case.example", "son@case.example")}
    assert (await alice.call("contact.update", **form)).code == "ALREADY_IN_CONTACT"
    assert (await alice.ok("contact.email_in_use", email="doe@case.example"))["id"] == jane
    assert (await alice.call("contact.get", email="doe@case.example")).code == "AMBIGUOUS"
    records = (await rest.get("/contacts?search=doe@case.example")).data
    assert [(r["display_name"], r["notes"]) for r in records] == [("Jane", "mother"), ("John", "son")]


async def test_a_relation_belongs_to_one_of_them(people: People, client_of: ClientMaker) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    tab, rest = await bob.tab(), await client_of(person=alice)
    both = [{"address": bob.email}]
    first, second = [(await rest.add(display_name=name, emails=both))["id"] for name in ("Bob", "Bobby")]
    bob_id, bobby_id = [from_wire(contact_id) or "" for contact_id in (first, second)]

    async def statuses() -> dict[str, Any]:
        rows = await alice.ok("contact.show_contact", option="all")
        return {row["surname"]: (row["status"], row["entity"]) for row in rows}

    assert await statuses() == {"Bob": ("memory", bob.uid), "Bobby": ("memory", bobby_id)}
    assert (await alice.ok("contact.invite", email=bob.email))["id"] == bob_id
    await tab.expect("contact.invite")
    refused = await alice.call("contact.update", contact_id=bobby_id, invite=1, email=email_list(bob.email))
    assert (refused.status, refused.code) == (409, "ALREADY_IN_CONTACT")
    await bob.ok("contact.invite_accept", email=alice.uid)
    assert await statuses() == {"Bob": ("informed", bob.uid), "Bobby": ("memory", bobby_id)}
    # The trash keeps the relation for its contact, also when the other one is written meanwhile.
    await rest.delete(f"/contacts/{first}")
    assert (await rest.patch(f"/contacts/{second}", {"emails": both})).status == 200
    assert await statuses() == {"Bobby": ("memory", bob.uid)}
    assert (await rest.post(f"/contacts/{first}/restore")).status == 200
    assert await statuses() == {"Bob": ("informed", bob.uid), "Bobby": ("memory", bobby_id)}
    # When the relation has ended, the other one may be invited.
    await rest.delete(f"/contacts/{first}?permanent=true")
    await alice.ok("contact.update", contact_id=bobby_id, invite=1, email=email_list(bob.email))
    assert await statuses() == {"Bobby": ("sent", bob.uid)}
    await bob.ok("contact.invite_accept", email=alice.uid)
    assert await statuses() == {"Bobby": ("informed", bob.uid)}
