"""Numbers in international form, and the searches and duplicates that use it."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import pytest
from yarl import URL

from service.live.phone_numbers import international, region_of
from service.settings import Settings
from tests.support.address_files import upload
from tests.support.admin import Admin
from tests.support.commands import run
from tests.support.nodes import NodeMaker
from tests.support.people import People
from tests.support.rest import ClientMaker
from tests.support.waiting import until


@pytest.mark.parametrize(
    ("number", "region", "expected"),
    [
        ("+49 171 2345678", "", "491712345678"), ("0171 2345678", "DE", "491712345678"),
        ("0049 (0)171/234-5678", "DE", "491712345678"), ("٠١٧١ ٢٣٤٥٦٧٨", "de", "491712345678"),
        ("8 916 123-45-67", "RU", "79161234567"), ("+7 916 123 45 67", "", "79161234567"),
        ("(202) 555-0143", "US", "12025550143"), ("06 6982 0000", "IT", "390669820000"),
        ("0171 2345678", "", ""), ("12", "DE", ""), ("call me", "DE", ""), ("", "DE", ""), ("+0", "", ""),
        ("1" * 81, "DE", ""), ("0171 2345678", "XX", ""),
    ],
)  # fmt: skip
def test_the_international_form(number: str, region: str, expected: str) -> None:
    assert international(number, region) == expected


async def test_all_writings_of_a_number_find_each_other(
    make_node: NodeMaker, people: People, client_of: ClientMaker, admin: Admin
) -> None:
    # The node of the other tests knows no region, and may be first: this one writes its numbers again.
    await make_node(phone_region="DE")
    api = await client_of()
    for name, number in (
        ("Anna", "0171 2345678"), ("Bert", "+49 171 2345678"), ("Paul", "+33 1 2345 6789"),
        ("Bea", "+49 30 123456789"), ("Cid", "12"),
    ):  # fmt: skip
        await api.add(display_name=name, phones=[{"number": number}])
    where = f"{api.person.shard}.contact_phone WHERE owner_id = %s"

    async def names(query: str) -> list[str]:
        return [c["display_name"] for c in (await api.get(f"/contacts?search={quote(query)}")).data]

    for _ in range(100):
        if await names("+49 171 2345678") == ["Anna", "Bert"]:
            break
        admin.rows(f"UPDATE {where.replace(' WHERE', ' SET international = NULL WHERE')}"
                   " AND international = ''", api.person.uid)  # fmt: skip
        await asyncio.sleep(0.5)
    for query in ("+49 171 2345678", "0171 2345678", "0049171-2345678", "01712345"):
        assert await names(query) == ["Anna", "Bert"], query
    assert await names("+33 1 23 45 67 89") == ["Paul"]
    groups = (await api.get("/contacts/duplicates")).data
    assert [(g["reason"], g["value"], g["count"]) for g in groups] == [("phone", "491712345678", 2)]
    # A number that is written anew is known again soon; the revision of the contact stays as it is.
    (anna,) = (await api.get("/contacts?search=anna")).data
    changed = await api.patch(f"/contacts/{anna['id']}", {"phones": [{"number": "030 123456789"}]})
    for _ in range(100):
        if await names("+4930123456789") == ["Anna", "Bea"]:
            break
        admin.rows(f"UPDATE {where.replace(' WHERE', ' SET international = NULL WHERE')}"
                   " AND international = ''", api.person.uid)  # fmt: skip
        await asyncio.sleep(0.5)
    assert await names("+4930123456789") == ["Anna", "Bea"]
    assert (await api.get(f"/contacts/{anna['id']}")).etag == changed.etag


@pytest.mark.parametrize(
    ("number", "region"),
    [("+33 6 12 34 56 78", "FR"), ("+1 202 555 0143", "US"), ("0171 2345678", ""), ("", ""), ("+0", "")],
)
def test_the_country_of_a_number(number: str, region: str) -> None:
    assert region_of(number) == region


async def test_each_user_has_a_country(
    settings: Settings, node: URL, people: People, client_of: ClientMaker, admin: Admin
) -> None:
    clients = {}
    for name, region, own, number in (
        ("Ann", "DE", "", "0171 2345678"),
        ("Bob", "", "+33 6 99 99 99 99", "06 12 34 56 78"),
        ("Cid", "", "", "0171 2345678"),
    ):
        person = await people(name)
        admin.rows("UPDATE yp.drumate SET profile = JSON_SET(profile, '$.mobile', %s) WHERE id = %s",
                   own, person.uid)  # fmt: skip
        api = clients[name] = await client_of(person=person)
        await api.add(display_name="Local", phones=[{"number": number}])
        if region:
            done = await run(settings, "region", "--user", person.email, "--country", region)
            assert done.status == 0, done.err
    unknown = await run(settings, "region", "--user", clients["Cid"].person.email, "--country", "XX")
    assert (unknown.status, "is no country" in unknown.err) == (2, True)

    stored = "SELECT international FROM {}.contact_phone WHERE owner_id = %s"

    def forms() -> list[str]:
        return [admin.one(stored.format(api.person.shard), api.person.uid) or "" for api in clients.values()]

    await until(lambda: forms() == ["491712345678", "33612345678", ""])

    async def finds(name: str, query: str) -> int:
        return len((await clients[name].get(f"/contacts?search={quote(query)}")).data)

    await until(lambda: finds("Ann", "+49 171 2345678"))
    assert await finds("Cid", "+49 171 2345678") == 0


async def test_the_numbers_of_a_load_are_found_at_once(people: People, admin: Admin) -> None:
    """No wait for the heartbeat, which would make the words of all these contacts again."""
    german, french = await people("Ann"), await people("Bob")
    file = b"First Name,E-mail Address,Mobile Phone\nAda,ada@load.example,0171 2345678\n"
    for person, region in ((german, "DE"), (french, "FR")):
        admin.rows("UPDATE yp.drumate SET profile = JSON_SET(profile, '$.phone_region', %s) WHERE id = %s",
                   region, person.uid)  # fmt: skip
        assert (await upload(person, await person.tab(), "a.csv", file)).data["loaded"] == 1
    assert len(await german.ok("contact.my_contacts", value="+49 171 2345678")) == 1
    assert await french.ok("contact.my_contacts", value="+49 171 2345678") == []
    bob = {"email": [{"email": "bob@load.example"}], "mobile": [{"phone": "0171 2345679"}]}
    listed = await german.ok("contact.import", list=[bob])
    assert listed["loaded"] == 1
    assert len(await german.ok("contact.my_contacts", value="+49 171 2345679")) == 1
