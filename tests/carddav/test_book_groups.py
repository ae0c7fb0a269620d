"""Groups as cards of a book: kept, changed from both sides, told at once; their people come and go."""

from __future__ import annotations

import asyncio

import pytest

from service.carddav.book import Book
from service.carddav.incoming import NoCard, TooLarge
from service.carddav.putting import PreconditionFailed, UidTaken
from service.contacts import groups
from service.ids import from_wire
from tests.support.address_books import BookMaker
from tests.support.dav import card, group_card
from tests.support.people import People, Person
from tests.support.rest import ClientMaker

FRIENDS = group_card("uid-friends", "Friends", "ada", "bo").encode()


async def text_of(book: Book, name: str, version: str | None = None) -> str:
    return (await book.texts([name], version))[name].text.decode().replace("\r\n ", "")


async def rename(book: Book, group_id: str, name: str) -> None:
    """Rename a group as the login-token API does."""
    await groups.rename_group(book.ctx, group_id, name)


async def put_people(book: Book, *uids: str) -> None:
    for uid in uids:
        await book.put(f"{uid}.vcf", card(uid, f"{uid.title()} X").encode())


async def groups_of(person: Person) -> dict[str, list[str]]:
    """Return the first names of the members of each group, as the RPC lists them."""
    group_rows = await person.ok("contact.show_groups")
    return {
        group["name"]: [
            row["firstname"] for row in await person.ok("contact.show_members", group_id=group["group_id"])
        ]
        for group in group_rows
    }


async def members_of(book: Book, name: str, version: str = "3.0") -> list[str]:
    """Return the UIDs that the card of a group names."""
    head = "X-ADDRESSBOOKSERVER-MEMBER:" if version == "3.0" else "MEMBER:"
    lines = (await text_of(book, name, version)).split("\r\n")
    return sorted(line.removeprefix(head + "urn:uuid:") for line in lines if line.startswith(head))


async def test_the_card_of_a_group_makes_a_group_and_is_kept(book_of: BookMaker, people: People) -> None:
    alice = await people("Alice")
    book = await book_of(alice)
    await put_people(book, "ada", "bo")
    stored = await book.put("friends.vcf", FRIENDS, if_none_match="*")
    assert stored.created
    assert (await book.texts(["friends.vcf"]))["friends.vcf"].text == FRIENDS
    assert {m.name: m.etag for m in await book.members()}["friends.vcf"] == stored.etag
    assert await groups_of(alice) == {"Friends": ["Ada", "Bo"]}
    assert len(await alice.ok("contact.show_contact")) == 2, "a group is no person"
    changed = await book.put(
        "friends.vcf", group_card("uid-friends", "Pals", "bo", "X-MOON:full").encode(), if_match=stored.etag
    )
    assert not changed.created
    assert await groups_of(alice) == {"Pals": ["Bo"]}
    await book.delete("friends.vcf", if_match=changed.etag)
    assert await groups_of(alice) == {}
    assert len(await alice.ok("contact.show_contact")) == 2, "its people stay"
    with pytest.raises(NoCard):
        await book.delete("friends.vcf")


async def test_the_cards_of_people_stay_as_they_are_when_a_group_takes_them(
    book_of: BookMaker, people: People
) -> None:
    book = await book_of(await people("Alice"))
    await put_people(book, "ada", "bo")
    before = {m.name: m.etag for m in await book.members()}
    stored = await book.put("friends.vcf", FRIENDS)
    assert {m.name: m.etag for m in await book.members()} == {**before, "friends.vcf": stored.etag}
    assert await text_of(book, "ada.vcf") == card("ada", "Ada X")
    await book.delete("friends.vcf")
    assert {m.name: m.etag for m in await book.members()} == before


@pytest.mark.parametrize("is_prefixed", [False, True])
async def test_members_are_found_with_and_without_their_scheme(
    book_of: BookMaker, people: People, is_prefixed: bool
) -> None:
    alice = await people("Alice")
    book = await book_of(alice)
    prefix = "urn:uuid:" if is_prefixed else ""
    await book.put("ada.vcf", card(f"{prefix}ada", "Ada X").encode())
    await alice.ok("contact.add", firstname="Carl", email=[{"email": "carl@x.example", "is_default": 1}])
    (carl,) = [m.name for m in await book.members() if m.name != "ada.vcf"]
    uid = (await text_of(book, carl)).partition("UID:")[2].partition("\r\n")[0]
    body = group_card("g", "Both").replace(
        "END:", f"X-ADDRESSBOOKSERVER-MEMBER:ada\r\nX-ADDRESSBOOKSERVER-MEMBER:{uid}\r\nEND:"
    )
    assert (await book.put("both.vcf", body.encode())).etag
    assert await groups_of(alice) == {"Both": ["Ada", "Carl"]}
    four = group_card("g", "Both", "ada", version="4.0")
    await book.put("both.vcf", four.encode())
    assert await groups_of(alice) == {"Both": ["Ada"]}
    assert await text_of(book, "both.vcf") == four


async def test_a_group_comes_in_the_words_of_each_version(book_of: BookMaker, people: People) -> None:
    alice = await people("Alice")
    book = await book_of(alice)
    await put_people(book, "ada", "bo")
    await book.put("friends.vcf", FRIENDS)
    four = (await text_of(book, "friends.vcf", "4.0")).split("\r\n")
    assert {"VERSION:4.0", "KIND:group", "MEMBER:urn:uuid:ada", "UID:uid-friends", "FN:Friends"} <= set(four)
    assert not [line for line in four if line.startswith("X-ADDRESSBOOKSERVER")]
    await book.put("four.vcf", group_card("uid-4", "Four", "bo", version="4.0").encode())
    three = (await text_of(book, "four.vcf", "3.0")).split("\r\n")
    assert {"VERSION:3.0", "X-ADDRESSBOOKSERVER-KIND:group"} <= set(three)
    assert "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:bo" in three
    group_id = (await alice.ok("contact.create_group", name="By RPC"))["group_id"]
    own = (await text_of(book, f"{group_id}.vcf")).split("\r\n")
    assert {"X-ADDRESSBOOKSERVER-KIND:group", "FN:By RPC", "N:By RPC;;;;"} <= set(own)
    assert [line for line in own if line.startswith("UID:urn:uuid:")]


async def test_other_apis_change_the_card_and_its_properties_survive(
    book_of: BookMaker, people: People, client_of: ClientMaker
) -> None:
    alice = await people("Alice")
    book, api = await book_of(alice), await client_of(person=alice)
    await put_people(book, "ada", "bo")
    await book.put("friends.vcf", group_card("u", "Friends", "ada", "X-MOON:full").encode())
    (group,) = await alice.ok("contact.show_groups")
    ids = {row["firstname"]: row["id"] for row in await alice.ok("contact.show_contact")}
    key = {"group_id": group["group_id"]}

    token, etag = await book.token(), (await book.texts(["friends.vcf"]))["friends.vcf"].etag

    async def step(members: list[str]) -> None:
        """Check that the token has told of the group, once, with a new tag."""
        nonlocal token, etag
        changes = await book.changes(token)
        (new_tag,) = [m.etag for m in changes.changed if m.name == "friends.vcf"]
        assert new_tag != etag
        token, etag = changes.token, new_tag
        assert await members_of(book, "friends.vcf") == members
        text = await text_of(book, "friends.vcf")
        assert "X-MOON:full" in text
        assert "UID:u\r\n" in text

    await alice.ok("contact.add_to_group", **key, contact_id=[ids["Bo"]])
    await step(["ada", "bo"])
    await rename(book, group["group_id"], "Pals")
    await step(["ada", "bo"])
    assert "FN:Pals" in await text_of(book, "friends.vcf")
    await alice.ok("contact.change_status", contact_id=ids["Ada"], status="archived")
    await step(["bo"])
    await alice.ok("contact.change_status", contact_id=ids["Ada"], status="active")
    await step(["ada", "bo"])
    records = {c["first_name"]: c["id"] for c in (await api.get("/contacts")).data}
    await api.delete(f"/contacts/{records['Bo']}")
    await step(["ada"])
    await api.post(f"/contacts/{records['Bo']}/restore")
    await step(["ada", "bo"])
    await api.delete(f"/contacts/{records['Bo']}?permanent=true")
    await step(["ada"])
    await put_people(book, "carl")
    carl = next(r["id"] for r in await alice.ok("contact.show_contact") if r["firstname"] == "Carl")
    await alice.ok("contact.add_to_group", **key, contact_id=[carl])
    await step(["ada", "carl"])
    other = next(c["id"] for c in (await api.get("/contacts")).data if c["first_name"] == "Carl")
    merged = await api.post("/contacts/merge", {"into": records["Ada"], "ids": [other]})
    assert merged.status == 200, merged.raw
    await step(["ada"])
    await alice.ok("contact.remove_from_group", **key, contact_id=[ids["Ada"]])
    await step([])
    await alice.ok("contact.delete_group", **key)
    assert (await book.changes(token)).removed == ["friends.vcf"]
    assert "friends.vcf" not in {m.name for m in await book.members()}


async def test_what_changes_no_card_leaves_its_tag(book_of: BookMaker, people: People) -> None:
    alice = await people("Alice")
    book = await book_of(alice)
    await put_people(book, "ada", "bo")
    await book.put("friends.vcf", FRIENDS)
    group_id = (await alice.ok("contact.show_groups"))[0]["group_id"]
    ids = [row["id"] for row in await alice.ok("contact.show_contact")]
    before = {m.name: m.etag for m in await book.members()}
    await alice.ok("contact.add_to_group", group_id=group_id, contact_id=ids)
    assert {m.name: m.etag for m in await book.members()} == before
    await alice.ok("contact.update", contact_id=ids[0], comment="Met in Turin")
    changed = {m.name for m in await book.members() if before[m.name] != m.etag}
    assert len(changed) == 1
    assert "friends.vcf" not in changed
    assert (await book.texts(["friends.vcf"]))["friends.vcf"].text == FRIENDS


async def test_a_member_whose_card_comes_later_joins(book_of: BookMaker, people: People) -> None:
    alice = await people("Alice")
    book = await book_of(alice)
    stored = await book.put("friends.vcf", FRIENDS)
    assert await groups_of(alice) == {"Friends": []}
    await put_people(book, "ada")
    await book.put("bo.vcf", card("urn:uuid:bo", "Bo X").encode())
    assert await groups_of(alice) == {"Friends": ["Ada", "Bo"]}
    now = (await book.texts(["friends.vcf"]))["friends.vcf"]
    assert (now.text, now.etag) == (FRIENDS, stored.etag), "the card says what it said"
    group_id = (await alice.ok("contact.show_groups"))[0]["group_id"]
    await book.put("friends.vcf", group_card("uid-friends", "Friends", "ada", "dora", "eve").encode())
    await rename(book, group_id, "Pals")
    assert await members_of(book, "friends.vcf") == ["ada", "dora", "eve"], (
        "who is expected stays in the card"
    )
    await put_people(book, "eve")
    assert await groups_of(alice) == {"Pals": ["Ada", "Eve"]}
    await book.put("friends.vcf", group_card("uid-friends", "Pals", "ada").encode())
    await put_people(book, "dora")
    assert await groups_of(alice) == {"Pals": ["Ada"]}, "whom the card names no more is not expected"


async def test_members_that_a_client_cannot_see_stay(book_of: BookMaker, people: People) -> None:
    alice = await people("Alice")
    book = await book_of(alice)
    await put_people(book, "ada", "bo", "carl")
    await book.put("friends.vcf", group_card("uid-friends", "Friends", "ada", "bo", "carl").encode())
    ids = {row["firstname"]: row["id"] for row in await alice.ok("contact.show_contact")}
    await alice.ok("contact.change_status", contact_id=ids["Ada"], status="archived")
    await book.delete("bo.vcf")
    await book.put("friends.vcf", group_card("uid-friends", "Friends", "carl").encode())
    await alice.ok("contact.change_status", contact_id=ids["Ada"], status="active")
    await put_people(book, "bo")
    assert await members_of(book, "friends.vcf") == ["ada", "bo", "carl"]


async def test_a_name_of_another_group_gets_a_number_and_the_card_keeps_fn(
    book_of: BookMaker, people: People
) -> None:
    alice = await people("Alice")
    book = await book_of(alice)
    await alice.ok("contact.create_group", name="Friends")
    for number in (2, 3):
        body = group_card(f"u{number}", "FRIENDS").encode()
        await book.put(f"{number}.vcf", body)
        assert (await book.texts([f"{number}.vcf"]))[f"{number}.vcf"].text == body
    assert sorted(await groups_of(alice)) == ["FRIENDS (2)", "FRIENDS (3)", "Friends"]
    await put_people(book, "ada")
    ada = (await alice.ok("contact.show_contact"))[0]["id"]
    group_id = next(g["group_id"] for g in await alice.ok("contact.show_groups") if "(2)" in g["name"])
    await alice.ok("contact.add_to_group", group_id=group_id, contact_id=[ada])
    assert "FN:FRIENDS\r\n" in await text_of(book, "2.vcf")
    await book.put("2.vcf", group_card("u2", "FRIENDS", "ada").encode())
    assert sorted(await groups_of(alice)) == ["FRIENDS (2)", "FRIENDS (3)", "Friends"]


@pytest.mark.parametrize(
    ("fn", "name"),
    [
        ("x" * 300, "x" * 255),
        ("", "u"),
        ("\u200b", "u"),
        ("a\\nb", "a b"),
        ("Caf\u00e9 \U0001f600", "Caf\u00e9 \U0001f600"),
    ],
)
async def test_whatever_a_phone_calls_a_group_is_taken(
    book_of: BookMaker, people: People, fn: str, name: str
) -> None:
    alice = await people("Alice")
    book = await book_of(alice)
    body = group_card("u", "Group").replace("FN:Group", f"FN:{fn}").replace("N:Group;;;;", "N:;;;;").encode()
    for _ in range(2):
        assert (await book.put("g.vcf", body)).etag
    assert list(await groups_of(alice)) == [name]
    assert (await book.texts(["g.vcf"]))["g.vcf"].text == body
    await put_people(book, "ada")
    ada = (await alice.ok("contact.show_contact"))[0]["id"]
    group_id = (await alice.ok("contact.show_groups"))[0]["group_id"]
    await alice.ok("contact.add_to_group", group_id=group_id, contact_id=[ada])
    assert f"FN:{fn}\r\n" in await text_of(book, "g.vcf"), "the name that was sent"


async def test_control_characters_never_go_out(book_of: BookMaker, people: People) -> None:
    alice = await people("Alice")
    book = await book_of(alice)
    stored = await book.put("g.vcf", group_card("u", "A\x0bb\x00", "a\x1bda").encode())
    assert stored.etag is None, "the bytes are not kept"
    assert not {"\x0b", "\x00", "\x1b"} & set(await text_of(book, "g.vcf"))
    assert list(await groups_of(alice)) == ["A b"]


async def test_preconditions_and_uids_hold_for_groups(book_of: BookMaker, people: People) -> None:
    alice = await people("Alice")
    book, other = await book_of(alice), await book_of(alice)
    await put_people(book, "ada")
    with pytest.raises(PreconditionFailed):
        await book.put("friends.vcf", FRIENDS, if_match="*")
    stored = await book.put("friends.vcf", FRIENDS)
    with pytest.raises(PreconditionFailed):
        await book.put("friends.vcf", FRIENDS, if_none_match="*")
    with pytest.raises(PreconditionFailed):
        await book.delete("friends.vcf", if_match='"1-g"')
    for body in (FRIENDS, card("uid-friends").encode()):
        with pytest.raises(UidTaken) as taken:
            await book.put("new.vcf", body)
        assert taken.value.name == "friends.vcf"
    with pytest.raises(UidTaken) as taken:
        await book.put("new.vcf", group_card("ada", "Ada").encode())
    assert taken.value.name == "ada.vcf"
    group_id = (await alice.ok("contact.create_group", name="Own"))["group_id"]
    own = (await book.texts([f"{group_id}.vcf"]))[f"{group_id}.vcf"].text
    with pytest.raises(UidTaken) as taken:
        await book.put("new.vcf", own)
    assert taken.value.name == f"{group_id}.vcf"
    assert (await book.put(f"{group_id}.vcf", own)).etag
    outcomes = await asyncio.gather(
        *(each.put("friends.vcf", FRIENDS, if_match=stored.etag) for each in (book, other)),
        return_exceptions=True,
    )
    assert sorted(type(o).__name__ for o in outcomes) == ["PreconditionFailed", "Stored"]
    with pytest.raises(TooLarge):
        await book.put("friends.vcf", group_card("uid-friends", "x", f"X-LONG:{'a' * 1_000_100}").encode())


async def test_a_person_becomes_a_group_and_back(book_of: BookMaker, people: People) -> None:
    alice = await people("Alice")
    book = await book_of(alice)
    await put_people(book, "ada", "bo")
    await alice.ok("contact.add", firstname="Carl", email=[{"email": "carl@x.example", "is_default": 1}])
    carl = next(r["id"] for r in await alice.ok("contact.show_contact") if r["firstname"] == "Carl")
    token = await book.token()
    for name, uid in (("ada.vcf", "ada"), (f"{carl}.vcf", "c")):
        etag = (await book.texts([name]))[name].etag
        body = group_card(uid, f"Group {uid}", "bo").encode()
        stored = await book.put(name, body, if_match=etag)
        assert not stored.created
        assert (await book.texts([name]))[name].text == body
    changes = await book.changes(token)
    assert {"ada.vcf", f"{carl}.vcf"} <= {m.name for m in changes.changed}
    assert not {"ada.vcf", f"{carl}.vcf"} & set(changes.removed)
    assert await groups_of(alice) == {"Group ada": ["Bo"], "Group c": ["Bo"]}
    assert [r["firstname"] for r in await alice.ok("contact.show_contact")] == ["Bo"]
    await book.put(
        "ada.vcf", card("ada", "Ada Again").encode(), if_match=(await book.texts(["ada.vcf"]))["ada.vcf"].etag
    )
    assert await groups_of(alice) == {"Group c": ["Bo"]}
    later = await book.changes(changes.token)
    assert ([m.name for m in later.changed if m.name == "ada.vcf"], "ada.vcf" in later.removed) == (
        ["ada.vcf"],
        False,
    )


async def test_a_contact_whose_name_a_group_took_comes_back_under_another(
    book_of: BookMaker, people: People, client_of: ClientMaker
) -> None:
    alice = await people("Alice")
    book, api = await book_of(alice), await client_of(person=alice)
    contact = await api.add(first_name="Carl")
    (member,) = await book.members()
    await book.put(member.name, group_card("g", "Group").encode())
    assert (await api.post(f"/contacts/{contact['id']}/restore")).status == 200
    names = [m.name for m in await book.members()]
    assert len(set(names)) == 2
    assert len(await book.texts(names)) == 2
    assert from_wire(contact["id"]) in {r["id"] for r in await alice.ok("contact.show_contact")}


async def test_a_name_that_a_group_takes_costs_no_other_card(
    book_of: BookMaker, people: People, client_of: ClientMaker
) -> None:
    alice = await people("Alice")
    api, book = await client_of(person=alice), await book_of(alice)
    contact = await api.add(first_name="Cleo")
    [member] = await book.members()
    near = f"{member.name.removesuffix('.vcf')}-1.vcf"
    await book.put(near, card("victim", "Vic X", "X-KEEP:precious").encode())
    for uid in ("g", "h"):
        taken = {near, *(m.name for m in await book.members() if '-g"' in m.etag)}
        (name,) = {m.name for m in await book.members()} - taken
        await book.put(name, group_card(uid, f"Group {uid}").encode())
        assert (await api.post(f"/contacts/{contact['id']}/restore")).status == 200
    text = await text_of(book, near)
    assert "UID:victim" in text
    assert "X-KEEP:precious" in text
    names = [m.name for m in await book.members()]
    assert len(names) == len(set(names)) == 4


@pytest.mark.parametrize("name", ["Büro.vcf", "été.vcf", "abcdefghijklmnop-ü.vcf", "\U0001f600.vcf", "x"])
async def test_the_card_of_a_group_may_have_any_name(book_of: BookMaker, people: People, name: str) -> None:
    book = await book_of(await people("Alice"))
    await put_people(book, "ada")
    for fn in ("Office", "Bureau"):
        await book.put(name, group_card("uid-office", fn, "ada").encode())
        assert f"FN:{fn}" in await text_of(book, name)
    assert await members_of(book, name) == ["ada"]
    await book.delete(name)
    assert [m.name for m in await book.members()] == ["ada.vcf"]


async def test_who_leaves_a_group_does_not_come_back_by_its_card(
    book_of: BookMaker, people: People, client_of: ClientMaker
) -> None:
    alice = await people("Alice")
    book, api = await book_of(alice), await client_of(person=alice)
    await put_people(book, "ada", "bo")
    await book.put("friends.vcf", FRIENDS)
    (ada,) = [row for row in (await api.get("/contacts")).data if row["first_name"] == "Ada"]
    await book.delete("ada.vcf")
    # a phone sends the group again, and names whom it has deleted
    await book.put("friends.vcf", FRIENDS)
    assert (await api.post(f"/contacts/{ada['id']}/restore")).status == 200
    assert await members_of(book, "friends.vcf") == ["ada", "bo"]
    group_id = (await alice.ok("contact.show_groups"))[0]["group_id"]
    await alice.ok("contact.remove_from_group", group_id=group_id, contact_id=[from_wire(ada["id"])])
    assert await members_of(book, "friends.vcf") == ["bo"]
    await put_people(book, "ada")
    assert await groups_of(alice) == {"Friends": ["Bo"]}


async def test_groups_are_told_in_windows_and_a_name_is_used_again(
    book_of: BookMaker, people: People
) -> None:
    alice = await people("Alice")
    book = await book_of(alice)
    await put_people(book, "ada")
    for number in range(4):
        await book.put(f"g{number}.vcf", group_card(f"u{number}", f"G {number}", "ada").encode())
    names, token, start, pages = [], None, 0, 0
    while True:
        changes = await book.changes(token, 2, start)
        assert len(changes.changed) <= 2
        names += [m.name for m in changes.changed]
        token, start, pages = changes.token, changes.start, pages + 1
        if not changes.truncated:
            break
    assert sorted(set(names)) == ["ada.vcf", "g0.vcf", "g1.vcf", "g2.vcf", "g3.vcf"]
    assert pages >= 3
    await book.delete("g0.vcf")
    await book.delete("g1.vcf")
    await book.put("g1.vcf", card("person", "New Person").encode())
    await alice.ok("contact.create_group", name="Short")
    short = next(g for g in await alice.ok("contact.show_groups") if g["name"] == "Short")
    await alice.ok("contact.delete_group", group_id=short["group_id"])
    changes = await book.changes(token)
    # the record of Ada, who left two groups, has changed, and her card has not
    assert ([m.name for m in changes.changed], changes.removed) == (["ada.vcf", "g1.vcf"], ["g0.vcf"])
    await book.put("g0.vcf", group_card("u0", "G 0").encode())
    changes = await book.changes(token)
    names = sorted(m.name for m in changes.changed)
    assert (names, changes.removed) == (["ada.vcf", "g0.vcf", "g1.vcf"], [])


async def test_a_group_of_ten_thousand_is_stored_listed_and_written(
    book_of: BookMaker, people: People
) -> None:
    alice = await people("Alice")
    book = await book_of(alice)
    await put_people(book, "ada")
    uids = [f"{number:08}-0000-4000-8000-000000000000" for number in range(10_000)]
    body = group_card("u", "Everybody", "ada", *uids).encode()
    assert (await book.put("all.vcf", body)).etag
    assert (await book.texts(["all.vcf"]))["all.vcf"].text == body
    group_id = (await alice.ok("contact.show_groups"))[0]["group_id"]
    await rename(book, group_id, "All")
    assert len(await members_of(book, "all.vcf")) == 10_001
    await put_people(book, uids[17])
    assert (await groups_of(alice))["All"] == ["00000017-0000-4000-8000-000000000000", "Ada"]
