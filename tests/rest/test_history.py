"""The history of a contact, and the way back, over /api/v1 and the other APIs."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import aiohttp
import pytest

from service.ids import from_wire, to_wire
from service.live.expiry import expire_history
from service.settings import Settings
from service.store.database import Database
from tests.support.address_files import export
from tests.support.admin import Admin
from tests.support.contacts import add_contact, add_group, email_list
from tests.support.login_token import Client as LoginTokenClient
from tests.support.people import People, Person, befriend
from tests.support.pictures import PNG
from tests.support.records import FULL
from tests.support.rest import Answer, Client, ClientMaker

VOLATILE = {"updated_at", "mtime", "changed", "email_id", "phone_id", "address_id"}


def steady(value: Any) -> Any:
    """Return a record or a contact of the RPC without times and ids of its entries."""
    if isinstance(value, dict):
        return {name: steady(part) for name, part in value.items() if name not in VOLATILE}
    return [steady(part) for part in value] if isinstance(value, list) else value


async def changes_of(api: Client, path: str) -> list[dict[str, Any]]:
    answer = await api.get(f"{path}/history?limit=100")
    assert answer.status == 200, answer.raw
    changes: list[dict[str, Any]] = answer.data
    return changes


async def revert(api: Client, path: str, to: str, **headers: str) -> Answer:
    return await api.post(f"{path}/revert", {"to": to}, **headers)


async def test_history_says_who_when_how_and_what(people: People, client_of: ClientMaker) -> None:
    alice = await people("Alice")
    api, filemail = await client_of(person=alice), LoginTokenClient(alice)
    await filemail.login()
    made = await api.add(first_name="Ada", company="Babbage")
    contact_id, path = from_wire(made["id"]) or "", f"/contacts/{made['id']}"
    await api.patch(path, {"company": "Analytical", "phones": [{"number": "+44 20 1"}]})
    await alice.ok("contact.update", contact_id=contact_id, comment="met at tea")
    # neither the record nor the feed shows the nickname and the area code
    await alice.ok("contact.update", contact_id=contact_id, surname="Countess")
    await filemail.ok("contacts/update", contactid=contact_id, email="ada@math.example")
    await add_group(alice, "Friends", contact_id=[contact_id])

    changes = await changes_of(api, path)
    assert [(c["event"], c["api"], c["actor"], c["actor_name"], c["change_set"]) for c in changes] == [
        (event, name, to_wire(alice.uid), "Alice Test", None)
        for event, name in [
            ("updated", "rpc"), ("updated", "login-token"), ("updated", "rpc"), ("updated", "rpc"),
            ("updated", "rest"), ("created", "rest"),
        ]
    ]  # fmt: skip
    mail = {"address": "ada@math.example", "label": "personal", "primary": True}
    phone = {"number": "+44 20 1", "label": "other", "primary": True}
    assert [c["changes"] for c in changes] == [
        [{"field": "groups", "before": [], "after": ["Friends"]}],
        [{"field": "emails", "before": [], "after": [mail]}],
        [{"field": "surname", "before": None, "after": "Countess"}],
        [{"field": "notes", "before": None, "after": "met at tea"}],
        [
            {"field": "phones", "before": [], "after": [phone]},
            {"field": "company", "before": "Babbage", "after": "Analytical"},
        ],
        [
            {"field": name, "before": None, "after": value}
            for name, value in [
                ("display_name", "Ada"), ("first_name", "Ada"), ("company", "Babbage"), ("source", "local"),
            ]
        ],
    ]  # fmt: skip
    # in milliseconds, as records have it; a change that the record does not show has its second
    assert (changes[5]["at"], changes[5]["at"][:10]) == (made["updated_at"], made["created_at"][:10])
    assert [c["at"] for c in changes] == sorted((c["at"] for c in changes), reverse=True)
    assert changes[0]["at"] == (await api.get(path)).data["updated_at"]
    assert len({c["at"] for c in changes}) >= 5
    revisions = [int(c["rev"]) for c in changes]
    assert revisions == sorted(set(revisions), reverse=True)

    # page by page, and the same in the RPC
    first = await api.get(f"{path}/history?limit=4")
    assert first.body["meta"] == {"limit": 4, "next": changes[3]["rev"], "has_more": True}
    rest = await api.get(f"{path}/history?limit=4&before={changes[3]['rev']}")
    assert rest.body["meta"] == {"limit": 4, "next": None, "has_more": False}
    assert first.data + rest.data == changes
    own = await alice.ok("contact.history", contact_id=contact_id, limit=4)
    assert own["next"] == revisions[3]
    assert own["changes"] == [{**c, "rev": int(c["rev"]), "actor": alice.uid} for c in changes[:4]]


class Editor:
    """Makes random changes of a contact by three APIs in turn."""

    def __init__(self, seed: int, alice: Person, api: Client, filemail: LoginTokenClient) -> None:
        self.random, self.alice, self.api, self.filemail = random.Random(seed), alice, api, filemail
        self.contact_id, self.path, self.count = "", "", 0
        self.tags: list[str] = []
        self.group = ""

    async def begin(self) -> None:
        made = await self.api.add(**FULL)
        self.contact_id, self.path = from_wire(made["id"]) or "", f"/contacts/{made['id']}"
        for name in ("red", "blue"):
            self.tags.append((await self.alice.ok("tagcontact.add", name=name))["tag_id"])
        self.group = (await add_group(self.alice, "Friends"))["group_id"]

    async def edit(self) -> None:
        self.count += 1
        await (self.by_rpc, self.by_rest, self.by_login_token)[self.count % 3]()

    async def by_rpc(self) -> None:
        n, pick = self.count, self.random.choice
        key = {"contact_id": self.contact_id}
        change: dict[str, Any] = pick(
            [
                {"surname": pick(["", f"Nick {n}"])},
                {
                    "mobile": [
                        {"areacode": pick(["", "+33", "0049"]), "phone": f"1 {n}", "is_default": pick([0, 1])}
                    ]
                },
                {"mobile": [{"phone": f"+33 9 {n}", "category": "prof"}, {"areacode": "7", "phone": "8"}]},
                {"address": [{"street": f"Way {n}", "is_default": 1}, {"city": "Rome", "category": "prof"}]},
                {"tag": pick([[], self.tags, self.tags[:1]])},
                {"status": pick(["archived", "active"])},
                {"group": pick(["contact.add_to_group", "contact.remove_from_group"])},
                {"firstname": f"F{n}", "lastname": pick(["", "L"]), "comment": f"note\n{n}"},
            ]
        )
        if "status" in change:
            await self.alice.ok("contact.change_status", **key, **change)
        elif "group" in change:
            await self.alice.ok(change["group"], group_id=self.group, contact_id=[self.contact_id])
        else:
            await self.alice.ok("contact.update", **key, **change)

    async def by_rest(self) -> None:
        n, pick = self.count, self.random.choice
        change = pick(
            [
                {"company": f"Company {n}", "job_title": pick([None, "Head"])},
                {"display_name": pick([None, f"Shown {n}"]), "last_name": f"L{n}"},
                {
                    "emails": [
                        {"address": f"m{n}@x.example", "label": "school"},
                        {"address": "w@x.example", "label": "work"},
                    ]
                },
                {
                    "custom_fields": pick([None, {"n": n, 'ä".': [None, {}]}]),
                    "notes": pick(["", f"tea\n{n}"]),
                },
                {
                    "addresses": [
                        {"street": f"Road {n}", "state": "MD", "postal_code": "1", "label": "school"}
                    ]
                },
                {"tags": [f"tag {n}", "red"], "avatar_path": pick([None, f"/pictures/{n}.webp"])},
                {"phones": [{"number": f"+34 6 {n}"}, {"number": "112", "label": "work", "primary": True}]},
            ]
        )
        answer = await self.api.patch(self.path, change)
        assert answer.status == 200, answer.raw

    async def by_login_token(self) -> None:
        n = self.count
        change = self.random.choice(
            [{"email": f"t{n}@x.example"}, {"mobile": f"+34 61{n}"}, {"firstname": f"T{n}", "lastname": "X"}]
        )
        await self.filemail.ok("contacts/update", contactid=self.contact_id, **change)

    async def state(self) -> tuple[str, Any, Any]:
        """Return the revision of the address book, the record, and the contact as the RPC shows it."""
        rev = (await self.api.get("/contacts/changes?since=0&limit=500")).body["meta"]["next"]
        record = (await self.api.get(self.path)).data
        full = await self.alice.ok("contact.get_contact", contact_id=self.contact_id)
        return rev, steady(record), steady({**full, "metadata": None, "source": None})


@pytest.mark.parametrize("seed", [1, 2])
async def test_each_point_can_be_reached_again(people: People, client_of: ClientMaker, seed: int) -> None:
    alice = await people("Alice")
    api, filemail = await client_of(person=alice), LoginTokenClient(alice)
    await filemail.login()
    editor = Editor(seed, alice, api, filemail)
    await editor.begin()
    points = [await editor.state()]
    for _ in range(24):
        await editor.edit()
        points.append(await editor.state())
    assert len({str(point[1:]) for point in points}) > 15
    editor.random.shuffle(points)
    for to, record, full in points:
        answer = await revert(api, editor.path, to)
        assert (answer.status, answer.body.get("meta")) == (200, {"left": []}), (to, answer.raw)
        _, now, now_full = await editor.state()
        assert now == record, to
        assert now_full == full, to


async def test_a_revert_is_a_change_that_everybody_sees(people: People, client_of: ClientMaker) -> None:
    alice = await people("Alice")
    api = await client_of(person=alice)
    made = await api.add(first_name="Ada", company="Babbage")
    path = f"/contacts/{made['id']}"
    etag = (await api.get(path)).etag
    changed = (await api.patch(path, {"company": "Analytical"})).etag
    tab, live = await alice.tab(), await api.socket()
    answer = await revert(api, path, etag.strip('"'))
    assert (answer.data["company"], answer.etag > changed) == ("Babbage", True)
    assert (await live.expect("contact.updated"))["data"] == answer.data
    assert (await tab.expect("contact.update"))["model"]["contact_id"] == from_wire(made["id"])
    assert [c["company"] for c in (await api.get("/contacts?search=babbage")).data] == ["Babbage"]
    last = (await changes_of(api, path))[0]
    assert last["changes"] == [{"field": "company", "before": "Analytical", "after": "Babbage"}]

    # taken back again, by its change set; a state that is there already changes nothing
    undone = await api.post("/contacts/revert", {"change_set": last["change_set"]})
    assert undone.data == {"reverted": 1, "left": []}
    assert (await api.get(path)).data["company"] == "Analytical"
    here = await api.get(path)
    assert (await revert(api, path, here.etag.strip('"'))).etag == here.etag


async def test_what_cannot_be_is_refused(people: People, client_of: ClientMaker) -> None:
    alice = await people("Alice")
    api, stranger = await client_of(person=alice), await client_of(person=await people("Bob"))
    await api.add(first_name="Early")
    made = await api.add(first_name="Ada", emails=[{"address": "ada@x.example"}])
    path, first = f"/contacts/{made['id']}", (await api.get("/contacts/changes")).body["meta"]["next"]
    old = (await api.get(path)).etag
    await api.patch(path, {"emails": [], "company": "Acme"})
    await api.add(first_name="Eve", emails=[{"address": "ada@x.example"}])

    for to, reason in (("1", "before the contact was created"), ("99", "later than all changes")):
        answer = await revert(api, path, to)
        assert (answer.error, answer.flaw) == ((422, "UNPROCESSABLE"), ("to", reason))
    for bad in ("", "-1", "x", "1" * 19, 7, None):
        assert (await api.post(f"{path}/revert", {"to": bad})).error == (400, "VALIDATION_ERROR"), bad
    assert (await api.post(f"{path}/revert", {})).flaw == ("to", "required")
    assert (await revert(api, f"/contacts/{to_wire('0' * 16)}", first)).error == (404, "NOT_FOUND")
    assert (await revert(api, path, first, If_Match=old)).error == (412, "PRECONDITION_FAILED")
    # nobody else reads or reverts anything
    for answer in (
        await stranger.get(f"{path}/history"),
        await revert(stranger, path, first),
        await stranger.post("/contacts/revert", {"change_set": "0" * 16}),
    ):
        assert answer.error == (404, "NOT_FOUND")
    bob, contact_id = stranger.person, from_wire(made["id"])
    for service, args, code in (
        ("history", {"contact_id": contact_id}, "CONTACT_NOT_FOUND"),
        ("revert", {"contact_id": contact_id, "to": int(first)}, "CONTACT_NOT_FOUND"),
        ("revert", {"change_set": "0" * 16}, "CHANGE_SET_NOT_FOUND"),
        ("revert", {}, "INVALID_INPUT"),
        ("revert", {"contact_id": contact_id, "change_set": "0" * 16}, "INVALID_INPUT"),
    ):
        assert (await bob.call(f"contact.{service}", **args)).code == code, (service, args)


async def test_after_a_month_the_way_back_is_closed(
    client_of: ClientMaker, admin: Admin, settings: Settings
) -> None:
    api = await client_of()
    shard, uid = api.person.shard, api.person.uid
    made = await api.add(first_name="Ada", company="Babbage")
    path = f"/contacts/{made['id']}"
    old = (await api.patch(path, {"company": "Analytical"})).etag.strip('"')
    await picture(api, path, "blue")
    await picture(api, path, "red")
    middle = (await api.patch(path, {"company": "Engine"})).etag.strip('"')
    await api.patch(path, {"notes": "tea"})
    admin.rows(
        f"UPDATE {shard}.contact_event SET at = at - 2600000 WHERE owner_id = %s AND rev <= %s", uid, middle
    )
    admin.rows(
        f"UPDATE {shard}.contact_picture SET replaced_at = replaced_at - 2600000 WHERE owner_id = %s", uid
    )
    db = Database(settings)
    await db.load_routines()
    await expire_history(db)
    assert admin.one(f"SELECT COUNT(*) FROM {shard}.contact_picture WHERE owner_id = %s", uid) == 1
    assert (await api.get(f"{path}/avatar")).raw == PNG + b"red"
    await db.close()
    assert [c["changes"][0]["field"] for c in await changes_of(api, path)] == ["notes"]
    assert (await revert(api, path, old)).error == (410, "GONE")
    assert (await revert(api, path, middle)).data["notes"] is None
    # a client that was away for so long gets the contact, once
    live = await api.socket()
    await api.patch(path, {"notes": "milk"})
    assert (await live.expect("contact.updated"))["data"]["notes"] == "milk"


async def test_the_trash_and_back(people: People, client_of: ClientMaker) -> None:
    api = await client_of(person=await people("Alice"))
    made = await api.add(first_name="Ada", company="Babbage")
    path = f"/contacts/{made['id']}"
    first = (await api.get(path)).etag.strip('"')
    await api.patch(path, {"company": "Engine"})
    await api.delete(path)
    changes = await changes_of(api, path)
    assert [c["event"] for c in changes] == ["deleted", "updated", "created"]
    # out of the trash by an older state
    back = await revert(api, path, first)
    assert (back.data["company"], back.data["deleted_at"]) == ("Babbage", None)
    # and into it again, by the state of that time
    tab, live = await api.person.tab(), await api.socket()
    again = await revert(api, path, changes[0]["rev"])
    assert (again.data["company"], again.data["deleted_at"] is None) == ("Engine", False)
    assert (await api.get(path)).status == 404
    await live.expect("contact.deleted")
    await tab.expect("contact.delete_contact")


async def test_a_permanent_deletion_takes_the_history_along(client_of: ClientMaker, admin: Admin) -> None:
    api = await client_of()
    ids = [(await api.add(first_name=name, notes="secret"))["id"] for name in ("Ada", "Ida", "Oda")]
    await api.patch(f"/contacts/{ids[0]}", {"notes": "hidden"})
    await api.post("/contacts/merge", {"into": ids[1], "ids": [ids[2]]})
    await api.post("/contacts/merge", {"into": ids[0], "ids": [ids[1]]})
    where = f"FROM {api.person.shard}.contact_event WHERE owner_id = '{api.person.uid}'"
    assert admin.one(f"SELECT COUNT(*) {where} AND before_record LIKE '%%secret%%'") > 3
    await api.delete(f"/contacts/{ids[0]}?permanent=true")
    assert admin.rows(f"SELECT event, before_record, before_private {where}") == [("purged", None, None)]
    assert (await api.get(f"/contacts/{ids[0]}/history")).error == (404, "NOT_FOUND")
    frames = (await api.get("/contacts/changes?since=1")).data
    assert {f["event"] for f in frames} == {"contact.deleted"}


async def test_of_an_edit_and_a_revert_at_once_one_is_refused(client_of: ClientMaker) -> None:
    api = await client_of()
    made = await api.add(first_name="Ada", company="Babbage")
    path = f"/contacts/{made['id']}"
    first = (await api.get(path)).etag
    for n in range(6):
        etag = (await api.patch(path, {"company": f"Engine {n}", "job_title": None})).etag
        answers = await asyncio.gather(
            api.patch(path, {"job_title": "Head"}, If_Match=etag),
            revert(api, path, first.strip('"'), If_Match=etag),
        )
        assert sorted(answer.status for answer in answers) == [200, 412]
        now = (await api.get(path)).data
        edited = answers[0].status == 200
        assert (now["company"], now["job_title"]) == (
            (f"Engine {n}", "Head") if edited else ("Babbage", None)
        )


async def test_a_relation_stays_whatever_is_reverted(people: People, client_of: ClientMaker) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    api = await client_of(person=alice)
    entry = await add_contact(alice, "Bob B", bob.email)
    path = f"/contacts/{to_wire(entry['id'])}"
    before = (await api.get(path)).etag.strip('"')
    await api.patch(path, {"emails": [{"address": "late@x.example"}], "company": "Acme"})
    await api.patch(path, {"emails": [{"address": bob.email}]})
    late = (await changes_of(api, path))[1]["rev"]
    await alice.ok("contact.invite", email=bob.email)

    # invited: another default address would withdraw the invitation
    answer = await revert(api, path, late)
    assert answer.body["meta"] == {"left": ["emails"]}
    assert (answer.data["company"], answer.data["emails"][0]["address"]) == ("Acme", bob.email)
    assert [n["status"] for n in await bob.ok("contact.invite_get")] == ["received"]
    await bob.ok("contact.invite_accept", email=alice.email)
    await alice.ok("contact.accept_informed", email=bob.email)
    accepted = [c for c in await changes_of(api, path) if c["actor"] == to_wire(bob.uid)]
    assert all(c["api"] == "rpc" for c in accepted)

    # in contact: the addresses are information only
    answer = await revert(api, path, before)
    assert (answer.status, answer.data["company"]) == (200, None)
    full = await alice.ok("contact.get_contact", contact_id=entry["id"])
    assert (full["status"], full["uid"]) == ("active", bob.uid)
    (other,) = await bob.ok("contact.show_contact")
    assert (other["status"], other["uid"]) == ("active", alice.uid)


async def test_a_contact_that_goes_back_to_the_trash_puts_its_block_aside(
    people: People, client_of: ClientMaker, admin: Admin
) -> None:
    api = await client_of(person=await people("Alice"))
    made = await api.add(first_name="Ada", emails=[{"address": "ada@x.example"}])
    contact_id, path = from_wire(made["id"]), f"/contacts/{made['id']}"
    await api.delete(path)
    await api.post(f"{path}/restore", {})
    trashed = (await changes_of(api, path))[1]
    assert trashed["event"] == "deleted"
    await api.person.ok("contact.block", contact_id=contact_id)
    # another contact with the same address is no obstacle
    await api.patch(path, {"emails": [{"address": "late@x.example"}]})
    await api.add(first_name="Eve", emails=[{"address": "ada@x.example"}])
    answer = await revert(api, path, trashed["rev"])
    assert (answer.status, answer.data["emails"][0]["address"]) == (200, "ada@x.example"), answer.raw
    assert (await api.get(path)).status == 404
    blocks = "SELECT COUNT(*) FROM yp.contact_block WHERE owner_id = %s"
    assert admin.one(blocks, api.person.uid) == 0
    await api.post(f"{path}/restore", {})
    full = await api.person.ok("contact.get_contact", contact_id=contact_id)
    assert (full["is_blocked"], admin.one(blocks, api.person.uid)) == (1, 1)


async def test_a_replaced_picture_comes_back(people: People, client_of: ClientMaker) -> None:
    api = await client_of(person=await people("Alice"))
    path = f"/contacts/{(await api.add(first_name='Ada'))['id']}"
    blue = (await picture(api, path, "blue")).etag.strip('"')
    await picture(api, path, "red")
    none = (await api.patch(path, {"avatar_path": None})).etag.strip('"')
    for to, color in ((blue, b"blue"), (none, b""), (str(int(blue) + 1), b"red"), (blue, b"blue")):
        answer = await revert(api, path, to)
        assert answer.body["meta"] == {"left": []}
        avatar = await api.get(f"{path}/avatar")
        assert (avatar.status, avatar.raw) == (200, PNG + color) if color else avatar.status == 404
    assert (await export(api.person)).count(b"PHOTO") == 1


async def test_groups_and_pictures_that_are_gone_are_left(
    people: People, client_of: ClientMaker, admin: Admin
) -> None:
    api = await client_of(person=await people("Alice"))
    made = await api.add(first_name="Ada")
    path = f"/contacts/{made['id']}"
    made_tag = (await api.get(path)).etag.strip('"')
    group = await add_group(api.person, "Friends", contact_id=[from_wire(made["id"])])
    first = (await picture(api, path, "blue")).etag.strip('"')
    second = (await picture(api, path, "red")).etag.strip('"')
    await api.person.ok("contact.delete_group", group_id=group["group_id"])
    cleared = await api.get(path)
    delete = f"DELETE FROM {api.person.shard}.contact_picture WHERE owner_id = %s AND replaced_at IS NOT NULL"
    admin.rows(delete, api.person.uid)
    answer = await revert(api, path, first)
    assert sorted(answer.body["meta"]["left"]) == ["avatar_path", "groups"]
    assert (answer.data["avatar_path"], answer.data["groups"]) == (cleared.data["avatar_path"], [])
    assert (await revert(api, path, second)).body["meta"] == {"left": ["groups"]}

    # before it had a picture: the later one is neither served nor exported, and can be given back
    assert (await revert(api, path, made_tag)).data["avatar_path"] is None
    assert (await api.get(f"{path}/avatar")).status == 404
    assert b"PHOTO" not in await export(api.person)
    assert (await revert(api, path, second)).data["avatar_path"] == cleared.data["avatar_path"]
    assert (await api.get(f"{path}/avatar")).raw == PNG + b"red"
    assert b"PHOTO" in await export(api.person)


async def picture(api: Client, path: str, color: str) -> Answer:
    form = aiohttp.FormData()
    form.add_field("file", PNG + color.encode(), filename="a.png", content_type="image/png")
    answer = await api.send("POST", f"{path}/avatar", data=form)
    assert answer.status == 200, answer.raw
    return answer


ADA: dict[str, Any] = {
    **FULL, "emails": [{"address": "ada@x.example", "label": "home", "primary": True}], "company": "Babbage",
    "custom_fields": {"a": {"b": 2}, "ada": 1}, "tags": ["partner", "countess"], "notes": "tea",
    "display_name": "Ada L.", "job_title": "Analyst",
    "phones": [{"number": "0912 34", "label": "mobile", "primary": True}, {"number": "777"}],
}  # fmt: skip


async def test_a_merge_loses_nothing_and_is_taken_back(people: People, client_of: ClientMaker) -> None:
    api = await client_of(person=await people("Alice"))
    made = [await api.add(**FULL), await api.add(**ADA), await api.add(first_name="Ida", company="Acme")]
    paths = [f"/contacts/{each['id']}" for each in made]
    await picture(api, paths[1], "blue")
    await api.patch(paths[0], {"avatar_path": None})
    await add_group(api.person, "Friends", contact_id=[from_wire(made[1]["id"])])
    before = [(await api.get(path)).data for path in paths]
    merged = (
        await api.post("/contacts/merge", {"into": made[0]["id"], "ids": [m["id"] for m in made[1:]]})
    ).data
    assert {e["address"] for e in merged["emails"]} == {
        "ana@acme.example", "ana@home.example", "ada@x.example"
    }  # fmt: skip
    assert {p["number"] for p in merged["phones"]} == {"+34 612-345", "0912 34", "777"}
    assert (merged["company"], merged["notes"]) == ("Acme", "met in Rome\n\ntea")
    assert (merged["tags"], merged["groups"]) == (["countess", "partner", "vip"], ["Friends"])
    assert merged["custom_fields"] == {
        "a": {"b": [1, None]}, "ada": 1,
        "merged": [
            {"company": "Babbage", "job_title": "Analyst", "custom_fields": {"a": {"b": 2}}},
            {"first_name": "Ida"},
        ],
    }  # fmt: skip
    assert merged["display_name"] == "Ada L."

    change = (await changes_of(api, paths[0]))[0]
    tab, live = await api.person.tab(), await api.socket()
    undone = await api.post("/contacts/revert", {"change_set": change["change_set"]})
    assert undone.data == {"reverted": 3, "left": []}, undone.raw
    assert [steady((await api.get(path)).data) for path in paths] == [steady(each) for each in before]
    assert (await api.get(f"{paths[1]}/avatar")).status == 200
    assert (await api.get(f"{paths[0]}/avatar")).status == 404
    assert [f["id"] for f in (await api.get("/contacts?search=babbage")).data] == [made[1]["id"]]
    await live.expect("contact.created", 2)
    await tab.expect("contact.add", 2)

    # merged and changed: it stays, unless the loss is accepted
    await api.post("/contacts/merge", {"into": made[0]["id"], "ids": [made[1]["id"]]})
    change = (await changes_of(api, paths[0]))[0]
    await api.patch(paths[0], {"company": "Later"})
    undone = await api.post("/contacts/revert", {"change_set": change["change_set"]})
    assert (undone.data["reverted"], {each["reason"] for each in undone.data["left"]}) == (
        0,
        {"changed again"},
    )
    undone = await api.post("/contacts/revert", {"change_set": change["change_set"], "force": True})
    assert undone.data == {"reverted": 2, "left": []}
    assert steady((await api.get(paths[0])).data) == steady(before[0])


async def test_the_undo_of_a_merge_moves_the_relation_back(
    people: People, client_of: ClientMaker, admin: Admin
) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    api = await client_of(person=alice)
    await befriend(admin, alice, bob)
    (entry,) = await alice.ok("contact.show_contact")
    await alice.ok("contact.block", contact_id=entry["id"])
    made = await api.add(**ADA)
    path = f"/contacts/{made['id']}"
    merged = await api.post("/contacts/merge", {"into": made["id"], "ids": [to_wire(entry["id"])]})
    assert merged.status == 200, merged.raw
    full = await alice.ok("contact.get_contact", contact_id=from_wire(made["id"]))
    assert (full["uid"], full["is_blocked"]) == (bob.uid, 1)
    change = (await changes_of(api, path))[0]
    undone = await api.post("/contacts/revert", {"change_set": change["change_set"]})
    assert undone.data == {"reverted": 2, "left": []}, undone.raw
    back = await alice.ok("contact.get_contact", contact_id=entry["id"])
    assert (back["uid"], back["status"], back["is_blocked"]) == (bob.uid, "active", 1)
    full = await alice.ok("contact.get_contact", contact_id=from_wire(made["id"]))
    assert (full["uid"], full["status"], full["is_blocked"]) == (None, "memory", 0)
    (other,) = await bob.ok("contact.show_contact")
    assert (other["uid"], other["status"]) == (alice.uid, "active")


async def addresses_of(api: Client, contact: str) -> list[str]:
    return [email["address"] for email in (await api.get(f"/contacts/{contact}")).data["emails"]]


async def inviting(people: People, client_of: ClientMaker) -> tuple[Client, Person, dict[str, Any]]:
    """Return the client of a person who has invited Bob, Bob, and the contact."""
    alice, bob = await people("Alice"), await people("Bob")
    await alice.ok("contact.invite", email=bob.email)
    (invited,) = await alice.ok("contact.show_contact", option="sent")
    return await client_of(person=alice), bob, invited


async def test_a_patch_that_drops_the_invited_address_withdraws_the_invitation(
    people: People, client_of: ClientMaker
) -> None:
    api, bob, invited = await inviting(people, client_of)
    target = await api.add(first_name="Target", emails=[{"address": "t@x.example"}])
    await api.post("/contacts/merge", {"into": target["id"], "ids": [to_wire(invited["id"])]})
    path = f"/contacts/{target['id']}"
    await api.patch(path, {"emails": [{"address": "t@x.example"}, {"address": bob.email}]})
    assert [n["status"] for n in await bob.ok("contact.invite_get")] == ["received"]
    await api.patch(path, {"emails": [{"address": "t@x.example"}]})
    assert await bob.ok("contact.invite_get") == []


async def test_an_invitation_stays_when_a_merged_contact_is_reverted(
    people: People, client_of: ClientMaker
) -> None:
    api, bob, invited = await inviting(people, client_of)
    alice = api.person
    stranger = await add_contact(alice, "Eve E", "eve@x.example", invite=1)
    third = await add_contact(alice, "Flo F", "flo@x.example", invite=1)
    made = [await api.add(first_name=name, emails=[{"address": f"{name}@x.example"}]) for name in "tu"]
    made.append(await api.add(first_name="no address"))
    merges = list(zip(made, (invited["id"], stranger["id"], third["id"]), strict=True))
    for target, other in merges:
        own = [await addresses_of(api, contact) for contact in (target["id"], to_wire(other))]
        path = f"/contacts/{target['id']}"
        merged = await api.post("/contacts/merge", {"into": target["id"], "ids": [to_wire(other)]})
        change = (await changes_of(api, path))[0]
        # the default address is that of the target, but the invitation is of the other one
        noted = await api.patch(path, {"notes": "late"})
        answer = await revert(api, path, merged.etag.strip('"'))
        assert (answer.data["notes"], answer.body["meta"]) == (None, {"left": []}), noted.raw
        emails = answer.data["emails"]
        assert (await api.patch(path, {"emails": [*emails, {"address": "more@x.example"}]})).status == 200
        full = await alice.ok("contact.get_contact", contact_id=from_wire(target["id"]))
        assert full["status"] == "sent"

        undone = await api.post("/contacts/revert", {"change_set": change["change_set"], "force": True})
        assert undone.data == {"reverted": 2, "left": []}, undone.raw
        full = await alice.ok("contact.get_contact", contact_id=from_wire(target["id"]))
        assert (full["status"], full["uid"]) == ("memory", None)
        full = await alice.ok("contact.get_contact", contact_id=other)
        assert full["status"] == "sent"
        assert own == [await addresses_of(api, contact) for contact in (target["id"], to_wire(other))]
    assert [n["status"] for n in await bob.ok("contact.invite_get")] == ["received"]
    await bob.ok("contact.invite_accept", email=alice.email)
    full = await alice.ok("contact.get_contact", contact_id=invited["id"])
    assert (full["status"], full["uid"]) == ("informed", bob.uid)


async def test_a_whole_import_is_taken_back(people: People, client_of: ClientMaker) -> None:
    api = await client_of(person=await people("Alice"))
    alice = api.person
    await api.add(first_name="Here", emails=[{"address": "here@x.example"}])
    people_of_file = [
        {"firstname": f"P{n}", "email": email_list(f"p{n}@x.example"), "tag": ["loaded"]} for n in range(230)
    ]
    loaded = await alice.ok("contact.import", list=people_of_file)
    assert loaded["loaded"] == 230
    names = {c["first_name"]: c["id"] for c in (await api.get("/contacts?limit=100&search=p1")).data}
    await api.patch(f"/contacts/{names['P1']}", {"notes": "mine now"})
    await api.delete(f"/contacts/{names['P10']}?permanent=true")
    (change,) = await changes_of(api, f"/contacts/{names['P11']}")
    assert (change["event"], change["api"], change["change_set"]) == ("created", "rpc", loaded["import_id"])

    tab = await alice.tab()
    undone = await alice.ok("contact.revert", change_set=loaded["import_id"])
    await tab.expect("contact.delete_contact", 228)
    frames = {f["model"]["entity"]: f["model"]["contact_id"] for f in tab.updates("contact.delete_contact")}
    assert (len(frames), frames["p11@x.example"]) == (228, from_wire(names["P11"]))
    assert undone == {
        "reverted": 228,
        "left": [{"contact_id": from_wire(names["P1"]), "name": "P1", "reason": "changed again"}],
        "parts_left": [],
    }
    assert {c["first_name"] for c in (await api.get("/contacts")).data} == {"Here", "P1"}
    assert (await api.get("/contacts?only_deleted=true")).body["meta"]["total"] == 228
    # the same file can be loaded again; the undo is a change set as well
    assert (await alice.ok("contact.import", list=people_of_file))["loaded"] == 229
    undone = await alice.ok("contact.revert", change_set=loaded["import_id"], force=1)
    assert [each["reason"] for each in undone["left"]] == ["in the trash, or deleted"] * 228
    assert undone["reverted"] == 1
