"""The record of a new contact that Python makes is the one that SQL makes of the same contact."""

from __future__ import annotations

import random
from typing import Any

import orjson
import pytest

from service.contacts.first_record import FirstRecord, first_record
from service.contacts.record import routine_columns
from service.contacts.search_words import with_words
from tests.support.new_contacts import LEFT_TO_SQL, PLAIN, assert_rendered, typed
from tests.support.scene import Scene

Contact = dict[str, Any]

TABLES = {
    "contact": """IF(entity = id, 'itself', entity), peer_id, uid, email, surname, display_name, firstname,
                  lastname, company, job_title, display, full_name, category, status, is_archived, deleted_at,
                  box, comment, message, is_auto, metadata, invitetime, origin, avatar_path, custom_fields,
                  extra, source_id, synced_at""",
    "contact_email": "email, category, is_default, position, label",
    "contact_phone": "areacode, phone, category, is_default, position, label, international",
    "contact_address": "street, city, state, postal_code, country, category, is_default, position, label",
    "contact_record": "state, names_digest, private, created_at = updated_at, deleted_at",
    "contact_index": "kind, HEX(WEIGHT_STRING(word)), is_deleted, name",
    "contact_event": "rev, event, before_record, before_private, writer = CONNECTION_ID()",
    "contact_ledger": "rev, active, deleted",
}
"""What two owners have alike who have the same contacts."""


def parameters(scene: Scene, record: FirstRecord) -> str:
    for field, value in record._asdict().items():
        scene[f"new_{field.replace('_', '')}"] = value
    return ", ".join(f":new_{field.replace('_', '')}" for field in FirstRecord._fields)


def store(scene: Scene, contact: Contact) -> bool:
    """Add a contact of Bob by the record of Python; return whether it was stored."""
    record = first_record(with_words(contact))
    return record is not None and bool(scene.sets(f"my_contact_store(:bob, {parameters(scene, record)})"))


def stored(scene: Scene, routine: str, contacts: list[Contact]) -> int:
    """Add contacts of Bob by Python, and the same of Alice by SQL; return their number."""
    same = [contact for contact in contacts if store(scene, contact)]
    for contact in same:
        scene["contact"] = orjson.dumps(contact).decode()
        scene.sets(f"{routine}(:alice, :contact)")
    return len(same)


def compare(scene: Scene, *, without: str = "") -> None:
    """Compare the rows of both, and the records of Bob with those that SQL makes of his contacts.

    `without`: a column that the owners need not have alike.
    """
    for table, each in TABLES.items():
        columns = each.replace(f" {without},", "") if without else each
        times = " AND kind NOT LIKE '%ed_at'" if table == "contact_index" else ""
        rows = [
            sorted(map(repr, scene.rows(f"SELECT {columns} FROM {table} WHERE owner_id = :{owner}{times}")))
            for owner in ("alice", "bob")
        ]
        assert rows[0] == rows[1], table
    assert_rendered(scene)


def of_the_rest_api(number: int, names: tuple[str, ...]) -> Contact:
    label = ("work", "Home", "mobile", "work fax", "other", "")[number % 6]
    flag = bool(number % 2)
    return routine_columns({
        "display_name": names[3], "first_name": names[0], "last_name": names[1], "company": names[4],
        "job_title": names[2], "notes": names[5], "avatar_path": f"/a/{number}.png", "source": "crm",
        "source_id": f"s{number}",
        "emails": [{"address": f"r{number}@x.example", "primary": True, "label": label}][: number % 3],
        "phones": [{"number": phone, "label": label, "primary": flag} for phone in names[6:7]],
        "addresses": [{"city": names[1], "street": names[0], "postal_code": "75002", "label": label}][
            : number % 4
        ],
    })  # fmt: skip


NUMBERS = ("+33 6 12 34 56 78", "+33 (6) 12", "+4912345 1", "0612", "+1 x", "  12 ", "+33612345678")


def test_hard_texts_of_the_form(scene: Scene) -> None:
    contacts = [typed(number, names) for number, names in enumerate([*PLAIN, *LEFT_TO_SQL])]
    assert stored(scene, "my_contact_add", contacts) >= len(PLAIN) - 2
    compare(scene)


def test_hard_texts_of_the_rest_api(scene: Scene) -> None:
    contacts = [of_the_rest_api(number, names) for number, names in enumerate([*PLAIN, *LEFT_TO_SQL])]
    contacts += [
        of_the_rest_api(number, ("Ada", "Byron", "", "", "", "", phone))
        for number, phone in enumerate(NUMBERS, 100)
    ]
    contacts = [contact for contact in contacts if any(contact[key] for key in ("display_name", "firstname"))]
    assert stored(scene, "my_contact_create", contacts) >= len(PLAIN)
    compare(scene)


def test_texts_at_random(scene: Scene) -> None:
    chance = random.Random(19)
    letters = "aAbZéßıİø'’-‐.@+()/ 0 1 23456789 ,;\"\\_\u0301Жя\n\t"

    def text(size: int, of: str = letters) -> str:
        return "".join(chance.choices(of, k=chance.randint(0, size)))

    contacts = [
        {
            **typed(
                number,
                (text(14), text(14), text(6), "", "", text(80), text(9, "+0123456789 -()") or "1"),
            ),
            "message": text(20),
            "surname": text(5),
        }
        for number in range(300)
    ]
    assert stored(scene, "my_contact_add", contacts) > 60
    compare(scene)


def test_labels_and_defaults_of_the_form(scene: Scene) -> None:
    entries = [
        {"category": category, "is_default": flag, "label": label}
        for category in ("prof", "priv")
        for flag in (1, "1", 0, None)
        for label in ("work", "Work", "home", "PERSONAL", "fax", "x" * 32, None)
    ]
    contacts = [
        {
            "firstname": "Ada",
            "email": [{**entry, "email": f"d{number}@x.example", "is_default": 1}],
            "mobile": [{**entry, "areacode": "+33", "phone": "6"}],
            "address": [{**entry, "city": "Paris"}],
        }
        for number, entry in enumerate(entries)
    ]
    assert stored(scene, "my_contact_add", contacts) == len(contacts)
    compare(scene)


def test_several_numbers_and_postal_addresses(scene: Scene) -> None:
    chance = random.Random(21)
    contacts = [
        {
            "firstname": "Ada",
            "lastname": "Noël",
            "email": [{"email": f"s{number}@x.example", "is_default": 1}],
            "mobile": [
                {
                    "areacode": chance.choice(["", "+", "+33"]),
                    "phone": chance.choice(["06 12", "0612345678", "1", "(612)-34"]),
                    "category": chance.choice(["prof", "priv"]),
                    "is_default": chance.choice([0, 1, "0", None]),
                    "label": chance.choice(["fax", "work", "Home", None]),
                }
                for _ in range(number % 4)
            ],
            "address": [
                {
                    "city": chance.choice(["Paris", "Köln"]),
                    "category": chance.choice(["prof", "priv"]),
                    "is_default": chance.choice([0, 1, None]),
                }
                for _ in range(number % 3)
            ],
        }
        for number in range(40)
    ]
    assert stored(scene, "my_contact_add", contacts) == len(contacts)
    # it has the entries in the order of their ids
    compare(scene, without="private")


@pytest.mark.parametrize(
    "change",
    [
        {"tag": ["0123456789abcdef"]}, {"invite": 1}, {"custom_fields": {}}, {"firstname": "小明"},
        {"email": []}, {"job_title": "🎉"}, {"email": [{"email": "a@x.example", "is_default": 0}]},
        {"email": [{"email": f"{who}@x.example", "is_default": int(who == "a")} for who in "ab"]},
        {"mobile": [{"areacode": "", "phone": "9" * 82}]},
        {"address": [{"city": "–"}]}, {"address": [{"city": "Rome", "label": "é"}]},
    ],
    ids=str,
)  # fmt: skip
def test_contacts_that_are_left_to_sql(change: Contact) -> None:
    contact = {"firstname": "Ada", "email": [{"email": "a@x.example", "is_default": 1}]}
    assert first_record(with_words(contact)) is not None
    assert first_record(with_words(contact | change)) is None


def test_a_contact_of_the_rpc_without_an_address_is_left_to_sql() -> None:
    assert first_record(with_words({"firstname": "Ada"})) is None
    assert first_record(with_words({"firstname": "Ada", "from_api": 1})) is not None
    assert first_record(with_words({"company": "Acme", "from_api": 1})) is None
