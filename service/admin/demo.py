"""Demo data: five people, a team hub, a call hub for each, and something in alice's address book."""

from __future__ import annotations

from service.admin.registry import Registry
from service.local.demo_people import PASSWORD, PEOPLE
from service.settings import Settings
from service.store.database import document, encode

ALICE, BOB, CAROL, DAVE = list(PEOPLE)[:4]
TEAM = "00000000000000f1"
WRITE, READ = 4, 2
CONTACTS = (
    ("Ada", "Lovelace", "ada@math.example", "prof", "+44", "2079460001", "Countess of computing"),
    ("Alan", "Turing", "alan@bletchley.example", "prof", "+44", "2079460002", ""),
    ("Grace", "Hopper", "grace@navy.example", "prof", "+1", "2025550103", "Found the first bug"),
    ("Élodie", "Çelik", "elodie@maison.example", "priv", "+33", "612345604", ""),
    ("Jean-Pierre", "O'Neill", "jp@maison.example", "priv", "+33", "612345605", "Neighbour"),
)
FRIENDS = ((ALICE, BOB), (ALICE, CAROL), (BOB, CAROL), (ALICE, DAVE))
"""Pairs of people who are in contact: they see each other's presence."""
TAGS = ("Work", "Family")
GROUP = "Pioneers"


def load(settings: Settings) -> list[str]:
    """Make what is missing; one line for each thing made."""
    registry = Registry(settings)
    made: list[str] = []
    for uid, (email, firstname, lastname, domain) in PEOPLE.items():
        if not registry.exists("drumate", uid):
            _, shard = registry.add_person(email, firstname, lastname, PASSWORD, domain, uid)
            made.append(email)
            if uid == ALICE:
                _fill_address_book(registry, shard)
    if len(made) == len(PEOPLE):
        for one, other in FRIENDS:
            registry.befriend(one, other)
    if not registry.exists("hub", TEAM):
        registry.add_hub("Team", ALICE, "private", TEAM)
        registry.grant(TEAM, BOB, WRITE)
        registry.grant(TEAM, CAROL, READ)
        made.append("hub Team")
    return made


def _fill_address_book(registry: Registry, shard: str) -> None:
    tags = [document(registry.call(shard, "tag_add", ALICE, name, None))["tag_id"] for name in TAGS]
    ids = []
    for firstname, lastname, email, category, areacode, phone, comment in CONTACTS:
        contact = {
            "firstname": firstname,
            "lastname": lastname,
            "comment": comment,
            "email": [{"email": email, "category": category, "is_default": "1"}],
            "mobile": [{"areacode": areacode, "phone": phone, "category": category}],
            "tag": [tags[category == "priv"]],
        }
        ids.append(document(registry.call(shard, "my_contact_add", ALICE, encode(contact)))["id"])
    members = encode(ids[:3])
    registry.call(shard, "contact_group_add", ALICE, GROUP, None, members)
