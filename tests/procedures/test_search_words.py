"""A new contact gets its words from Python, and every other write in SQL: both find the same."""

from __future__ import annotations

import random
from typing import Any

import orjson

from service.contacts import search_words
from service.contacts.cleaning import clean
from service.contacts.derived import derive
from service.contacts.record import routine_columns
from tests.support.new_contacts import LEFT_TO_SQL, NAMES, PLAIN, assert_rendered, typed
from tests.support.scene import Scene

Contact = dict[str, Any]
PART = 500
"""Contacts of one call: more than 1,000 are rendered later."""


def person(number: int, names: tuple[str, ...], tags: list[str] | None = None) -> Contact:
    """Return a contact of the reader: six texts, then phone numbers."""
    texts = dict(zip(NAMES, names[:6], strict=True))
    phones = [{"phone": phone} for phone in names[6:]]
    return {**texts, "email": [{"email": f"p{number}@x.example"}], "mobile": phones, "tag": tags or ["Work"]}


def imported(scene: Scene, contacts: list[Contact]) -> int:
    """Import contacts for Alice with the words of SQL, for Bob with those of Python; count the latter."""
    parts = [contacts[start : start + PART] for start in range(0, len(contacts), PART)]
    return sum(_imported(scene, part, number * PART) for number, part in enumerate(parts))


def _imported(scene: Scene, contacts: list[Contact], first: int) -> int:
    entries: list[Contact] = [{"contact": clean(contact)} for contact in contacts]
    for number, entry in enumerate(entries, first + 1):
        derive(entry, "FR")
        entry["contact"] |= {"id": f"{number:016x}", "line": number}
    scene["people"] = orjson.dumps([entry["contact"] for entry in entries]).decode()
    assert scene.doc("my_contact_import(:alice, :people, 'csv')")["loaded"] == len(contacts)
    with_words = [entry for entry in entries if "words" in entry]
    for entry in with_words:
        entry["contact"]["has_words"] = 1
    scene["people"] = orjson.dumps([entry["contact"] for entry in entries]).decode()
    scene["words"] = orjson.dumps([(e["contact"]["id"], e["words"]) for e in with_words]).decode()
    assert scene.doc("my_contact_import(:bob, :people, 'csv')")["loaded"] == len(contacts)
    scene.sets("my_contact_import_words(:bob, :words)")
    return len(with_words)


def compare(scene: Scene) -> None:
    """Compare the rows of the index, as the collation reads them, and the records."""
    for owner in ("alice", "bob"):
        scene.sets(f"UPDATE contact_index SET word = '' WHERE owner_id = :{owner} AND kind LIKE '%ed_at'")
    rows = "SELECT contact_id, kind, {}, is_deleted, name FROM contact_index WHERE owner_id = :{}"
    words, keys = (
        {owner: set(scene.rows(rows.format(column, owner))) for owner in ("alice", "bob")}
        for column in ("word", "HEX(WEIGHT_STRING(word))")
    )
    differing = {contact for contact, *_ in keys["alice"] ^ keys["bob"]}
    sides = [{row for row in words[owner] if row[0] in differing} for owner in ("alice", "bob")]
    assert not differing, (sides[0] - sides[1], sides[1] - sides[0])
    times = "'$.created_at', '$.updated_at'"
    # the numbers in private have no order
    records = f"""SELECT contact_id, state, digest, names_digest, LENGTH(private),
                         JSON_REMOVE(record, {times})
                  FROM contact_record WHERE owner_id = :{{}} ORDER BY contact_id"""
    events = """SELECT e.contact_id, e.event, e.before_record, e.rev = r.rev, r.created_rev = r.rev
                FROM contact_event AS e JOIN contact_record AS r USING (owner_id, contact_id)
                WHERE e.owner_id = :{} ORDER BY e.contact_id"""
    for statement in (records, events):
        assert scene.rows(statement.format("alice")) == scene.rows(statement.format("bob"))


def test_hard_texts(scene: Scene) -> None:
    contacts = [person(number, names) for number, names in enumerate([*PLAIN, *LEFT_TO_SQL])]
    assert imported(scene, contacts) == len(PLAIN)
    compare(scene)
    active = "SELECT active FROM contact_ledger WHERE owner_id = :bob"
    assert scene.one(active) == len(contacts)


def test_every_plain_character(scene: Scene) -> None:
    """Between letters, between digits, alone, in an address, and beside signs that people leave out."""
    characters = [chr(n) for first, last in search_words.PLAIN_RANGES for n in range(first, last + 1)]
    contacts = [
        person(number, (f"Ab{c}Cd", f"{c}Ef{c}", "", "", f"1{c}2 {c} 3{c}4567890",
                        f"x{c}y@z{c}w {c}@a O'{c} {c}'n 0{c}12345 p{c}"), [f"t{c}"])
        for number, c in enumerate(characters)
    ]  # fmt: skip
    assert imported(scene, contacts) > 0.9 * len(characters)
    compare(scene)


def test_texts_at_random(scene: Scene) -> None:
    chance = random.Random(14)
    letters = "aAbZéßıİø'’-‐.@+()/ 0 0 1 23456789 ,;\"\\_\u0301Жя"

    def text(size: int, of: str = letters) -> str:
        return "".join(chance.choices(of, k=chance.randint(0, size)))

    contacts = [
        person(number, (text(14), text(14), text(6), text(8), text(12), text(80), *(
            text(14, "+0123456789 -()abc;") for _ in range(chance.randint(0, 3))
        )), [text(5)])
        for number in range(800)
    ]  # fmt: skip
    assert imported(scene, contacts) > 400
    compare(scene)


def created(scene: Scene, routine: str, contacts: list[Contact]) -> int:
    """Create contacts of Bob; count those whose words Python has found."""
    with_words = 0
    for contact in contacts:
        columns = search_words.with_words(contact)
        with_words += "words" in columns
        scene["contact"] = orjson.dumps(columns).decode()
        scene.sets(f"{routine}(:bob, :contact)")
    return with_words


def test_a_contact_of_the_form_is_as_contact_render_makes_it(scene: Scene) -> None:
    contacts = [typed(number, names) for number, names in enumerate([*PLAIN, *LEFT_TO_SQL])]
    assert created(scene, "my_contact_add", contacts) >= len(PLAIN)
    assert_rendered(scene)


def test_a_contact_of_the_rest_api_is_as_contact_render_makes_it(scene: Scene) -> None:
    contacts = [
        routine_columns({
            "display_name": f"N {names[0]} {names[3]}", "first_name": names[0], "company": names[4],
            "notes": names[5], "emails": [{"address": f"r{number}@x.example", "primary": True}],
            "phones": [{"number": phone, "label": "work"} for phone in names[6:7]],
            "addresses": [{"city": names[1], "label": "work home"}][: number % 2],
        })
        for number, names in enumerate([*PLAIN, *LEFT_TO_SQL])
    ]  # fmt: skip
    contacts += [
        routine_columns({"display_name": "Nobody"}),
        {"from_api": 1, "company": "Acme", "lastname": "B"},
    ]
    assert created(scene, "my_contact_create", contacts) >= len(PLAIN)
    assert_rendered(scene)


def test_contacts_with_more_of_a_kind_are_left_to_sql(scene: Scene) -> None:
    tagged = {**typed(0, PLAIN[0]), "tag": [scene["work"]]}
    several = {
        **typed(1, PLAIN[0]),
        "email": [{"email": f"{who}@x.example", "is_default": int(who == "a")} for who in "ab"],
    }
    of_an_account = {"invitee_id": scene["alice"], "firstname": "Al"}
    assert created(scene, "my_contact_add", [several, of_an_account]) == 0
    assert search_words.with_words(tagged) == tagged
    assert_rendered(scene)
