"""Import and export whole address books over HTTP."""

from __future__ import annotations

import asyncio
import resource
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from service.contacts import importing
from tests.support.address_files import export, table, unrevised, upload
from tests.support.admin import Admin
from tests.support.contacts import add_contact, email_list, surnames
from tests.support.people import FRONTEND, People, Person, Tab
from tests.support.rest import ClientMaker


async def test_a_file_is_loaded_and_the_tab_sees_it(people: People) -> None:
    alice = await people("Alice")
    tab, other = await alice.tab(), await alice.tab()
    await add_contact(alice, "Last3 First3", "p3@load.example")
    answer = await upload(alice, tab, "mes contacts é.csv", table(700) + b"\nNo,Mail,,,\n", service="book")
    assert answer.status == 200, answer.body
    assert {k: v for k, v in answer.data.items() if k not in {"rejected", "known", "ctime", "ended"}} == {
        "import_id": answer.data["id"],
        "id": answer.data["import_id"],
        "api": "rpc",
        "kind": "csv",
        "filename": "mes contacts é.csv",
        "update": "skip",
        "state": "done",
        "reason": "",
        "percent": 100,
        "encoding": "utf-8",
        "total": 701,
        "loaded": 699,
        "updated": 0,
        "noemail": 1,
        "rejected_count": 1,
        "alreadyincontact": 1,
        "incomplete": [],
        "groups": 0,
        "columns": {
            "used": {
                "First Name": "firstname",
                "Last Name": "lastname",
                "E-mail Address": "email",
                "Mobile Phone": "mobile",
                "Categories": "tag",
            },
            "ignored": [],
        },
    }
    assert answer.data["rejected"] == [
        {"position": 701, "line": 702, "name": "No Mail", "reason": "no email address"}
    ]
    assert [(k["line"], k["name"], k["outcome"]) for k in answer.data["known"]] == [
        (5, "First3 Last3", "known")
    ]
    await tab._wait(lambda: tab.updates("contact.load")[-1]["model"]["progress"] == 100)
    models = [f["model"] for f in tab.updates("contact.load")]
    assert models[0] == {"phase": "prepare", "progress": 0, "tag": "book"}
    assert models[-1] == {"phase": "load", "progress": 100, "tag": "book"}
    progress = [m["progress"] for m in models]
    assert progress == sorted(progress)
    await other.nothing("contact.load", 0.1)
    (match,) = await alice.ok("contact.search", key="First77 Last77")
    loaded = await alice.ok("contact.get_contact", contact_id=match["id"])
    assert (loaded["mobile"][0]["areacode"], loaded["tag"][0]["name"]) == ("+33", "Big")
    # A second import adds nothing, and no contact appears twice.
    again = (await upload(alice, tab, "x.csv", table(700))).data
    assert (again["loaded"], again["alreadyincontact"]) == (0, 700)


async def test_a_load_leaves_out_the_owner_and_colleagues(people: People) -> None:
    dave, erin = await people("Dave", domain="load.test"), await people("Erin", domain="load.test")
    bob = await people("Bob")
    tab = await dave.tab()
    rows = f"Email\n{dave.email}\n{erin.email}\n{bob.email}\nx@l.example\nX@L.example\n"
    answer = await upload(dave, tab, "a.CSV", rows.encode())
    assert (answer.data["loaded"], answer.data["alreadyincontact"]) == (2, 3)
    contacts = await dave.ok("contact.show_contact")
    assert sorted(c["entity"] for c in contacts) == sorted([bob.uid, "x@l.example"])
    assert {c["status"] for c in contacts} == {"memory"}


async def test_a_load_tells_the_encoding_and_takes_another_one(people: People) -> None:
    alice = await people("Alice")
    tab = await alice.tab()
    rows = "Name,Email\nИван Петров,{0}\nОльга Кузнецова,\n"
    answer = await upload(alice, tab, "a.csv", rows.format("i@x.example").encode("koi8-r"))
    assert (answer.data["loaded"], answer.data["encoding"]) == (1, "koi8-u")
    assert answer.data["rejected"][0]["name"] == "Ольга Кузнецова"
    other = await upload(alice, tab, "b.csv", rows.format("j@x.example").encode("cp866"), charset="IBM866")
    assert (other.data["loaded"], other.data["encoding"]) == (1, "cp866")
    assert other.data["rejected"][0]["name"] == "Ольга Кузнецова"
    refused = await upload(alice, tab, "c.csv", b"Email\n", charset="punycode")
    assert (refused.status, refused.code) == (400, "INVALID_INPUT")


async def test_loads_are_refused_with_the_documented_code(people: People) -> None:
    alice = await people("Alice")
    tab = await alice.tab()
    for content in (b"PK\x03\x04\x14\x00\x00\x00", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"):
        answer = await upload(alice, tab, "contacts.csv", content)
        assert (answer.status, answer.code) == (415, "WRONG_FORMAT"), content
    for args, code in (
        ({}, "NO_FILE"),
        ({"uploaded_id": "aa", "secret": "bb"}, "INVALID_INPUT"),
    ):
        answer = await alice.call("contact.load", socket_id=tab.id, **args)
        assert (answer.status, answer.code) == (400, code)
    assert (await alice.call("contact.load")).code == "MISSING_PARAM"
    empty = await upload(alice, tab, "a.vcf", b"")
    assert empty.data["total"] == 0


@pytest.mark.parametrize("name", ["card.cvf", "card.csv", "card", "../../etc/passwd", "é ç#1&.CVF", ""])
@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"\r\n\r\n"])
async def test_a_vcard_is_one_by_its_content(people: People, name: str, before: bytes) -> None:
    alice = await people("Alice")
    tab = await alice.tab()
    card = before + b"begin:vcard\r\nVERSION:3.0\r\nFN:Bo B\r\nEMAIL:bo@x.example\r\nEND:VCARD\r\n"
    assert (await upload(alice, tab, name, card)).data["loaded"] == 1
    assert (await upload(alice, tab, name, b"Email\nc@x.example\n")).data["loaded"] == 1
    assert await origins(alice) == {"bo@x.example": "vcf", "c@x.example": "csv"}


async def test_every_load_ends_with_progress_100(people: People) -> None:
    alice = await people("Alice")
    tab, other = await alice.tab(), await alice.tab()
    named = {"socket_id": tab.id, "service": "book"}
    loads = (
        (200, upload(alice, tab, "a.cvf", b"", service="book")),
        (200, upload(alice, tab, "a.csv", b"no,header\n", service="book")),
        (415, upload(alice, tab, "a.csv", b"\x00\x01", service="book")),
        (400, alice.call("contact.load", **named)),
        (400, alice.call("contact.load", **named, uploaded_id="aa", secret="bb")),
        (404, alice.call("contact.load", **named, uploaded_id="0" * 32)),
    )
    for count, (status, load) in enumerate(loads, 1):
        assert (await load).status == status
        await tab._wait(lambda count=count: ends(tab) == count)
        assert ends(tab) == count
        assert tab.updates("contact.load")[-1]["model"] == {"phase": "load", "progress": 100, "tag": "book"}
    await other.nothing("contact.load", 0.1)


def ends(tab: Tab) -> int:
    """Return how many loads the tab has seen end."""
    return sum(frame["model"]["progress"] == 100 for frame in tab.updates("contact.load"))


async def test_progress_never_goes_to_the_tab_of_somebody_else(people: People) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    foreign = await bob.tab()
    assert (await upload(alice, foreign, "a.csv", table(3))).status == 200
    await foreign.nothing("contact.load", 0.1)


@pytest.mark.parametrize(("filename", "limit"), [("a.csv", 1000)])
async def test_too_big_a_file_is_refused(
    make_node: Any, registry: Any, password_hash: str, filename: str, limit: int
) -> None:
    server = await make_node(import_limit=limit)
    people = People(server.make_url("/"), registry, password_hash)
    alice = await people("Alice")
    tab = await alice.tab()
    answer = await upload(alice, tab, filename, table(500))
    assert (answer.status, answer.code) == (413, "BODY_TOO_LARGE")
    await tab.settles("contact.load", {"phase": "load", "progress": 100, "tag": None})
    await people.close()


async def test_contacts_come_as_parameters_too(people: People) -> None:
    alice = await people("Alice")
    entries = [
        {"firstname": "Ada", "email": [{"email": "Ada@x.example"}], "tag": ["New"]},
        {"firstname": "Nobody"},
        {"email": "not a list", "mobile": [1, None], "tag": {"a": 1}},
    ]
    answer = await alice.ok("contact.import", list=entries)
    assert (answer["total"], answer["loaded"], answer["noemail"]) == (3, 1, 2)
    text = "BEGIN:VCARD\nVERSION:3.0\nFN:Bo B\nEMAIL:bo@x.example\nEND:VCARD\n"
    assert (await alice.ok("contact.import", content=text))["loaded"] == 1
    assert (await alice.ok("contact.import", content="Email\nc@x.example\n", format="csv"))["loaded"] == 1
    assert await surnames(alice) == ["Ada", "Bo B", "c@x.example"]
    for args, status, code in (
        ({}, 400, "NO_FILE"),
        ({"list": entries, "content": text}, 400, "INVALID_INPUT"),
        ({"content": text, "format": "xls"}, 415, "WRONG_FORMAT"),
    ):
        refused = await alice.call("contact.import", **args)
        assert (refused.status, refused.code) == (status, code)


async def test_contacts_know_the_kind_of_file_they_came_in(people: People) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    tab = await alice.tab()
    await add_contact(alice, "Typed T", "typed@x.example")
    card = b"BEGIN:VCARD\nVERSION:3.0\nFN:Bo B\nEMAIL:bo@x.example\nEND:VCARD\n"
    assert (await upload(alice, tab, "a.vcf", card)).data["loaded"] == 1
    assert (await upload(alice, tab, "a.csv", b"Email\nc@x.example\n")).data["loaded"] == 1
    wanted = {"typed@x.example": "local", "bo@x.example": "vcf", "c@x.example": "csv"}
    assert await origins(alice) == wanted
    # Our own files record the original source.
    for kind in ("csv", "vcf"):
        book = await export(alice, format=kind)
        assert (await upload(bob, await bob.tab(), f"a.{kind}", book)).data["loaded"] == 3
        assert await origins(bob) == wanted, kind
        for row in await bob.ok("contact.show_contact"):
            await bob.ok("contact.delete_contact", contact_id=row["id"])
    assert await alice.ok("contact.show_gmail_contacts") == []


async def origins(person: Person) -> dict[str, str]:
    """Return the origin of each contact by its default address."""
    ids = [row["id"] for row in await person.ok("contact.show_contact")]
    contacts = [await person.ok("contact.get_contact", contact_id=each) for each in ids]
    return {each["email"][0]["email"]: each["origin"] for each in contacts}


async def fill(person: Person) -> None:
    """Create an address book with every field that a file must preserve."""
    tags = [(await person.ok("tagcontact.add", name=n))["tag_id"] for n in ("Work; hard", "a, b", "Plain")]
    await person.ok(
        "contact.add",
        firstname="Ada, the 'first'",
        lastname='Love"lace; \\ Byron',
        surname="Countess ☕",
        comment="two\nlines, with; all \\ signs\n" + "é" * 200,
        email=[
            {"email": "ada@math.example", "category": "prof", "is_default": 0},
            {"email": "ada@home.example", "is_default": 1},
        ],
        mobile=[
            {"areacode": "+44", "phone": "207 946", "category": "prof", "is_default": 1},
            {"areacode": "", "phone": "(0)1-23"},
            {"areacode": "0033", "phone": "612"},
        ],
        address=[
            {"street": "12 St James's Square\\", "city": "London; SW1", "country": "UK", "category": "prof"},
            {"city": "Paris", "is_default": 1},
        ],
        tag=tags,
    )
    await add_contact(person, "Zoë Øst", "zoe@x.example")
    old = await add_contact(person, "Old One", "old@x.example")
    await person.ok("contact.change_status", contact_id=old["id"], status="archived")
    await person.ok(
        "contact.import",
        list=[{"email": [{"email": f"n{i}@same.example"}], "firstname": "Same"} for i in range(700)],
    )


@pytest.mark.parametrize(
    ("filename", "args"),
    [
        ("a.vcf", {"version": "3.0"}),
        ("a.vcf", {"version": "4.0"}),
        ("a.csv", {"format": "csv"}),
    ],
)
async def test_exported_imported_exported_is_the_same(
    people: People, filename: str, args: dict[str, str]
) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    await fill(alice)
    first = await export(alice, **args)
    answer = await upload(bob, await bob.tab(), filename, first)
    assert (answer.data["total"], answer.data["loaded"]) == (703, 703), answer.data
    assert unrevised(await export(bob, **args)) == unrevised(first)
    original, copy = [await p.ok("contact.get", email="ada@math.example") for p in (alice, bob)]
    for key in ("firstname", "lastname", "surname", "comment"):
        assert original[key] == copy[key]
    assert {t["name"] for t in original["tag"]} == {t["name"] for t in copy["tag"]}
    assert len(await bob.ok("contact.show_contact", option="archived")) == 1
    only_old = await export(alice, **args, option="archived")
    assert b"Old" in only_old
    assert b"Same" not in only_old


async def test_a_load_that_was_cut_short_can_be_repeated(people: People, admin: Admin) -> None:
    alice = await people("Alice")
    tab = await alice.tab()
    await upload(alice, tab, "a.csv", table(450))
    both = await asyncio.gather(
        upload(alice, tab, "a.csv", table(1500)), upload(alice, tab, "a.csv", table(1500))
    )
    assert sum(a.data["loaded"] for a in both) == 1050
    assert admin.one(f"SELECT COUNT(*) FROM {alice.shard}.contact WHERE owner_id = %s", alice.uid) == 1500


async def test_a_reader_that_is_left_half_way_ends(tmp_path: Path) -> None:
    """Only two files are read at the same time: a reader that never ended would keep its place."""
    path = tmp_path / "a.csv"
    path.write_bytes(table(6_000))
    for _ in range(3):
        with suppress(RuntimeError):
            async with asyncio.timeout(60), importing._reader(str(path), "csv") as lines:
                assert await anext(lines)
                # The reader has much left to say: it fills the pipe.
                await asyncio.sleep(0.5)
                raise RuntimeError("half way")


async def test_a_big_file_takes_little_memory_and_others_are_served(people: People, admin: Admin) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    tab = await alice.tab()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    loading = asyncio.create_task(upload(alice, tab, "big.csv", table(6_000)))
    served = 0
    while not loading.done():
        await bob.ok("contact.show_contact")
        served += 1
        # One process serves and asks: without a pause, the load has half of a processor.
        await asyncio.sleep(0.05)
    answer = await loading
    assert answer.data["loaded"] == 6_000
    assert served > 20
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100_000, f"{grown} kB"
    assert len(await alice.ok("contact.show_contact", page=100)) == 45


async def test_address_books_are_written_from_the_own_only(people: People) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    await alice.ok("contact.add", email=email_list("secret@x.example"))
    assert b"secret" not in await export(bob, hub_id=alice.uid)
    stranger = await people.stranger()
    assert (await stranger.call("contact.export_all")).status == 401


def edited(row: dict[str, Any]) -> dict[str, Any]:
    """Return a number as the edit form of the frontend sends it back, which nobody has touched."""
    areacode = row["areacode"] if "+" in row["areacode"] else f"+{row['areacode']}"
    return {"areacode": areacode, "phone": row["phone"], "category": row["category"], "phone_id": "undefined"}


async def test_imported_numbers_survive_the_edit_form(people: People) -> None:
    alice = await people("Alice")
    tab = await alice.tab()
    numbers = ("FAX:+33144276701", "HOME:+1 555 0100", "PAGER:01 44 27", "WORK:+44 (0)20 7946 0001")
    card = "\n".join(
        ["BEGIN:VCARD", "VERSION:3.0", "FN:Ada Byron", "EMAIL:ada@numbers.example"]
        + [f"TEL;TYPE={number}" for number in numbers]
        + ["END:VCARD", ""]
    )
    assert (await upload(alice, tab, "ada.vcf", card.encode())).data["loaded"] == 1
    (match,) = await alice.ok("contact.search", key="ada")
    before = await alice.ok("contact.get_contact", contact_id=match["id"])
    rows = [(p["areacode"], p["phone"], p["label"]) for p in before["mobile"]]
    assert rows == [
        ("+33", "144276701", "fax"), ("+1", "5550100", "home"),
        ("", "014427", "pager"), ("+44", "2079460001", "work"),
    ]  # fmt: skip
    frontend_contact = (await alice.call("contact.get_contact", FRONTEND, contact_id=match["id"])).data
    form = {name: frontend_contact[name] for name in ("firstname", "lastname", "email", "address", "comment")}
    form |= {
        "contact_id": before["id"],
        "mobile": [edited(row) for row in frontend_contact["mobile"]],
        "tag": [],
    }
    for _ in range(2):
        after = (await alice.call("contact.update", FRONTEND, **form, hub_id=alice.uid)).data
        assert after["mobile"] == frontend_contact["mobile"]
        stored = await alice.ok("contact.get_contact", contact_id=match["id"])
        assert stored["mobile"] == before["mobile"]


async def test_a_number_that_is_written_in_another_way_keeps_its_label(people: People) -> None:
    alice = await people("Alice")
    tab = await alice.tab()
    card = "BEGIN:VCARD\nVERSION:3.0\nFN:Ada\nEMAIL:a@fax.example\nTEL;TYPE=FAX:+33144276701\nEND:VCARD\n"
    await upload(alice, tab, "ada.vcf", card.encode())
    (match,) = await alice.ok("contact.search", key="ada")
    before = (await alice.ok("contact.get_contact", contact_id=match["id"]))["mobile"]
    for areacode, phone in (("+33", "1 44 27 67 01"), ("+", "+33144276701"), ("+33", "144276701")):
        rows = [{"areacode": areacode, "phone": phone, "category": "priv"}]
        await alice.call("contact.update", FRONTEND, contact_id=match["id"], mobile=rows)
        (row,) = (await alice.ok("contact.get_contact", contact_id=match["id"]))["mobile"]
        assert row == before[0] | {"areacode": areacode.strip("+") and areacode, "phone": phone}
    # Other digits are another number.
    other = [{"areacode": "+33", "phone": "144276702", "category": "priv"}]
    after = await alice.call("contact.update", FRONTEND, contact_id=match["id"], mobile=other)
    assert [row["label"] for row in after.data["mobile"]] == ["mobile"]


LABELS = """BEGIN:VCARD
VERSION:3.0
FN:Ana Ruiz
EMAIL;TYPE=work;TYPE=pref:ana@x.example
TEL;TYPE=WORK;TYPE=VOICE:+34 911
TEL;TYPE=WORK;TYPE=FAX:+34 912
TEL;TYPE=WORK;TYPE=CELL:+34 613
TEL;TYPE=HOME;TYPE=FAX:+34 914
item1.TEL;TYPE=WORK:+34 915
item1.X-ABLabel:Lab
END:VCARD
"""


async def test_a_work_fax_is_told_from_the_work_phone_by_every_api(
    people: People, client_of: ClientMaker
) -> None:
    alice = await people("Alice")
    api = await client_of(person=alice)
    assert (await upload(alice, await alice.tab(), "a.vcf", LABELS.encode())).status == 200
    kinds = [("prof", "work"), ("prof", "fax"), ("prof", "mobile"), ("priv", "fax"), ("prof", "Lab")]
    rest_labels = ["work", "work fax", "work mobile", "fax", "work Lab"]
    (match,) = await alice.ok("contact.search", key="ana")

    async def labels() -> tuple[list[tuple[str, str]], list[str]]:
        contact = await alice.ok("contact.get_contact", contact_id=match["id"])
        (record,) = (await api.get("/contacts")).data
        seen = [(m["category"], m["label"]) for m in contact["mobile"]]
        return seen, [p["label"] for p in record["phones"]]

    assert await labels() == (kinds, rest_labels)
    file = await export(alice, version="4.0")
    lines = [line.lower() for line in file.decode().split("\r\n") if line.startswith("TEL")]
    assert ["fax" in line for line in lines] == [False, True, False, True]
    assert ["work" in line for line in lines] == [True, True, True, False]
    # a client that sends the record back changes nothing
    (record,) = (await api.get("/contacts")).data
    assert (await api.patch(f"/contacts/{record['id']}", record)).status == 200
    assert await labels() == (kinds, rest_labels)
    # neither does the form of the frontend, which knows no labels; another category has another label
    contact = await alice.ok("contact.get_contact", contact_id=match["id"])
    mobile = [{key: m[key] for key in ("areacode", "phone", "category")} for m in contact["mobile"]]
    await alice.ok("contact.update", contact_id=match["id"], mobile=mobile)
    assert await labels() == (kinds, rest_labels)
    mobile[1]["category"], mobile[3]["category"] = "priv", "prof"
    await alice.ok("contact.update", contact_id=match["id"], mobile=mobile)
    assert (await labels())[1] == ["work", "mobile", "work mobile", "work", "work Lab"]
