"""Reports of imports: progress, cancel, known people, rejected rows as a file."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from service.admin.registry import Registry
from service.contacts import import_report
from tests.support.address_files import export, table, upload
from tests.support.admin import Admin
from tests.support.people import People, Person, Tab
from tests.support.pictures import PNG
from tests.support.rest import ClientMaker
from tests.support.waiting import until

CARD = "BEGIN:VCARD\nVERSION:3.0\nFN:{name}\nEMAIL:{email}\n{more}END:VCARD\n"


def card(name: str, email: str, *more: str) -> str:
    return CARD.format(name=name, email=email, more="".join(f"{line}\n" for line in more))


async def load(person: Person, content: str | bytes, tab: Tab | None = None, **args: Any) -> dict[str, Any]:
    """Load a file; return the answer."""
    data = content.encode() if isinstance(content, str) else content
    answer = await upload(person, tab or await person.tab(), "a.file", data, **args)
    assert answer.status == 200, answer.body
    report: dict[str, Any] = answer.data
    counted = report["loaded"] + report["alreadyincontact"] + report["rejected_count"]
    assert report["total"] == counted, report
    return report


async def download(person: Person, import_id: str) -> bytes:
    url = person.base / "-/svc/contact.load_rejected"
    async with person.http.post(url, json={"import_id": import_id}) as response:
        assert response.status == 200, await response.text()
        return await response.read()


async def test_all_tabs_see_the_progress_and_the_report_stays(people: People) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    tab, other, foreign = await alice.tab(), await alice.tab(), await bob.tab()
    answer = await load(alice, table(450), tab)
    for each in (tab, other):
        await each._wait(lambda each=each: progress_of(each)[-1]["percent"] == 100)
        models = progress_of(each)
        assert models[0] == {
            "import_id": answer["import_id"], "state": "running", "percent": 0, "total": 0, "loaded": 0,
            "updated": 0, "alreadyincontact": 0, "noemail": 0, "rejected_count": 0,
        }  # fmt: skip
        assert models[-1] == {key: answer[key] for key in models[-1]}
        assert (models[-1]["state"], models[-1]["loaded"]) == ("done", 450)
    await other.nothing("contact.load", 0.1)
    await foreign.nothing("contact.import_progress", 0.1)
    assert await alice.ok("contact.load_report", import_id=answer["import_id"]) == answer
    (listed,) = await alice.ok("contact.load_reports")
    assert listed == {
        key: value for key, value in answer.items() if key not in {"rejected", "known", "incomplete"}
    }
    # Nobody else sees it.
    assert await bob.ok("contact.load_reports") == []
    for service in ("load_report", "load_entries", "load_rejected", "load_cancel"):
        refused = await bob.call(f"contact.{service}", import_id=answer["import_id"])
        assert (refused.status, refused.code) == (404, "IMPORT_NOT_FOUND"), service
    assert await alice.ok("contact.load_cancel", import_id=answer["import_id"]) == listed


async def test_a_load_is_cancelled_half_way(people: People, admin: Admin) -> None:
    alice = await people("Alice")
    tab, other = await alice.tab(), await alice.tab()
    loading = asyncio.create_task(upload(alice, tab, "a.csv", table(5_000)))
    second = asyncio.create_task(upload(alice, other, "b.csv", table(300, 10_000)))
    await until(lambda: len({id_ for id_, _ in seen(tab)}) == 2)
    by_file = {report["filename"]: report["import_id"] for report in await alice.ok("contact.load_reports")}
    big = by_file["a.csv"]
    await until(lambda: any(id_ == big and loaded for id_, loaded in seen(tab)))
    cancelled = await alice.ok("contact.load_cancel", import_id=big)
    assert cancelled["state"] == "cancelled"
    answer = await loading
    assert (answer.status, answer.data["state"], answer.data["loaded"]) == (
        *(200, "cancelled"), cancelled["loaded"]
    )  # fmt: skip
    assert 0 < answer.data["loaded"] < 5_000
    await until(lambda: tab.updates("contact.load")[-1]["model"]["progress"] == 100)
    # The other load goes on.
    assert ((await second).data["state"], (await second).data["loaded"]) == ("done", 300)
    count = f"SELECT COUNT(*) FROM {alice.shard}.contact WHERE owner_id = %s"
    assert admin.one(count, alice.uid) == answer.data["loaded"] + 300
    again = await load(alice, table(5_000))
    assert (again["state"], again["alreadyincontact"]) == ("done", answer.data["loaded"])


def progress_of(tab: Tab) -> list[dict[str, Any]]:
    return [frame["model"] for frame in tab.updates("contact.import_progress")]


def seen(tab: Tab) -> set[tuple[str, int]]:
    """Return the import id and the number of loaded contacts of each frame about progress."""
    return {(model["import_id"], model["loaded"]) for model in progress_of(tab)}


async def test_an_error_leaves_a_report_that_says_so(people: People, monkeypatch: Any) -> None:
    alice = await people("Alice")

    async def broken(*_: Any) -> None:
        raise TimeoutError

    monkeypatch.setattr(import_report.ImportReport, "describe", broken)
    answer = await upload(alice, await alice.tab(), "a.csv", b"Email\na@x.example\n")
    assert answer.status >= 500
    (report,) = await alice.ok("contact.load_reports")
    assert (report["state"], report["reason"], report["loaded"]) == ("failed", "timeout", 0)


async def test_rejected_rows_are_mended_and_loaded(people: People) -> None:
    alice = await people("Alice")
    rows = 'Prénom;Courriel;Note\nZoé;z@x.example;\nBjørn;;"two\nlines; here"\nTom;tom(at)x;\n'
    report = await load(alice, rows.encode("cp1252"))
    assert [(r["line"], r["name"], r["reason"]) for r in report["rejected"]] == [
        (3, "Bjørn", "no email address"), (5, "Tom", "no email address")
    ]  # fmt: skip
    assert report["encoding"] == "windows-1252" or report["encoding"] == "cp1252"
    page = await alice.ok("contact.load_entries", import_id=report["import_id"], after=2)
    assert [entry["name"] for entry in page] == ["Tom"]
    text = (await download(alice, report["import_id"])).decode()
    assert text == '\ufeffPrénom;Courriel;Note\nBjørn;;"two\nlines; here"\nTom;tom(at)x;\n'
    mended = text.replace("Bjørn;;", "Bjørn;b@x.example;").replace("tom(at)x", "tom@x.example")
    again = await load(alice, mended)
    assert (again["loaded"], again["rejected"]) == (2, [])
    (match,) = await alice.ok("contact.search", key="Bjørn")
    assert (await alice.ok("contact.get_contact", contact_id=match["id"]))["comment"] == "two\nlines; here"


async def test_rejected_cards_are_mended_and_loaded(people: People) -> None:
    alice = await people("Alice")
    card = (
        "BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:M=FCller;J=F6rg\r\n"
        "TEL;WORK;FAX:+49 30 1\r\nEND:VCARD\r\n"
    )
    report = await load(alice, card + card.replace("J=F6rg", "Ida") + card_of("ok@x.example"))
    assert [(r["line"], r["name"]) for r in report["rejected"]] == [(1, "Jörg Müller"), (6, "Ida Müller")]
    text = (await download(alice, report["import_id"])).decode()
    assert text.count("BEGIN:VCARD\nVERSION:2.1\n") == 2
    mended = text.replace("TEL;", "EMAIL:j@x.example\nTEL;", 1)
    again = await load(alice, mended)
    assert (again["loaded"], again["rejected_count"]) == (1, 1)
    (match,) = await alice.ok("contact.search", key="Müller")
    contact = await alice.ok("contact.get_contact", contact_id=match["id"])
    assert (contact["firstname"], contact["mobile"][0]["category"]) == ("Jörg", "prof")
    # A list comes back as a list.
    answer = await alice.ok("contact.import", list=[{"firstname": "Nobody"}])
    assert b'"firstname":"Nobody"' in await download(alice, answer["import_id"])


def card_of(email: str) -> str:
    return card("O K", email)


async def contact_of(person: Person, key: str) -> dict[str, Any]:
    (match,) = await person.ok("contact.search", key=key)
    contact: dict[str, Any] = await person.ok("contact.get_contact", contact_id=match["id"])
    return contact


FIRST = card("Ana Ruiz", "ana@x.example", "TEL:+34 612345671", "ORG:Acme", "CATEGORIES:Old")
SECOND = card(
    *("Ana Ruiz", "ana@x.example", "EMAIL:ana@work.example", "TEL:+34 612345671", "TEL:+34 612345672"),
    *("ORG:Other", "TITLE:Boss", "ADR:;;Calle 1;Madrid;;28001;España", "CATEGORIES:New"),
)
NEW = {
    "email": ["ana@work.example"], "mobile": ["+34 612345672"], "address": ["Calle 1, Madrid, 28001, España"],
    "job_title": "Boss", "tag": ["New"],
}  # fmt: skip


async def test_a_second_load_adds_replaces_or_says_why_not(people: People) -> None:
    for update in ("skip", "add", "replace"):
        alice = await people("Alice")
        await load(alice, FIRST)
        before = await contact_of(alice, "ana")
        report = await load(alice, SECOND, update=update)
        (entry,) = report["known"]
        assert (entry["name"], entry["line"], entry["contact_id"]) == ("Ana Ruiz", 1, before["id"])
        after = await contact_of(alice, "ana")
        values = (
            *(after["company"], after["job_title"], [e["email"] for e in after["email"]]),
            *([m["phone"] for m in after["mobile"]], [t["name"] for t in after["tag"]]),
        )
        if update == "skip":
            assert (report["updated"], report["alreadyincontact"], entry["outcome"]) == (0, 1, "known")
            assert (entry["reason"], entry["added"]) == ("update=skip", {})
            assert entry["missing"] == {**NEW, "company": "Other"}
            assert after == before
            continue
        assert (report["updated"], report["alreadyincontact"], entry["outcome"]) == (1, 1, "updated")
        lists = (["ana@x.example", "ana@work.example"], ["612345671", "612345672"], ["Old", "New"])
        if update == "add":
            assert (entry["added"], entry["missing"]) == (NEW, {"company": "Other"})
            assert values == ("Acme", "Boss", *lists)
        else:
            card_lines = ["ADR", "CATEGORIES", "EMAIL", "ORG", "TEL", "TITLE"]
            assert (entry["added"], entry["missing"]) == (
                {**NEW, "company": "Other", "card": card_lines},
                {},
            )
            assert values == ("Other", "Boss", *lists)
        assert [e["is_default"] for e in after["email"]] == [1, 0]
        # Once more, there is nothing to do.
        again = await load(alice, SECOND, update=update)
        assert (again["updated"], again["known"][0]["outcome"]) == (0, "known")
        assert again["known"][0]["reason"] == "nothing new"


async def test_people_twice_in_a_file_and_own_accounts_are_named(people: People) -> None:
    dave, erin = await people("Dave", domain="twice.test"), await people("Erin", domain="twice.test")
    one = card("Bo B", "bo@x.example", "TEL:1")
    cards = (
        one + one + card("Bo B", "bo@x.example", "TEL:2") + card("Me", dave.email) + card("Col", erin.email)
    )
    report = await load(dave, cards, update="add")
    assert (report["loaded"], report["updated"], report["alreadyincontact"]) == (1, 1, 4)
    assert [(k["line"], k["outcome"], k["reason"]) for k in report["known"]] == [
        (7, "known", "twice in the file"), (13, "updated", ""),
        (19, "known", "yourself"), (24, "known", "a colleague"),
    ]  # fmt: skip
    assert [m["phone"] for m in (await contact_of(dave, "bo"))["mobile"]] == ["1", "2"]
    # A change that the rules refuse leaves the contact as it is.
    await load(dave, card("Zed Z", "zed@x.example"))
    taken = await load(dave, card("Zed Z", "zed@x.example", f"EMAIL:{erin.email}"), update="add")
    (entry,) = taken["known"]
    assert (entry["outcome"], entry["reason"], entry["missing"]) == (
        "known",
        "SAME_DOMAIN",
        {"email": [erin.email]},
    )


async def test_two_loads_at_once_lose_no_number(people: People) -> None:
    alice = await people("Alice")
    await load(alice, card("Bo B", "bo@x.example"))
    await asyncio.gather(
        *(load(alice, card("Bo B", "bo@x.example", f"TEL:55{n}"), update="add") for n in range(4))
    )
    phones = sorted(m["phone"] for m in (await contact_of(alice, "bo"))["mobile"])
    assert phones == ["550", "551", "552", "553"]


RED, BLUE = (base64.b64encode(PNG + color).decode() for color in (b"red", b"blue"))


def whole_card(photo: str, *more: str) -> str:
    lines = ("UID:ana-1", f"PHOTO;ENCODING=b;TYPE=PNG:{photo}", "BDAY:1980-01-02", "URL:https://ana.example")
    return card("Ana Ruiz", "ana@x.example", *lines, *more)


async def test_a_known_contact_gets_the_card_and_the_picture(people: People, client_of: ClientMaker) -> None:
    logo = "LOGO;ENCODING=b;TYPE=PNG:AAAA"
    for update in ("skip", "add", "replace"):
        alice = await people("Alice")
        api = await client_of(person=alice)
        made = await api.add(
            first_name="Ana", last_name="Ruiz", emails=[{"address": "ana@x.example", "primary": True}]
        )
        first = await load(alice, whole_card(RED, logo), update=update)
        (entry,) = first["known"]
        gets = {
            "picture": "image/png",
            "extra": {"bday": [{"value": "1980-01-02"}], "url": [{"value": "https://ana.example"}]},
            "card": ["BDAY", "EMAIL", "FN", "LOGO", "UID", "URL"],
        }
        after = (await api.get(f"/contacts/{made['id']}")).data
        if update == "skip":
            assert (entry["reason"], entry["added"], entry["missing"]) == ("update=skip", {}, gets)
            assert (after["avatar_path"], "extra" in after) == (None, False)
            continue
        assert (entry["outcome"], entry["added"], entry["missing"]) == ("updated", gets, {})
        assert (await api.get(f"/contacts/{made['id']}/avatar")).raw == PNG + b"red"
        file = await export(alice)
        for line in (b"UID:ana-1", b"LOGO;", b"BDAY:1980-01-02", b"URL:https://ana.example", b"PHOTO;"):
            assert line in file, line

        more = whole_card(BLUE, logo, "URL:https://blog.example", "KEY;ENCODING=b:AAAA", "TZ:Europe/Madrid")
        second = await load(alice, more, update=update)
        (entry,) = second["known"]
        url = {"value": "https://blog.example"}
        current = (await api.get(f"/contacts/{made['id']}/avatar")).raw
        if update == "add":
            assert (current, entry["missing"]) == (PNG + b"red", {"picture": "image/png"})
            extra = {"url": [url], "tz": [{"value": "Europe/Madrid"}]}
            assert entry["added"] == {"extra": extra, "card": ["KEY"]}
        else:
            assert (current, entry["missing"]) == (PNG + b"blue", {})
            assert entry["added"]["card"] == ["KEY", "TZ", "URL"]
        file = await export(alice)
        for line in (
            b"UID:ana-1",
            b"LOGO;",
            b"KEY;",
            b"URL:https://ana.example",
            b"URL:https://blog.example",
        ):
            assert line in file, (update, line)
        assert b"TZ:Europe/Madrid" in file
        again = await load(alice, more, update=update)
        assert again["updated"] == 0

        # the undo of a load brings the former picture back
        undone = await api.post("/contacts/revert", {"change_set": second["import_id"]})
        assert (undone.data["reverted"], undone.data["left"]) == (1, [])
        assert (await api.get(f"/contacts/{made['id']}/avatar")).raw == PNG + b"red"


async def test_a_number_in_another_writing_is_the_same(people: People, registry: Registry) -> None:
    alice = await people("Alice")
    registry.set_phone_region(alice.uid, alice.shard, "ES")
    await load(alice, card("Ana Ruiz", "ana@x.example", "TEL:612 34 56 71"))
    for number in ("+34 612 345 671", "0034612345671", "(+34) 612-345671"):
        again = await load(alice, card("Ana Ruiz", "ana@x.example", f"TEL:{number}"), update="add")
        assert (again["updated"], again["known"][0]["reason"]) == (0, "nothing new"), number
    other = await load(alice, card("Ana Ruiz", "ana@x.example", "TEL:+33 612 34 56 71"), update="add")
    assert other["known"][0]["added"] == {"mobile": ["+33 612345671"]}
