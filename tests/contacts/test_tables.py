"""Tables of other programs, value by value, and damaged ones. All people are invented."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path
from typing import Any

import orjson
import pytest

from service.contacts.import_batch import Batch
from service.contacts.reader import read

DATA = Path(__file__).parent / "data"
"""Beside each table, the contacts in it: NAME.json."""
TABLES = sorted(path.stem for path in DATA.glob("*.csv"))


def entries(content: str | bytes) -> list[dict[str, Any]]:
    """Return what the reader says of a table, without its columns."""
    return [e for e in lines(content) if "columns" not in e]


def lines(content: str | bytes) -> list[dict[str, Any]]:
    data = content if isinstance(content, bytes) else content.encode()
    return list(read(io.BytesIO(data), "csv"))


def columns(content: str) -> dict[str, Any]:
    """Return what the reader says of the columns."""
    (answer,) = [e["columns"] for e in lines(content) if "columns" in e]
    return dict(answer)


def contact(content: str) -> dict[str, Any]:
    """Return the only contact of a table."""
    (entry,) = entries(content)
    return dict(entry["contact"])


def values(entry: dict[str, Any]) -> dict[str, Any]:
    """Return line and values of an entry, without empty ones; entries of lists in a line each."""
    contact = {key: value for key, value in entry.get("contact", {}).items() if value not in ("", [], 0)}
    contact.pop("default", None)
    if "custom_fields" in contact:
        contact["custom_fields"] = orjson.loads(contact["custom_fields"])
    for key, parts in (
        ("email", ("email",)),
        ("mobile", ("areacode", "phone")),
        ("address", ("street", "city", "state", "postal_code", "country")),
    ):
        if key in contact:
            contact[key] = [[*(e[p] for p in parts), e["category"], e["label"]] for e in contact[key]]
    return {"line": entry["line"], **({"error": entry["error"]} if "error" in entry else contact)}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_another_program_comes_through_value_by_value(name: str) -> None:
    expected = orjson.loads((DATA / f"{name}.json").read_bytes())
    assert [values(e) for e in entries((DATA / f"{name}.csv").read_bytes())] == expected


def test_the_report_says_which_columns_are_used_and_which_are_not() -> None:
    table = (
        "Title,First Name,Last Name,E-mail Address,E-mail Type,Home City,Shoe size\n"
        "Dr.,Ada,Lovelace,ada@x.example,SMTP,London,38\n"
    )
    assert columns(table) == {
        "used": {
            "Title": "custom_fields",
            "First Name": "firstname",
            "Last Name": "lastname",
            "E-mail Address": "email",
            "Home City": "address",
            "Shoe size": "custom_fields",
        },
        "ignored": ["E-mail Type"],
    }
    assert orjson.loads(contact(table)["custom_fields"]) == {"Title": "Dr.", "Shoe size": "38"}


def test_a_full_name_beside_its_parts_is_not_used() -> None:
    table = "Display Name,First Name,Email\nAda Lovelace,Ada,ada@x.example\n"
    assert columns(table) == {
        "used": {"First Name": "firstname", "Email": "email"},
        "ignored": ["Display Name"],
    }


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("Name;Vorname", "Muster", "Eva"),
        ("Vorname;Name", "Eva", "Muster"),
        ("Prénom;Nom", "Zoé", "Lefèvre"),
        ("Nombre;Apellidos", "Ana", "García"),
        ("givenName;familyName", "Ada", "Lovelace"),
        ("Имя;Фамилия", "Анна", "Иванова"),
    ],
)
def test_a_name_beside_a_first_name_is_the_last_name(header: str, first: str, last: str) -> None:
    c = contact(f"{header};E-Mail\n{first};{last};a@x.example\n")
    names = [first, last] if header != "Name;Vorname" else [last, first]
    assert [c["firstname"], c["lastname"], c["surname"]] == [*names, ""]


@pytest.mark.parametrize(
    "header", ["Name", "Nom", "Nombre", "Nome", "Naam", "Nazwa", "Имя", "氏名", "姓名", "Full name"]
)
@pytest.mark.parametrize("written", ["Ada Lovelace", '"Lovelace, Ada"'])
def test_a_name_alone_is_the_whole_name(header: str, written: str) -> None:
    c = contact(f"{header},Email\n{written},a@x.example\n")
    assert (c["firstname"], c["lastname"]) == ("Ada", "Lovelace")


def test_a_company_with_a_comma_is_not_turned_round() -> None:
    c = contact('Name,Email\n"Acme, Inc.",a@x.example\n')
    assert (c["firstname"], c["lastname"]) == ("Acme,", "Inc.")


def test_a_middle_name_is_kept_and_is_no_surname() -> None:
    for heading in ("Middle Name", "Additional Name", "Weitere Vornamen", "middle_name"):
        c = contact(f"First Name,{heading},Last Name,Email\nJohn,Quinlan,Public,j@x.example\n")
        assert (c["surname"], orjson.loads(c["custom_fields"])) == ("", {heading: "Quinlan"})


@pytest.mark.parametrize(
    "heading", ["Private E-Mail", "workEmail", "email_address", "E-Mail (Arbeit)", "Contact email"]
)
def test_a_heading_of_known_words_is_a_column_of_addresses(heading: str) -> None:
    assert [e["email"] for e in contact(f"Name,{heading}\nA B,a@x.example\n")["email"]] == ["a@x.example"]


def test_a_heading_that_speaks_of_addresses_may_be_another_column() -> None:
    c = contact("Name,Email,Email opt in,Email type\nA B,a@x.example,b@x.example,c@x.example\n")
    assert [e["email"] for e in c["email"]] == ["a@x.example"]


@pytest.mark.parametrize(
    ("heading", "category", "label"),
    [
        ("Mobile", "priv", ""),
        ("Home Phone", "priv", "home"),
        ("Work Phone", "prof", ""),
        ("Business Fax", "prof", "fax"),
        ("Home Fax", "priv", "fax"),
        ("Telefon Arbeit", "prof", ""),
        ("Tel. privat", "priv", "home"),
        ("Телефон (рабочий)", "prof", ""),
        ("自宅電話", "priv", "home"),
        ("住宅电话", "priv", "home"),
        ("Work Mobile", "prof", "mobile"),
        ("Pager", "priv", "pager"),
    ],
)
def test_the_heading_of_a_number_says_what_it_is_for(heading: str, category: str, label: str) -> None:
    (number,) = contact(f"Email,{heading}\na@x.example,0123\n")["mobile"]
    assert (number["phone"], number["category"], number["label"]) == ("0123", category, label)


@pytest.mark.parametrize(
    ("cell", "numbers"),
    [
        ("0111 / 0222", ["0111", "0222"]),
        ("030 / 1234567", ["0301234567"]),
        ("0111; 0222", ["0111", "0222"]),
        ("'+49 171 222", ["+49171222"]),
        ('"=""+49 171 222"""', ["+49171222"]),
        ("0111 ::: 0222", ["0111", "0222"]),
        ("0111 ext. 5", ["0111 ext. 5"]),
    ],
)
def test_numbers_in_a_cell(cell: str, numbers: list[str]) -> None:
    c = contact(f"Email,Phone\na@x.example,{cell}\n")
    assert [m["areacode"] + m["phone"] for m in c["mobile"]] == numbers


@pytest.mark.parametrize(
    ("heading", "cell", "tags"),
    [
        ("Categories", "Friend; colleague", ["Friend", "colleague"]),
        ("Groups", '"Family, Work"', ["Family", "Work"]),
        ("Tags", '"""VIP"",""News, Letter"""', ["VIP", "News, Letter"]),
        ("Tags", '"VIP, New\nFriend\r\nWork"', ["VIP", "New", "Friend", "Work"]),
        ("Tags", '"VIP, ""New\nFriend"', ["VIP", "New Friend"]),
        ("Labels", '"* myContacts ::: Friends, close ::: Work"', ["Friends, close", "Work"]),
    ],
)
def test_tags_in_a_cell(heading: str, cell: str, tags: list[str]) -> None:
    assert contact(f"Email,{heading}\na@x.example,{cell}\n")["tag"] == tags


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "notes", ["", "sep={}\r\n", 'Notes:\r\n"A quoted, long\r\nnote; about email"\r\n\r\n', "\r\n\r\n"]
)
def test_the_header_is_found_behind_notes(separator: str, notes: str) -> None:
    rows = [["First Name", "E-mail Address"], ["Ada", "ada@x.example"]]
    table = "".join(f"{separator.join(row)}\r\n" for row in rows)
    c = contact(notes.format(separator) + table)
    assert (c["firstname"], c["email"][0]["email"]) == ("Ada", "ada@x.example")


def test_a_table_without_addresses_names_every_row() -> None:
    rejected = [(e["line"], e["contact"]["email"]) for e in entries("Name,Phone\nA B,1\n\nC D,2\n")]
    assert rejected == [(2, []), (4, [])]
    batch = Batch()
    for entry in entries("Name,Phone\nA B,1\n\nC D,2\n"):
        batch.add(entry)
    reasons = [(e["line"], e["name"], e["reason"], e["source"]) for e in batch.entries]
    assert reasons == [(2, "A B", "no email address", "A B,1\n"), (4, "C D", "no email address", "C D,2\n")]
    assert batch.total == 2


@pytest.mark.parametrize("cell", ["y" * 1_200_000, '"' + ("y" * 70 + "\n") * 17_000 + '"'])
def test_a_giant_cell_costs_its_row(cell: str) -> None:
    table = f"Name,Email,Notes\nA A,a@case.example,x\nB B,b@case.example,{cell}\nC C,c@case.example,z\n"
    first, second, third = entries(table)
    assert (first["contact"]["firstname"], third["contact"]["firstname"]) == ("A", "C")
    assert (second["line"], second["error"]) == (3, "too big for a contact")


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        ('B B,b@x.example,"5 inch', "5 inch"),
        ('B B,b@x.example,5" inch', '5" inch'),
        ('B B,b@x.example,"5" inch', "5 inch"),
        ('"B B,b@x.example,5 inch', "5 inch"),
        ('B B,"b@x.example', "a quote is not closed"),
    ],
)
@pytest.mark.parametrize(
    "after", ["C C,c@x.example,plain", 'C C,c@x.example,"quoted, note"', 'C C,"c@x.example",""']
)
def test_a_stray_quote_costs_no_other_row(row: str, outcome: str, after: str) -> None:
    table = f"Name,Email,Notes\nA A,a@x.example,x\n{row}\n{after}\nD D,d@x.example,z\n"
    notes = [e.get("error") or e["contact"]["comment"] for e in entries(table)]
    note = next(csv.reader([after]))[2]
    assert notes == ["x", outcome, note, "z"]
    assert [e["line"] for e in entries(table)] == [2, 3, 4, 5]


def test_a_note_of_several_lines_stays_one_cell() -> None:
    note = 'line 1\n\n"quoted", with, commas\nEmail: b@x.example'
    out = io.StringIO()
    csv.writer(out).writerows(
        [["Name", "Email", "Notes"], ["A A", "a@x.example", note], ["B B", "b@x.example", ""]]
    )
    people = entries(out.getvalue())
    assert [e["contact"]["comment"].replace("\r\n", "\n") for e in people] == [note, ""]


@pytest.mark.parametrize("seed", range(300))
def test_of_a_table_damaged_at_random_every_row_is_loaded_or_rejected(seed: int) -> None:
    chance = random.Random(seed)
    notes = ["", "plain", '"with, comma"', '"said ""yes"""', "5 inch"]
    rows = [
        f"First{i} Last{i},p{i}@x.example,+49 30 {i},{chance.choice(notes)},{chance.choice(notes)}"
        for i in range(40)
    ]
    damaged = set(chance.sample(range(40), chance.randint(1, 6)))
    for index in damaged:
        rows[index] = damage(rows[index], chance)
    table = "\r\n".join(["Name,Email,Phone,Notes,Labels", *rows, ""])
    batch, loaded = Batch(), dict[int, Any]()
    for entry in entries(table):
        batch.add(entry)
        loaded[entry["line"]] = entry.get("contact")
    assert set(loaded) == {index + 2 for index, row in enumerate(rows) if row.strip(",\t")}
    assert batch.total == len(loaded)
    for index in set(range(40)) - damaged:
        assert [e["email"] for e in loaded[index + 2]["email"]] == [f"p{index}@x.example"]
    assert all(e["line"] in {i + 2 for i in damaged} and e["reason"] for e in batch.entries)
    assert len(batch.contacts) + len(batch.entries) + len(batch._later) == batch.total


def damage(row: str, chance: random.Random) -> str:
    """Return a row with a part lost, doubled, or replaced by what breaks tables."""
    at, end = sorted(chance.sample(range(len(row) + 1), 2))
    return (
        row[:at]
        + chance.choice(["", '"', '""', ",", "\0", ";", row[at:end] * 2, "\t", "'", '","'])
        + row[chance.choice([at, end]) :]
    )


def test_giant_cells_in_all_rows_cost_these_rows() -> None:
    rows = "".join(f"P{n},p{n}@x.example,{'n' * 1_900_000}\n" for n in range(12))
    read_entries = entries(f"Name,Email,Note\n{rows}Ok,ok@x.example,short\n")
    assert [e.get("error", e["line"]) for e in read_entries] == ["too big for a contact"] * 12 + [14]
