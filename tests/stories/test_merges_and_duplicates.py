"""Merges, duplicates, order, tags and searches of people's own bug reports, value by value."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.support.people import People
from tests.support.rest import Client, ClientMaker
from tests.support.waiting import until

FIRST: dict[str, Any] = {
    "first_name": "Merge",
    "last_name": "Me",
    "emails": [{"address": "m1@case.example", "label": "work", "primary": True}],
    "phones": [{"number": "+33 6 12 34 56 78", "label": "mobile"}],
    "notes": "first note",
    "tags": ["A"],
    "company": "Acme",
    "custom_fields": {"birthday": "1990"},
    "addresses": [{"street": "1 Main St", "city": "X", "label": "home"}],
}
SECOND: dict[str, Any] = {
    "first_name": "merge",
    "last_name": "me",
    "emails": [{"address": "M2@case.example", "label": "work", "primary": True}],
    "phones": [
        {"number": "+33612345678", "label": "mobile"},
        {"number": "06 12 34 56 78", "label": "work"},
        {"number": "+33 6 12 34 56 78", "label": "mobile"},
    ],
    "notes": "second note",
    "tags": ["a", "B"],
    "company": "Beta",
    "job_title": "Boss",
    "custom_fields": {"birthday": "1991", "x": 1},
    "addresses": [{"street": "1 Main St", "city": "X", "label": "home"}],
}
NAMES = [
    "Zoe", "Ångström", "Öztürk", "Aaron", "apple", "Banana", "émile", "Emil", "Ernst", "10 Downing", "2 Pac",
    "Łukasz", "Lux", "Muzer", "Ñandú", "Nz", "Na", "(paren)", '"quote"', "'apostrophe", "-dash", "_under",
    "田中", "王", "العربي", "Ελλη", "Яков", "Èze", "de la Cruz", "De Vries", "von Berg", "Müller", "Münch",
    "Mueller", "Muell",
]  # fmt: skip
ORDER = [
    "_under", "-dash", "'apostrophe", '"quote"', "(paren)", "10 Downing", "2 Pac", "Aaron", "Ångström",
    "apple", "Banana", "de la Cruz", "De Vries", "Emil", "émile", "Ernst", "Èze", "Łukasz", "Lux", "Muell",
    "Mueller", "Müller", "Münch", "Muzer", "Na", "Ñandú", "Nz", "Öztürk", "von Berg", "Zoe", "Ελλη", "Яков",
    "العربي", "王", "田中",
]  # fmt: skip
TAGS = [
    "Straße", "strasse", "STRASSE", "a", "A", "á", "🍕", " lead", "trail ", "a,b", "c;d", "e ::: f", "* star",
    "myContacts", "Ελλ", "back\\slash", 'quote"s',
]  # fmt: skip


@pytest.fixture
async def api(people: People, client_of: ClientMaker) -> Client:
    """Return a user's client."""
    return await client_of(person=await people("Alice"))


async def both(api: Client) -> tuple[dict[str, Any], dict[str, Any]]:
    """Create the two contacts; return their records."""
    return await api.add(**FIRST), await api.add(**SECOND)


async def test_the_same_name_and_the_same_number_are_found(api: Client) -> None:
    first, second = await both(api)
    groups = (await api.get("/contacts/duplicates")).data
    ids = sorted([first["id"], second["id"]])
    assert [(g["reason"], sorted(c["id"] for c in g["contacts"])) for g in groups] == [
        ("name", ids),
        ("phone", ids),
    ]
    # the digits at the end, until the service has found the international form
    assert (groups[0]["value"].casefold(), groups[1]["value"][-9:]) == ("merge me", "612345678")


async def test_a_merge_joins_what_both_say_and_can_be_undone(api: Client) -> None:
    first, second = await both(api)
    merged = (await api.post("/contacts/merge", {"into": first["id"], "ids": [second["id"]]})).data
    assert (merged["first_name"], merged["last_name"]) == ("Merge", "Me")
    assert [(e["address"], e["primary"]) for e in merged["emails"]] == [
        ("m1@case.example", True),
        ("m2@case.example", False),
    ]
    assert [p["number"] for p in merged["phones"]] == ["+33 6 12 34 56 78", "06 12 34 56 78"]
    assert merged["notes"] == "first note\n\nsecond note"
    assert sorted(merged["tags"]) == ["A", "B", "a"]
    assert (merged["company"], merged["job_title"]) == ("Acme", "Boss")
    assert [(a["street"], a["city"]) for a in merged["addresses"]] == [("1 Main St", "X")]
    custom = merged["custom_fields"]
    assert (custom["birthday"], custom["x"]) == ("1990", 1)
    assert {"Beta", "1991"} <= set(str(custom).replace("'", " ").split()), "nothing is lost"

    (change, *_) = (await api.get(f"/contacts/{first['id']}/history")).data
    undone = await api.post("/contacts/revert", {"change_set": change["change_set"]})
    assert undone.data["left"] == []
    records = {c["notes"]: c for c in (await api.get("/contacts")).data}
    for note, former in (("first note", first), ("second note", second)):
        stays = {"id", "created_at", "updated_at"}
        assert {k: v for k, v in records[note].items() if k not in stays} == {
            k: v for k, v in former.items() if k not in stays
        }


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("Doe, John", "John Doe", True),
        ("Müller Jörg", "Jorg Muller", True),
        ("Straße Hans", "Hans Strasse", True),
        ("Anna-Lena Meier", "Anna Lena Meier", True),
        ("Conan O’Brien", "Conan O'Brien", True),
        ("Müller Nfd", "Mu\u0308ller Nfd", True),
        ("李小龙", "李小龍", False),
        ("Jon Smith", "John Smith", False),
        ("Dr. Eva Kern", "Eva Kern", False),
    ],
)
async def test_forms_of_a_name_that_make_a_duplicate(
    api: Client, one: str, other: str, is_same: bool
) -> None:
    for name in (one, other):
        await api.add(display_name=name)
    groups = (await api.get("/contacts/duplicates")).data
    assert [len(group["contacts"]) for group in groups] == ([2] if is_same else [])


async def test_numbers_of_two_countries_with_the_same_end_are_no_duplicate(api: Client) -> None:
    for name, number in (("Paris", "+33 1 2345 6789"), ("Berlin", "+49 30 123456789")):
        await api.add(display_name=name, phones=[{"number": number}])

    async def are_told_apart() -> bool:
        return bool((await api.get("/contacts/duplicates")).data == [])

    # the service finds the international forms after the write
    await until(are_told_apart)


async def test_names_sort_alike_in_both_apis_and_backwards(api: Client) -> None:
    for name in NAMES:
        await api.add(display_name=name)
    page = "/contacts?limit=100&sort=display_name&order="
    assert [c["display_name"] for c in (await api.get(page + "asc")).data] == ORDER
    assert [c["display_name"] for c in (await api.get(page + "desc")).data] == ORDER[::-1]
    cards = [*await api.person.ok("contact.show_contact", page=1, pagelength=45)]
    assert [card["fullname"] for card in cards] == ORDER


async def test_tags_differ_by_case_and_are_trimmed(api: Client) -> None:
    long = "x" * 255
    record = await api.add(display_name="Tagged", tags=[*TAGS, long])
    assert sorted(record["tags"]) == sorted([*(tag.strip() for tag in TAGS), long])
    for tag in ("Straße", "a,b", "e ::: f", "🍕"):
        assert len((await api.get(f"/contacts?tag={quote(tag)}")).data) == 1, tag
    assert (await api.get("/contacts?tag=b")).data == []


async def test_a_family_shares_an_address(api: Client) -> None:
    jane = await api.add(display_name="Jane Doe", emails=[{"address": "doe@case.example"}])
    john = await api.add(display_name="John Doe", emails=[{"address": "DOE@case.example"}])
    assert [e["address"] for c in (jane, john) for e in c["emails"]] == ["doe@case.example"] * 2
    (group,) = (await api.get("/contacts/duplicates")).data
    assert (group["reason"], group["value"], len(group["contacts"])) == ("email", "doe@case.example", 2)


@pytest.mark.parametrize("version", ["3.0", "4.0"])
async def test_a_note_with_words_of_an_encoding_comes_back(
    api: Client, people: People, client_of: ClientMaker, version: str
) -> None:
    note = "x ENCODING=QUOTED-PRINTABLE y="
    await api.add(
        display_name="Q P", company="Acme", notes=note, emails=[{"address": "q@x.example"}],
        phones=[{"number": "+49 171 222 333"}],
    )  # fmt: skip
    url = api.person.base / "-/svc/contact.export_all"
    async with api.person.http.get(url, params={"format": "vcf", "version": version}) as response:
        file = await response.text()
    other = await client_of(person=await people("Bob"))
    await other.person.ok("contact.import", content=file, format="vcf")
    (record,) = (await other.get("/contacts")).data
    assert (record["notes"], record["company"], record["display_name"]) == (note, "Acme", "Q P")
    assert [p["number"] for p in record["phones"]] == ["+49 171 222 333"]


@pytest.mark.parametrize(
    ("contact", "queries"),
    [
        ({"first_name": "Ada", "last_name": "Lovelace"}, ["ada lovelace", "lovelace ada"]),
        ({"first_name": "Conan", "last_name": "O’Brien"}, ["o'brien"]),
        ({"first_name": "Anna-Lena", "last_name": "Meier"}, ["anna-lena"]),
        ({"first_name": "Hans", "last_name": "Straße"}, ["strasse"]),
        ({"first_name": "Æther", "last_name": "Œuvre"}, ["aether", "oeuvre"]),
        ({"first_name": "Mu\u0308ller", "last_name": "Nfd"}, ["müller", "muller"]),
        ({"display_name": "P", "phones": [{"number": "+33 6 12 34 56 78"}]}, ["0612345678", "0033612345678"]),
        ({"display_name": "P", "phones": [{"number": "+49 171 222 333"}]}, ["0171222333"]),
        ({"display_name": "🍕 Pizza"}, ["🍕"]),
        ({"display_name": "İbrahim Işık"}, ["ışık", "isik", "IŞIK", "ibrahim"]),
    ],
)
async def test_a_search_finds_the_contact_in_every_api(
    api: Client, contact: dict[str, Any], queries: list[str]
) -> None:
    record = await api.add(**contact)
    await api.add(display_name="Somebody Else")
    for query in queries:
        assert [c["id"] for c in (await api.get(f"/contacts?search={quote(query)}")).data] == [record["id"]]
        for service, args in (
            ("contact.my_contacts", {"value": f"{query}%"}),
            ("contact.show_contact", {"name": query}),
        ):
            names = [c["fullname"] for c in await api.person.ok(service, **args)]
            assert names == [record["display_name"]], (service, query)


async def test_two_conditions_at_once_are_answered(api: Client) -> None:
    record = await api.add(display_name="Ada Lovelace", tags=["t", "u"], company="Co")
    for query in ("tag=t&tag=u", "search=ada&tag=t", "company=co&source=local", "search=ada&company=co"):
        assert [c["id"] for c in (await api.get(f"/contacts?{query}")).data] == [record["id"]], query
