"""CALLs written as SQL, in one transaction that is rolled back; `:name` stands for somebody or something.

    alice, bob, carol   people of the free domain         erin, frank    colleagues in a paid domain
    mail_bob            his address                       sid_bob        a session of his
    tab_bob             a socket of that session          hub            a team hub of alice
    link                a guest link into `dmz`, her public hub          nobody   an id that nothing has
    ada, grace          contacts of alice, by address     work, rome     tags of alice, rome below work
    pioneers            a group of alice with ada in it

They are made when they are first named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson
import pymysql
import pytest

from service.database import ResultSet, document, documents
from service.deploy.connection import Connection

NODE = "00000000000000e7"
NOBODY = "0" * 16
DOMAINS = {"alice": None, "bob": None, "carol": None, "erin": "scene.test", "frank": "scene.test"}
NAME = re.compile(r"(?<![\w:'\"]):([a-z]+(?:_[a-z]+)?)\b")


class Scene:
    """The transaction, and who is in it."""

    def __init__(self, connection: Connection, shard: str = "shard1") -> None:
        self.connection = connection
        self.shard = shard
        self._known: dict[str, str] = {"nobody": NOBODY, "node": NODE}
        self._serial = 0

    # --- calling ---

    def sets(self, statement: str) -> list[ResultSet]:
        """All result sets of a CALL (the word may be left out; a name without database is of the shard)."""
        with self.connection.raw.cursor() as cursor:
            cursor.execute(self._sql(statement))
            found: list[ResultSet] = []
            while True:
                if cursor.description is not None:
                    found.append(list(cursor.fetchall()))
                if not cursor.nextset():
                    return found

    def rows(self, statement: str) -> ResultSet:
        """The first result set."""
        return next(iter(self.sets(statement)), [])

    def one(self, statement: str) -> Any:
        """The first column of the first row, or None."""
        found = self.rows(statement)
        return found[0][0] if found else None

    def doc(self, statement: str) -> Any:
        """The document of the first row, or None."""
        return document(self.rows(statement))

    def docs(self, statement: str) -> list[Any]:
        """The documents of the first result set."""
        return documents(self.rows(statement))

    def json(self, statement: str) -> Any:
        """A value that is JSON."""
        return orjson.loads(self.one(statement))

    def refusal(self, statement: str) -> str:
        """The code with which a CALL is refused."""
        with pytest.raises(pymysql.err.MySQLError) as caught:
            self.sets(statement)
        number, message = caught.value.args
        assert number == 1644, f"no refusal of ours: {number} {message}"
        return str(message).partition(" ")[0]

    def refuses(self, cases: Mapping[str, str]) -> None:
        """Each of these CALLs is refused with this code, and has changed nothing."""
        for statement, code in cases.items():
            self._sql(statement)  # whom it names is there before, and stays
            self.sets("SAVEPOINT untouched")
            assert self.refusal(statement) == code, statement
            self.sets("ROLLBACK TO SAVEPOINT untouched")

    def count(self, table: str, where: str = "1") -> int:
        """Rows of a table."""
        return int(self.one(f"SELECT COUNT(*) FROM {table} WHERE {where}"))

    def _sql(self, statement: str) -> str:
        if re.match(r"(yp\.)?[a-z_]+\(", statement):
            statement = f"CALL {statement}"
        for name in sorted(set(NAME.findall(statement))):
            self[name]  # making one may change what the others see
        self.connection.raw.select_db(self.shard)
        return NAME.sub(lambda match: self.connection.raw.escape(self[match[1]]), statement)

    # --- who and what is there ---

    def __getitem__(self, name: str) -> str:
        """Id of what goes by a name."""
        if name not in self._known:
            self._known[name] = self._make(name)
        return self._known[name]

    def __setitem__(self, name: str, value: str) -> None:
        self._known[name] = value

    def _make(self, name: str) -> str:
        kind, _, who = name.partition("_")
        if name in DOMAINS:
            return self._person(name, DOMAINS[name])
        makers = {
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
        self.sets(f"yp.session_signin(:{who}, 'sid-{who}', NULL, 60, 'test', '127.0.0.1')")
        return f"sid-{who}"

    def _link(self) -> str:
        self.sets("yp.dmz_link_create(:dmz, NULL, 'scene-link', 'Tea', 0)")
        return "scene-link"

    def tab(self, who: str) -> str:
        """One more socket of somebody's session."""
        self._serial += 1
        socket = f"tab{self._serial}-{who}"
        assert self.sets(f"yp.socket_bind('{socket}', :sid_{who}, NULL, :node)")
        return socket

    def contact(self, *emails: str, owner: str = "alice", **more: Any) -> str:
        """A new contact, by its addresses, the default one first; its id."""
        given = {"email": [{"email": e, "is_default": int(e == emails[0])} for e in emails], **more}
        self["given"] = orjson.dumps(given).decode()
        return str(self.doc(f"my_contact_add(:{owner}, :given)")["id"])

    def befriend(self, one: str, other: str) -> None:
        """Two people are mutual contacts."""
        for owner, peer in ((one, other), (other, one)):
            self.sets(f"my_contact_add(:{owner}, JSON_OBJECT('invitee_id', :{peer}))")
            self.sets(
                "UPDATE contact SET uid = peer_id, status = 'active' "
                f"WHERE owner_id = :{owner} AND peer_id = :{peer}"
            )
            self[f"{owner}_{peer}"] = self.one(f"SELECT my_contact_of(:{owner}, :{peer})")
