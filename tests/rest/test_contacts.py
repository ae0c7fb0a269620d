"""Use /api/v1/contacts as a client does, and check the result in the RPC and the login-token API."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from service.ids import from_wire, to_wire
from service.rest.operation import Operation
from service.rest.operations import OPERATIONS
from service.schema.routines import reachable_signals
from tests.support.admin import Admin
from tests.support.nodes import NodeMaker
from tests.support.people import People
from tests.support.rest import Answer, Client, ClientMaker

ANA = {
    "display_name": "Ana García", "first_name": "Ana", "last_name": "García",
    "emails": [{"address": "ana@acme.example", "label": "work", "primary": True}],
    "phones": [{"number": "+34612345678", "label": "mobile", "primary": True}],
    "company": "Acme Labs", "job_title": "Head of Partnerships", "tags": ["partnership"],
}  # fmt: skip
NOBODY = to_wire("0" * 16)


async def test_create_answers_the_whole_record(client_of: ClientMaker) -> None:
    api = await client_of()
    answer = await api.post("/contacts", ANA)
    assert answer.status == 201
    made = answer.data
    assert list(made) == [
        "id", "display_name", "first_name", "last_name", "emails", "phones", "company", "job_title",
        "addresses", "notes", "avatar_path", "tags", "custom_fields", "source", "source_id", "created_at",
        "updated_at", "synced_at", "deleted_at", "archived", "groups",
    ]  # fmt: skip
    assert {name: made[name] for name in ANA if name != "phones"} == {
        name: value for name, value in ANA.items() if name != "phones"
    }
    assert made["phones"][0]["number"].replace(" ", "") == "+34612345678"
    assert (made["addresses"], made["notes"], made["custom_fields"], made["source"]) == (
        [],
        None,
        None,
        "local",
    )
    assert (made["deleted_at"], made["synced_at"], made["source_id"]) == (None, None, None)
    assert made["created_at"] <= made["updated_at"]
    assert made["created_at"].endswith("Z")
    assert answer.headers["Location"] == f"/api/v1/contacts/{made['id']}"
    assert answer.etag.startswith('"')

    got = await api.get(f"/contacts/{made['id']}")
    assert (got.data, got.etag) == (made, answer.etag)
    # The internal form of the id works as well.
    assert (await api.get(f"/contacts/{from_wire(made['id'])}")).data == made


async def test_a_name_is_made_when_none_is_given(client_of: ClientMaker) -> None:
    api = await client_of()
    made = await api.add(first_name="Ada", last_name="Lovelace")
    assert made["display_name"] == "Ada Lovelace"
    path = f"/contacts/{made['id']}"
    assert (await api.patch(path, {"first_name": "Augusta"})).data["display_name"] == "Augusta Lovelace"
    assert (await api.patch(path, {"display_name": "The Countess"})).data["display_name"] == "The Countess"
    assert (await api.patch(path, {"first_name": "Ada"})).data["display_name"] == "The Countess"
    for empty in (None, "", "  "):
        assert (await api.patch(path, {"display_name": empty})).data["display_name"] == "Ada Lovelace"

    for nameless in ({}, {"company": "Acme"}, {"display_name": "", "first_name": None}):
        answer = await api.post("/contacts", nameless)
        assert answer.error == (400, "VALIDATION_ERROR")
        assert answer.flaw == ("display_name", "required")
    answer = await api.patch(path, {"first_name": None, "last_name": "", "display_name": None})
    assert answer.flaw == ("display_name", "required")


@pytest.mark.parametrize(
    ("body", "flaw"),
    [
        ({"emails": [{"address": "nobody"}]}, ("emails[0].address", "email")),
        ({"emails": [{}]}, ("emails[0].address", "required")),
        ({"emails": [{"address": None}]}, ("emails[0].address", "type")),
        ({"emails": [{"address": "a@b.example"}, 1]}, ("emails[1]", "type")),
        ({"emails": {"address": "a@b.example"}}, ("emails", "type")),
        ({"emails": [{"address": "a@b.example", "primary": "yes"}]}, ("emails[0].primary", "type")),
        ({"emails": [{"address": f"{n}@b.example", "primary": True} for n in "ab"]},
         ("emails", "single_primary")),
        ({"emails": [{"address": f"{n}@b.example"} for n in "Aa"]}, ("emails[1].address", "unique")),
        ({"emails": [{"address": f"{n}@b.example"} for n in range(101)]}, ("emails", "max_items")),
        ({"phones": [{"number": n, "primary": True} for n in "12"]}, ("phones", "single_primary")),
        ({"phones": [{"label": "work"}]}, ("phones[0].number", "required")),
        ({"phones": [{"number": "  "}]}, ("phones[0].number", "min_length")),
        ({"first_name": 5}, ("first_name", "type")),
        ({"first_name": ["A"]}, ("first_name", "type")),
        ({"first_name": "a" * 256}, ("first_name", "max_length")),
        ({"first_name": "a\u0000b"}, ("first_name", "characters")),
        ({"company": "two\nlines"}, ("company", "characters")),
        ({"notes": "a" * 16_384}, ("notes", "max_length")),
        ({"tags": [1]}, ("tags[0]", "type")),
        ({"tags": ["  "]}, ("tags[0]", "min_length")),
        ({"tags": "a"}, ("tags", "type")),
        ({"custom_fields": []}, ("custom_fields", "type")),
        ({"custom_fields": {"a": "x" * 65_536}}, ("custom_fields", "max_bytes")),
        ({"custom_fields": {"a": "\u0000"}}, ("custom_fields", "content")),
        ({"addresses": [{"postal_code": "1" * 33}]}, ("addresses[0].postal_code", "max_length")),
        ({"synced_at": "yesterday"}, ("synced_at", "date_time")),
    ],
)  # fmt: skip
async def test_bad_fields_are_named(
    client_of: ClientMaker, admin: Admin, body: dict[str, Any], flaw: tuple[str, str]
) -> None:
    api = await client_of()
    made = await api.add(display_name="X")
    create = await api.post("/contacts", {"display_name": "Y", **body})
    change = await api.patch(f"/contacts/{made['id']}", body)
    for answer in (create, change):
        assert answer.error == (400, "VALIDATION_ERROR")
        assert answer.flaw == flaw
        assert flaw[0] in answer.body["error"]["message"]
    assert (await api.get(f"/contacts/{made['id']}")).data == made
    assert (await api.get("/contacts")).body["meta"]["total"] == 1


async def test_exactly_one_entry_becomes_primary(client_of: ClientMaker) -> None:
    api = await client_of()
    made = await api.add(
        display_name="X", emails=[{"address": "a@b.example"}, {"address": "C@B.example", "label": "home"}],
        phones=[{"number": "1"}, {"number": "2", "primary": True}],
    )  # fmt: skip
    assert made["emails"] == [
        {"address": "a@b.example", "label": "other", "primary": True},
        {"address": "c@b.example", "label": "home", "primary": False},
    ]
    assert [(p["number"], p["primary"]) for p in made["phones"]] == [("1", False), ("2", True)]


async def test_patch_changes_what_is_given(client_of: ClientMaker) -> None:
    api = await client_of()
    made = await api.add(**ANA, notes="Met in Lisbon", custom_fields={"a": 1, "b": {"c": 2}})
    path = f"/contacts/{made['id']}"

    same = await api.patch(path, {})
    assert (same.status, same.data) == (200, made)
    same = await api.patch(path, made)
    assert {**same.data, "updated_at": ""} == {**made, "updated_at": ""}

    changed = (await api.patch(path, {"company": "Other", "tags": ["x", "y", "x"], "emails": []})).data
    assert (changed["company"], sorted(changed["tags"]), changed["emails"]) == ("Other", ["x", "y"], [])
    for field in ("first_name", "notes", "phones", "custom_fields", "job_title"):
        assert changed[field] == made[field]
    assert changed["updated_at"] > made["updated_at"]

    cleared = (await api.patch(path, {"company": None, "notes": "", "phones": None, "tags": None})).data
    assert (cleared["company"], cleared["notes"], cleared["phones"], cleared["tags"]) == (None, None, [], [])
    # As a whole.
    replaced = (await api.patch(path, {"custom_fields": {"z": [1]}})).data
    assert replaced["custom_fields"] == {"z": [1]}
    assert (await api.patch(path, {"custom_fields": None})).data["custom_fields"] is None


async def test_custom_fields_are_merged_shallowly(client_of: ClientMaker) -> None:
    api = await client_of()
    made = await api.add(display_name="X")
    path = f"/contacts/{made['id']}/custom"
    assert (await api.patch(path, {"a": 1, "b": {"c": 2, "d": 3}})).data["custom_fields"] == {
        "a": 1, "b": {"c": 2, "d": 3},
    }  # fmt: skip
    assert (await api.patch(path, {"b": {"e": 4}})).data["custom_fields"] == {"a": 1, "b": {"e": 4}}
    assert (await api.patch(path, {"a": None, "no": None})).data["custom_fields"] == {"b": {"e": 4}}
    assert (await api.patch(path, {"b": None})).data["custom_fields"] == {}
    half = "x" * 40_000
    assert (await api.patch(path, {"a": half})).status == 200
    refused = await api.patch(path, {"b": half})
    assert refused.error == (422, "UNPROCESSABLE")
    assert refused.flaw == ("custom_fields", "more than 65535 bytes")
    no_objects: list[Any] = [[], "x", 1]
    for body in no_objects:
        assert (await api.patch(path, body)).error == (400, "VALIDATION_ERROR")


async def test_a_deleted_contact_can_be_restored_from_the_trash(client_of: ClientMaker) -> None:
    api = await client_of()
    made = await api.add(**ANA, notes="n", custom_fields={"a": 1})
    path = f"/contacts/{made['id']}"
    deleted = await api.delete(path)
    assert deleted.status == 200
    assert deleted.data == {"id": made["id"], "deleted_at": deleted.data["deleted_at"]}
    assert deleted.data["deleted_at"].endswith("Z")

    assert (await api.delete(path)).error == (409, "ALREADY_DELETED")
    assert (await api.get(path)).error == (404, "NOT_FOUND")
    assert (await api.patch(path, {"company": "x"})).error == (404, "NOT_FOUND")
    assert (await api.patch(f"{path}/custom", {"a": 2})).error == (404, "NOT_FOUND")
    trashed = (await api.get(f"{path}?include_deleted=true")).data
    assert trashed["deleted_at"] == deleted.data["deleted_at"]
    assert (await api.get("/contacts")).data == []
    for query in ("include_deleted=true", "only_deleted=true", "only_deleted=true&include_deleted=true"):
        assert (await api.get(f"/contacts?{query}")).data == [trashed]

    back = await api.post(f"{path}/restore")
    assert back.status == 200
    assert {**back.data, "updated_at": ""} == {**made, "updated_at": ""}
    assert (await api.post(f"{path}/restore")).error == (409, "NOT_DELETED")
    assert (await api.get("/contacts?only_deleted=true")).data == []


@pytest.mark.parametrize("trashed", [False, True])
async def test_a_permanent_delete_cannot_be_undone(client_of: ClientMaker, trashed: bool) -> None:
    api = await client_of()
    path = f"/contacts/{(await api.add(**ANA))['id']}"
    if trashed:
        await api.delete(path)
    answer = await api.delete(f"{path}?permanent=true")
    assert (answer.status, answer.data["deleted"]) == (200, True)
    assert (await api.delete(f"{path}?permanent=true")).error == (404, "NOT_FOUND")
    assert (await api.delete(path)).error == (404, "NOT_FOUND")
    assert (await api.post(f"{path}/restore")).error == (404, "NOT_FOUND")
    assert (await api.get("/contacts?include_deleted=true")).data == []


async def test_an_address_may_be_with_several_contacts(client_of: ClientMaker) -> None:
    api = await client_of()
    first = await api.add(**ANA)
    await api.add(**ANA)
    await api.delete(f"/contacts/{first['id']}")
    await api.add(**ANA)
    assert (await api.post(f"/contacts/{first['id']}/restore")).status == 200
    assert (await api.get("/contacts")).body["meta"]["total"] == 3
    own = {"display_name": "Me", "emails": [{"address": api.person.email}]}
    assert (await api.post("/contacts", own)).error == (422, "UNPROCESSABLE")


async def test_ids_that_name_nothing_of_yours(client_of: ClientMaker) -> None:
    alice, bob = await client_of("Alice"), await client_of("Bob")
    alice_contact = (await alice.add(display_name="Hers"))["id"]
    for key in (NOBODY, alice_contact, "x", quote("1' OR 1=1"), "%00", "%ff", "a" * 300):
        path = f"/contacts/{key}"
        answers = [
            await bob.get(path),
            await bob.patch(path, {"company": "x"}),
            await bob.patch(f"{path}/custom", {"a": 1}),
            await bob.delete(path),
            await bob.delete(f"{path}?permanent=true"),
            await bob.post(f"{path}/restore"),
            await bob.get(f"{path}/avatar"),
        ]
        assert {a.error for a in answers} == {(404, "NOT_FOUND")}, key
    assert (await alice.get(f"/contacts/{alice_contact}")).data["display_name"] == "Hers"


# --- lists -------------------------------------------------------------------------------------


async def book_of(api: Client) -> dict[str, dict[str, Any]]:
    """Create five contacts; return them by first name."""
    fields: list[dict[str, Any]] = [
        {"first_name": "Zoë", "last_name": "Ápple", "company": "beta GmbH", "tags": ["a", "b"]},
        {"first_name": "adam", "last_name": "Bell", "company": "Alpha", "tags": ["a"]},
        {"first_name": "Bea", "notes": "Met in LISBON", "phones": [{"number": "+351 21 345 67 89"}]},
        {"first_name": "Çem", "emails": [{"address": "cem@beta.example"}]},
        {"first_name": "Dan", "company": "Béta Süd"},
    ]
    return {each["first_name"]: await api.add(**each) for each in fields}


async def names(api: Client, query: str) -> list[str]:
    answer = await api.get(f"/contacts?{query}")
    assert answer.status == 200, answer.raw
    return [c["first_name"] for c in answer.data]


async def test_lists_are_paged_sorted_and_counted(client_of: ClientMaker) -> None:
    api = await client_of()
    made = await book_of(api)
    whole = await api.get("/contacts")
    assert list(whole.body) == ["data", "meta", "tier"]
    assert whole.body["meta"] == {"total": 5, "limit": 20, "offset": 0, "has_more": False}
    assert whole.body["tier"] == "free"
    assert [c["first_name"] for c in whole.data] == ["adam", "Bea", "Çem", "Dan", "Zoë"]
    assert whole.data[1] == made["Bea"]

    assert await names(api, "order=desc") == ["Zoë", "Dan", "Çem", "Bea", "adam"]
    assert await names(api, "sort=created_at") == ["Zoë", "adam", "Bea", "Çem", "Dan"]
    assert await names(api, "sort=created_at&order=desc") == ["Dan", "Çem", "Bea", "adam", "Zoë"]
    await api.patch(f"/contacts/{made['adam']['id']}", {"job_title": "x"})
    assert (await names(api, "sort=updated_at"))[-1] == "adam"
    # Contacts without a company come last.
    assert (await names(api, "sort=company"))[:3] == ["adam", "Zoë", "Dan"]

    pages = [await api.get(f"/contacts?limit=2&offset={n}") for n in (0, 2, 4, 6)]
    assert [[c["first_name"] for c in p.data] for p in pages] == [
        ["adam", "Bea"],
        ["Çem", "Dan"],
        ["Zoë"],
        [],
    ]
    assert [p.body["meta"]["has_more"] for p in pages] == [True, True, False, False]
    assert {p.body["meta"]["total"] for p in pages} == {5}
    # A limit above the maximum is no error, whatever its number of digits.
    for much in (101, 200, 10**18, 99999999999999999999, "9" * 5000, "%2B" + "9" * 30):
        assert (await api.get(f"/contacts?limit={much}")).body["meta"]["limit"] == 100, much
        assert (await api.get(f"/contacts/duplicates?limit={much}")).body["meta"]["limit"] == 100, much
        assert len((await api.get(f"/contacts/changes?limit={much}")).data) == 5, much
    assert (await api.get(f"/contacts?limit={'0' * 30}3")).body["meta"]["limit"] == 3
    far = await api.get(f"/contacts?offset={2**31 - 1}")
    assert (far.data, far.body["meta"]["total"], far.body["meta"]["has_more"]) == ([], 5, False)


async def test_a_total_above_1_000_is_a_floor_unless_all_are_counted(
    client_of: ClientMaker, admin: Admin
) -> None:
    api = await client_of()
    await api.add(first_name="Zora")
    words = f"""INSERT INTO {api.person.shard}.contact_index (owner_id, is_deleted, kind, word, contact_id)
                SELECT %s, 0, %s, CONCAT(%s, seq), LPAD(HEX(seq MOD %s), 16, '0')
                FROM {api.person.shard}.seq_1_to_6000"""
    admin.rows(words, api.person.uid, "text", "zora", 900)
    few = (await api.get("/contacts?search=zora")).body["meta"]
    assert few == {"total": 901, "limit": 20, "offset": 0, "has_more": True}
    await api.add(first_name="Ben")  # another revision: the total is counted again
    for kind in ("text", "display_name"):
        admin.rows(words, api.person.uid, kind, "zoraida", 6000)
    meta = (await api.get("/contacts?search=zora")).body["meta"]
    assert (meta["total"], meta["total_is_floor"], meta["has_more"]) == (1001, True, True)
    text = (await api.get("/contacts?search=zora&format=compact")).body
    assert text["meta"]["total_is_floor"]
    assert text["summary"] == "1 of more than 1000 contacts (search:zora)"
    for query in ("&total=exact", "&offset=990", ""):
        exact = (await api.get(f"/contacts?search=zora{query}")).body["meta"]
        assert (exact["total"], exact.get("total_is_floor")) == (6001, None), query
    assert (await api.get("/contacts?search=zora&total=all")).flaw == ("total", "enum")


async def test_every_list_refuses_an_invalid_page_size(client_of: ClientMaker) -> None:
    api = await client_of()
    for path in ("/contacts", "/contacts/changes", "/contacts/duplicates"):
        for text, constraint in {
            "0": "min", "-1": "min", "-0": "min", "-99999999999999999999": "min", "0" * 30: "min",
            "1.5": "type", "1e2": "type", "": "type", "x": "type", "0x10": "type", "\u0663": "type",
            "1_0": "type",
        }.items():  # fmt: skip
            answer = await api.get(f"{path}?limit={quote(text)}")
            assert answer.error == (400, "INVALID_QUERY"), (path, text)
            assert answer.flaw == ("limit", constraint), (path, text)


async def test_lists_are_filtered(client_of: ClientMaker) -> None:
    api = await client_of()
    await book_of(api)
    assert await names(api, "tag=a") == ["adam", "Zoë"]
    assert await names(api, "tag=a&tag=b") == ["Zoë"]
    assert await names(api, "tag=a&tag=none") == []
    assert sorted(await names(api, "company=BETA")) == ["Dan", "Zoë"]
    assert await names(api, "source=local&limit=1") == ["adam"]
    assert await names(api, "source=elsewhere") == []
    for search, expected in {
        "zoe": ["Zoë"], "apple zo": ["Zoë"], "lisbon": ["Bea"], "3456": ["Bea"], "cem": ["Çem"],
        "cem@beta.example": ["Çem"], "alpha": ["adam"], "zoe lisbon": [], "nothing": [],
    }.items():  # fmt: skip
        assert await names(api, f"search={search.replace(' ', '%20')}") == expected, search
    answer = await api.get("/contacts?search=beta&limit=1")
    assert answer.body["meta"]["total"] == 3


async def test_fields_choose_what_is_sent(client_of: ClientMaker) -> None:
    api = await client_of()
    made = await api.add(**ANA)
    wanted = {"id": made["id"], "display_name": "Ana García", "company": "Acme Labs"}
    listed = (await api.get("/contacts?fields=company,display_name")).data
    assert listed == [wanted]
    assert list(listed[0]) == ["id", "display_name", "company"]
    assert (await api.get(f"/contacts/{made['id']}?fields=company,%20display_name")).data == wanted
    # Only lists take a format.
    assert (await api.get(f"/contacts/{made['id']}?format=compact")).data == made


async def test_a_compact_list_has_one_line_a_contact(client_of: ClientMaker) -> None:
    api = await client_of()
    ana, bo = await api.add(**ANA), await api.add(display_name="Bo\u2028 Li")
    body = (await api.get("/contacts?format=compact")).body
    assert list(body) == ["format", "summary", "lines", "ids", "meta"]
    assert body["format"] == "compact"
    assert body["summary"] == "2 contacts"
    assert body["lines"] == [
        f"Ana García — Acme Labs — ana@acme.example id:{ana['id'][:8]}",
        f"Bo Li id:{bo['id'][:8]}",
    ]
    assert body["ids"] == [ana["id"], bo["id"]]
    assert body["meta"] == {"total": 2, "limit": 20, "offset": 0, "has_more": False}
    for query, summary in {
        "tag=partnership": "1 contact (tag:partnership)", "search=ana": "1 contact (search:ana)",
        "limit=1&offset=1": "1 of 2 contacts (offset:1)", "only_deleted=true": "0 contacts (deleted)",
    }.items():  # fmt: skip
        assert (await api.get(f"/contacts?format=compact&{query}")).body["summary"] == summary
    assert (await api.get("/contacts?format=compact&sort=x")).error == (400, "INVALID_QUERY")


@pytest.mark.parametrize(
    ("query", "flaw"),
    [
        ("limit=0", ("limit", "min")), ("limit=-1", ("limit", "min")), ("limit=x", ("limit", "type")),
        ("limit=1.5", ("limit", "type")), ("limit=", ("limit", "type")), ("offset=-1", ("offset", "min")),
        ("offset=99999999999", ("offset", "max")), (f"offset={'9' * 30}", ("offset", "max")),
        (f"offset=-{'9' * 30}", ("offset", "min")), ("offset=1.0", ("offset", "type")),
        ("sort=notes", ("sort", "enum")),
        ("order=up", ("order", "enum")), ("format=xml", ("format", "enum")),
        ("fields=name", ("fields", "enum")), ("fields=emails.address", ("fields", "enum")),
        ("fields=notes&format=compact", ("fields", "exclusive")),
        ("include_deleted=1", ("include_deleted", "type")), ("only_deleted=yes", ("only_deleted", "type")),
        (f"search={'a' * 256}", ("search", "max_length")), ("company=a%00", ("company", "characters")),
        ("&".join(f"tag={n}" for n in range(21)), ("tag", "max_items")),
    ],
)  # fmt: skip
async def test_bad_queries_are_named(client_of: ClientMaker, query: str, flaw: tuple[str, str]) -> None:
    answer = await (await client_of()).get(f"/contacts?{query}")
    assert answer.error == (400, "INVALID_QUERY")
    assert answer.flaw == flaw


# --- conditions --------------------------------------------------------------------------------


async def test_an_unchanged_answer_is_not_sent_again(client_of: ClientMaker) -> None:
    api = await client_of()
    path = f"/contacts/{(await api.add(**ANA))['id']}"
    first = await api.get(path)
    for known in (first.etag, f'"x", {first.etag}', f"W/{first.etag}", "*"):
        again = await api.get(path, If_None_Match=known)
        assert (again.status, again.raw, again.etag) == (304, b"", first.etag)
    await api.patch(path, {"company": "x"})
    changed = await api.get(path, If_None_Match=first.etag)
    assert changed.status == 200
    assert changed.etag != first.etag

    listed = await api.get("/contacts")
    assert (await api.get("/contacts", If_None_Match=listed.etag)).status == 304
    await api.patch(path, {"company": "y"})
    assert (await api.get("/contacts", If_None_Match=listed.etag)).status == 200


async def test_if_match_guards_against_lost_updates(client_of: ClientMaker) -> None:
    api = await client_of()
    path = f"/contacts/{(await api.add(**ANA))['id']}"
    old = (await api.get(path)).etag
    current = (await api.patch(path, {"company": "x"}, If_Match=old)).etag
    for stale in (old, f'{old}, "0"', f"W/{current}", '"nonsense"', "nonsense"):
        for answer in (
            await api.patch(path, {"company": "z"}, If_Match=stale),
            await api.patch(f"{path}/custom", {"a": 1}, If_Match=stale),
            await api.delete(path, If_Match=stale),
            await api.delete(f"{path}?permanent=true", If_Match=stale),
        ):
            assert answer.error == (412, "PRECONDITION_FAILED"), stale
    assert (await api.get(path)).data["company"] == "x"
    current = (await api.patch(path, {"company": "y"}, If_Match=f"{old}, {current}")).etag
    assert (await api.patch(path, {"company": "y"}, If_Match="*")).status == 200
    assert (await api.delete(path, If_Match=current)).status == 200
    assert (await api.post(f"{path}/restore", If_Match=current)).error == (412, "PRECONDITION_FAILED")
    trashed = (await api.get(f"{path}?include_deleted=true")).etag
    assert (await api.post(f"{path}/restore", If_Match=trashed)).status == 200
    for missing in ('"1"', '"1", "2"', "*"):
        assert (await api.patch(f"/contacts/{NOBODY}", {}, If_Match=missing)).status == 404


@pytest.mark.parametrize("operation", [o for o in OPERATIONS if o.conditional], ids=lambda o: o.name)
async def test_every_write_heeds_if_match(client_of: ClientMaker, operation: Operation) -> None:
    api = await client_of()
    made = await api.post("/contacts", {"display_name": "X"})
    other = await api.add(display_name="Y")
    path = operation.path.replace("{id}", made.data["id"])
    old = made.etag
    current = (await api.patch(f"/contacts/{made.data['id']}", {"company": "y"})).etag
    if operation.name == "contacts.restore":
        await api.delete(f"/contacts/{made.data['id']}")
        current = (await api.get(f"/contacts/{made.data['id']}?include_deleted=true")).etag

    async def write(condition: str) -> Answer:
        headers = {"If-Match": condition}
        if operation.upload:
            form = aiohttp.FormData()
            form.add_field("file", b"GIF89a" + b"\0" * 20, filename="a.gif")
            return await api.send(operation.method, path, headers=headers, data=form)
        bodies: dict[str, Any] = {
            "contacts.merge": {"into": made.data["id"], "ids": [other["id"]]},
            "contacts.revert": {"to": old.strip('"')},
        }
        return await api.send(operation.method, path, bodies.get(operation.name, {}), headers)

    for stale in (old, f"W/{current}", f'"x", W/{current}', "x", '""', f'{old}, "0"'):
        assert (await write(stale)).error == (412, "PRECONDITION_FAILED"), stale
    assert (await api.get("/contacts?include_deleted=true")).body["meta"]["total"] == 2
    answer = await write(f'{old}, {current}, W/"x"')
    assert answer.status == operation.status, answer.raw
    if operation.method != "DELETE":
        assert answer.etag == (await api.get(f"/contacts/{made.data['id']}")).etag


async def test_each_entry_of_a_batch_has_a_condition_and_a_price(
    client_of: ClientMaker, make_node: NodeMaker
) -> None:
    node = await make_node(rate_limit=50)
    api = await client_of(base=node.make_url("/"))
    made = await api.post("/contacts", {"display_name": "X"})
    key = made.data["id"]
    entries = [
        {"action": "update", "id": key, "data": {"company": "a"}, "if_match": condition}
        for condition in (f"W/{made.etag}", '"0"', f'"0", {made.etag}', made.etag)
    ]
    answer = await api.post("/contacts/batch", {"operations": entries}, Idempotency_Key="b")
    assert [r["status"] for r in answer.data["results"]] == [412, 412, 200, 412]
    remaining = int(answer.headers["RateLimit-Remaining"])
    assert remaining <= 50 - 1 - len(entries)
    # Sent again, completed entries are not repeated, and failed ones are tried again.
    again = await api.post("/contacts/batch", {"operations": entries}, Idempotency_Key="b")
    assert [r["status"] for r in again.data["results"]] == [412, 412, 200, 412]
    assert again.data["results"][2]["data"] == answer.data["results"][2]["data"]
    # A different entry in the same place is another request; the others are unaffected.
    entries[2] = {"action": "update", "id": key, "data": {"company": "b"}}
    entries[3] = {"action": "update", "id": key, "data": {"company": "c"}}
    changed = await api.post("/contacts/batch", {"operations": entries}, Idempotency_Key="b")
    assert [r["status"] for r in changed.data["results"]] == [412, 412, 422, 200]
    assert (await api.get(f"/contacts/{key}")).data["company"] == "c"
    # A batch that costs more than the remaining budget does nothing.
    many = {"operations": [{"action": "create", "data": {"display_name": "N"}}] * 49}
    refused = await api.post("/contacts/batch", many)
    assert refused.error == (429, "RATE_LIMITED")
    assert int(refused.headers["Retry-After"]) > 0
    reader = await client_of(person=api.person)
    assert (await reader.get("/contacts")).body["meta"]["total"] == 1


async def test_one_of_two_changes_to_the_same_version_is_refused(client_of: ClientMaker) -> None:
    api = await client_of()
    for number in range(5):
        made = await api.post("/contacts", {"display_name": f"X{number}"})
        path, etag = f"/contacts/{made.data['id']}", made.etag
        answers = await asyncio.gather(
            *(api.patch(path, {"company": word}, If_Match=etag) for word in ("one", "other"))
        )
        assert sorted(a.status for a in answers) == [200, 412]
        won = next(a.data for a in answers if a.status == 200)
        assert (await api.get(path)).data == won


# --- once --------------------------------------------------------------------------------------


async def test_a_repeated_post_is_done_once(client_of: ClientMaker) -> None:
    api, bob = await client_of(), await client_of("Bob")
    first = await api.post("/contacts", ANA, Idempotency_Key="k1")
    again = await api.post("/contacts", ANA, Idempotency_Key="k1")
    assert (again.status, again.raw) == (201, first.raw)
    assert (again.etag, again.headers["Location"]) == (first.etag, first.headers["Location"])
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (await api.get("/contacts")).body["meta"]["total"] == 1

    other = await api.post("/contacts", {**ANA, "company": "x"}, Idempotency_Key="k1")
    assert other.error == (422, "UNPROCESSABLE")
    # Keys are private to each user.
    assert (await bob.post("/contacts", ANA, Idempotency_Key="k1")).status == 201
    for bad in ("", "two words", "ä", "x" * 256):
        answer = await api.post("/contacts", ANA, Idempotency_Key=bad)
        assert answer.flaw == ("Idempotency-Key", "characters"), bad


async def test_the_source_is_part_of_a_repeated_request(client_of: ClientMaker) -> None:
    api = await client_of()
    first = await api.post("/contacts", ANA, Idempotency_Key="k", X_Claw_Source="outlook")
    assert first.data["source"] == "outlook"
    again = await api.post("/contacts", ANA, Idempotency_Key="k", X_Claw_Source="outlook")
    assert (again.status, again.raw) == (201, first.raw)
    for other in ({"X_Claw_Source": "google"}, {}):
        answer = await api.post("/contacts", ANA, Idempotency_Key="k", **other)
        assert answer.error == (422, "UNPROCESSABLE"), other
    batch = {"operations": [{"action": "create", "data": {"display_name": "Bo"}}]}
    done = await api.post("/contacts/batch", batch, Idempotency_Key="b", X_Claw_Source="outlook")
    assert done.data["results"][0]["data"]["source"] == "outlook"
    changed = await api.post("/contacts/batch", batch, Idempotency_Key="b", X_Claw_Source="google")
    assert changed.data["errors"][0]["code"] == "UNPROCESSABLE"


async def test_a_failed_request_may_be_tried_again(client_of: ClientMaker) -> None:
    api = await client_of()
    path = f"/contacts/{(await api.add(**ANA))['id']}"
    assert (await api.post(f"{path}/restore", Idempotency_Key="r")).error == (409, "NOT_DELETED")
    await api.delete(path)
    back = await api.post(f"{path}/restore", Idempotency_Key="r")
    assert back.status == 200
    # The stored answer is repeated although the contact is in the trash again.
    await api.delete(path)
    assert (await api.post(f"{path}/restore", Idempotency_Key="r")).raw == back.raw
    assert (await api.get(path)).status == 404


async def test_repeated_at_once_it_is_done_once(client_of: ClientMaker) -> None:
    api = await client_of()
    answers = await asyncio.gather(*(api.post("/contacts", ANA, Idempotency_Key="k") for _ in range(8)))
    made = {a.raw for a in answers if a.status == 201}
    assert len(made) == 1
    assert {a.error for a in answers if a.status != 201} <= {(409, "CONFLICT")}
    assert (await api.get("/contacts")).body["meta"]["total"] == 1
    assert {(await api.post("/contacts", ANA, Idempotency_Key="k")).raw} == made


async def test_a_batch_repeated_at_once_does_each_entry_once(client_of: ClientMaker) -> None:
    api = await client_of()
    body = {"operations": [{"action": "create", "data": {"display_name": f"N{n}"}} for n in range(20)]}
    answers = await asyncio.gather(
        *(api.post("/contacts/batch", body, Idempotency_Key="k") for _ in range(6))
    )
    made = {each["id"] for a in answers for each in a.data["results"] if each["id"] and each["status"] == 201}
    total = (await api.get("/contacts")).body["meta"]["total"]
    assert (len(made), total) == (20, 20)
    refused = {each["status"] for a in answers for each in a.data["results"]} - {201}
    assert refused <= {409}


async def test_keys_are_forgotten_after_a_day(client_of: ClientMaker, admin: Admin) -> None:
    api = await client_of()
    body = {"display_name": "X"}
    await api.post("/contacts", body, Idempotency_Key="k")
    where = f"{api.person.shard}.request_once"
    seconds = admin.one(f"SELECT expiry - UNIX_TIMESTAMP() FROM {where} WHERE owner_id = %s", api.person.uid)
    assert 86_300 < seconds <= 86_400
    admin.rows(f"UPDATE {where} SET expiry = 1 WHERE owner_id = %s", api.person.uid)
    await api.post("/contacts", body, Idempotency_Key="k2")
    await api.post("/contacts", body, Idempotency_Key="k")
    assert (await api.get("/contacts")).body["meta"]["total"] == 3
    assert admin.one(f"SELECT COUNT(*) FROM {where} WHERE owner_id = %s", api.person.uid) == 2


# --- many, changes, duplicates, merge ----------------------------------------------------------


async def test_a_batch_goes_on_when_one_fails(client_of: ClientMaker) -> None:
    api = await client_of()
    ana = await api.post("/contacts", ANA)
    key = ana.data["id"]
    answer = await api.post("/contacts/batch", {"operations": [
        {"action": "create", "data": {"first_name": "Bo"}},
        {"action": "create", "data": {"company": "Nameless"}},
        {"action": "create", "data": {"first_name": 5}},
        {"action": "update", "id": key, "data": {"company": "x"}, "if_match": '"0"'},
        {"action": "update", "id": key, "data": {"company": "y"}, "if_match": ana.etag},
        {"action": "custom", "id": key, "data": {"a": 1}},
        {"action": "delete", "id": key},
        {"action": "delete", "id": key},
        {"action": "restore", "id": key},
        {"action": "purge", "id": key},
        {"action": "update", "data": {"company": "y"}},
        {"action": "delete", "id": "x"},
    ]})  # fmt: skip
    assert answer.status == 200
    data = answer.data
    assert [r["status"] for r in data["results"]] == [
        201,
        400,
        400,
        412,
        200,
        200,
        200,
        409,
        200,
        200,
        400,
        404,
    ]
    assert [r["index"] for r in data["results"]] == list(range(12))
    assert (data["processed"], data["failed"]) == (6, 6)
    assert [e["code"] for e in data["errors"]] == [
        "VALIDATION_ERROR", "VALIDATION_ERROR", "PRECONDITION_FAILED", "ALREADY_DELETED", "VALIDATION_ERROR",
        "NOT_FOUND",
    ]  # fmt: skip
    assert data["results"][5]["data"]["custom_fields"] == {"a": 1}
    assert data["errors"][1]["details"] == {"field": "first_name", "constraint": "type"}
    assert await names(api, "include_deleted=true") == ["Bo"]


async def test_the_source_survives_a_change_of_addresses(client_of: ClientMaker, people: People) -> None:
    api = await client_of(person=await people("Alice"))
    made = await api.add(display_name="Ana", emails=[{"address": "ana@acme.example"}])
    for emails in ([], [{"address": "a@home.example"}], [{"address": "a@other.example", "label": "work"}]):
        await api.patch(f"/contacts/{made['id']}", {"emails": emails})
        (entry,) = await api.person.ok("contact.show_contact")
        contact = await api.person.ok("contact.get_contact", contact_id=entry["id"])
        assert [e["email"] for e in contact["email"]] == [e["address"] for e in emails]
        assert (contact["source"], contact["metadata"]["source"]) == ("ana@acme.example",) * 2


async def test_a_bare_address_is_taken_for_an_entry(client_of: ClientMaker) -> None:
    """The composer of mails in the vendor's client saves a sender in this way."""
    api = await client_of()
    entry = {"address": "ana@acme.example", "label": "other", "primary": True}
    ana = await api.add(display_name="Ana", emails=[" Ana@Acme.example "])
    assert ana["emails"] == [entry]
    changed = await api.patch(
        f"/contacts/{ana['id']}", {"emails": [{"address": "b@acme.example"}, "c@acme.example"]}
    )
    assert [each["address"] for each in changed.data["emails"]] == ["b@acme.example", "c@acme.example"]
    create = {"action": "create", "data": {"first_name": "Bo", "emails": ["bo@acme.example"]}}
    update = {"action": "update", "id": ana["id"], "data": {"emails": ["ana@acme.example"]}}
    batch = (await api.post("/contacts/batch", {"operations": [create, update]})).data
    assert batch["failed"] == 0
    assert (await api.get(f"/contacts/{ana['id']}")).data["emails"] == [entry]
    for wrong in ("ana", "", 5, ["ana@acme.example"]):
        assert (await api.post("/contacts", {"display_name": "X", "emails": [wrong]})).status == 400, wrong
    phones = {"display_name": "X", "phones": ["+34 612345678"]}
    assert (await api.post("/contacts", phones)).flaw == ("phones[0]", "type")


async def test_the_short_form_of_a_batch(client_of: ClientMaker) -> None:
    api = await client_of()
    ids = [(await api.add(display_name=name))["id"] for name in "abc"]
    body = {"ids": [*ids, NOBODY], "action": "update", "params": {"tags": ["all"]}}
    data = (await api.post("/contacts/batch", body)).data
    assert (data["processed"], data["failed"]) == (3, 1)
    assert data["errors"] == [
        {"index": 3, "id": NOBODY, "code": "NOT_FOUND", "message": "Contact not found"},
    ]
    assert (await api.get("/contacts?tag=all")).body["meta"]["total"] == 3
    malformed: list[dict[str, Any]] = [
        {}, {"ids": ids}, {"action": "delete"}, {"operations": []}, {"ids": ids, "action": "explode"},
        {"operations": [{"action": "delete", "id": ids[0]}], "ids": ids, "action": "delete"},
        {"operations": [{}] * 101}, {"operations": [{"id": ids[0]}]}, {"operations": ["delete"]},
    ]  # fmt: skip
    for bad in malformed:
        assert (await api.post("/contacts/batch", bad)).error == (400, "VALIDATION_ERROR"), bad
    body = {"ids": ids[:1], "action": "create", "params": {"first_name": "d"}}
    made = await api.post("/contacts/batch", body)
    assert made.error == (400, "VALIDATION_ERROR")
    assert made.body["error"]["details"]["field"] == "action"
    assert (await api.get("/contacts")).body["meta"]["total"] == 3


async def test_a_batch_that_is_sent_again_does_what_is_left(client_of: ClientMaker) -> None:
    api = await client_of()
    operations = [{"action": "create", "data": {"display_name": n}} for n in "ab"]
    first = (await api.post("/contacts/batch", {"operations": operations[:1]}, Idempotency_Key="b")).data
    both = (await api.post("/contacts/batch", {"operations": operations}, Idempotency_Key="b")).data
    assert both["results"][0]["data"] == first["results"][0]["data"]
    assert (await api.get("/contacts")).body["meta"]["total"] == 2


async def test_the_feed_lists_changes_since_a_token(client_of: ClientMaker) -> None:
    api = await client_of()
    ana, bo = await api.add(**ANA), await api.add(display_name="Bo")
    feed = await api.get("/contacts/changes")
    assert [(c["event"], c["data"]["id"]) for c in feed.data] == [
        ("contact.created", ana["id"]), ("contact.created", bo["id"]),
    ]  # fmt: skip
    assert feed.data[0]["data"] == ana
    token = feed.body["meta"]["next"]
    assert feed.body["meta"]["has_more"] is False
    assert (await api.get(f"/contacts/changes?since={token}")).data == []

    await api.patch(f"/contacts/{ana['id']}", {"company": "x"})
    await api.patch(f"/contacts/{ana['id']}", {"company": "y"})
    await api.delete(f"/contacts/{bo['id']}")
    news = await api.get(f"/contacts/changes?since={token}")
    assert [(c["event"], c["data"]["id"]) for c in news.data] == [
        ("contact.updated", ana["id"]), ("contact.deleted", bo["id"]),
    ]  # fmt: skip
    assert news.data[0]["data"]["company"] == "y"
    first = await api.get(f"/contacts/changes?since={token}&limit=1")
    assert (len(first.data), first.body["meta"]["has_more"]) == (1, True)
    rest = await api.get(f"/contacts/changes?since={first.body['meta']['next']}&limit=1")
    assert [c["data"]["id"] for c in rest.data] == [bo["id"]]

    await api.delete(f"/contacts/{bo['id']}?permanent=true")
    last = await api.get(f"/contacts/changes?since={news.body['meta']['next']}")
    assert [(c["event"], c["data"]["permanent"]) for c in last.data] == [("contact.deleted", True)]

    for bad in ("x", "-1", "1.5", "9" * 19, ""):
        assert (await api.get(f"/contacts/changes?since={bad}")).error == (400, "INVALID_QUERY"), bad
    assert (await api.get("/contacts/changes?since=999999999")).error == (410, "GONE")


async def test_a_token_older_than_the_tombstones_is_refused(client_of: ClientMaker, admin: Admin) -> None:
    api = await client_of()
    ana, bo, cid = [(await api.add(display_name=name))["id"] for name in ("Ana", "Bo", "Cid")]
    old = (await api.get("/contacts/changes")).body["meta"]["next"]
    await api.delete(f"/contacts/{ana}?permanent=true")
    new = (await api.get("/contacts/changes")).body["meta"]["next"]
    admin.rows(
        "UPDATE shard1.contact_record SET deleted_at = deleted_at - INTERVAL 91 DAY "
        "WHERE owner_id = %s AND contact_id = %s", api.person.uid, from_wire(ana),
    )  # fmt: skip
    await api.delete(f"/contacts/{bo}?permanent=true")
    assert (await api.get(f"/contacts/changes?since={old}")).error == (410, "GONE")
    assert [c["data"]["id"] for c in (await api.get(f"/contacts/changes?since={new}")).data] == [bo]
    assert [c["data"]["id"] for c in (await api.get("/contacts/changes")).data] == [cid]


async def test_duplicates_are_listed_and_merged(client_of: ClientMaker, people: People) -> None:
    api = await client_of()
    one = await api.add(first_name="Ana", last_name="García", emails=[{"address": "a@x.example"}], tags=["t"])
    two = await api.add(
        first_name="ana", last_name="garcia", company="Acme", notes="n", custom_fields={"k": 1},
        phones=[{"number": "+34 612 345 678"}], emails=[{"address": "b@x.example"}],
    )  # fmt: skip
    await api.add(first_name="Bo")
    groups = (await api.get("/contacts/duplicates")).body
    assert [sorted(c["id"] for c in g["contacts"]) for g in groups["data"]] == [
        sorted([one["id"], two["id"]])
    ]
    assert groups["data"][0]["reason"] == "name"
    assert groups["meta"]["has_more"] is False

    answer = await api.post("/contacts/merge", {"into": one["id"], "ids": [two["id"]]})
    assert answer.status == 200
    merged = answer.data
    assert merged["id"] == one["id"]
    assert [e["address"] for e in merged["emails"]] == ["a@x.example", "b@x.example"]
    assert [e["primary"] for e in merged["emails"]] == [True, False]
    assert (merged["company"], merged["tags"], merged["custom_fields"]) == ("Acme", ["t"], {"k": 1})
    assert len(merged["phones"]) == 1
    assert (await api.get(f"/contacts/{two['id']}?include_deleted=true")).status == 404
    assert (await api.get("/contacts/duplicates")).data == []

    assert (await api.post("/contacts/merge", {"into": one["id"], "ids": [one["id"]]})).flaw == (
        "ids", "distinct",
    )  # fmt: skip
    assert (await api.post("/contacts/merge", {"into": one["id"], "ids": [NOBODY]})).status == 404
    assert (await api.post("/contacts/merge", {"into": NOBODY, "ids": [one["id"]]})).status == 404
    for bad in ({}, {"into": one["id"]}, {"into": one["id"], "ids": []}, {"into": 1, "ids": [one["id"]]}):
        assert (await api.post("/contacts/merge", bad)).error == (400, "VALIDATION_ERROR")


# --- sources, and the other APIs ---------------------------------------------------------------


async def test_a_sync_key_or_a_header_sets_the_source(client_of: ClientMaker) -> None:
    api = await client_of()
    sync = await client_of(person=api.person, scope="sync")
    origin = {"source": "google_contacts", "source_id": "c1", "synced_at": "2026-02-16T11:30:00.123+01:00"}
    ignored = await api.add(display_name="A", **origin)
    assert (ignored["source"], ignored["source_id"], ignored["synced_at"]) == ("local", None, None)
    body = {"display_name": "B", **origin}
    record = (await sync.post("/contacts", body, X_Claw_User_Id=api.person.uid)).data
    assert (record["source"], record["source_id"]) == ("google_contacts", "c1")
    assert record["synced_at"] == "2026-02-16T10:30:00.123Z"
    by_header = await api.post("/contacts", {"display_name": "C"}, X_Claw_Source="outlook")
    assert by_header.data["source"] == "outlook"
    bad = await api.post("/contacts", {"display_name": "C"}, X_Claw_Source="out look")
    assert bad.error == (400, "VALIDATION_ERROR")
    assert [c["display_name"] for c in (await api.get("/contacts?source=google_contacts")).data] == ["B"]


async def test_the_rpc_sees_every_write_at_once(people: People, client_of: ClientMaker) -> None:
    alice = await people("Alice")
    api, tab = await client_of(person=alice), await alice.tab()
    made = await api.add(**ANA)
    update = await tab.expect("contact.add")
    assert update["model"]["contact_id"] == from_wire(made["id"])
    contact = await alice.ok("contact.get_contact", contact_id=from_wire(made["id"]))
    assert (contact["firstname"], contact["lastname"]) == ("Ana", "García")
    await api.patch(f"/contacts/{made['id']}", {"first_name": "Anna"})
    await tab.expect("contact.update")
    await api.delete(f"/contacts/{made['id']}")
    await tab.expect("contact.delete_contact")
    assert await alice.ok("contact.show_contact") == []
    await api.post(f"/contacts/{made['id']}/restore")
    await tab.expect("contact.add", 2)
    assert len(await alice.ok("contact.show_contact")) == 1

    rpc = await alice.ok("contact.add", firstname="Bob", email=[{"email": "bob@x.example", "is_default": 1}])
    assert (await api.get(f"/contacts/{rpc['id']}")).data["first_name"] == "Bob"


def test_every_code_of_our_routines_is_known_here() -> None:
    from service.rest.errors import REFUSALS

    uses = {
        ("shard", name)
        for name in (
            "my_contact_create", "my_contact_patch", "my_contact_trash", "my_contact_purge",
            "my_contact_restore", "my_contact_merge", "my_contact_record", "my_contact_records",
            "my_contact_changes", "my_contact_duplicates", "my_contact_events", "request_begin",
            "import_report_get", "import_report_write",
            "my_contact_history", "my_contact_past", "my_contact_revert", "my_contact_revive",
        )
    }  # fmt: skip
    uses |= {
        ("yp", name)
        for name in (
            "api_key_add", "app_password_add", "webhook_add", "webhook_deliveries",
            "webhook_test", "webhook_repeat",
        )
    }  # fmt: skip
    raised = {code for scope, name in uses for code in reachable_signals(scope, name)}
    # This API marks one address as the default before it asks, and another contact may have it, too.
    assert raised - set(REFUSALS) == {"NO_DEFAULT_MAIL", "ALREADY_IN_CONTACT"}
    assert set(REFUSALS) <= raised
    assert len(OPERATIONS) == len({(o.method, o.path) for o in OPERATIONS})
