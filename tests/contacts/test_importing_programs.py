"""Load files of other programs by each API, find their contacts, export them, and undo the imports."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.support.address_files import export, upload
from tests.support.people import People, Person
from tests.support.rest import Client, ClientMaker
from tests.support.summaries import LINE, content, files, summaries

FILES = files()[::3]
PARTS = 4
"""The files are spread over so many tests, which may run beside each other."""


def own_domain(file: dict[str, Any]) -> str:
    return f"{file['name'].replace('_', '-')}.example"


def own_content(file: dict[str, Any]) -> bytes:
    """Return the bytes of a file whose addresses stand in no other file."""
    lines = [line.replace("x.example", own_domain(file)) for line in file["lines"]]
    return content(file | {"lines": lines})


def people_in(data: bytes) -> list[str]:
    """Return the summaries of the contacts in cards, in order."""
    return sorted(match[1] for line in summaries(data, "vcf") if (match := LINE.fullmatch(line)))


async def load(api: Client, file: dict[str, Any], number: int) -> dict[str, Any]:
    """Load a file by the RPC or by /api/v1; return its report."""
    person: Person = api.person
    data = own_content(file)
    if number % 2:
        answer = await upload(person, await person.tab(), "a.file", data, update="add")
        assert answer.status == 200, (file["name"], answer.body)
        report: dict[str, Any] = answer.data
        return report
    headers = {"Content-Type": "application/octet-stream"}
    stored = await api.send("POST", "/imports?update=add", headers=headers, data=data)
    assert stored.status == 200, (file["name"], stored.raw)
    report = stored.data
    return report | {"import_id": report["id"]}


@pytest.mark.parametrize("part", range(PARTS))
async def test_files_are_stored_exported_and_undone(
    part: int, people: People, client_of: ClientMaker
) -> None:
    api = await client_of(person=await people("Alice"))
    alice = api.person
    reports = []
    for number, file in enumerate(FILES[part::PARTS]):
        report = await load(api, file, number)
        counted = report["loaded"] + report["alreadyincontact"] + report["rejected_count"]
        assert report["total"] == counted == len(file["contacts"]), file["name"]
        assert len(report["known"]) == report["alreadyincontact"], file["name"]
        assert all(known["name"] for known in report["known"]), file["name"]
        assert all(rejected["reason"] for rejected in report["rejected"]), file["name"]
        reports.append(report)

        # each contact is found by its last name, in every API
        for match in filter(None, map(LINE.fullmatch, file["contacts"])):
            names, *values = match[1].split(" | ")
            last = names.partition(", ")[2].strip()
            address = next((value.split()[0] for value in values if "@" in value.split()[0]), "").replace(
                "x.example", own_domain(file)
            )
            if last.isalpha() and address and not report["alreadyincontact"]:
                record_rows = (await api.get(f"/contacts?search={quote(f'{last} {address}')}")).data
                rpc_rows = await alice.ok("contact.my_contacts", value=f"{last} {address}%")
                assert len(record_rows) == len(rpc_rows) > 0, (file["name"], last, address)

    bob = await people("Bob")
    first = await export(alice, version="4.0")
    assert (await upload(bob, await bob.tab(), "a.vcf", first)).data["rejected_count"] == 0
    assert people_in(await export(bob, version="4.0")) == people_in(first)

    for report in reversed(reports):
        undone = await api.post("/contacts/revert", {"change_set": report["import_id"]})
        assert undone.status in (200, 404), undone.raw
    assert (await api.get("/contacts")).body["meta"]["total"] == 0
