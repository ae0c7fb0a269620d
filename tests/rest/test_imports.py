"""Load address books through /api/v1, and read their reports."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.support.address_files import table, upload
from tests.support.people import People
from tests.support.rest import Answer, Client, ClientMaker
from tests.support.waiting import until

HEAD = "Name,Email,Phone,Company\n"


async def load(api: Client, content: str | bytes, query: str = "") -> Answer:
    data = content.encode() if isinstance(content, str) else content
    return await api.send("POST", f"/imports{query}", headers={"Content-Type": "text/csv"}, data=data)


async def test_a_second_load_adds_replaces_or_skips(client_of: ClientMaker) -> None:
    first = HEAD + "Ana Ruiz,ana@x.example,+34 612345671,Acme\n"
    second = HEAD + "Ana Ruiz,ana@x.example,+34 612345672,Other\nNobody,,,\n"
    numbers = ["+34 612345671", "+34 612345672"]
    wanted: dict[str, Any] = {
        "": (1, numbers, "Acme", {"mobile": numbers[1:]}, {"company": "Other"}),
        "?update=add": (1, numbers, "Acme", {"mobile": numbers[1:]}, {"company": "Other"}),
        "?update=replace": (
            *(
                1,
                numbers[1:],
                "Other",
                {"mobile": numbers[1:], "mobile_removed": numbers[:1], "company": "Other"},
            ),
            {},
        ),
        "?update=skip": (0, numbers[:1], "Acme", {}, {"mobile": numbers[1:], "company": "Other"}),
    }
    for query, (updated, phones, company, added, missing) in wanted.items():
        api = await client_of()
        assert (await load(api, first)).data["loaded"] == 1
        report = (await load(api, second, query)).data
        assert (report["total"], report["updated"], report["alreadyincontact"]) == (2, updated, 1), query
        (entry,) = report["known"]
        (contact,) = (await api.get("/contacts")).data
        assert (entry["name"], entry["contact_id"]) == ("Ana Ruiz", contact["id"])
        assert (entry["added"], entry["missing"]) == (added, missing), query
        assert ([p["number"] for p in contact["phones"]], contact["company"]) == (phones, company), query
        assert [(r["line"], r["name"]) for r in report["rejected"]] == [(3, "Nobody")]


async def test_a_report_is_read_again_by_its_owner_alone(client_of: ClientMaker) -> None:
    api, other = await client_of(), await client_of()
    report = (await load(api, f"{HEAD}A B,a@x.example,,\nC D,,,\n", "?filename=p.csv")).data
    key = report["id"]
    assert (report["state"], report["filename"], report["api"]) == ("done", "p.csv", "rest")
    assert (await api.get(f"/imports/{key}")).data == report
    (listed,) = (await api.get("/imports")).data
    assert listed == {k: v for k, v in report.items() if k not in {"rejected", "known", "incomplete"}}
    file = await api.get(f"/imports/{key}/rejected")
    assert file.headers["Content-Disposition"] == f'attachment; filename="rejected-{key}.csv"'
    assert file.raw.decode() == f"\ufeff{HEAD}C D,,,\n"
    again = await load(api, file.raw.replace(b"C D,", b"C D,c@x.example"))
    assert (again.data["loaded"], again.data["rejected_count"]) == (1, 0)
    assert (await other.get("/imports")).data == []
    for path in (f"/imports/{key}", f"/imports/{key}/rejected", "/imports/none", f"/imports/{'x' * 64}"):
        assert (await other.get(path)).error == (404, "NOT_FOUND"), path
    for name in (key, "x" * 64):
        assert (await other.post(f"/imports/{name}/cancel")).error == (404, "NOT_FOUND")
    assert (await api.post(f"/imports/{key}/cancel")).data == listed


async def test_an_import_is_taken_back_by_its_id(client_of: ClientMaker) -> None:
    api = await client_of()
    await load(api, f"{HEAD}Ana Ruiz,ana@x.example,,\n")
    before = (await api.get("/contacts")).data
    report = (await load(api, f"{HEAD}Ana Ruiz,ana@x.example,,Acme\nBo B,bo@x.example,,\n")).data
    assert (report["loaded"], report["updated"]) == (1, 1)
    undone = await api.post("/contacts/revert", {"change_set": report["id"]})
    assert undone.data == {"reverted": 2, "left": []}
    (contact,) = (await api.get("/contacts")).data
    assert {**contact, "updated_at": ""} == {**before[0], "updated_at": ""}


async def test_an_import_of_the_rpc_is_cancelled_here(client_of: ClientMaker, people: People) -> None:
    alice = await people("Alice")
    api, tab = await client_of(person=alice), await alice.tab()
    loading = asyncio.create_task(upload(alice, tab, "a.csv", table(4_000)))
    await until(lambda: any(f["model"]["loaded"] for f in tab.updates("contact.import_progress")))
    (running,) = (await api.get("/imports")).data
    assert (running["state"], running["filename"]) == ("running", "a.csv")
    cancelled = (await api.post(f"/imports/{running['id']}/cancel")).data
    assert cancelled["state"] == "cancelled"
    assert (await loading).data["loaded"] == cancelled["loaded"] < 4_000


async def test_what_is_no_address_book_is_refused(client_of: ClientMaker) -> None:
    api = await client_of()
    assert (await load(api, b"\x00\x01\x02\x03")).error == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert (await load(api, HEAD, "?charset=punycode")).error == (400, "INVALID_QUERY")
    assert (await load(api, HEAD, "?update=all")).error == (400, "INVALID_QUERY")
    form = await api.send(
        "POST", "/imports", headers={"Content-Type": "multipart/form-data; boundary=x"}, data=b"x"
    )
    assert form.error == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert (await api.get("/imports")).data == []


async def test_a_permanent_deletion_takes_a_person_out_of_the_reports(client_of: ClientMaker) -> None:
    api = await client_of()
    await load(api, f"{HEAD}Ana Ruiz,ana@x.example,,\nBo B,bo@x.example,,\n")
    report = (await load(api, f"{HEAD}Ana Ruiz,ana@x.example,+34 612345671,Acme\nBo B,bo@x.example,,\n")).data
    deleted_id, kept_id = (entry["contact_id"] for entry in report["known"])
    assert (await api.delete(f"/contacts/{deleted_id}?permanent=true")).status == 200
    after = await api.get(f"/imports/{report['id']}")
    for secret in (b"Ana", b"612345671", b"Acme", deleted_id.encode()):
        assert secret not in after.raw
    empty: dict[str, Any] = {"name": "", "contact_id": None, "added": {}, "missing": {}}
    assert after.data["known"] == [report["known"][0] | empty, report["known"][1]]
    assert after.data["known"][1]["contact_id"] == kept_id
