"""Write with one API and read with the others: fields map as documented, unknown ones survive updates."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from service.ids import from_wire, to_wire
from tests.support.contacts import email_list
from tests.support.login_token import Client as LoginTokenClient
from tests.support.people import People, Person
from tests.support.records import EDGES, FULL, LONG
from tests.support.rest import Client, ClientMaker

RPC_LISTS = {
    "email": ("email", "category", "is_default"),
    "mobile": ("areacode", "phone", "category", "is_default"),
    "address": ("street", "city", "country", "category", "is_default"),
}


@dataclass
class Everywhere:
    """One user of all three APIs."""

    rpc: Person
    rest: Client
    filemail: LoginTokenClient

    async def views(self, contact_id: str) -> dict[str, Any]:
        """Return a contact as each API shows it, without the fields that every write changes."""
        record = (await self.rest.get(f"/contacts/{contact_id}")).data
        entry = await self.rpc.ok("contact.get_contact", contact_id=contact_id)
        contacts = (await self.filemail.ok("contacts/get"))["contacts"]
        for name, fields in RPC_LISTS.items():
            entry[name] = [{key: item[key] for key in (*fields, "label")} for item in entry[name]]
        return {
            "rest": {key: value for key, value in record.items() if key != "updated_at"},
            "rpc": {key: value for key, value in entry.items() if key != "mtime"},
            "filemail": [contact for contact in contacts if contact["contactid"] == contact_id],
        }


@pytest.fixture
async def everywhere(people: People, client_of: ClientMaker) -> Everywhere:
    person = await people("Alice")
    filemail = LoginTokenClient(person)
    await filemail.login()
    return Everywhere(person, await client_of(person=person), filemail)


async def by_rest(api: Everywhere) -> str:
    return from_wire((await api.rest.add(**FULL))["id"]) or ""


async def by_rpc(api: Everywhere) -> str:
    tags = [(await api.rpc.ok("tagcontact.add", name=name))["tag_id"] for name in FULL["tags"]]
    made = await api.rpc.ok(
        "contact.add", firstname="Ana", lastname="García", surname="Annie", comment="met in Rome", tag=tags,
        email=[{"email": "ana@acme.example", "category": "prof", "is_default": 1},
               {"email": "ana@home.example", "category": "priv", "is_default": 0}],
        mobile=[{"areacode": "34", "phone": "612", "category": "priv", "is_default": 1}],
        address=[{"street": "Calle 1", "city": "Madrid", "country": "Spain", "category": "prof"}],
    )  # fmt: skip
    return str(made["id"])


async def by_filemail(api: Everywhere) -> str:
    fields = {"name": "Ana García", "email": "ana@acme.example", "mobile": "+34 612"}
    return str((await api.filemail.ok("contacts/add", **fields))["contact"]["contactid"])


async def again_by_rest(api: Everywhere, contact_id: str) -> None:
    """Send a form back with everything it showed, except the name that it derived."""
    record = (await api.rest.get(f"/contacts/{contact_id}")).data
    body = {name: record[name] for name in FULL}
    assert (await api.rest.patch(f"/contacts/{contact_id}", body)).status == 200


async def again_by_rpc(api: Everywhere, contact_id: str) -> None:
    entry = await api.rpc.ok("contact.get_contact", contact_id=contact_id)
    lists = {
        name: [{key: item[key] for key in fields} for item in entry[name]]
        for name, fields in RPC_LISTS.items()
    }
    await api.rpc.ok(
        "contact.update", contact_id=contact_id, firstname=entry["firstname"], lastname=entry["lastname"],
        surname=entry["given_surname"] or "", comment=entry["comment"],
        tag=[tag["tag_id"] for tag in entry["tag"]], **lists,
    )  # fmt: skip


async def again_by_filemail(api: Everywhere, contact_id: str) -> None:
    (contact,) = [
        c for c in (await api.filemail.ok("contacts/get"))["contacts"] if c["contactid"] == contact_id
    ]
    fields = {"name": contact["name"], "email": contact["email"]}
    await api.filemail.ok("contacts/update", contactid=contact_id, **fields)


Write = Callable[[Everywhere], Awaitable[str]]
Update = Callable[[Everywhere, str], Awaitable[None]]
WRITERS: dict[str, Write] = {"rest": by_rest, "rpc": by_rpc, "filemail": by_filemail}
UPDATERS: dict[str, Update] = {"rest": again_by_rest, "rpc": again_by_rpc, "filemail": again_by_filemail}


@pytest.mark.parametrize("updater", UPDATERS)
@pytest.mark.parametrize("writer", WRITERS)
async def test_writing_back_an_unchanged_contact_changes_nothing(
    everywhere: Everywhere, writer: str, updater: str
) -> None:
    contact_id = await WRITERS[writer](everywhere)
    before = await everywhere.views(contact_id)
    await UPDATERS[updater](everywhere, contact_id)
    assert await everywhere.views(contact_id) == before


async def test_the_other_apis_show_a_record_of_rest(everywhere: Everywhere) -> None:
    contact_id = await by_rest(everywhere)
    views = await everywhere.views(contact_id)
    assert {name: views["rest"][name] for name in FULL} == FULL
    assert views["rest"]["id"] == to_wire(contact_id)
    rpc = views["rpc"]
    assert (rpc["firstname"], rpc["lastname"], rpc["surname"], rpc["given_surname"], rpc["comment"]) == (
        "Ana", "García", "Ana García", None, "met in Rome",
    )  # fmt: skip
    assert rpc["email"] == [
        {"email": "ana@acme.example", "category": "prof", "is_default": 1, "label": "work"},
        {"email": "ana@home.example", "category": "priv", "is_default": 0, "label": "school"},
    ]
    assert rpc["mobile"] == [
        {"areacode": "+34", "phone": "612-345", "category": "priv", "is_default": 1, "label": "mobile"},
        {"areacode": "", "phone": "0912 34", "category": "prof", "is_default": 0, "label": "work"},
    ]
    assert rpc["address"][0]["street"] == "Calle 1"
    assert [tag["name"] for tag in rpc["tag"]] == FULL["tags"]
    extra = ("company", "job_title", "avatar_path", "custom_fields")
    assert {name: rpc[name] for name in extra} == {name: FULL[name] for name in extra}
    assert views["filemail"] == [
        {"contactid": contact_id, "name": "Ana García", "email": "ana@acme.example", "groups": []}
    ]


async def test_rest_shows_a_contact_of_the_rpc(everywhere: Everywhere) -> None:
    record = (await everywhere.views(await by_rpc(everywhere)))["rest"]
    assert (record["display_name"], record["first_name"], record["notes"]) == (
        "Ana García", "Ana", "met in Rome",
    )  # fmt: skip
    assert [(e["label"], e["primary"]) for e in record["emails"]] == [("work", True), ("personal", False)]
    assert record["phones"] == [{"number": "34 612", "label": "mobile", "primary": True}]
    assert (record["addresses"][0]["label"], record["addresses"][0]["state"]) == ("work", None)
    assert (record["tags"], record["source"], record["archived"]) == (FULL["tags"], "local", False)


async def test_rest_shows_a_contact_of_the_login_token_api(everywhere: Everywhere) -> None:
    record = (await everywhere.views(await by_filemail(everywhere)))["rest"]
    assert (record["display_name"], record["first_name"], record["last_name"]) == (
        "Ana García",
        "Ana",
        "García",
    )
    assert record["emails"] == [{"address": "ana@acme.example", "label": "personal", "primary": True}]
    assert [phone["number"] for phone in record["phones"]] == ["+34 612"]
    assert record["source"] == "filemail"


async def test_a_name_that_the_login_token_api_gives_is_shown_everywhere(everywhere: Everywhere) -> None:
    made = await everywhere.rest.add(**{**FULL, "display_name": "Ana the Great"})
    contact_id = from_wire(made["id"]) or ""
    (contact,) = (await everywhere.views(contact_id))["filemail"]
    assert contact["name"] == "Ana the Great"
    await everywhere.filemail.ok(
        "contacts/update", contactid=contact_id, name="Jane van Doe", email="jane@x.example", mobile="+44 1"
    )
    views = await everywhere.views(contact_id)
    record = views["rest"]
    assert (record["display_name"], record["first_name"], record["last_name"]) == (
        "Jane van Doe", "Ana", "García",
    )  # fmt: skip
    assert [e["address"] for e in record["emails"]] == ["jane@x.example", "ana@home.example"]
    assert [p["number"] for p in record["phones"]] == ["+44 1", "0912 34"]
    untouched = set(FULL) - {"emails", "phones"}
    assert {name: record[name] for name in untouched} == {name: FULL[name] for name in untouched}
    assert (views["rpc"]["surname"], views["filemail"][0]["name"]) == ("Jane van Doe", "Jane van Doe")


@pytest.mark.parametrize(
    "names",
    [
        {"display_name": "Mary Ann van Dyke", "first_name": "Mary Ann", "last_name": "van Dyke"},
        {"display_name": "Dr. Ann Lee", "first_name": "Ann", "last_name": "Lee"},
        {"display_name": "Acme  Labs", "first_name": None, "last_name": None},
        {"display_name": "Zoe", "first_name": "Zoe", "last_name": None},
    ],
)
async def test_the_login_token_api_leaves_names_whole(
    everywhere: Everywhere, names: dict[str, str | None]
) -> None:
    contact_id = from_wire((await everywhere.rest.add(**names))["id"]) or ""
    before = await everywhere.views(contact_id)
    fields = {"contactid": contact_id, "name": names["display_name"] or ""}
    await everywhere.filemail.ok("contacts/update", **fields)
    assert await everywhere.views(contact_id) == before
    await everywhere.filemail.ok("contacts/update", **fields, mobile="+1 5")
    record = (await everywhere.views(contact_id))["rest"]
    assert {name: record[name] for name in names} == names
    assert [phone["number"] for phone in record["phones"]] == ["+1 5"]


async def test_a_contact_without_names_gets_both_from_the_login_token_api(everywhere: Everywhere) -> None:
    contact_id = from_wire((await everywhere.rest.add(display_name="Acme"))["id"]) or ""
    await everywhere.filemail.ok("contacts/update", contactid=contact_id, name="Ada King  Lovelace")
    record = (await everywhere.views(contact_id))["rest"]
    assert (record["display_name"], record["first_name"], record["last_name"]) == (
        "Ada King Lovelace", "Ada King", "Lovelace",
    )  # fmt: skip


async def something_else_by_rest(api: Everywhere, contact_id: str) -> None:
    for company in ("other", (await api.rest.get(f"/contacts/{contact_id}")).data["company"]):
        assert (await api.rest.patch(f"/contacts/{contact_id}", {"company": company})).status == 200


async def something_else_by_rpc(api: Everywhere, contact_id: str) -> None:
    comment = (await api.rpc.ok("contact.get_contact", contact_id=contact_id))["comment"]
    for text in ("other", comment):
        await api.rpc.ok("contact.update", contact_id=contact_id, comment=text)


async def the_form_of_the_frontend(api: Everywhere, contact_id: str) -> None:
    """Send the frontend's form: no default numbers and addresses, no surname when it invites again."""
    entry = await api.rpc.ok("contact.get_contact", contact_id=contact_id)
    rows = {
        "email": ("email", "category", "is_default"),
        "mobile": ("areacode", "phone", "category"),
        "address": ("street", "city", "country", "category"),
    }
    lists = {name: [{key: item[key] for key in keys} for item in entry[name]] for name, keys in rows.items()}
    await api.rpc.ok(
        "contact.update", contact_id=contact_id, firstname=entry["firstname"] or "",
        lastname=entry["lastname"] or "", comment=entry["comment"],
        tag=[tag["tag_id"] for tag in entry["tag"]], **lists,
    )  # fmt: skip


async def the_trash(api: Everywhere, contact_id: str) -> None:
    assert (await api.rest.delete(f"/contacts/{contact_id}")).status == 200
    assert (await api.rest.post(f"/contacts/{contact_id}/restore")).status == 200


EDITORS: dict[str, Update] = {
    **UPDATERS,
    "something else by rest": something_else_by_rest,
    "something else by rpc": something_else_by_rpc,
    "the form of the frontend": the_form_of_the_frontend,
    "the trash": the_trash,
}  # fmt: skip


@pytest.mark.parametrize("edge", EDGES)
async def test_records_that_are_hard_to_store_survive_every_api(everywhere: Everywhere, edge: str) -> None:
    made = await everywhere.rest.add(**EDGES[edge])
    for name, value in EDGES[edge].items():
        if name not in {"emails", "phones", "addresses", "tags"}:
            assert made[name] == (value if value != "" else None), name
    contact_id = from_wire(made["id"]) or ""
    before = await everywhere.views(contact_id)
    for name, edit in EDITORS.items():
        await edit(everywhere, contact_id)
        assert await everywhere.views(contact_id) == before, name


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "Ada", "email": "ada@x.example"},
        {"name": LONG, "email": f"{'l' * 64}@{'m' * 63}.example", "mobile": "9" * 64},
        {"name": "Zoë 👩‍🚀 O'Neil", "email": "ZOE@X.example", "mobile": "+34-612 (0) 3"},
    ],
)
async def test_every_field_of_the_login_token_api_survives_every_api(
    everywhere: Everywhere, fields: dict[str, str]
) -> None:
    contact_id = str((await everywhere.filemail.ok("contacts/add", **fields))["contact"]["contactid"])
    group = (await everywhere.filemail.ok("contacts/group/add", name="Friends"))["groups"][0]
    await everywhere.filemail.ok(
        "contacts/addtogroup", contactid=contact_id, contactgroupid=group["contactgroupid"]
    )
    before = await everywhere.views(contact_id)
    assert before["rest"]["groups"] == ["Friends"]
    assert before["filemail"] == [
        {"contactid": contact_id, "name": fields["name"], "email": fields["email"].lower(),
         "groups": [{"contactgroupid": group["contactgroupid"], "name": "Friends"}]},
    ]  # fmt: skip
    assert before["rest"]["display_name"] == fields["name"]
    for name, edit in EDITORS.items():
        await edit(everywhere, contact_id)
        assert await everywhere.views(contact_id) == before, name


async def test_source_and_archive_survive_every_api(everywhere: Everywhere, client_of: ClientMaker) -> None:
    sync = await client_of(person=everywhere.rpc, scope="sync")
    origin = {"source": "Google.x", "source_id": "c/1 ä", "synced_at": "2026-02-16T10:30:00.123Z"}
    answer = await sync.post("/contacts", {**FULL, **origin}, X_Claw_User_Id=everywhere.rpc.uid)
    contact_id = from_wire(answer.data["id"]) or ""
    await everywhere.rpc.ok("contact.change_status", contact_id=contact_id, status="archived")
    before = await everywhere.views(contact_id)
    assert {name: before["rest"][name] for name in origin} == origin
    assert (before["rest"]["archived"], before["filemail"]) == (True, [])
    for name, edit in EDITORS.items():
        if name != "filemail":
            await edit(everywhere, contact_id)
            assert await everywhere.views(contact_id) == before, name
    assert (await everywhere.rpc.ok("contact.get_contact", contact_id=contact_id))[
        "source"
    ] == "ana@acme.example"


async def test_every_field_of_the_rpc_survives_every_api(everywhere: Everywhere) -> None:
    tag = (await everywhere.rpc.ok("tagcontact.add", name=LONG))["tag_id"]
    made = await everywhere.rpc.ok(
        "contact.add", firstname="", lastname=LONG, surname=LONG[1:], comment="n" * 16_383, tag=[tag],
        email=[{"email": f"m{n}@x.example", "is_default": int(n == 50)} for n in range(100)], message="m",
        mobile=[{"areacode": "+" + "9" * 15, "phone": "8" * 64}, {"areacode": "+44", "phone": "1 2"},
                {"areacode": "+44 1", "phone": "2"}, {"areacode": "", "phone": "9" * 81},
                {"phone": "1", "category": "prof"}, {"phone": "1", "category": "priv"}],
        address=[{"street": "", "city": LONG, "country": "", "is_default": int(n == 1)} for n in range(2)],
    )  # fmt: skip
    contact_id = str(made["id"])
    before = await everywhere.views(contact_id)
    assert [phone["primary"] for phone in before["rest"]["phones"]] == [True, *[False] * 5]
    assert len(before["rest"]["phones"][0]["number"]) == 81
    assert [address["is_default"] for address in before["rpc"]["address"]] == [0, 1]
    for name, edit in EDITORS.items():
        await edit(everywhere, contact_id)
        assert await everywhere.views(contact_id) == before, name
    answer = await everywhere.rpc.call(
        "contact.update", contact_id=contact_id, mobile=[{"areacode": "+34", "phone": "9" * 78}]
    )
    assert (answer.status, answer.code, answer.data["param"]) == (400, "INVALID_PARAM", "mobile")


async def test_a_colleague_is_no_contact_under_any_address_in_any_api(
    people: People, client_of: ClientMaker
) -> None:
    erin, frank = await people("Erin", domain="firm.test"), await people("Frank", domain="firm.test")
    rest, filemail = await client_of(person=erin), LoginTokenClient(erin)
    await filemail.login()
    own, new, colleague = (
        {"address": "x@firm.example"},
        {"address": "y@firm.example"},
        {"address": frank.email},
    )
    first: dict[str, Any] = {"display_name": "F", "emails": [colleague, new]}
    second: dict[str, Any] = {"display_name": "F", "emails": [new, colleague]}
    made = await rest.add(display_name="F", emails=[own])
    for body in (first, second):
        assert (await rest.post("/contacts", body)).error == (422, "UNPROCESSABLE")
        assert (await rest.patch(f"/contacts/{made['id']}", body)).error == (422, "UNPROCESSABLE")
        many = await rest.post("/contacts/batch", {"operations": [{"action": "create", "data": body}]})
        assert [(one["status"], one["error"]["code"]) for one in many.data["results"]] == [
            (422, "UNPROCESSABLE")
        ]
        mails = [{"email": e["address"], "is_default": int(n == 0)} for n, e in enumerate(body["emails"])]
        for service, contact_id in (("add", None), ("update", made["id"])):
            answer = await erin.call(f"contact.{service}", firstname="F", email=mails, contact_id=contact_id)
            assert answer.code == "SAME_DOMAIN"
    for path, fields in (("add", {"name": "F"}), ("update", {"contactid": made["id"]})):
        assert (await filemail.call(f"contacts/{path}", **fields, email=frank.email))["errorcode"] == 1002
    assert (await rest.get(f"/contacts/{made['id']}")).data["emails"] == made["emails"]


async def test_an_address_of_another_contact_is_refused_where_people_type(everywhere: Everywhere) -> None:
    alice, rest, filemail = everywhere.rpc, everywhere.rest, everywhere.filemail

    def body(*addresses: str) -> dict[str, Any]:
        return {"display_name": "X Y", "emails": [{"address": address} for address in addresses]}

    await rest.add(**body("a@x.example", "b@x.example"))
    other = await rest.add(**body("new@x.example"))
    for addresses in (("b@x.example", "new2@x.example"), ("new2@x.example", "a@x.example")):
        mails = email_list(*addresses)
        for service, contact_id in (("add", None), ("update", from_wire(other["id"]))):
            answer = await alice.call(f"contact.{service}", firstname="F", email=mails, contact_id=contact_id)
            assert (answer.status, answer.code, answer.data) == (
                409, "ALREADY_IN_CONTACT", {"status": "ALREADY_IN_CONTACT"},
            )  # fmt: skip
            assert "@x" not in answer.body["reason"]
    for path, fields in (("add", {"name": "F"}), ("update", {"contactid": other["id"]})):
        error = await filemail.error(f"contacts/{path}", **fields, email="a@x.example")
        assert error[1:] == (1002, "Contact already exists: a@x.example")
    assert (await rest.get(f"/contacts/{other['id']}")).data["emails"] == other["emails"]
    many = {"operations": [{"action": "create", "data": body("b@x.example")}]}
    assert (await rest.post("/contacts/batch", many)).data["failed"] == 0
    changed = await rest.patch(f"/contacts/{other['id']}", body("a@x.example", "new@x.example"))
    assert [e["address"] for e in changed.data["emails"]] == ["a@x.example", "new@x.example"]


async def test_names_of_tags_are_stored_and_matched_to_the_letter(everywhere: Everywhere) -> None:
    await everywhere.rpc.ok("tagcontact.add", name="año")
    await everywhere.rpc.ok("tagcontact.add", name="Work")
    made = await everywhere.rest.add(**{**FULL, "tags": ["ano", "work"]})
    contact_id = from_wire(made["id"]) or ""
    assert made["tags"] == ["ano", "work"]
    for tags in (["ano"], ["ano", "año", "Work", "work", "WORK"], ["Año"]):
        patched = (await everywhere.rest.patch(f"/contacts/{contact_id}", {"tags": tags})).data
        assert sorted(patched["tags"]) == sorted(tags)
        by_rpc_name = (await everywhere.rpc.ok("contact.get_contact", contact_id=contact_id))["tag"]
        assert sorted(tag["name"] for tag in by_rpc_name) == sorted(tags)
        for tag in ("ano", "año", "Año", "work", "Work", "WORK", "wörk"):
            page = await everywhere.rest.get(f"/contacts?tag={quote(tag)}")
            assert page.body["meta"]["total"] == int(tag in tags), (tag, tags)
        before = await everywhere.views(contact_id)
        for again in UPDATERS.values():
            if again is not again_by_filemail:
                await again(everywhere, contact_id)
        assert await everywhere.views(contact_id) == before


async def test_a_surname_is_shown_by_the_rpc_and_a_display_name_by_the_others(everywhere: Everywhere) -> None:
    contact_id = from_wire((await everywhere.rest.add(**{**FULL, "display_name": "Ana the Great"}))["id"])
    await everywhere.rest.add(display_name="Bea", company="Acme", emails=[{"address": "bea@x.example"}])
    for surname, by_rpc_list in (("Zoe", ["Bea", "Zoe"]), ("", ["Ana the Great", "Bea"])):
        await everywhere.rpc.ok("contact.update", contact_id=contact_id, surname=surname)
        for service, args in (
            ("show_contact", {}),
            ("search", {"key": "acme"}),
            ("my_contacts", {"value": "%"}),
        ):
            rpc_contacts = await everywhere.rpc.ok(f"contact.{service}", **args)
            assert [c["surname"] for c in rpc_contacts] == by_rpc_list, service
            assert [c["fullname"] for c in rpc_contacts] == by_rpc_list, service
        entry = await everywhere.rpc.ok("contact.get_contact", contact_id=contact_id)
        assert (entry["given_surname"], entry["display_name"]) == (surname or None, "Ana the Great")
        names = [c["display_name"] for c in (await everywhere.rest.get("/contacts")).data]
        assert names == ["Ana the Great", "Bea"]
        filemail_contacts = (await everywhere.filemail.ok("contacts/get"))["contacts"]
        assert [c["name"] for c in filemail_contacts] == names
    await everywhere.rest.patch(f"/contacts/{contact_id}", {"display_name": None, "first_name": "Anna"})
    await everywhere.rpc.ok("contact.update", contact_id=contact_id, surname="Zoe")
    (by_filemail,) = (await everywhere.views(contact_id or ""))["filemail"]
    assert by_filemail["name"] == "Anna García"
    assert (await everywhere.rest.get(f"/contacts/{contact_id}")).data["display_name"] == "Anna García"


async def test_contacts_in_the_trash_are_hidden_everywhere(everywhere: Everywhere) -> None:
    for path in ("contacts/delete", "rest"):
        contact_id = await by_rest(everywhere)
        before = await everywhere.views(contact_id)
        if path == "rest":
            await everywhere.rest.delete(f"/contacts/{contact_id}")
        else:
            await everywhere.filemail.ok(path, contactid=contact_id)
        assert await everywhere.rpc.ok("contact.get_contact", contact_id=contact_id) == {}
        assert await everywhere.rpc.ok("contact.show_contact") == []
        assert await everywhere.rpc.ok("contact.search", key="ana") == []
        assert (await everywhere.filemail.ok("contacts/get"))["contacts"] == []
        assert (await everywhere.rest.get(f"/contacts/{contact_id}")).status == 404
        assert (await everywhere.rest.post(f"/contacts/{contact_id}/restore")).status == 200
        assert await everywhere.views(contact_id) == before
        assert (await everywhere.rest.delete(f"/contacts/{contact_id}?permanent=true")).status == 200


async def test_every_api_takes_both_forms_of_an_id(everywhere: Everywhere) -> None:
    contact_id = await by_rest(everywhere)
    uuid = to_wire(contact_id)
    assert (await everywhere.rpc.ok("contact.get_contact", contact_id=uuid))["id"] == contact_id
    await everywhere.rpc.ok("contact.update", contact_id=uuid.upper(), comment="by UUID")
    await everywhere.filemail.ok("contacts/update", contactid=uuid, mobile="+34 7")
    for key in (uuid, contact_id):
        assert (await everywhere.rest.get(f"/contacts/{key}")).data["notes"] == "by UUID"


async def test_every_api_accepts_what_another_one_accepts(everywhere: Everywhere) -> None:
    mails = [{"address": f"m{n}@x.example", "primary": n == 0} for n in range(100)]
    made = await everywhere.rest.add(display_name="Big", notes="n" * 16_383, emails=mails)
    contact_id = from_wire(made["id"]) or ""
    await again_by_rpc(everywhere, contact_id)
    await everywhere.rpc.ok("contact.update", contact_id=contact_id, comment="m" * 16_383)
    record = (await everywhere.rest.get(f"/contacts/{contact_id}")).data
    assert len(record["emails"]) == 100
    assert record["notes"] == "m" * 16_383
