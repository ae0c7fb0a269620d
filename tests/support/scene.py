"""CALLs written as SQL, in one transaction that is rolled back; `:name` stands for a user or an object.

    alice, bob, carol   users of the free domain          erin, frank    colleagues in a paid domain
    mail_bob            the address of bob                sid_bob        a session of bob
    tab_bob             a socket of that session          hub            a team hub of alice
    link                a guest link into `dmz`, a public hub of alice; nobody   an id that does not exist
    ada, grace          contacts of alice, by address     work, rome     tags of alice, rome below work
    pioneers            a group of alice with ada in it

Each is created when a statement first names it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson
import pymysql
import pytest

from service.errors import Refusal, read_refusal
from service.store.admin import Connection
from service.store.database import ResultSet, document, documents

NODE = "00000000000000e7"
NOBODY = "0" * 16
DOMAINS = {"alice": None, "bob": None, "carol": None, "erin": "scene.test", "frank": "scene.test"}
NAME = re.compile(r"(?<![\w:'\"]):([a-z]+(?:_[a-z]+)?)\b")


class Scene:
    """The transaction, and the users and objects in it."""

    def __init__(self, connection: Connection, shard: str = "shard1") -> None:
        self.connection = connection
        self.shard = shard
        self._known: dict[str, str] = {"nobody": NOBODY, "node": NODE}
        self._serial = 0
        self.written_by_hand = False
        """Whether a test has changed tables without a routine: what is derived from them may differ."""

    # --- calling ---

    def sets(self, statement: str) -> list[ResultSet]:
        """Return all result sets of a CALL. The word is optional; names without database are in the shard."""
        self.written_by_hand |= re.match(r"\s*(INSERT|UPDATE|DELETE|REPLACE)\b", statement) is not None
        with self.connection.raw.cursor() as cursor:
            cursor.execute(self._sql(statement))
            result_sets: list[ResultSet] = []
            while True:
                if cursor.description is not None:
                    result_sets.append(list(cursor.fetchall()))
                if not cursor.nextset():
                    return result_sets

    def rows(self, statement: str) -> ResultSet:
        """Return the first result set."""
        return next(iter(self.sets(statement)), [])

    def one(self, statement: str) -> Any:
        """Return the first column of the first row, or None."""
        rows = self.rows(statement)
        return rows[0][0] if rows else None

    def doc(self, statement: str) -> Any:
        """Return the document of the first row, or None."""
        return document(self.rows(statement))

    def docs(self, statement: str) -> list[Any]:
        """Return the documents of the first result set."""
        return documents(self.rows(statement))

    def json(self, statement: str) -> Any:
        """Return a value decoded from JSON."""
        return orjson.loads(self.one(statement))

    def refusal(self, statement: str) -> str:
        """Return the code with which a CALL is refused."""
        with pytest.raises(pymysql.err.MySQLError) as caught:
            self.sets(statement)
        number, message = caught.value.args
        assert number == 1644, f"no refusal of ours: {number} {message}"
        return read_refusal(str(message)).code

    def refused(self, statement: str) -> Refusal:
        """Return what a CALL is refused with; it has changed nothing."""
        self._sql(statement)
        self.sets("SAVEPOINT untouched")
        with pytest.raises(pymysql.err.MySQLError) as caught:
            self.sets(statement)
        self.sets("ROLLBACK TO SAVEPOINT untouched")
        return read_refusal(str(caught.value.args[1]))

    def refuses(self, cases: Mapping[str, str]) -> None:
        """Check that each of these CALLs is refused with its code, and changes nothing."""
        for statement, code in cases.items():
            self._sql(statement)  # Creates the users it names, outside the savepoint.
            self.sets("SAVEPOINT untouched")
            assert self.refusal(statement) == code, statement
            self.sets("ROLLBACK TO SAVEPOINT untouched")

    def users(self) -> list[str]:
        """Return the ids of the users that statements have named."""
        return [self._known[name] for name in DOMAINS if name in self._known]

    def count(self, table: str, where: str = "1") -> int:
        """Count the rows of a table."""
        return int(self.one(f"SELECT COUNT(*) FROM {table} WHERE {where}"))

    def _sql(self, statement: str) -> str:
        if re.match(r"(yp\.)?[a-z_]+\(", statement):
            statement = f"CALL {statement}"
        for name in sorted(set(NAME.findall(statement))):
            self[name]  # Creating one may change what the others see.
        self.connection.raw.select_db(self.shard)
        return NAME.sub(lambda match: self.connection.raw.escape(self[match[1]]), statement)

    # --- who and what is there ---

    def __getitem__(self, name: str) -> str:
        """Return the id of the user or object with this name."""
        if name not in self._known:
            self._known[name] = self._make(name)
        return self._known[name]

    def __setitem__(self, name: str, value: str) -> None:
        self._known[name] = value

    def _make(self, name: str) -> str:
        kind, _, who = name.partition("_")
        if name in DOMAINS:
            return self._person(name, DOMAINS[name])
        makers: dict[str, Callable[[], Any]] = {
            "mail": lambda: self.one(f"SELECT email FROM yp.drumate WHERE id = :{who}"),
            "sid": lambda: self._session(who),
            "tab": lambda: self.tab(who),
            "hub": lambda: self.one("CALL yp.hub_create(NULL, 'Team', :alice, 'private')"),
            "dmz": lambda: self.one("CALL yp.hub_create(NULL, 'Open', :alice, 'dmz')"),
            "link": self._link,
            "ada": lambda: self.contact("ada@scene.example", firstname="Ada", lastname="Lovelace"),
            "grace": lambda: self.contact("grace@scene.example", firstname="Grace", lastname="Hopper"),
            "work": lambda: self.doc("tag_add(:alice, 'Work', NULL)")["tag_id"],
            "rome": lambda: self.doc("tag_add(:alice, 'Rome', :work)")["tag_id"],
            "pioneers": lambda: self.doc("contact_group_add(:alice, 'Pioneers', NULL, JSON_ARRAY(:ada))")[
                "group_id"
            ],
        }
        return str(makers[kind]())

    def _person(self, name: str, domain: str | None) -> str:
        place = f"'{domain}'" if domain else "NULL"
        return str(self.one(
            f"CALL yp.drumate_create(NULL, '{name}@scene.{domain or 'org'}', 'scene.{name}', '-', "
            f"'{name.title()}', 'Scene', {place}, '{self.shard}')"
        ))  # fmt: skip

    def _session(self, who: str) -> str:
        self.sets(f"yp.session_signin(:{who}, 'sid-{who}', NULL, NULL, 60, 50, 'test', '127.0.0.1')")
        return f"sid-{who}"

    def _link(self) -> str:
        self.sets("yp.dmz_link_create(:dmz, NULL, 'scene-link', 'Tea', 0)")
        return "scene-link"

    def tab(self, who: str) -> str:
        """Bind one more socket to the session of a user."""
        self._serial += 1
        socket = f"tab{self._serial}-{who}"
        assert self.sets(f"yp.socket_bind('{socket}', :sid_{who}, NULL, :node)")
        return socket

    def contact(self, *emails: str, owner: str = "alice", **more: Any) -> str:
        """Create a contact with these addresses, the default one first; return its id."""
        fields = {"email": [{"email": e, "is_default": int(e == emails[0])} for e in emails], **more}
        self["fields"] = orjson.dumps(fields).decode()
        return str(self.doc(f"my_contact_add(:{owner}, :fields)")["id"])

    def befriend(self, one: str, other: str) -> None:
        """Make two users mutual contacts."""
        for owner, peer in ((one, other), (other, one)):
            self.sets(f"my_contact_add(:{owner}, JSON_OBJECT('invitee_id', :{peer}))")
            self.sets(
                "UPDATE contact SET uid = peer_id, status = 'active' "
                f"WHERE owner_id = :{owner} AND peer_id = :{peer}"
            )
            self[f"{owner}_{peer}"] = self.one(f"SELECT my_contact_of(:{owner}, :{peer})")
