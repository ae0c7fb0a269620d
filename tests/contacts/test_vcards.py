"""Names, kinds and types of the entries of vCards. All people are invented."""

from __future__ import annotations

import io
from typing import Any

import pytest

from service.contacts.card_lines import parse_property
from service.contacts.card_property import CardProperty
from service.contacts.card_writing import content_line
from service.contacts.reader import read
from service.contacts.vcards import line_kind


def contact_of(*lines: str) -> dict[str, Any]:
    card = "\r\n".join(["BEGIN:VCARD", "VERSION:4.0", *lines, "END:VCARD", ""])
    (entry,) = read(io.BytesIO(card.encode()), "vcf")
    contact: dict[str, Any] = entry["contact"]
    return contact


@pytest.mark.parametrize(
    ("lines", "first", "last", "display", "company"),
    [
        (["N:Public;John;Quinlan;;", "FN:John Quinlan Public"], "John", "Public", "", ""),
        (["N:Public;John;Quinlan,Paul;;", "FN:John Public"], "John", "Public", "", ""),
        (["N:Public;John,Jack;Quinlan,Paul;Mr.;Esq.", "FN:John Public"], "John", "Public", "", ""),
        (["N:Public;John,Jack;;;", "FN:John Jack Public"], "John Jack", "Public", "", ""),
        (["N:Tables;Robert;;;", "FN:Bobby Tables"], "Robert", "Tables", "Bobby Tables", ""),
        (["N:Kern;Eva;;Dr.;", "FN:Dr. Eva Kern"], "Eva", "Kern", "Dr. Eva Kern", ""),
        (["N:Doe;John;;;", "FN:Doe, John"], "John", "Doe", "", ""),
        (["N:Doe;John;;;", "FN:doe  JOHN"], "John", "Doe", "", ""),
        (["N:;;;;", "FN:Doe\\, John"], "John", "Doe", "", ""),
        (["FN:Jane van Dyk"], "Jane", "van Dyk", "", ""),
        (["FN:Acme\\, Inc.", "ORG:Acme\\, Inc.;Sales"], "", "", "", "Acme, Inc."),
        (["N:;;;;", "FN:City Hospital", "X-ABShowAs:COMPANY"], "", "", "", "City Hospital"),
        (["KIND:org", "FN:City Hospital"], "", "", "", "City Hospital"),
        (["N:Rp\\: Wr;Z;;;", "FN:Z Rp: Wr"], "Z", "Rp: Wr", "", ""),
    ],
)
def test_a_person_is_called_as_the_card_says(
    lines: list[str], first: str, last: str, display: str, company: str
) -> None:
    c = contact_of(*lines)
    names = tuple(c[key] for key in ("firstname", "lastname", "display_name", "company", "surname"))
    assert names == (first, last, display, company, "")


@pytest.mark.parametrize(
    ("params", "category", "label"),
    [
        ("", "priv", "other"),
        (";TYPE=voice", "priv", "other"),
        (";CELL", "priv", ""),
        (";HOME;VOICE", "priv", "home"),
        (';TYPE="work,voice"', "prof", ""),
        (";WORK;FAX", "prof", "fax"),
        (";TYPE=home,fax", "priv", "fax"),
        (";TYPE=work,cell", "prof", "mobile"),
        (";TYPE=MAIN", "priv", "main"),
        (";TYPE=PAGER", "priv", "pager"),
        (";TYPE=CAR", "priv", "car"),
        (";TYPE=x-Ski hut", "priv", "Ski hut"),
    ],
)
def test_the_type_of_a_number_keeps_its_meaning(params: str, category: str, label: str) -> None:
    (phone,) = contact_of(f"TEL{params}:1234")["mobile"]
    assert (phone["category"], phone["label"]) == (category, label)


@pytest.mark.parametrize(
    ("params", "category", "label"),
    [
        ("", "priv", ""),
        (";INTERNET;PREF", "priv", ""),
        (";TYPE=work", "prof", ""),
        (";TYPE=other", "priv", "other"),
        (";TYPE=school", "priv", "school"),
        (";TYPE=customType", "priv", "customType"),
    ],
)
def test_the_type_of_an_address_keeps_its_meaning(params: str, category: str, label: str) -> None:
    (email,) = contact_of(f"EMAIL{params}:a@x.example")["email"]
    assert (email["category"], email["label"]) == (category, label)


def test_the_lowest_preference_is_the_default() -> None:
    emails = contact_of("EMAIL;PREF=2:b@x.example", "EMAIL;PREF=1:a@x.example", "EMAIL:c@x.example")["email"]
    assert [e["is_default"] for e in emails] == [0, 1, 0]


def test_invisible_marks_are_no_part_of_a_number() -> None:
    phones = contact_of("TEL:\u202a+972 54-000-0000\u202c", "TEL:+33\u00a06\u202f12\u00a034\u00a056\u00a078")[
        "mobile"
    ]
    assert [(p["areacode"], p["phone"]) for p in phones] == [("+972", "540000000"), ("+33", "612345678")]


def test_groups_of_google_are_no_tags() -> None:
    assert contact_of("CATEGORIES:myContacts,Family")["tag"] == ["Family"]
    assert contact_of("X-DRUMEE:{}", "CATEGORIES:myContacts,Family")["tag"] == ["myContacts", "Family"]


def test_a_path_in_quoted_printable_has_no_line_break() -> None:
    assert contact_of("NOTE;ENCODING=QUOTED-PRINTABLE:C:\\new=0D=0Ab")["comment"] == "C:\\new\r\nb"
    assert contact_of("NOTE:C:\\\\new\\nb\\")["comment"] == "C:\\new\nb\\"


def test_a_label_of_other_letters_comes_back_from_every_version() -> None:
    for version in ("2.1", "3.0", "4.0"):
        line = content_line(CardProperty("TEL", [["123"]], {"TYPE": ["X-Дача"]}), version)
        property_ = parse_property(line.encode())
        assert line_kind("mobile", property_, {}) == {"category": "priv", "label": "Дача"}, version
