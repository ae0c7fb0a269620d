"""Read address books as other programs write them. All people are invented."""

from __future__ import annotations

import base64
import csv
import io
from typing import Any

import pytest

from service.contacts.jcards import JCARD_BYTES
from service.contacts.reader import read

PICTURE = base64.b64encode(b"\xff\xd8" * 3000).decode()


def fold(line: str, first: int = 74) -> str:
    return "\r\n ".join(line[i : i + first] for i in range(0, len(line), first))


ICLOUD = f"""BEGIN:VCARD\r
VERSION:3.0\r
PRODID:-//Apple Inc.//iCloud Web Address Book//EN\r
N:Müller;Änne;Karla;;\r
FN:Änne Müller\r
item1.EMAIL;type=INTERNET;type=HOME;type=pref:Aenne@Home.Example\r
item1.X-ABLabel:_$!<HomePage>!$_\r
item2.EMAIL;type=INTERNET;type=WORK:aenne@work.example\r
item3.TEL;type=CELL;type=VOICE;type=pref:+49 170 1234567\r
ORG:Acme\\, Inc.;Research;\r
TITLE:Analyst\r
item4.ADR;type=HOME;type=pref:;;Hauptstraße 5\\, Hof;Köln;NRW;50667;Deutschland\r
NOTE:first line\\nsecond\\, with comma\r
{fold("PHOTO;ENCODING=b;TYPE=JPEG:" + PICTURE)}\r
CATEGORIES:Family,Work friends\r
END:VCARD\r
"""
GOOGLE = """BEGIN:VCARD
VERSION:3.0
FN:Jean-Luc Martin
N:Martin;Jean-Luc;;;
NICKNAME:JL
EMAIL;TYPE=INTERNET;TYPE=WORK:jl@work.example
TEL;TYPE=CELL:+33612345678
item1.ORG:Acme
CATEGORIES:myContacts
END:VCARD
"""
OUTLOOK = """BEGIN:VCARD\r
VERSION:2.1\r
N;LANGUAGE=fr;CHARSET=windows-1252;ENCODING=QUOTED-PRINTABLE:L=E9v=EAque;Ren=E9e\r
FN;CHARSET=windows-1252;ENCODING=QUOTED-PRINTABLE:Ren=E9e L=E9v=EAque\r
TEL;WORK;VOICE:01 23 45 67 89\r
TEL;HOME;FAX:98 76\r
ORG;CHARSET=windows-1252;ENCODING=QUOTED-PRINTABLE:Soci=E9t=E9 X;Ventes\r
TITLE:Directrice\r
ADR;WORK;PREF:;;1 rue X;Paris;;75001;France\r
EMAIL;PREF;INTERNET:renee@work.example\r
PHOTO;TYPE=JPEG;ENCODING=BASE64:\r
 /9j/4AAQSkZJRgABAQEAYABgAAD\r
 abcdEFGH\r
\r
REV:20240101T000000Z\r
END:VCARD\r
"""
NEXTCLOUD = """BEGIN:VCARD
VERSION:4.0
PRODID:-//Sabre//Sabre VObject 4.4.2//EN
UID:urn:uuid:00000000-0000-4000-8000-000000000000
FN:Zoë Øst
N:Øst;Zoë;;;
EMAIL;TYPE=home;PREF=1:zoe@home.example
EMAIL;TYPE=work:zoe@work.example
TEL;TYPE="cell,voice";VALUE=uri:tel:+45 12345678
ADR;TYPE=home:;;Gade 1;Aarhus;;8000;Danmark
NOTE:A long note that the writer folds because it is longer than seventy-five b
 ytes\\, all in all
CATEGORIES:Friends
END:VCARD
"""
THUNDERBIRD = """begin:vcard
fn:Tom Bird
n:Bird;Tom
email;internet:tom@bird.example
tel;work:555-1000
version:2.1
end:vcard
"""


def contacts(data: bytes, kind: str) -> list[dict[str, Any]]:
    entries = list(read(io.BytesIO(data), kind))
    assert not [e for e in entries if "error" in e], entries
    return [e["contact"] for e in entries if "columns" not in e]


def addresses(contact: dict[str, Any]) -> list[tuple[str, str, int]]:
    return [(e["email"], e["category"], e["is_default"]) for e in contact["email"]]


def place_of(contact: dict[str, Any]) -> tuple[str, ...]:
    (place,) = contact["address"]
    return tuple(place[key] for key in ("street", "city", "state", "postal_code", "country"))


def test_a_vcard_of_icloud_is_read() -> None:
    (c,) = contacts(ICLOUD.encode(), "vcf")
    assert (c["firstname"], c["lastname"], c["surname"]) == ("Änne", "Müller", "")
    assert addresses(c) == [("aenne@home.example", "priv", 1), ("aenne@work.example", "prof", 0)]
    assert (c["mobile"][0]["areacode"], c["mobile"][0]["phone"]) == ("+49", "1701234567")
    assert c["address"][0] == {
        "street": "Hauptstraße 5, Hof",
        "city": "Köln",
        "state": "NRW",
        "postal_code": "50667",
        "country": "Deutschland",
        "category": "priv",
        "label": "",
        "is_default": 1,
    }
    assert [e["label"] for e in c["email"]] == ["homepage", ""]
    assert c["comment"] == "first line\nsecond, with comma"
    assert c["tag"] == ["Family", "Work friends"]
    assert (c["company"], c["job_title"]) == ("Acme, Inc.", "Analyst")


def test_a_jcard_file_has_a_limit_of_its_own() -> None:
    """JSON is read as a whole, and takes many times its size in memory."""
    card = b'["vcard", [["fn", {}, "text", "Ana"], ["email", {}, "text", "ana@x.example"]]]'
    (contact,) = contacts(card + b" " * (JCARD_BYTES - len(card)), "vcf")
    assert contact["default"] == "ana@x.example"
    (entry,) = read(io.BytesIO(card + b" " * (JCARD_BYTES + 1 - len(card))), "vcf")
    assert entry["error"] == "a jCard file of more than 16 MB; send a vCard"


def test_a_vcard_of_google_is_read() -> None:
    (c,) = contacts(GOOGLE.encode(), "vcf")
    assert (c["firstname"], c["lastname"], c["surname"]) == ("Jean-Luc", "Martin", "JL")
    assert addresses(c) == [("jl@work.example", "prof", 1)]
    assert (c["mobile"][0]["areacode"], c["mobile"][0]["phone"]) == ("+33", "612345678")
    assert (c["company"], c["mobile"][0]["label"], c["display_name"]) == ("Acme", "", "")


def test_a_vcard_of_outlook_is_read() -> None:
    (c,) = contacts(OUTLOOK.encode("cp1252"), "vcf")
    assert (c["firstname"], c["lastname"]) == ("Renée", "Lévêque")
    assert addresses(c) == [("renee@work.example", "priv", 1)]
    assert (c["mobile"][0]["phone"], c["mobile"][0]["category"]) == ("0123456789", "prof")
    (place,) = c["address"]
    assert (place["postal_code"], place["city"], place["category"]) == ("75001", "Paris", "prof")
    assert [p["label"] for p in c["mobile"]] == ["", "fax"]
    assert (c["company"], c["job_title"]) == ("Société X", "Directrice")


def test_a_vcard_of_nextcloud_is_read() -> None:
    (c,) = contacts(NEXTCLOUD.encode(), "vcf")
    assert (c["firstname"], c["lastname"]) == ("Zoë", "Øst")
    assert addresses(c) == [("zoe@home.example", "priv", 1), ("zoe@work.example", "prof", 0)]
    assert (c["mobile"][0]["areacode"], c["mobile"][0]["phone"]) == ("+45", "12345678")
    assert c["comment"].endswith("seventy-five bytes, all in all")


def test_a_vcard_of_thunderbird_is_read() -> None:
    (c,) = contacts(THUNDERBIRD.encode(), "vcf")
    assert (c["firstname"], c["lastname"], c["email"][0]["email"]) == ("Tom", "Bird", "tom@bird.example")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_files_in_other_encodings_are_read(encoding: str) -> None:
    people = contacts((ICLOUD + NEXTCLOUD).encode(encoding), "vcf")
    assert [c["lastname"] for c in people] == ["Müller", "Øst"]


def test_a_csv_of_google_is_read() -> None:
    data = (
        "First Name,Middle Name,Last Name,Nickname,Notes,Labels,E-mail 1 - Label,E-mail 1 - Value,"
        "E-mail 2 - Label,E-mail 2 - Value,Phone 1 - Label,Phone 1 - Value,"
        "Address 1 - Label,Address 1 - Street,Address 1 - City,Address 1 - Region,Address 1 - Postal Code,"
        "Address 1 - Country,Organization Name,Organization Title,File As,Phone 2 - Label,Phone 2 - Value\n"
        'Ada,K.,Lovelace,Countess,"two\nlines",Math ::: * myContacts,Work,ada@math.example,'
        "* Home,ada@home.example ::: ada2@home.example,Mobile,+44 207 946,Home,1 Square,London,England,SW1,"
        'UK,Acme,Analyst,"Lovelace, Ada",Neighbour,12\n'
    )
    (c,) = contacts(data.encode(), "csv")
    assert (c["firstname"], c["lastname"], c["surname"]) == ("Ada", "Lovelace", "Countess")
    assert addresses(c) == [
        ("ada@math.example", "prof", 0),
        ("ada@home.example", "priv", 1),
        ("ada2@home.example", "priv", 0),
    ]
    assert (c["comment"], c["tag"]) == ("two\nlines", ["Math"])
    assert (c["mobile"][0]["areacode"], c["mobile"][0]["phone"]) == ("+44", "207946")
    assert place_of(c) == ("1 Square", "London", "England", "SW1", "UK")
    assert [p["label"] for p in c["mobile"]] == ["", "Neighbour"]
    assert (c["company"], c["job_title"], c["display_name"]) == ("Acme", "Analyst", "")


def test_a_csv_of_outlook_is_read() -> None:
    data = (
        '"First Name","Last Name","Company","Job Title","Business Street","Business City","Business State",'
        '"Business Postal Code","Business Country/Region","Home Phone",'
        '"Business Phone","E-mail Address","E-mail Type","E-mail Display Name","E-mail 2 Address","Notes",'
        '"Categories"\n'
        '"Renée","Lévêque","Société X","Directrice","1 rue X","Paris","IDF","75001","France",'
        '"111","222","renee@x.example","SMTP","Renée (renee@x.example)","r2@x.example","note","Red;Blue"\n'
    )
    (c,) = contacts(data.encode("cp1252"), "csv")
    assert c["firstname"] == "Renée"
    assert [e["email"] for e in c["email"]] == ["renee@x.example", "r2@x.example"]
    assert [(p["phone"], p["category"]) for p in c["mobile"]] == [("111", "priv"), ("222", "prof")]
    assert [p["label"] for p in c["mobile"]] == ["home", ""]
    assert place_of(c) == ("1 rue X", "Paris", "IDF", "75001", "France")
    assert c["address"][0]["category"] == "prof"
    assert (c["company"], c["job_title"]) == ("Société X", "Directrice")
    assert c["tag"] == ["Red", "Blue"]


def test_a_csv_of_thunderbird_with_semicolons_is_read() -> None:
    data = (
        "First Name;Last Name;Display Name;Nickname;Primary Email;Secondary Email;Work Phone;Mobile Number;"
        "Home Address;Home City;Home State;Home ZipCode;Home Country;Job Title;Organization;Notes\r\n"
        "Tom;Bird;Tom Bird;;tom@bird.example;tom2@bird.example;1;2;Street 1;Town;ST;123;Land;Baker;Acme;x\r\n"
    )
    (c,) = contacts(("\ufeff" + data).encode("utf-16-le"), "csv")
    assert [e["email"] for e in c["email"]] == ["tom@bird.example", "tom2@bird.example"]
    assert [p["phone"] for p in c["mobile"]] == ["1", "2"]
    assert place_of(c) == ("Street 1", "Town", "ST", "123", "Land")
    assert (c["company"], c["job_title"], c["display_name"]) == ("Acme", "Baker", "")


def test_a_csv_of_linkedin_is_read() -> None:
    data = (
        "Notes:\n"
        '"When exporting your connection data, you may notice that some are missing."\n'
        "\n"
        "First Name,Last Name,URL,Email Address,Company,Position,Connected On\n"
        "Ada,Lovelace,https://x.example/ada,ada@math.example,Acme,Analyst,01 Jan 2024\n"
        "No,Mail,https://x.example/no,,Acme,Boss,01 Jan 2024\n"
    )
    people = contacts(data.encode(), "csv")
    assert [(c["firstname"], len(c["email"])) for c in people] == [("Ada", 1), ("No", 0)]
    assert (people[0]["company"], people[0]["job_title"]) == ("Acme", "Analyst")


def test_labels_as_apple_writes_them() -> None:
    data = (
        "BEGIN:VCARD\nVERSION:3.0\nFN:Acme\nN:;;;;\nORG:Acme\nEMAIL;type=INTERNET:a@x.example\n"
        "item1.TEL:1\nitem1.X-ABLabel:Ski hut\nitem2.TEL;type=pref:2\nitem2.X-ABLabel:_$!<Home>!$_\n"
        "item3.TEL:3\nitem3.X-ABLabel:_$!<Main>!$_\nEND:VCARD\n"
    )
    (c,) = contacts(data.encode(), "vcf")
    assert [p["label"] for p in c["mobile"]] == ["Ski hut", "home", "main"]
    # A company is not a first name.
    assert (c["firstname"], c["lastname"], c["company"]) == ("", "", "Acme")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ('{"custom_fields": {"a": [1, null]}}', {"custom_fields": '{"a":[1,null]}'}),
        ('{"custom_fields": [1], "synced_at": "soon", "entity": "../etc", "kind": {"email": [1]}}', {}),
        ('{"custom_fields": ' + '{"a":' * 40 + "1" + "}" * 40 + "}", {}),
        ('{"custom_fields": {"a": "\\u0000"}}', {}),
        ('{"extra": {"BDAY": "1980"}}', {}),
        ('{"synced_at": "2026-01-02T03:04:05.678Z"}', {"synced_at": "2026-01-02 03:04:05.678"}),
        ('{"synced_at": "0001-01-01T00:00:00+14:00"}', {}),
    ],
)
def test_own_words_that_cannot_be_stored_are_left_out(words: str, expected: dict[str, Any]) -> None:
    row = io.StringIO()
    csv.writer(row).writerows([["Email", "X-DRUMEE"], ["a@x.example", words]])
    (c,) = contacts(row.getvalue().encode(), "csv")
    assert {k: c[k] for k in ("custom_fields", "synced_at", "entity", "extra") if k in c} == expected
    assert addresses(c) == [("a@x.example", "priv", 1)]


def test_unreadable_entries_are_reported_with_their_line() -> None:
    data = GOOGLE + "BEGIN:VCARD\nN:\n\x00nonsense without colon\nEND:VCARD\n" + GOOGLE
    entries = list(read(io.BytesIO(data.encode()), "vcf"))
    assert len(entries) == 3
    assert entries[2]["line"] > entries[1]["line"] > entries[0]["line"]
    (error,) = list(read(io.BytesIO(b"a,b\n1,2\n"), "csv"))
    assert error["error"] == "no column of email addresses"
    assert list(read(io.BytesIO(b""), "vcf")) == []


def test_unusable_addresses_are_left_out() -> None:
    data = "Email,Name\nnot an address,X\n  OK@x.example ,Y Z\n"
    people = contacts(data.encode(), "csv")
    assert [len(c["email"]) for c in people] == [0, 1]
    assert (people[1]["firstname"], people[1]["lastname"]) == ("Y", "Z")


@pytest.mark.parametrize("kind", ["csv", "vcf"])
def test_garbage_ends_in_an_error_not_in_a_crash(kind: str) -> None:
    for data in (bytes(range(256)) * 40, b"\xff\xfe" + bytes(999), b'"' * 5000, b"BEGIN:VCARD\n" * 50):
        for entry in read(io.BytesIO(data), kind):
            assert entry.keys() & {"error", "columns"} or not entry["contact"]["email"]


@pytest.mark.parametrize(
    ("written", "areacode", "phone"),
    [
        ("+33144276701", "+33", "144276701"),
        ("+1 555 0100", "+1", "5550100"),
        ("+44 (0)20 7946-0001", "+44", "2079460001"),
        ("+390612345678", "+39", "0612345678"),
        ("tel:+1-201-555-0123", "+1", "2015550123"),
        ("+999 12 34", "", "+9991234"),
        ("+", "", "+"),
        ("01 44.27/67-01", "", "0144276701"),
        ("(0)1-23", "", "0123"),
        ("+44 207 946 ext. 12", "+44", "207 946 ext. 12"),
        ("+1 800 FLOWERS", "+1", "800 FLOWERS"),
        ("ask Bob", "", "ask Bob"),
    ],
)
def test_a_number_is_split_as_the_edit_form_takes_it(written: str, areacode: str, phone: str) -> None:
    card = f"BEGIN:VCARD\nVERSION:3.0\nFN:Ada\nEMAIL:a@x.example\nTEL;TYPE=FAX:{written}\nEND:VCARD\n"
    (from_card,) = contacts(card.encode(), "vcf")
    (from_row,) = contacts(f"Email,Phone\na@x.example,{written}\n".encode(), "csv")
    for contact in (from_card, from_row):
        assert [(p["areacode"], p["phone"]) for p in contact["mobile"]] == [(areacode, phone)]
