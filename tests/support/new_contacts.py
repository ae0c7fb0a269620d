"""New contacts with texts that are hard to read, and what SQL makes of them."""

from __future__ import annotations

from typing import Any

from tests.support.scene import Scene

Contact = dict[str, Any]

NAMES = ("firstname", "lastname", "surname", "display_name", "company", "comment")
FORM = ("firstname", "lastname", "surname", "comment")
PLAIN = [
    (
        "Ada",
        "Lovelace",
        "",
        "",
        "Analytical Engines Ltd",
        "met ada@work.example and o'brien",
        "06 12 34 56 78",
    ),
    ("Seán", "O'Brien-Smith", "", "", "", "0012345 12.34.56 (612)-34", "+33 6 12 34 56 78", "abc", "12"),
    ("Anna-Lena", "Weiß", "Leni", "", "Ærø & Søn A/S", "Straße", "+49 (0) 171/2345678 ext. 5"),
    ("Işıl", "İnce", "", "", "Ğ", "ıı IÍ"),
    ("José", "Núñez", "", "", "“Quoted” Co", "a@b @c d@ @@ x@y@z", "112"),
    ("D’Arcy", "L’Écuyer", "", "Ms D`Arcy", "C‐D", "a--b a-'b", "00 33 1 23"),
    ("Jose\u0301", "e\u0301'x", "", "", "z", "x\u0301-y"),
    ("Þórður", "Ŋ-ŧest", "", "", "Андрей Їжак", "ʿĀʾisha ʻOkina"),
    ("Иван", "Ёлкин", "", "", "ООО Ромашка", "тел-номер", "+7 916 123-45-67"),
    ("שלום", "בן-דוד", "", "", "Ա Ֆ", "Ωμέγα Ὀδυσσεύς"),
    ("anna", "Anna", "ANNA", "", "anna", "Aña 007 00712345 012345x 1;2"),
    ("", "", "", "", "", "no name at all"),
    ("Li", "van der Berg", "", "", 'back\\slash "quote"', "line 1\nline 2\tx"),
    ("y" * 100, "x" * 70, "", "", "q" * 60, "w" * 64, "9" * 15),
]
LEFT_TO_SQL = [
    ("小明", "王", "", "", "中", ""),
    ("สมชาย", "", "", "", "", ""),
    ("Party 🎉", "", "", "", "Acme ©", "ﬁ"),
    ("Ali", "", "", "", "", "", "٠١٧١ ٢٣٤٥٦٧٨"),
    ("Ann", "", "", "", "", "n" * 600),
    ("-", "–", "", "", "...", "!!!", "---"),
    ("Bob", "", "", "", "", "", '"12\\3'),
    ("\u0301", "", "", "", "Co", ""),
]


def assert_rendered(scene: Scene) -> None:
    """Compare records and words of Bob with those that contact_render makes of the same contacts."""
    records = "SELECT * FROM contact_record WHERE owner_id = :bob ORDER BY contact_id"
    index = """SELECT contact_id, kind, HEX(WEIGHT_STRING(word)), is_deleted, name
               FROM contact_index WHERE owner_id = :bob"""
    ids = [contact_id for (contact_id,) in scene.rows("SELECT id FROM contact WHERE owner_id = :bob")]
    before = scene.rows(records)
    for contact_id in ids:
        scene.sets(f"contact_render(:bob, '{contact_id}')")
    assert scene.rows(records) == before
    words = set(scene.rows(index))
    scene.sets("UPDATE contact_record SET names_digest = NULL WHERE owner_id = :bob")
    for contact_id in ids:
        scene.sets(f"contact_render(:bob, '{contact_id}')")
    assert set(scene.rows(index)) == words


def typed(number: int, names: tuple[str, ...]) -> Contact:
    """Return a contact as the form of the frontend sends it: a number and an address at most."""
    texts = {name: text for name, text in zip(NAMES, names[:6], strict=True) if name in FORM}
    contact: Contact = {**texts, "email": [{"email": f"t{number}@x.example", "is_default": "1"}]}
    if len(names) > 6:
        contact["mobile"] = [{"areacode": "+", "phone": names[6], "category": "prof"}]
    if number % 2:
        contact["address"] = [{"street": names[0], "city": names[1], "country": "Fr", "category": "priv"}]
    return contact
