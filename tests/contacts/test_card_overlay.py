"""Write contacts over the cards that they came in, which are shaped as programs write them.

All people are invented.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from service.contacts.card_property import CardProperty
from service.contacts.card_writing import write_vcard
from service.contacts.exporting import jcard, vcard
from service.contacts.extension import kind_of
from service.contacts.extra import is_storable
from service.contacts.vocabulary import FILE_LABELS
from service.contacts.whole_cards import values_in
from tests.support.address_files import cards_in

APPLE = """BEGIN:VCARD
VERSION:3.0
PRODID:-//Apple Inc.//iOS 17.1//EN
N:Doe;John;Richter,James;Mr.;Sr.
FN:Mr. John Richter James Doe Sr.
NICKNAME:Johnny
ORG:IBM;Accounting;Level 2
TITLE:Money Counter
item1.EMAIL;TYPE=INTERNET,PREF:john.doe@ibm.example
EMAIL;TYPE=INTERNET,WORK:jd@ibm.example
TEL;TYPE=CELL,VOICE,PREF:905-555-1234
TEL;TYPE=WORK,FAX:905-999-1234
item2.TEL:905-777-1234
item2.X-ABLabel:_$!<AppleWatch>!$_
item3.ADR;TYPE=WORK:;;Street4\\nBuilding 6;New York;NY;12345;USA
item3.X-ABADR:us
NOTE:one\\, two\\n three
URL;TYPE=WORK:http://www.ibm.example/?a=1;b
item4.URL:http://home.example
item4.X-ABLabel:_$!<HomePage>!$_
BDAY;X-APPLE-OMIT-YEAR=1604:1604-06-06
item5.X-ABDATE;TYPE=PREF:2005-07-02
item5.X-ABLabel:_$!<Anniversary>!$_
IMPP;X-SERVICE-TYPE=Skype;TYPE=HOME:skype:johnny.d
X-SOCIALPROFILE;TYPE=twitter;X-USER=jd:http://twitter.com/jd
item6.X-ABRELATEDNAMES:Jenny
item6.X-ABLabel:_$!<Spouse>!$_
CATEGORIES:Golf,Work
X-PHONETIC-FIRST-NAME:Jon
UID:0E7602CC-443E-4B82-B4B1-90F62F99A199
REV:2019-01-01T00:00:00Z
END:VCARD
"""
RFC6350 = """BEGIN:VCARD
VERSION:4.0
FN:Simon Perreault
N:Perreault;Simon;;;ing. jr,M.Sc.
BDAY:--0203
ANNIVERSARY:20090808T1430-0500
GENDER:M;man
LANG;PREF=1:fr
LANG;PREF=2:en
ORG;TYPE=work:Viagenie
ORG:Second;Unit
ADR;TYPE=work;LABEL="Suite D2-630^n2875, Laurier":;Suite D2-630;2875 Laurier;Quebec;QC;G1V 2M2;Canada
TEL;VALUE=uri;TYPE=work;TYPE=voice;PREF=1:tel:+1-418-656-9254;ext=102
EMAIL;TYPE=work:simon@viagenie.example
GEO;TYPE=work:geo:46.772673,-71.282945
KEY;TYPE=work;VALUE=uri:http://www.viagenie.example/simon.asc
TZ:-0500
URL;TYPE=home:http://nomis80.example
RELATED;TYPE=friend:urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6
RELATED;VALUE=text;TYPE=contact:Please ask Bob\\, my assistant
X-QQ:21588891
MEMBER:mailto:x@y.example
KIND:individual
LOGO:data:image/png;base64,iVBORw0KGgo=
UID:urn:uuid:4fbe8971-0bc3-424c-9c26-36c3e1eff6b1
END:VCARD
"""
OUTLOOK = """BEGIN:VCARD
VERSION:2.1
N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;Jos=C3=A9;;Mr.;III
FN:Joe Mueller
ORG:TheCompany;TheDepartment
TITLE:TheJobTitle
NOTE;ENCODING=QUOTED-PRINTABLE:first=0D=0Asecond; third, C:\\new
TEL;WORK;VOICE:(905) 555-1111
TEL;HOME;FAX:(905) 555-2222
TEL;CAR;VOICE:(905) 555-3333
ADR;WORK;ENCODING=QUOTED-PRINTABLE:;TheOffice;123 Main St=0D=0AFloor 2;Austin;TX;12345;USA
LABEL;WORK;ENCODING=QUOTED-PRINTABLE:TheOffice=0D=0A123 Main St=0D=0AAustin, TX 12345
URL;WORK:http://web-page-address.example
ROLE:TheProfession
BDAY:19800321
EMAIL;PREF;INTERNET:joe@mail.example
X-MS-IMADDRESS:joe@im.example
KEY;X509;ENCODING=BASE64:
    MIICZTCCAc6gAwIBAgIQ

REV:20060604T131502Z
END:VCARD
"""
CARDS = {"Apple": APPLE, "RFC 6350": RFC6350, "Outlook": OUTLOOK}
REWRITTEN = re.compile(r"(?:PRODID|REV|VERSION|END|BEGIN|X-DRUMEE)[:;]")


def contact_in(card: str) -> dict[str, Any]:
    (contact,) = cards_in(card.replace("\n", "\r\n").encode())
    return contact


def lines(card: str) -> set[str]:
    """Return the lines of a card, unfolded, but for those that an export writes anew."""
    return {line for line in re.sub("\r\n[ \t]", "", card).splitlines() if line and not REWRITTEN.match(line)}


def summary(contact: dict[str, Any]) -> dict[str, Any]:
    """Return what a contact says, with default labels as ""."""
    lists = {key: [{**entry, **kind_of(key, entry)} for entry in contact[key]] for key in FILE_LABELS}
    meta = {"vcard", "source", "display"}
    return {key: value for key, value in {**contact, **lists}.items() if key not in meta}


@pytest.mark.parametrize(("card", "version"), [(APPLE, "3.0"), (RFC6350, "4.0")])
def test_an_untouched_card_keeps_every_line(card: str, version: str) -> None:
    assert lines(vcard(contact_in(card), version)) ^ lines(card) == set()


@pytest.mark.parametrize("version", ["2.1", "3.0", "4.0", "jCard"])
@pytest.mark.parametrize("name", CARDS)
def test_a_card_says_the_same_in_every_format(name: str, version: str) -> None:
    original = contact_in(CARDS[name])
    file = jcard(original) if version == "jCard" else vcard(original, version).encode()
    (copy,) = cards_in(file)
    assert summary(copy) == summary(original)
    assert (copy["vcard"]["uid"] or "").removeprefix("urn:uuid:00000000-0000-4000-8000-000000000000") == (
        original["vcard"]["uid"] or ""
    )
    again = jcard(copy) if version == "jCard" else vcard(copy, version).encode()
    assert again == file


CHANGES: list[tuple[dict[str, Any], set[str]]] = [
    ({"lastname": "Roe"}, {"N:Roe;John;Richter,James;Mr.;Sr.", "FN:Mr. John Richter James Doe Sr."}),
    ({"company": "HAL"}, {"ORG:HAL;Accounting;Level 2"}),
    ({"job_title": "Boss"}, {"TITLE:Boss"}),
    ({"surname": "Jo"}, {"NICKNAME:Jo"}),
    ({"comment": "new"}, {"NOTE:new"}),
    ({"tag": ["Golf"]}, {"CATEGORIES:Golf"}),
    ({"email": []}, set()),
    ({"mobile": []}, set()),
    ({"address": []}, {"item3.X-ABADR:us"}),
    ({"extra": None}, {"N:Doe;John;;;", "ORG:IBM"}),
]


@pytest.mark.parametrize(("change", "expected"), CHANGES)
def test_an_edit_changes_the_lines_of_its_field_alone(change: dict[str, Any], expected: set[str]) -> None:
    contact = contact_in(APPLE)
    before, after = lines(vcard(contact, "3.0")), lines(vcard({**contact, **change}, "3.0"))
    names = {
        "lastname": ("N", "FN"),
        "company": ("ORG",),
        "job_title": ("TITLE",),
        "surname": ("NICKNAME",),
        "comment": ("NOTE",),
        "tag": ("CATEGORIES",),
        "email": ("EMAIL",),
        "mobile": ("TEL", "X-ABLabel:_$!<AppleWatch>!$_"),
        "address": ("ADR",),
    }
    (field,) = change
    if field == "extra":
        assert after - before == expected
        assert not [line for line in after if "BDAY" in line or "URL" in line or "Spouse" in line]
        return
    touched = {line for line in before if re.sub(r"^item\d\.", "", line).startswith(names[field])}
    assert before - after <= touched
    assert after - before == expected - before


@pytest.mark.parametrize("versions", ["3.0 3.0 3.0", "4.0 2.1 3.0", "2.1 jCard 4.0", "jCard 3.0 2.1"])
def test_groups_of_another_program_keep_names_and_labels_through_several_files(versions: str) -> None:
    lines = {
        "HOME.TEL": "+49 171 1234567", "HOME.X-ABLABEL": "Sommerhaus", "WORK.EMAIL": "ana@x.example",
        "WORK.X-ABLABEL": "Büro", "ITEM7.ADR": ";;Calle 1;Madrid;;28001;Spain", "ITEM7.X-ABADR": "es",
        "ITEM7.X-ABLABEL": "Casa", "ITEM2.URL": "https://a.example", "FAM.X-ABRELATEDNAMES": "Luis",
        "FAM.X-ABLABEL": "Vater",
    }  # fmt: skip
    text = "".join(f"{name}:{value}\n" for name, value in lines.items())
    data = f"BEGIN:VCARD\nVERSION:3.0\nN:García;Ana;;;\nFN:Ana García\n{text}END:VCARD\n".encode()
    for version in versions.split():
        (item,) = cards_in(data)
        data = vcard(item, version).encode() if version != "jCard" else b"[" + jcard(item) + b"]"
        (item,) = cards_in(data)
        card_lines = values_in(item["vcard"]["card"]).lines
        grouped = [
            (f"{v.line.group}.{v.line.name}", ";".join(v.parts(";"))) for v in card_lines if v.line.group
        ]
        assert sorted(grouped) == sorted(lines.items()), version


def test_the_default_address_moves_with_its_preference() -> None:
    contact = contact_in(APPLE)
    first, second = contact["email"]
    contact["email"] = [{**first, "is_default": 0}, {**second, "is_default": 1}]
    written = lines(vcard(contact, "3.0"))
    assert {line for line in written if "EMAIL" in line} == {
        "item1.EMAIL;TYPE=INTERNET:john.doe@ibm.example",
        "EMAIL;TYPE=INTERNET,WORK,PREF:jd@ibm.example",
    }


def test_extra_of_an_api_is_where_other_programs_look_for_it() -> None:
    contact = contact_in(APPLE) | {"vcard": None}
    contact["extra"] = {
        "prefix": [{"value": "Dr."}],
        "department": [{"value": "Sales"}],
        "bday": [{"value": "1980-01-02"}],
        "url": [{"value": "https://ana.example", "label": "Blog", "params": {"TYPE": ["HOME"]}}],
        "org": [{"value": ["Second", "Research"]}],
        "impp": [{"value": "xmpp:a@b.example"}],
    }
    written = {version: lines(vcard(contact, version)) for version in ("3.0", "4.0")}
    assert written["3.0"] >= {
        "N:Doe;John;;Dr.;",
        "ORG:IBM;Sales",
        "ORG:Second;Research",
        "BDAY:1980-01-02",
        "IMPP:xmpp:a@b.example",
        "item2.URL;TYPE=HOME:https://ana.example",
        "item2.X-ABLabel:Blog",
    }
    assert "BDAY:19800102" in written["4.0"]
    (copy,) = cards_in(vcard(contact, "4.0").encode())
    assert copy["extra"] == contact["extra"]


def test_bytes_are_written_as_each_version_has_them() -> None:
    contact = contact_in(RFC6350) | {"photo": "data:image/jpeg;base64," + "QUJD" * 40}
    assert "PHOTO:data:image/jpeg;base64,QUJD" in vcard(contact, "4.0")
    assert "PHOTO;ENCODING=b;TYPE=JPEG:QUJD" in vcard(contact, "3.0")
    old = vcard(contact, "2.1")
    assert "PHOTO;ENCODING=BASE64;JPEG:QUJD" in old
    assert re.search(r"QUJD\r\n\r\n[A-Z]", old), "an empty line ends base64"
    assert all(len(line) <= 75 for line in old.split("\r\n") if "LABEL=" not in line)
    assert b'["photo",{},"uri","data:image/jpeg;base64,QUJD' in jcard(contact)


@pytest.mark.parametrize("version", ["2.1", "3.0", "4.0"])
def test_birthdays_and_web_pages_of_tables_are_where_other_programs_look(version: str) -> None:
    custom = {
        "Birthday": "1980-01-02",
        "Website 1 - Value": "https://a.example",
        "Web Page": "no link",
        "X": "y",
    }
    contact = contact_in(APPLE) | {"vcard": None, "extra": None, "custom_fields": custom}
    card = vcard(contact, version)
    date = "19800102" if version == "4.0" else "1980-01-02"
    assert f"BDAY:{date}" in lines(card)
    assert "a.example" in card.replace("=\r\n", "")
    (copy,) = cards_in(card.encode())
    assert (copy["custom_fields"], copy["extra"]) == (custom, None)
    (edited,) = cards_in(card.replace(f"BDAY:{date}", "BDAY:19810102").encode())
    assert edited["extra"] == {"bday": [{"value": "19810102"}]}


@pytest.mark.parametrize("version", ["2.1", "3.0", "4.0"])
def test_nothing_unescaped_ends_a_card(version: str) -> None:
    """Values of links and dates have no escapes, nor have the names of parameters."""
    forged = "x\r\nEND:VCARD\r\nBEGIN:VCARD\r\nFN:Evil"
    properties = [
        CardProperty("URL", [[forged]], value_type="uri"),
        CardProperty("URL", [["https://a"]], {f"A=1:{forged}": ["1"], "B": [forged], "TYPE": [forged]}),
        CardProperty("PHOTO", [[forged]], value_type="binary"),
        CardProperty("NOTE", [[forged]], group=forged),
    ]
    card = write_vcard(properties, version)
    assert [line for line in card.splitlines() if line.startswith(("BEGIN:", "END:", "FN"))] == [
        "BEGIN:VCARD",
        "END:VCARD",
    ]
    assert is_storable({"url": [{"value": "x", "params": {"TYPE": ["HOME"], "X_Odd.1": ["1"]}}]})
    assert not is_storable({"url": [{"value": "x", "params": {f"A=1:{forged}": ["1"]}}]})
