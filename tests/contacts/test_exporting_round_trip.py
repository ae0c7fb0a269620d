"""Write random contacts in each format, read the file, compare field by field. All people are invented."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from service.contacts.cleaning import clean
from service.contacts.exporting import jcard, vcard
from service.contacts.extension import kind_of, with_line_breaks
from service.contacts.reader import decoder_of, read
from service.contacts.table_writing import Table
from service.contacts.tables import guard_formula, unguard_formula
from service.contacts.vocabulary import FILE_LABELS, PLACE_LIMITS
from tests.support.address_files import HARD_TEXTS

MANY = 1_000
TEXTS = (
    *(
        "Ada",
        "Lovelace",
        "O'Brien",
        "José",
        "Lefèvre",
        "Łukasz",
        "王小明",
        "🦊 Fox",
        "München",
        "a, b",
        "a; b",
    ),
    *(
        "Public, Jr.",
        "back\\slash",
        "C:\\new",
        "x\\",
        "\\;",
        '"quoted"',
        "'",
        "=1+1",
        "+1+cmd",
        "-x",
        "@SUM(1)",
    ),
    *(
        "x ::: y",
        "* star",
        "a:b",
        "^n",
        "=?utf-8?q?x?=",
        "=C3=BC",
        "BEGIN:VCARD",
        "tab\tin",
        "http://x.example/?a=1",
    ),
    *("＝1+1", "e\u0301", "שלום", "x" * 200, "?", "??", "100 %", "%0D%0A", "~", "{}", "[]", "null"),
)
NOTES = (
    *TEXTS,
    *HARD_TEXTS,
    "a\nb",
    "a\r\nb\r\nc",
    "a\rb",
    "a\n\nb\r\n\rc",
    "x\r\n" * 30 + "ü",
    "= \r\n =",
    "long é " * 90,
)
NUMBERS = (
    *(("+33", "612345678"), ("", "0612345678"), ("+1", "555-0100"), ("", "+1-555-0100"), ("", "06 12 34")),
    *(
        ("", "112"),
        ("+49", "123 456-7"),
        ("", "ext. 5"),
        ("+44", "20 (0) 7"),
        ("", "-5"),
        ("", "+33612345678"),
    ),
)
LABELS = (
    *("", "work", "home", "personal", "mobile", "other", "main", "fax", "pager", "school", "Ski; hut, \\n"),
    *("_$!<Anniversary>!$_", "Work Fax", "Büro", "* x", "iPhone", "x" * 32),
)
CUSTOM: tuple[Any, ...] = (None, None, None, {"a": "ü\r\nb"}, {"Ä": [1, None, {"x": True}]})
EXTRA: tuple[Any, ...] = (
    None,
    {"prefix": [{"value": "Dr."}], "suffix": [{"value": "Jr., III"}], "bday": [{"value": "1980-01-02"}]},
    {
        "department": [{"value": "R; D"}],
        "url": [{"value": "https://x.example/?a=1;b,c", "label": "Blog, \n x"}],
    },
    {
        "middle_name": [{"value": "A"}, {"value": "B c"}],
        "x-skype": [{"value": ["a;b", "ü"]}],
        "bday": [{"value": "?"}],
    },
    {
        "anniversary": [{"value": "--0504", "params": {"TYPE": ["HOME"]}}],
        "related": [{"value": "Eva\r\nMüller"}],
    },
    {
        "org": [{"value": ["Second", "Unit"]}],
        "tel": [{"value": "none"}],
        "weird.key": [{"value": "\\n"}],
    },
    {
        "geo": [{"value": "geo:46.7,-71.2"}],
        "impp": [{"value": "xmpp:a@b.example", "params": {"PREF": ["2"]}}],
    },
)


def contact(rng: random.Random, number: int) -> dict[str, Any]:
    """Return a contact as contact_export lists it."""

    def text() -> str:
        return rng.choice(TEXTS) if rng.random() < 0.7 else ""

    def kinds() -> dict[str, Any]:
        category = rng.choice(("prof", "priv"))
        label = rng.choice(LABELS) or ("work" if category == "prof" else "")
        return {"category": category, "is_default": 0, "label": label}

    emails = [{"email": f"p{number}.{n}@x.example", **kinds()} for n in range(rng.randint(1, 4))]
    rng.choice(emails)["is_default"] = 1
    numbers = [
        dict(zip(("areacode", "phone"), n, strict=True)) for n in rng.sample(NUMBERS, rng.randint(0, 4))
    ]
    places = [{part: text()[:32] for part in PLACE_LIMITS} for _ in range(rng.randint(0, 3))]
    names = {
        key: text() for key in ("firstname", "lastname", "surname", "display_name", "company", "job_title")
    }
    return {
        **names,
        "display": names["display_name"] or names["firstname"] or emails[0]["email"],
        "comment": rng.choice(NOTES) if rng.random() < 0.7 else "",
        "email": emails,
        "mobile": [{**n, **kinds()} for n in numbers],
        "address": [{**p, "city": p["city"] or "Town", **kinds()} for p in places],
        "tag": sorted({t.strip() for t in rng.sample(TEXTS, rng.randint(0, 3))}),
        "group": sorted({t.strip() for t in rng.sample(TEXTS, rng.randint(0, 2))}),
        "archived": rng.randint(0, 1),
        "custom_fields": rng.choice(CUSTOM),
        "source": rng.choice(("local", "google", "")),
        "extra": rng.choice(EXTRA) if names["company"] else None,
        **dict.fromkeys(("avatar_path", "source_id", "synced_at"), ""),
        **dict.fromkeys(("uid", "entity")),
    }


def table(charset: str, separator: str) -> Callable[[list[dict[str, Any]]], bytes]:
    def write(contacts: list[dict[str, Any]]) -> bytes:
        widths = {key: max(len(c[key]) for c in contacts) for key in FILE_LABELS}
        file = Table(widths, charset, separator)
        return file.header() + b"".join(file.rows([c]) for c in contacts)

    return write


def cards(version: str) -> Callable[[list[dict[str, Any]]], bytes]:
    return lambda contacts: "".join(vcard(c, version) for c in contacts).encode()


FORMATS: dict[str, tuple[str, str, Callable[[list[dict[str, Any]]], bytes]]] = {
    "vCard 2.1": ("vcf", "", cards("2.1")),
    "vCard 3.0": ("vcf", "", cards("3.0")),
    "vCard 4.0": ("vcf", "", cards("4.0")),
    "jCard": ("vcf", "", lambda contacts: b"[" + b",".join(map(jcard, contacts)) + b"]"),
    "CSV": ("csv", "", table("utf-8", ",")),
    "CSV for Excel": ("csv", "", table("utf-8-sig", ";")),
    "CSV in UTF-16": ("csv", "", table("utf-16", "tab")),
    "CSV in Windows-1252": ("csv", "windows-1252", table("windows-1252", ";")),
    "CSV in Shift_JIS": ("csv", "shift_jis", table("shift_jis", ",")),
}


@pytest.mark.parametrize("name", FORMATS)
def test_no_field_of_a_thousand_contacts_changes(name: str) -> None:
    kind, charset, write = FORMATS[name]
    rng = random.Random(14)
    contacts = [contact(rng, number) for number in range(MANY)]
    source = io.BytesIO(write(contacts))
    entries = list(read(source, kind, decoder_of(source, kind, charset)))
    loaded = [e["contact"] for e in entries if "contact" in e]
    assert not [e for e in entries if "error" in e]
    assert len(loaded) == MANY
    for original, copy in zip(contacts, loaded, strict=True):
        assert fields(copy) == fields(clean(original))


def fields(contact: dict[str, Any]) -> dict[str, Any]:
    """Return a contact that is read as it is stored: an absent text is "", a default label is ""."""
    lists = {key: [{**entry, **kind_of(key, entry)} for entry in contact[key]] for key in FILE_LABELS}
    return {
        **contact,
        **lists,
        "custom_fields": contact.get("custom_fields"),
        "extra": orjson.loads(contact.get("extra") or "null"),
        "source": contact["source"] or "local",
    }


@pytest.mark.parametrize(
    ("text", "breaks", "expected"),
    [
        ("a\nb\nc", "c", "a\r\nb\r\nc"),
        ("a\nb\nc", "cr", "a\r\nb\rc"),
        ("a\nb\nc\nd", "cr", "a\nb\nc\nd"),  # somebody edited the note
        ("a\nb", "x", "a\nb"),
        ("a\nb", ["c"], "a\nb"),
        ("a\nb", "", "a\nb"),
    ],
)
def test_line_breaks_of_an_edited_file_are_as_they_are(text: str, breaks: Any, expected: str) -> None:
    assert with_line_breaks(text, breaks) == expected


def test_a_cell_that_somebody_edited_wins_over_the_original() -> None:
    """Check that letters come back that Windows-1252 lacks, and only where nobody changed the cell."""
    original = contact(random.Random(1), 1) | {"firstname": "小明", "lastname": "Łuk", "comment": "日本"}
    file = table("windows-1252", ";")([original])
    assert b'"??";"?uk";' in file
    assert "小明".encode() not in file
    edited = file.replace(b'"?uk"', b'"Luk"').replace(b'"??";"?uk"', b'"??"')
    (loaded,) = [e["contact"] for e in read(io.BytesIO(edited), "csv") if "contact" in e]
    assert (loaded["firstname"], loaded["lastname"], loaded["comment"]) == ("小明", "Luk", "日本")


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1+cmd", "'+1+cmd"),
        ("-2+3", "'-2+3"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("＝1+1", "'＝1+1"),
        ("+1-555-0100", "'+1-555-0100"),
        ("+33 612345678", "+33 612345678"),
        ("+33612345678", "+33612345678"),
        ("-5", "-5"),
        ("'=1", "''=1"),
        ("O'Neil", "O'Neil"),
    ],
)
def test_cells_that_a_spreadsheet_would_compute_are_texts(text: str, cell: str) -> None:
    assert guard_formula(text) == cell
    assert unguard_formula(cell) == text
