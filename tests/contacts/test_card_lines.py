"""Cut files into cards, whole and damaged ones. All people are invented."""

from __future__ import annotations

import io
import random
import re
from typing import Any

import pytest

from service.contacts.card_lines import parse_property
from service.contacts.exporting import vcard
from service.contacts.reader import read
from tests.support.address_files import HARD_TEXTS

OWN = {
    **dict.fromkeys(
        ("lastname", "firstname", "surname", "company", "job_title", "display_name", "comment"), ""
    ),
    **dict.fromkeys(("uid", "entity", "custom_fields", "avatar_path", "source", "source_id", "synced_at")),
    **{"email": [], "mobile": [], "address": [], "tag": [], "group": [], "archived": 0},
}
CARD = re.compile(rb"(?:\A|[\r\n])(?:\0|\xef\xbb\xbf|[ \t])*BEGIN:VCARD[ \t\0]*(?=[\r\n]|\Z)", re.IGNORECASE)


def card(first: str, *lines: str, end: str = "END:VCARD\r\n") -> str:
    properties = "".join(f"{line}\r\n" for line in lines)
    return f"BEGIN:VCARD\r\nVERSION:3.0\r\nN:X;{first};;;\r\n{properties}EMAIL:{first}@x.example\r\n{end}"


def contacts(data: str | bytes) -> list[dict[str, Any]]:
    entries = list(read(io.BytesIO(data if isinstance(data, bytes) else data.encode()), "vcf"))
    assert not [e for e in entries if "error" in e], entries
    return [e["contact"] for e in entries]


@pytest.mark.parametrize("version", ["3.0", "4.0"])
@pytest.mark.parametrize("size", range(60, 80))
def test_an_own_export_survives_texts_that_look_like_lines_of_a_card(version: str, size: int) -> None:
    """The fold of a line comes before each part of the text once."""
    texts = ["n" * size + text for text in HARD_TEXTS]
    emails = [{"email": "a@x.example", "category": "priv", "label": "", "is_default": 1}]
    people = [
        OWN | {"firstname": f"P{n}", "comment": t, "email": emails, "display": "P"}
        for n, t in enumerate(texts)
    ]
    loaded = contacts("".join(vcard(person, version) for person in people))
    assert [(c["firstname"], c["comment"]) for c in loaded] == [
        (f"P{n}", text.strip()) for n, text in enumerate(texts)
    ]


@pytest.mark.parametrize(
    ("between", "expected"),
    [("", 3), ("\ufeff", 3), ("\0", 3), ("\r\n\0\0", 3), ("  ", 3), ("NULL\r\n", 3), ("\r", 3)],
)
def test_bytes_between_cards_cost_none(between: str, expected: int) -> None:
    assert len(contacts(between.join(card(name) for name in "abc"))) == expected


@pytest.mark.parametrize(
    ("lines", "comment"),
    [
        (["NOTE:text", " BEGIN:VCARD"], "textBEGIN:VCARD"),
        (["NOTE:text", " END:VCARD"], "textEND:VCARD"),
        (
            ["NOTE;ENCODING=QUOTED-PRINTABLE:a=0D=0A=", "BEGIN:VCARD=0D=0A=", "END:VCARD"],
            "a\r\nBEGIN:VCARD\r\nEND:VCARD",
        ),
        (["NOTE;QUOTED-PRINTABLE:a=", "PHOTO: b=", "KEY;x: c"], "aPHOTO: bKEY;x: c"),
        (
            ["NOTE:Use ENCODING=QUOTED-PRINTABLE and end with ="],
            "Use ENCODING=QUOTED-PRINTABLE and end with =",
        ),
        (["NOTE:first", "second line without a fold"], "first\nsecond line without a fold"),
        (["PHOTO;ENCODING=b:AAAA", "BBBB", " CCCC", "", "NOTE:after"], "after"),
        (["NOTE;ENCODING=BASE64:Z3LDvG4="], "grün"),
    ],
)
def test_the_text_of_a_note_is_no_line_of_the_card(lines: list[str], comment: str) -> None:
    loaded = contacts(card("a") + card("b", *lines) + card("c"))
    assert [c["firstname"] for c in loaded] == ["a", "b", "c"]
    assert (loaded[1]["comment"], len(loaded[1]["email"])) == (comment, 1)


@pytest.mark.parametrize(
    "last", ["NOTE:text", "NOTE;ENCODING=QUOTED-PRINTABLE:text=", "PHOTO:AAAA", "EMAIL:z@x.example"]
)
@pytest.mark.parametrize("end", ["", "END:VCARD\r\n", " END:VCARD\r\n", "\r\n"])
def test_a_card_without_its_end_costs_no_other(last: str, end: str) -> None:
    loaded = contacts(card("a") + card("b", end=f"{last}\r\n{end}") + card("c") + card("d", end=end))
    assert [c["firstname"] for c in loaded] == ["a", "b", "c", "d"]
    assert loaded[1]["comment"] == ("text" if "text" in last else "")


@pytest.mark.parametrize("last", ["EMAIL:z@x.example", "NOTE;ENCODING=QUOTED-PRINTABLE:text="])
@pytest.mark.parametrize("indent", [" ", "\t", "  "])
@pytest.mark.parametrize("gap", ["", "\r\n", "\r\n \r\n"])
def test_an_indented_card_after_one_without_its_end_is_a_card(last: str, indent: str, gap: str) -> None:
    indented = card("c").replace("BEGIN:VCARD\r\n", f"{indent}BEGIN:VCARD\r\n{gap}")
    loaded = contacts(card("a") + card("b", end=f"{last}\r\n{gap}") + indented + card("d"))
    assert [c["firstname"] for c in loaded] == ["a", "b", "c", "d"]


def test_a_line_that_cannot_be_decoded_costs_itself() -> None:
    data = (
        card("a", "X-A;ENCODING=QUOTED-PRINTABLE:=FF=FE", "TITLE;CHARSET=none:Boss").encode() + b"X-B:\xff\n"
    )
    (contact,) = contacts(data.replace(b"EMAIL", b"X-C:\xff\xfe\r\nEMAIL"))
    assert (contact["firstname"], contact["job_title"]) == ("a", "Boss")


def test_too_big_a_card_is_rejected_with_its_name() -> None:
    big = card("big", "FN:Big One", *(["NOTE:" + "x" * 100_000] * 50))
    first, second = read(io.BytesIO((big + card("a")).encode()), "vcf")
    assert (first["error"], first["name"]) == ("too big for a contact", "Big One")
    assert second["contact"]["firstname"] == "a"


@pytest.mark.parametrize("seed", range(200))
def test_every_card_of_a_damaged_file_is_loaded_or_rejected(seed: int) -> None:
    rng = random.Random(seed)
    notes = (
        "NOTE;QUOTED-PRINTABLE:a=0D=0A=\r\nb=C3=A9",
        "NOTE:grün\r\n und",
        "TEL;WORK:1",
        "PHOTO;ENCODING=b:AA\r\n AA",
    )
    cards = [card(f"p{n}", rng.choice(notes)) for n in range(20)]
    indented = card("p20").replace("BEGIN", "  BEGIN").replace("END", "  END")
    data = bytearray("".join([*cards[:10], indented, *cards[10:]]).encode())
    for _ in range(rng.randrange(1, 12)):
        at = rng.randrange(len(data))
        match rng.randrange(4):
            case 0:
                data[at] = rng.randrange(256)
            case 1:
                del data[at : at + rng.randrange(1, 60)]
            case 2:
                data[at:at] = rng.choice((b"\0", b"\xef\xbb\xbf", b"\xff", b'"', b"=", b"\\", b"\r\n", b";:"))
            case _:
                data[at:at] = b"\r\nEND:VCARD\r\n"
    entries = list(read(io.BytesIO(bytes(data)), "vcf"))
    assert len(entries) == len(CARD.findall(bytes(data)))
    assert all("contact" in e or (e["line"] and e["error"]) for e in entries)


@pytest.mark.parametrize(
    ("line", "name", "params", "value"),
    [
        (b"item1.TEL;WORK;FAX:1", "TEL", {"TYPE": ["WORK", "FAX"]}, b"1"),
        (b'tel;type="work,voice":1', "TEL", {"TYPE": ["work", "voice"]}, b"1"),
        (b"TEL;TYPE=VOICE\\,CELL:1", "TEL", {"TYPE": ["VOICE", "CELL"]}, b"1"),
        (b'ADR;LABEL="a:b;c":;;x', "ADR", {"LABEL": ["a:b;c"]}, b";;x"),
        (b'NOTE;X="open:text', "NOTE", {"X": ["open"]}, b"text"),
        (b"FN : name", "FN", {}, b" name"),
    ],
)
def test_a_property_has_name_parameters_and_value(
    line: bytes, name: str, params: dict[str, list[str]], value: bytes
) -> None:
    property_ = parse_property(line)
    assert (property_.name, property_.params, property_.value) == (name, params, value)
