"""Call /api/contacts/* and /api/authentication/* as a client does, and check the result in the RPC."""

from __future__ import annotations

import asyncio
import logging

import orjson
import pytest

from service.filemail.endpoints import describe_endpoints
from service.filemail.errors import REFUSALS
from service.schema.routines import reachable_signals
from tests.support.admin import Admin
from tests.support.login_token import Client, client_of
from tests.support.people import PASSWORD, People


async def test_every_endpoint_answers_as_documented(people: People) -> None:
    api = await client_of(people)
    assert await api.ok("contacts/get") == {"contacts": [], "Contacts": [], "responsestatus": "OK"}

    made = (await api.ok("contacts/add", name="John Doe", email="John@Example.com", mobile="+47 555 1"))[
        "contact"
    ]
    assert made == {
        "contactid": made["contactid"], "name": "John Doe", "email": "john@example.com",
        "mobile": "+47 555 1", "groups": [],
    }  # fmt: skip
    added = await api.ok("contacts/group/add", name="Coworkers")
    group = added["Groups"][0]["contactgroupid"]
    assert added["Groups"] == added["groups"] == [{"contactgroupid": group, "contactgroupname": "Coworkers"}]

    for _ in range(2):
        assert await api.ok("contacts/addtogroup", contactgroupid=group, contactid=made["contactid"])
    assert await api.ok("contacts/group/update", contactgroupid=group, name="Business") == {
        "responsestatus": "OK"
    }
    assert await api.ok("contacts/group/get") == {
        "status": "OK", "responsestatus": "OK",
        "groups": [{"contactgroupid": group, "contactgroupname": "Business"}],
    }  # fmt: skip
    assert await api.ok("contacts/get") == {
        "contacts": [{
            "contactid": made["contactid"], "name": "John Doe", "email": "john@example.com",
            "groups": [{"contactgroupid": group, "name": "Business"}],
        }],
        "responsestatus": "OK",
    }  # fmt: skip

    for _ in range(2):
        assert await api.ok("contacts/removefromgroup", contactgroupid=group, contactid=made["contactid"])
    assert (await api.ok("contacts/get"))["contacts"][0]["groups"] == []
    await api.ok(
        "contacts/update", contactid=made["contactid"], name="Jane van Doe", email="jane@example.com"
    )
    (contact,) = (await api.ok("contacts/get"))["contacts"]
    assert (contact["name"], contact["email"]) == ("Jane van Doe", "jane@example.com")
    assert await api.ok("contacts/group/delete", contactgroupid=group) == {"responsestatus": "OK"}
    assert await api.ok("contacts/delete", contactid=made["contactid"]) == {"responsestatus": "OK"}
    assert (await api.ok("contacts/get"))["contacts"] == []


async def test_the_rpc_sees_every_write_at_once_and_its_tabs_are_notified(people: People) -> None:
    api = await client_of(people)
    alice, tab = api.person, await api.person.tab()

    made = (await api.ok("contacts/add", name="Ada King Lovelace", email="ada@example.com"))["contact"]
    update = await tab.expect("contact.add")
    assert update["model"]["contact_id"] == made["contactid"]
    contact = await alice.ok("contact.get_contact", contact_id=made["contactid"])
    assert (contact["firstname"], contact["lastname"]) == ("Ada King", "Lovelace")

    await api.ok("contacts/update", contactid=made["contactid"], name="Ada")
    assert (await tab.expect("contact.update"))["model"]["surname"] == "Ada"
    group = (await api.ok("contacts/group/add", name="Poets"))["groups"][0]["contactgroupid"]
    assert (await tab.expect("contact.create_group"))["model"]["id"] == group
    await api.ok("contacts/group/update", contactgroupid=group, name="Countesses")
    assert (await tab.expect("contact.update_group"))["model"]["name"] == "Countesses"
    await api.ok("contacts/addtogroup", contactgroupid=group, contactid=made["contactid"])
    await tab.expect("contact.add_to_group")
    assert [m["id"] for m in await alice.ok("contact.show_members", group_id=group)] == [made["contactid"]]
    await api.ok("contacts/removefromgroup", contactgroupid=group, contactid=made["contactid"])
    await tab.expect("contact.remove_from_group")
    await api.ok("contacts/group/delete", contactgroupid=group)
    await tab.expect("contact.delete_group")
    await api.ok("contacts/delete", contactid=made["contactid"])
    assert (await tab.expect("contact.delete_contact"))["model"]["contact_id"] == made["contactid"]
    assert await alice.ok("contact.show_contact") == []

    await alice.ok("contact.add", firstname="Bob", lastname="Test",
                   email=[{"email": "bob@example.com", "is_default": 1}])  # fmt: skip
    assert [c["name"] for c in (await api.ok("contacts/get"))["contacts"]] == ["Bob Test"]


async def test_an_update_keeps_what_this_api_does_not_know(people: People) -> None:
    api = await client_of(people)
    tag = await api.person.ok("tagcontact.add", name="poets")
    made = await api.person.ok(
        "contact.add", firstname="Ada", lastname="Lovelace", surname="Countess", comment="met in Rome",
        email=[{"email": "ada@work.example", "is_default": 1, "category": "prof"},
               {"email": "ada@home.example", "is_default": 0}],
        mobile=[{"areacode": "+44", "phone": "1", "category": "prof"},
                {"areacode": "+44", "phone": "2", "is_default": 1}],
        address=[{"street": "12 Square", "city": "London", "country": "UK"}], tag=[tag["tag_id"]],
    )  # fmt: skip
    await api.ok("contacts/update", contactid=made["id"], email="ada@new.example", mobile="+39 06 1")
    after = await api.person.ok("contact.get_contact", contact_id=made["id"])
    assert [(e["email"], e["is_default"], e["category"]) for e in after["email"]] == [
        ("ada@new.example", 1, "prof"),
        ("ada@home.example", 0, "priv"),
    ]
    assert [(p["areacode"], p["phone"], p["category"]) for p in after["mobile"]] == [
        ("+44", "1", "prof"),
        ("+39", "06 1", "priv"),
    ]
    for field in ("firstname", "lastname", "given_surname", "comment", "tag"):
        assert after[field] == made[field]
    assert after["address"][0]["street"] == "12 Square"

    # The default address becomes one of the existing addresses.
    await api.ok("contacts/update", contactid=made["id"], email="ada@home.example")
    after = await api.person.ok("contact.get_contact", contact_id=made["id"])
    assert [(e["email"], e["is_default"], e["category"]) for e in after["email"]] == [
        ("ada@home.example", 1, "priv")
    ]


async def test_the_source_survives_a_change_of_the_address(people: People) -> None:
    api = await client_of(people)
    made = (await api.ok("contacts/add", name="Ada", email="ada@home.example"))["contact"]["contactid"]
    await api.ok("contacts/update", contactid=made, email="ada@work.example")
    contact = await api.person.ok("contact.get_contact", contact_id=made)
    assert (contact["email"][0]["email"], contact["source"]) == ("ada@work.example", "ada@home.example")


async def test_the_reference_says_that_an_update_leaves_first_and_last_name() -> None:
    docs = {call["path"]: {name: doc for name, _, _, doc in call["params"]} for call in describe_endpoints()}
    assert "last word is the last name" in docs["/api/contacts/add"]["name"]
    assert "First and last name stay" in docs["/api/contacts/update"]["name"]


async def test_a_related_person_may_lose_a_name_here(people: People, admin: Admin) -> None:
    api, bob = await client_of(people), await people("Bob")
    await api.person.ok("contact.invite", email=bob.email)
    await bob.ok("contact.invite_accept", email=api.person.email)
    (entry,) = (await api.ok("contacts/get"))["contacts"]
    await api.ok("contacts/update", contactid=entry["contactid"], name="Bobby")
    assert (await api.ok("contacts/get"))["contacts"][0]["name"] == "Bobby"
    refusal = await api.person.call("contact.update", contact_id=entry["contactid"], firstname="Bobby")
    assert refusal.code == "EMPTY_LASTNAME"

    # Bob is deleted here, keeps an entry and is not notified; Bob's delete then reaches the trash.
    tab = await bob.tab()
    await api.ok("contacts/delete", contactid=entry["contactid"])
    await tab.nothing("contact.delete_contact")
    (bob_entry,) = await bob.ok("contact.show_contact")
    assert bob_entry["status"] in {"active", "informed"}
    await bob.ok("contact.delete_contact", contact_id=bob_entry["id"])
    where = (entry["contactid"],)
    status = f"SELECT status FROM {api.person.shard}.contact_relation_aside WHERE id = %s"
    assert admin.one(status, *where) == "memory"
    assert admin.one(status.replace("status", "uid"), *where) is None


async def test_delete_frees_the_address_and_moves_the_contact_to_the_trash(
    people: People, admin: Admin
) -> None:
    api = await client_of(people)
    first = (await api.ok("contacts/add", name="Ada", email="ada@example.com", mobile="1"))["contact"]
    await api.ok("contacts/delete", contactid=first["contactid"])
    second = (await api.ok("contacts/add", name="Ada", email="ada@example.com"))["contact"]
    assert second["contactid"] != first["contactid"]
    shard = api.person.shard
    trashed = (
        f"SELECT c.firstname, e.email, p.phone, c.box FROM {shard}.contact AS c "
        f"JOIN {shard}.contact_email AS e ON e.contact_id = c.id "
        f"JOIN {shard}.contact_phone AS p ON p.contact_id = c.id WHERE c.id = %s"
    )
    assert admin.rows(trashed, first["contactid"]) == [("Ada", "ada@example.com", "1", "trash")]
    (group,) = (await api.ok("contacts/group/add", name="Poets"))["groups"]
    for path in ("update", "delete", "addtogroup", "removefromgroup"):
        ids = {"contactid": first["contactid"], "contactgroupid": group["contactgroupid"]}
        assert await api.error(f"contacts/{path}", **ids, name="X") == (
            "InvalidParameter", 1002, "Contact not found",
        )  # fmt: skip


async def test_a_block_is_lifted_when_its_contact_is_thrown_away(people: People, admin: Admin) -> None:
    api, bob = await client_of(people), await people("Bob")
    made = (await api.ok("contacts/add", name="Bob", email=bob.email))["contact"]["contactid"]
    await api.person.ok("contact.block", contact_id=made)
    await api.ok("contacts/delete", contactid=made)
    again = (await api.ok("contacts/add", name="Bob", email=bob.email))["contact"]["contactid"]
    assert (await api.person.ok("contact.get_contact", contact_id=again))["is_blocked"] == 0
    assert not admin.rows("SELECT 1 FROM yp.contact_block WHERE owner_id = %s", api.person.uid)
    block_in_trash = f"SELECT is_blocked FROM {api.person.shard}.contact_relation_aside WHERE id = %s"
    assert admin.one(block_in_trash, made) == 1


async def test_a_deleted_contact_still_sees_who_is_online(people: People) -> None:
    api, bob = await client_of(people), await people("Bob")
    await api.person.ok("contact.invite", email=bob.email)
    await bob.ok("contact.invite_accept", email=api.person.email)
    (entry,) = (await api.ok("contacts/get"))["contacts"]
    await api.ok("contacts/delete", contactid=entry["contactid"])
    bob_tab = await bob.tab()
    await api.person.tab()
    update = await bob_tab.expect("user.connection_status")
    assert update["model"]["user_id"] == api.person.uid


async def test_archived_and_waiting_entries_are_not_shown(people: People) -> None:
    api, bob = await client_of(people), await people("Bob")
    made = (await api.ok("contacts/add", name="Ada", email="ada@example.com"))["contact"]
    await api.person.ok("contact.change_status", contact_id=made["contactid"], status="archived")
    await bob.ok("contact.invite", email=api.person.email)
    assert (await api.ok("contacts/get"))["contacts"] == []
    assert (await api.error("contacts/update", contactid=made["contactid"], name="X"))[1] == 1002


async def test_each_error_has_its_name_and_code(people: People) -> None:
    api = await client_of(people)
    made = (await api.ok("contacts/add", name="Ada", email="ada@example.com"))["contact"]
    await api.ok("contacts/group/add", name="Poets")
    cases = [
        ("contacts/add", {"email": "a@b.example"}, 1003, 'Required parameter missing: "name"'),
        ("contacts/add", {"name": " ", "email": "a@b.example"}, 1003, 'Required parameter missing: "name"'),
        ("contacts/add", {"name": "A", "email": "nobody"}, 1004,
         "Parameter 'email' is not a valid e-mail address: nobody"),
        ("contacts/update", {"contactid": made["contactid"], "email": "@"}, 1004,
         "Parameter 'email' is not a valid e-mail address: @"),
        ("contacts/add", {"name": "A", "email": "ada@example.com"}, 1002,
         "Contact already exists: ada@example.com"),
        ("contacts/add", {"name": "A" * 256, "email": "b@example.com"}, 1002, None),
        ("contacts/add", {"name": "A", "email": "b@example.com", "mobile": "1" * 65}, 1002, None),
        ("contacts/add", {"name": "A\x00B", "email": "b@example.com"}, 1002, None),
        ("contacts/add", {"name": "A", "email": api.person.email}, 1002, None),
        ("contacts/update", {"contactid": "jd893jr8g93hf39th", "name": "X"}, 1002, "Contact not found"),
        ("contacts/delete", {"contactid": "0" * 16}, 1002, "Contact not found"),
        ("contacts/group/add", {"name": "Poets"}, 1002, "Contact group already exists: Poets"),
        ("contacts/group/update", {"contactgroupid": "0" * 16, "name": "X"}, 1002, "Contact group not found"),
        ("contacts/group/delete", {"contactgroupid": "Poets"}, 1002, "Contact group not found"),
        ("contacts/addtogroup", {"contactgroupid": "0" * 16, "contactid": made["contactid"]}, 1002,
         "Contact group not found"),
        ("contacts/nothing", {}, 1005, "There is no such call"),
        ("contacts/get", {"format": "yaml"}, 1002, None),
    ]  # fmt: skip
    for path, parameters, code, message in cases:
        error = await api.error(path, **parameters)
        assert error[1] == code, (path, parameters, error)
        assert message in {None, error[2]}
    # No row was written.
    assert len((await api.ok("contacts/get"))["contacts"]) == 1


async def test_one_of_two_additions_at_once_wins(people: People) -> None:
    api = await client_of(people)
    answers = await asyncio.gather(
        *(api.call("contacts/add", name=f"A{n}", email="a@example.com") for n in range(8))
    )
    assert sorted(f["responsestatus"] for f in answers) == [*["InvalidParameter"] * 7, "OK"]


async def test_changes_at_once_in_two_apis_lose_nothing(people: People) -> None:
    api = await client_of(people)
    made = (await api.ok("contacts/add", name="Ada", email="ada@example.com"))["contact"]
    key = made["contactid"]
    for n in range(5):
        done = await asyncio.gather(
            api.ok("contacts/update", contactid=key, email=f"ada{n}@example.com"),
            api.ok("contacts/update", contactid=key, mobile=f"{n}"),
            api.person.call("contact.update", contact_id=key, comment=f"note {n}"),
        )
        assert done[2].status == 200
        after = await api.person.ok("contact.get_contact", contact_id=key)
        assert ([e["email"] for e in after["email"]], after["mobile"][0]["phone"], after["comment"]) == (
            [f"ada{n}@example.com"], f"{n}", f"note {n}",
        )  # fmt: skip


async def test_other_people_s_contacts_do_not_exist(people: People) -> None:
    api, other = await client_of(people), await client_of(people, "Bob")
    made = (await other.ok("contacts/add", name="Ada", email="ada@example.com"))["contact"]
    group = (await api.ok("contacts/group/add", name="Poets"))["groups"][0]["contactgroupid"]
    for path in ("contacts/update", "contacts/delete"):
        assert (await api.error(path, contactid=made["contactid"], name="X"))[2] == "Contact not found"
    error = await api.error("contacts/addtogroup", contactgroupid=group, contactid=made["contactid"])
    assert error == ("InvalidParameter", 1002, "Contact not found")
    assert len((await other.ok("contacts/get"))["contacts"]) == 1


async def test_the_one_open_client_finds_what_it_looks_for(people: People) -> None:
    """Play the open-source client: all in the query, token from the cookie, email and groups indexed."""
    alice = await people.registered("Alice")
    api = Client(alice)
    keys = {"apikey": "any", "source": "Desktop"}
    login = {**keys, "username": alice.email, "password": PASSWORD}
    await api.raw("authentication/login", login, "POST")
    jar = alice.http.cookie_jar.filter_cookies(alice.base / "api/contacts/get")
    keys["logintoken"] = jar["logintoken"].value
    await api.raw("contacts/add", {**keys, "name": "John Doe", "email": "john@example.com"}, "POST")
    await api.raw("contacts/group/add", {**keys, "name": "Coworkers"}, "POST")
    _, _, body, _ = await api.raw("contacts/get", {**keys, "getForAllUsers": "False"}, "POST")
    assert [(c["email"], c["groups"]) for c in orjson.loads(body)["contacts"]] == [("john@example.com", [])]
    _, _, body, _ = await api.raw("contacts/group/get", keys, "POST")
    assert [g["contactgroupname"] for g in orjson.loads(body)["groups"]] == ["Coworkers"]
    _, _, body, headers = await api.raw("authentication/logout", keys, "POST")
    assert orjson.loads(body)["responsestatus"] == "ok"
    assert "Max-Age=0" in headers["Set-Cookie"]


async def test_each_call_costs_at_most_two_calls(people: People, caplog: pytest.LogCaptureFixture) -> None:
    api = await client_of(people)
    with caplog.at_level(logging.INFO):
        made = (await api.ok("contacts/add", name="Ada", email="ada@example.com"))["contact"]["contactid"]
        for path in ("contacts/get", "contacts/group/get"):
            await api.ok(path)
        await api.ok("contacts/update", contactid=made, name="Grace")
        await api.ok("contacts/delete", contactid=made)
    calls = {vars(r)["service"]: vars(r)["calls"] for r in caplog.records if r.getMessage() == "request"}
    assert len(calls) == 5
    assert set(calls.values()) == {2}


def test_every_code_of_the_routines_has_a_name_here() -> None:
    """The codes left out cannot occur: this API sends one address, which is the default one."""
    impossible = {
        "INVALID_DATA", "INVALID_INVITEE_ID", "MANY_DEFAULT_EMAIL", "NO_DEFAULT_MAIL", "INVALID_PARAM",
        "PRECONDITION_FAILED",
    }  # fmt: skip
    routines = (
        "my_contact_add", "my_contact_set_defaults", "my_contact_trash", "contact_group_add",
        "contact_group_rename", "contact_group_delete", "contact_group_member_add",
        "contact_group_member_remove", "contact_peer_gone",
    )  # fmt: skip
    raised = {code for name in routines for code in reachable_signals("shard", name)}
    assert raised - {"MOVING"} - impossible <= REFUSALS.keys()
