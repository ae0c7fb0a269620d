"""The users, teams and sessions of the bench, created by the routines of the service."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from service.admin.demo import WRITE
from service.bench import books, names
from service.bench.names import ATTENDEES, BROADCAST_ROOM, DIRECT_ATTENDEES, LISTENERS, ROOMS, SEATS, key
from service.bench.scenarios import World
from service.deploy.deployer import connect
from service.settings import Settings, database_servers

SESSION_SECONDS = 86_400
CONTACTS_READ = 64
"""Contacts of the small book that get_contact reads, one after the other."""
CHECKS = re.compile(r"CALL yp\.(session|api_key)_check\((.*?), '(?:[^'\\]|\\.)*'\); ")
"""The gate in the packet of the next CALL, with its last answer."""
PACKET_ENDS = re.compile(r"; (?=CALL \w+\.(?:webhook_wanted|webhook_contacts|contact_event_\w+)\(|COMMIT\Z)")
"""Ends of the statements in one packet of the service."""


def owners(needs: set[str]) -> list[int]:
    """Return the first user of each group whose address books grow or change."""
    groups = {
        "adders": (names.ADDERS, names.DIRECT_ADDERS),
        "editors": (names.EDITORS, names.DIRECT_EDITORS),
    }
    return [first for need, group in groups.items() if need in needs for first in group]


class Fixtures:
    """Fills the databases over an admin's connection."""

    def __init__(self, settings: Settings, world: World) -> None:
        self._connection = connect(database_servers(settings.db_admin, "DRUMEE_DB_ADMIN"))
        self._settings = settings
        self._world = world
        self._workers = settings.workers

    def build(self, needs: set[str]) -> None:
        """Create the data of the scenarios in one transaction."""
        self._connection.begin()
        for number in (names.SMALL, names.LARGE, names.ADDER, names.DIRECT_ADDER):
            self._add_person(number)
            self._call("yp", "api_key_add", key(names.PERSON, number), names.api_key(number), "agent")
            # The first use of a key is recorded by a CALL that no later use makes.
            self._call("yp", "api_key_touch", names.api_key(number))
        for first in (ATTENDEES, DIRECT_ATTENDEES) if "attendees" in needs else ():
            self._add_attendees(first)
        if "attendees" in needs:
            self._add_direct_sockets()
        self._connection.commit()
        for first in owners(needs):
            self.add_people(first, names.OWNERS)
        if "attendees" in needs:
            self._keep_direct_nodes_alive()
        self._fill_books(needs)

    def add_people(self, first: int, count: int) -> None:
        """Create more users, each with a session."""
        self._connection.begin()
        for number in range(first, first + count):
            self._add_person(number)
        self._connection.commit()

    def fill_card_book(self, size: int) -> None:
        """Create the user whose address book a phone reads, with an app password."""
        self.add_people(names.CARD_OWNER, 1)
        owner = key(names.PERSON, names.CARD_OWNER)
        self._connection.begin()
        self._call("yp", "api_key_add", owner, names.api_key(names.CARD_OWNER), "carddav")
        self._connection.commit()
        books.fill(self._connection, self._world.db, owner, size)
        books.make_records(self._connection, self._world.db)

    def join_directly(self, where: str) -> None:
        """Let the attendees of the limit join rooms that the others join by requests."""
        speakers = [(number, BROADCAST_ROOM) for number in range(ROOMS)]
        seats = [(number, number // SEATS) for number in range(ROOMS * SEATS)]
        self._connection.begin()
        for number, place in speakers if where == "broadcast room" else seats:
            room = (key(names.HUB, DIRECT_ATTENDEES + place), key(names.ROOM, DIRECT_ATTENDEES + place))
            person = DIRECT_ATTENDEES + number
            sid, socket = key(names.SESSION, person), key(names.SOCKET, person)
            self._call(
                "yp", "conference_join", sid, socket, *room, "meeting", "{}", self._settings.socket_rooms
            )
        self._connection.commit()

    def forget_sockets(self) -> None:
        """Delete the sockets of former processes, with the rooms that they are in."""
        for table in ("socket", "conference_room"):
            self.rows(f"DELETE FROM yp.{table}")

    def rows(self, statement: str, *args: object) -> list[tuple[Any, ...]]:
        """Return all rows of a statement."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement, args or None)
            return list(cursor.fetchall())

    def listen(self) -> None:
        """Let the server log every statement."""
        self.rows("SET GLOBAL log_output = 'TABLE'")
        self.rows("TRUNCATE TABLE mysql.general_log")
        self.rows("SET GLOBAL general_log = ON")

    def heard(self, routines: Sequence[str]) -> list[str]:
        """Return the CALLs of these routines, and their COMMITs, that the service has made since `listen`.

        The service calls other routines by itself at any time; those are left out.
        """
        self.rows("SET GLOBAL general_log = OFF")
        server = database_servers(self._settings.db)[0]
        rows = self.rows(
            "SELECT thread_id, CONVERT(argument USING utf8mb4) FROM mysql.general_log "
            "WHERE user_host LIKE CONCAT(%s, '[%%') "
            "AND (argument LIKE 'CALL %%' OR argument IN ('COMMIT', 'ROLLBACK')) ORDER BY event_time",
            server.user,
        )
        listened_to: set[int] = set()
        statements = []
        for thread, packet in rows:
            # mariadb-slap cannot check an answer; the gate alone costs the same.
            gate, statement = _gate_of(packet)
            if statement.startswith("CALL"):
                listened_to.discard(thread)
            if statement.startswith(tuple(f"{name}(" for name in routines)):
                listened_to.add(thread)
            if thread in listened_to:
                # The service sends a CALL and the end of its transaction in one packet, not mariadb-slap.
                statements += [*gate, *PACKET_ENDS.split(statement)]
        return statements

    def disk_tables(self) -> int:
        """Return the number of temporary tables on disk so far."""
        return int(self.rows("SHOW GLOBAL STATUS LIKE 'Created_tmp_disk_tables'")[0][1])

    def close(self) -> None:
        """Close the connection, and end what the server does for the nodes without a process."""
        self.rows("DROP EVENT IF EXISTS yp.bench_heartbeat")
        self.rows("SET GLOBAL event_scheduler = OFF")
        self._connection.close()

    def _fill_books(self, needs: set[str]) -> None:
        world = self._world
        for number, name in ((names.SMALL, "small"), (names.LARGE, "large")):
            if name in needs:
                books.fill(self._connection, world.db, key(names.PERSON, number), getattr(world, name))
        if "records" in needs:
            books.make_records(self._connection, world.db)
        owner = key(names.PERSON, names.SMALL)
        world.contacts = books.contact_ids(self._connection, world.db, owner, CONTACTS_READ)

    def _add_person(self, number: int) -> None:
        uid, sid = key(names.PERSON, number), key(names.SESSION, number)
        email = f"person{number}@bench.example"
        # No password matches this hash: the sessions are opened without one.
        self._call(
            "yp", "drumate_create", uid, email, email, "-", "Person", str(number), None, self._world.db
        )
        self._call("yp", "session_signin", uid, sid, None, None, SESSION_SECONDS, 1, "bench", "127.0.0.1")

    def _add_attendees(self, first: int) -> None:
        for number in range(first, first + ROOMS * SEATS):
            self._add_person(number)
        for team in range(ROOMS):
            self._add_hub(first + team, range(first + team * SEATS, first + (team + 1) * SEATS))
        self._add_hub(first + BROADCAST_ROOM, range(first, first + LISTENERS + 1))

    def _add_hub(self, number: int, members: range) -> None:
        hub = key(names.HUB, number)
        self._call("yp", "hub_create", hub, f"Team {number}", key(names.PERSON, members[0]), "private")
        # A team meets in its home room, as in the frontend.
        self.rows("UPDATE yp.entity SET home_id = %s WHERE id = %s", key(names.ROOM, number), hub)
        for member in members[1:]:
            self._call("yp", "permission_grant", hub, "*", key(names.PERSON, member), WRITE, 0)

    def _add_direct_sockets(self) -> None:
        """Register sockets without connections, on as many nodes as the service has."""
        for worker in range(self._workers):
            self.rows(
                "INSERT INTO yp.node (id, ctime, heartbeat) VALUES (%s, 0, UNIX_TIMESTAMP())",
                key("f", worker),
            )
        for number in range(DIRECT_ATTENDEES, DIRECT_ATTENDEES + ROOMS * SEATS):
            self.rows(
                "INSERT INTO yp.socket (id, uid, session_id, node, ctime) "
                "VALUES (%s, %s, SHA2(%s, 256), %s, 0)",
                key(names.SOCKET, number),
                key(names.PERSON, number),
                key(names.SESSION, number),
                key("f", number % self._workers),
            )

    def _keep_direct_nodes_alive(self) -> None:
        """Let the server send the heartbeats of those nodes, which the service would release as dead."""
        self.rows("SET GLOBAL event_scheduler = ON")
        self.rows(
            "CREATE OR REPLACE EVENT yp.bench_heartbeat ON SCHEDULE EVERY 1 SECOND DO "
            "UPDATE yp.node SET heartbeat = UNIX_TIMESTAMP() WHERE ctime = 0"
        )

    def _call(self, db: str, name: str, *args: object) -> None:
        marks = ", ".join(["%s"] * len(args))
        with self._connection.cursor() as cursor:
            cursor.execute(f"CALL `{db}`.{name}({marks})", args)
            while cursor.nextset():
                pass


def _gate_of(packet: str) -> tuple[list[str], str]:
    """Return the gate in front of a CALL as one of its own, if there is one, and the rest of the packet."""
    check = CHECKS.match(packet)
    return ([f"CALL yp.{check[1]}_open({check[2]})"], packet[check.end() :]) if check else ([], packet)
