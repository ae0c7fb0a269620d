"""Demo data: five people, a team hub, a call hub for each, and something in alice's address book."""

from __future__ import annotations

import secrets
import time
from typing import Any

import orjson

from service.deploy.connection import connect
from service.passwords import hash_password
from service.settings import Settings, database_servers

PASSWORD = "demo-password"  # noqa: S105  # printed by `make run`
PEOPLE = {
    "00000000000000a1": ("alice@example.org", "Alice", "Martin", None),
    "00000000000000b1": ("bob@example.net", "Bob", "Stone", None),
    "00000000000000c1": ("carol@example.com", "Carol", "Weiss", None),
    "00000000000000d1": ("dave@acme.test", "Dave", "Okafor", "acme.test"),
    "00000000000000e1": ("erin@acme.test", "Erin", "Larsen", "acme.test"),
}
ALICE, BOB, CAROL = list(PEOPLE)[:3]
TEAM = "00000000000000f1"
WRITE, READ = 4, 2
CONTACTS = (
    ("Ada", "Lovelace", "ada@math.example", "prof", "+44", "2079460001", "Countess of computing"),
    ("Alan", "Turing", "alan@bletchley.example", "prof", "+44", "2079460002", ""),
    ("Grace", "Hopper", "grace@navy.example", "prof", "+1", "2025550103", "Found the first bug"),
    ("Élodie", "Çelik", "elodie@maison.example", "priv", "+33", "612345604", ""),
    ("Jean-Pierre", "O'Neill", "jp@maison.example", "priv", "+33", "612345605", "Neighbour"),
)
FRIENDS = ((ALICE, BOB), (ALICE, CAROL), (BOB, CAROL), (ALICE, "00000000000000d1"))
"""Who is in contact with whom: they see each other's presence."""
TAGS = ("Work", "Family")
GROUP = "Pioneers"


class Registry:
    """People, hubs and grants, made by the routines that make them for everybody."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._connection = connect(database_servers(settings.db_admin, "DRUMEE_DB_ADMIN"))

    def call(self, db: str, name: str, *args: Any) -> list[tuple[Any, ...]]:
        """CALL a routine; the rows of its first result set."""
        marks = ", ".join(["%s"] * len(args))
        self._connection.begin()
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(f"CALL `{db}`.{name}({marks})", args)
                rows = list(cursor.fetchall())
                while cursor.nextset():
                    pass
        except Exception:
            self._connection.rollback()
            raise
        self._connection.commit()
        return rows

    def exists(self, table: str, key: str) -> bool:
        """Whether an entity of this id was made before."""
        with self._connection.cursor() as cursor:
            return bool(cursor.execute(f"SELECT 1 FROM yp.{table} WHERE id = %s", (key,)))  # noqa: S608

    def add_person(
        self,
        email: str,
        firstname: str,
        lastname: str,
        password: str,
        domain: str | None,
        uid: str | None = None,
    ) -> tuple[str, str]:
        """Register a person; (uid, shard)."""
        username = email.partition("@")[0]
        ((found, _wicket, shard),) = self.call(
            "yp",
            "drumate_create",
            uid,
            email,
            username,
            hash_password(password),
            firstname,
            lastname,
            domain,
            None,
        )
        return found, shard

    def add_hub(self, name: str, owner: str, area: str, hub_id: str | None = None) -> str:
        """Make a hub; its id."""
        ((found, _owner, _shard),) = self.call("yp", "hub_create", hub_id, name, owner, area)
        return str(found)

    def add_link(self, hub: str, title: str, days: int) -> tuple[str, str]:
        """Make a guest link for the home room of a hub: (its secret, the room)."""
        token = secrets.token_urlsafe(16)
        expiry = int(time.time()) + days * 86_400 if days else 0
        ((_hub, room),) = self.call("yp", "dmz_link_create", hub, None, token, title or None, expiry)
        return token, str(room)

    def grant(self, hub: str, who: str, level: int) -> None:
        """Give somebody a level on a whole hub."""
        self.call("yp", "permission_grant", hub, "*", who, level, 0)

    def befriend(self, one: str, other: str) -> None:
        """Make two people contacts of each other."""
        for owner, peer in ((one, other), (other, one)):
            ((shard,),) = self.rows("SELECT db_name FROM yp.entity WHERE id = %s", owner)
            contact = _document(
                self.call(shard, "my_contact_add", owner, orjson.dumps({"invitee_id": peer}).decode())
            )
            self.call(shard, "contact_relate", owner, contact["id"], peer, "active")

    def rows(self, statement: str, *args: Any) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement, args)
            return list(cursor.fetchall())


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
    tags = [_document(registry.call(shard, "tag_add", ALICE, name, None))["tag_id"] for name in TAGS]
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
        ids.append(
            _document(registry.call(shard, "my_contact_add", ALICE, orjson.dumps(contact).decode()))["id"]
        )
    members = orjson.dumps(ids[:3]).decode()
    registry.call(shard, "contact_group_add", ALICE, GROUP, None, members)


def _document(rows: list[tuple[Any, ...]]) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(rows[0][0])
    return found
