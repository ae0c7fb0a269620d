"""The scenarios: for each the requests, and the CALLs that the service makes for them.

The CALLs are written once. Filled with values they are what one request must cause: `Measurer.differences`
compares with what the server saw; filled with expressions they are what mariadb-slap sends for the limit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple
from urllib.parse import urlencode

import orjson
import pymysql

from service.bench import books, names
from service.bench.names import (
    ADDERS,
    ATTENDEES,
    BROADCAST_ROOM,
    DIRECT_ADDERS,
    DIRECT_ATTENDEES,
    DIRECT_EDITORS,
    EDITORS,
    OWNERS,
    ROOMS,
    SEATS,
    Sql,
    key,
    sql_key,
)
from service.contacts.first_record import first_record
from service.contacts.record import routine_fields
from service.contacts.search_words import with_words
from service.store.database import WRITE_EVENTS, encode

Case = dict[str, str]
"""The parts of a request and of its CALLs; those of type Sql are expressions."""


@dataclass
class World:
    """Data that the bench has created."""

    db: str
    small: int
    """Contacts in the small book."""
    large: int
    contacts: list[str] = field(default_factory=list)
    """Ids of contacts of the small book."""
    edited: list[str] = field(default_factory=list)
    """Id of the contact that each editor changes."""
    directly_edited: list[str] = field(default_factory=list)
    """Id of the contact that each editor of the limit changes."""
    sockets: list[str] = field(default_factory=list)
    """Id of the WebSocket of each attendee."""
    tags: Iterator[int] = field(default_factory=count)
    """A number for each run, so that no two runs add the same address."""


class Request(NamedTuple):
    """One request as it goes over the wire."""

    method: str
    path: str
    session: str
    body: str


@dataclass(frozen=True)
class Step:
    """One kind of request of a scenario."""

    service: str
    args: Callable[[Case], dict[str, Any]]
    calls: tuple[str, ...]
    method: str = "POST"
    adds_contact: bool = False
    """The service makes the record of the contact that the request sends."""
    stored: re.Pattern[str] | None = None
    """Parts of a CALL that no case can know: they are made by chance, or depend on what is stored."""

    def request(self, case: Case) -> Request:
        """Return the request of a case."""
        path, args = f"/-/svc/{self.service}", self.args(case)
        if self.method == "GET":
            return Request("GET", f"{path}?{urlencode(args)}" if args else path, case["sid"], "")
        return Request("POST", path, case["sid"], orjson.dumps(args).decode())

    def statements(self, case: Case) -> list[str]:
        """Return the CALLs of a case."""
        if self.adds_contact and "record" not in case:
            case = {**case, "record": _record_of(case["contact"], _sql)}
        words = {name: _sql(value) for name, value in case.items()} | {"db": case["db"]}
        return [call.format(**words) for call in self.calls]


class RestStep(Step):
    """One kind of request of /api/v1; `args` of a GET are its query, `id` of them stands in the path."""

    def request(self, case: Case) -> Request:
        """Return the request of a case."""
        args = self.args(case)
        path = "/api/v1/contacts" + "".join(f"/{args.pop(name)}" for name in ("id",) if name in args)
        if self.method == "GET":
            return Request("GET", f"{path}?{urlencode(args)}" if args else path, case["key"], "")
        return Request(self.method, path, case["key"], orjson.dumps(args).decode())


Cases = Callable[[World], list[Case]]


@dataclass(frozen=True)
class Scenario:
    """Requests of one or more kinds: all cases of the first, then all cases of the second, and again."""

    name: str
    kind: str
    """row, list, search or fan-out: selects the target share of the limit; the last two have none."""
    steps: tuple[Step, ...]
    cases: Cases
    direct_cases: Cases | None = None
    """The cases of the limit, where each client must act for another user."""
    writes: bool = False
    needs: frozenset[str] = frozenset()
    """Data it needs: small, large, records (of both, for /api/v1), attendees, adders, editors."""
    room: str = ""
    """Room of the attendees: team or broadcast room."""

    def title(self, world: World) -> str:
        """Return its name, with the size of the book it reads."""
        return self.name.format(small=world.small, large=world.large)

    @property
    def services(self) -> set[str]:
        """Return the services that it calls."""
        return {step.service for step in self.steps}

    def requests(self, world: World) -> list[Request]:
        """Return one round of requests."""
        cases = self.cases(world)
        return [step.request(case) for step in self.steps for case in cases]

    def statements(self, world: World) -> list[str]:
        """Return one round of the CALLs of as many requests."""
        cases = (self.direct_cases or self.cases)(world)
        return [text for step in self.steps for case in cases for text in step.statements(case)]

    def per_request(self) -> float:
        """Return the statements of one request, on average."""
        return sum(len(step.calls) for step in self.steps) / len(self.steps)

    def calls_per_request(self) -> float:
        """Return the CALLs of one request, on average, without those that the store adds to each write."""
        calls = [call for step in self.steps for call in step.calls if call not in AROUND_WRITES]
        return len(calls) / len(self.steps)

    def unit(self, statements: Sequence[str]) -> int:
        """Return the size of a unit: a request's statements, or a round's where steps undo each other."""
        return len(statements) if len(self.steps) > 1 else len(self.steps[0].calls)


def _sql(value: str) -> str:
    return value if isinstance(value, Sql) else f"'{pymysql.converters.escape_string(value)}'"


GATE_SELF = "CALL yp.session_open({sid}, NULL, NULL)"
SHOW = (GATE_SELF, "CALL {db}.my_contact_list({uid}, NULL, NULL, 'name', 'asc', 'active', 1, 45, NULL)")
FIND = (GATE_SELF, "CALL {db}.my_contact({uid}, {word}, '', 0, '[]', 1, 45)")
EVENTS = [call.replace("%s", "{uid}") for call in WRITE_EVENTS]
SIGN, SIGN_REST = (
    f"CALL {{db}}.contact_event_sign({{uid}}, {{uid}}, '{api}', NULL)" for api in ("rpc", "rest")
)
MARK = "differs"
"""Stands in a text for a word that differs each time."""
AROUND_WRITES = {*EVENTS, SIGN, SIGN_REST, "COMMIT"}
STORE = "CALL {db}.my_contact_store({uid}, {record})"
ADD = (GATE_SELF, STORE, *EVENTS, SIGN, "COMMIT")
IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]00-0{12}|[0-9a-f]{32}|[0-9a-f]{16}")
"""Ids, and MD5 of texts with ids."""
ADD_CONTACT = Step(
    "contact.add", lambda case: orjson.loads(case["contact"]), ADD, adds_contact=True, stored=IDS
)
UPDATE_NOTHING = (GATE_SELF, "CALL {db}.my_contact_form({uid}, {id})")
UPDATE_CONTACT = (
    *UPDATE_NOTHING, "CALL {db}.my_contact_replace({uid}, {id}, {change})", *EVENTS, SIGN, "COMMIT",
)  # fmt: skip
STORED = re.compile(r"(?<=contact_replace\('[0-9a-f]{16}', '[0-9a-f]{16}', ).*")
"""The change of a contact, which depends on the contact as it is stored."""


def _owner(world: World, number: int, **words: str) -> Case:
    return {
        "db": world.db,
        "uid": key(names.PERSON, number),
        "sid": key(names.SESSION, number),
        "key": names.api_key(number),
        "page": PAGE,
        **words,
    }


GATE_KEY = "CALL yp.api_key_open({key}, NULL)"
PAGE_QUERY = {
    "sort": "display_name", "order": "asc", "deleted": "no", "known": None, "known_floor": None,
    "after": None, "floor": 1,
}  # fmt: skip
PAGE = orjson.dumps(PAGE_QUERY).decode()
LIST = (GATE_KEY, "CALL {db}.my_contact_records({uid}, {page}, 20, 0)")


def _of_contacts(world: World) -> list[Case]:
    return [_owner(world, names.SMALL, contact=each) for each in world.contacts]


def _of_small_book(world: World) -> list[Case]:
    return [_owner(world, names.SMALL)]


def _of_large_book(world: World) -> list[Case]:
    return [_owner(world, names.LARGE)]


def _of_words(words: Sequence[str]) -> Cases:
    return lambda world: [_owner(world, names.LARGE, word=each.lower()) for each in words]


def _of_searches(number: int, words: Sequence[str]) -> Cases:
    pages = [orjson.dumps({"search": each, **PAGE_QUERY}).decode() for each in words]
    return lambda world: [
        _owner(world, number, word=word, page=page) for word, page in zip(words, pages, strict=True)
    ]


def _search(title: str, size: str, words: Sequence[str]) -> Scenario:
    return Scenario(
        f"GET /contacts?search, {title}, of {{{size}:,}}",
        "search",
        (RestStep("v1/contacts.list", lambda case: {"search": case["word"]}, LIST, "GET"),),
        _of_searches(names.SMALL if size == "small" else names.LARGE, words),
        needs=frozenset({size, "records"}),
    )


def _contact(address: str) -> str:
    email = [{"email": address, "category": "priv", "is_default": "1"}]
    return orjson.dumps({"email": email, "firstname": "Ada", "lastname": "Lovelace"}).decode()


def _record_of(contact: str, write: Callable[[str], str]) -> Sql:
    """Return the arguments of my_contact_store behind the owner, each written by `write`."""
    record = first_record(with_words(orjson.loads(contact)))
    if record is None:
        raise ValueError(f"the service does not make the record of {contact}")
    return Sql(", ".join(map(write, record)))


def _new_record_of(contact: str) -> Sql:
    """Return the arguments of my_contact_store for another contact each time."""
    _, others = _record_of(contact, _made_by_sql).split(", ", 1)
    return Sql(f"LOWER(HEX(RANDOM_BYTES(8))), {others}")


def _made_by_sql(text: str) -> Sql:
    """Return the expression of a text that has another value for MARK each time."""
    parts = map(pymysql.converters.escape_string, text.split(MARK))
    return Sql("CONCAT(" + ", UUID(), ".join(f"'{part}'" for part in parts) + ")")


def _of_new_contacts(world: World) -> list[Case]:
    address = f"ada.{next(world.tags)}.UNIQUE__@example.org"
    return [_owner(world, names.ADDER, contact=_contact(address))]


def _of_new_contacts_directly(world: World) -> list[Case]:
    # A separate book, so that neither side pays for the rows of the other.
    record = _new_record_of(_contact(f"ada.{MARK}@example.org"))
    return [_owner(world, names.DIRECT_ADDER, record=record)]


def _of_many_adders(world: World) -> list[Case]:
    contact = _contact(f"ada.{next(world.tags)}.UNIQUE__@example.org")
    return [_owner(world, ADDERS + number, contact=contact) for number in range(OWNERS)]


def _of_many_adders_directly(world: World) -> list[Case]:
    (case,) = _of_new_contacts_directly(world)
    return [case | _somebody_of(DIRECT_ADDERS)]


def _somebody_of(first: int) -> Case:
    return {"uid": sql_key(names.PERSON, first), "sid": sql_key(names.SESSION, first)}


def edited_contact(comment: str | None) -> dict[str, Any]:
    """Return the fields of a contact that an editor changes, ordered as the service passes them on."""
    form = {
        "firstname": "Ada",
        "lastname": "Lovelace",
        "email": [{"email": "ada@example.org", "category": "priv", "is_default": "1"}],
        "mobile": [{"phone": "+33612345678", "areacode": "", "category": "priv"}],
        "address": [
            {"street": "12 Rue de la Paix", "city": "Paris", "country": "France", "category": "priv"}
        ],
        "tag": [],
    }
    return form | ({} if comment is None else {"comment": comment}) | {"invite": 0}


def _of_editors(comment: str | None) -> Cases:
    words = {"contact": encode(edited_contact(comment)), "change": Sql("")}
    return lambda world: [
        _owner(world, EDITORS + number, id=contact_id, **words)
        for number, contact_id in enumerate(world.edited)
    ]


def _of_editors_directly(comment: str | None) -> Cases:
    def cases(world: World) -> list[Case]:
        editor = _somebody_of(DIRECT_EDITORS)
        contact_id = _own_contact(world.directly_edited)
        owner = _owner(world, DIRECT_EDITORS, id=contact_id) | editor
        return [owner if comment is None else owner | {"change": _change(world, editor["uid"], comment)}]

    return cases


def _change(world: World, uid: str, comment: str) -> Sql:
    """Return the expressions of the arguments of my_contact_replace: its texts are the stored ones."""
    stored = f"FROM {world.db}.contact_record WHERE owner_id = {uid} AND state = 'active')"
    columns = (
        "HEX(digest)", "MD5(rpc_full)", "HEX(names_digest)", "record", "private", "CONCAT(rpc_card, '}')",
        "rpc_full",
    )  # fmt: skip
    digest, full_digest, names_digest, record, private, card, full = (
        f"(SELECT {column} {stored}" for column in columns
    )
    text = _made_by_sql(encode({"comment": comment.replace("UNIQUE__", MARK)}))
    words = _made_by_sql(encode({"removed": [("text", ["rome"])], "added": [("text", [MARK])]}))
    name = f"(SELECT LEFT(JSON_VALUE(record, '$.display_name'), 64) {stored}"
    new_digests = ("MD5(UUID())", names_digest)
    arguments = (
        digest,
        full_digest,
        names_digest,
        text,
        words,
        name,
        record,
        *new_digests,
        private,
        card,
        full,
    )
    return Sql(", ".join(arguments))


def _own_contact(ids: Sequence[str]) -> Sql:
    """Return the expression of the contact of a client of mariadb-slap."""
    return Sql(f"ELT(1 + CONNECTION_ID() MOD {OWNERS}, " + ", ".join(f"'{each}'" for each in ids) + ")")


def _edit(title: str, comment: str | None, calls: tuple[str, ...]) -> Scenario:
    return Scenario(
        title,
        "row",
        (
            Step(
                "contact.update",
                lambda case: {"contact_id": case["id"], **orjson.loads(case["contact"])},
                calls,
                stored=STORED,
            ),
        ),
        _of_editors(comment),
        _of_editors_directly(comment),
        writes=True,
        needs=frozenset({"editors"}),
    )


def _of_new_records(world: World) -> list[Case]:
    record = _new_record(f"{next(world.tags)}.UNIQUE__")
    words = {"contact": routine_fields(record), "body": orjson.dumps(record).decode()}
    return [_owner(world, names.ADDER, **words)]


def _of_new_records_directly(world: World) -> list[Case]:
    record = _new_record_of(routine_fields(_new_record(MARK)))
    return [_owner(world, names.DIRECT_ADDER, record=record)]


def _new_record(mark: str) -> dict[str, Any]:
    mail = {"address": f"countess.{mark}@example.org", "label": "work", "primary": True}
    return {"first_name": "Ada", "last_name": "Lovelace", "emails": [mail], "company": "Analytical Engines"}


# Mutual contacts would be notified of join and leave by one more CALL, sent later and once for all
# changes of a user within 30 ms (service/live/presence.py): no request waits for it, so the limit has none.
JOIN = (
    "CALL yp.session_open({sid}, {hub}, {room})",
    "CALL yp.conference_join({sid}, {socket}, {hub}, {room}, 'meeting', {media}, 100)",
    "COMMIT",
)
LEAVE = (GATE_SELF, "CALL yp.conference_leave({sid}, {socket}, {room})", "COMMIT")
UPDATE = (GATE_SELF, "CALL yp.conference_update({sid}, {socket}, {room}, {media})", "COMMIT")
BROADCAST = (
    "CALL yp.session_open({sid}, {hub}, {room})",
    "CALL yp.conference_broadcast({sid}, {socket}, {hub}, {room})",
)
MEDIA = {"audio": 1, "video": 0}


def attendee(world: World, number: int) -> Case:
    """Return the case of an attendee in the room of their team."""
    team = ATTENDEES + number // SEATS
    return _attendee(
        world, ATTENDEES + number, key(names.HUB, team), key(names.ROOM, team), world.sockets[number]
    )


def speaker(world: World, number: int) -> Case:
    """Return the case of an attendee in the broadcast room."""
    place = ATTENDEES + BROADCAST_ROOM
    return _attendee(
        world, ATTENDEES + number, key(names.HUB, place), key(names.ROOM, place), world.sockets[number]
    )


def _attendee(world: World, person: int, hub: str, room: str, socket: str) -> Case:
    words = {"hub": hub, "room": room, "socket": socket, "media": orjson.dumps(MEDIA).decode()}
    return _owner(world, person, **words)


def _of_attendees(world: World) -> list[Case]:
    # Neighbours in the list sit in different rooms, as concurrent callers mostly do; and a user who
    # joins leaves only after everybody else has joined, so that their requests do not overtake each other.
    return [attendee(world, team * SEATS + place) for place in range(SEATS) for team in range(ROOMS)]


def _of_speakers(world: World) -> list[Case]:
    return [speaker(world, number) for number in range(ROOMS)]


def _direct_attendee(world: World, place: int) -> Case:
    """Use a different team for each client of mariadb-slap; all of its places belong to that client."""
    first = DIRECT_ATTENDEES + place
    return _owner(world, 0) | {
        "sid": sql_key(names.SESSION, first, SEATS),
        "socket": sql_key(names.SOCKET, first, SEATS),
        "hub": sql_key(names.HUB, DIRECT_ATTENDEES),
        "room": sql_key(names.ROOM, DIRECT_ATTENDEES),
        "media": orjson.dumps(MEDIA).decode(),
    }


def _of_direct_attendees(world: World) -> list[Case]:
    return [_direct_attendee(world, place) for place in range(SEATS)]


def _of_direct_speakers(world: World) -> list[Case]:
    place = DIRECT_ATTENDEES + BROADCAST_ROOM
    speaking = {
        "sid": sql_key(names.SESSION, DIRECT_ATTENDEES),
        "socket": sql_key(names.SOCKET, DIRECT_ATTENDEES),
        "hub": key(names.HUB, place),
        "room": key(names.ROOM, place),
    }
    return [_owner(world, 0) | speaking]


def _join(case: Case) -> dict[str, Any]:
    metadata = {**MEDIA, "type": "meeting"}
    return _in_room(case) | {"hub_id": case["hub"], "metadata": metadata}


def _in_room(case: Case) -> dict[str, Any]:
    return {"room_id": case["room"], "socket_id": case["socket"]}


def _speak(case: Case) -> dict[str, Any]:
    return _in_room(case) | {
        "hub_id": case["hub"],
        "event": "BENCH",
        "payload": {"text": "Hello, all of you"},
    }


JOIN_STEP = Step("conference.join", _join, JOIN)
SPEAK_STEP = Step("conference.broadcast", _speak, BROADCAST)

SCENARIOS = (
    Scenario(
        "contact.get_contact",
        "row",
        (
            Step(
                "contact.get_contact",
                lambda case: {"contact_id": case["contact"]},
                (GATE_SELF, "CALL {db}.my_contact_get({uid}, {contact})"),
                # Repeats GET /contacts/:id: the other reading of one contact
                "GET",
            ),
        ),
        _of_contacts,
        needs=frozenset({"small", "records"}),
    ),
    Scenario(
        "contact.show_contact of {small:,}",
        "list",
        (Step("contact.show_contact", lambda _: {}, SHOW, "GET"),),
        _of_small_book,
        needs=frozenset({"small", "records"}),
    ),
    Scenario(
        "contact.show_contact of {large:,}",
        "list",
        (Step("contact.show_contact", lambda _: {}, SHOW, "GET"),),
        _of_large_book,
        needs=frozenset({"large", "records"}),
    ),
    Scenario(
        "contact.my_contacts, a surname",
        "list",
        (Step("contact.my_contacts", lambda case: {"value": case["word"] + "%"}, FIND, "GET"),),
        _of_words(books.RARE),
        needs=frozenset({"large", "records"}),
    ),
    Scenario(
        "contact.my_contacts, 3 letters",
        "list",
        (Step("contact.my_contacts", lambda case: {"value": case["word"] + "%"}, FIND, "GET"),),
        _of_words(books.FREQUENT),
        needs=frozenset({"large", "records"}),
    ),
    Scenario(
        "contact.add",
        "row",
        (ADD_CONTACT,),
        _of_new_contacts,
        _of_new_contacts_directly,
        writes=True,
    ),
    Scenario(
        "contact.add by 64 people",
        "row",
        (ADD_CONTACT,),
        _of_many_adders,
        _of_many_adders_directly,
        writes=True,
        needs=frozenset({"adders"}),
    ),
    _edit("contact.update", "Met in UNIQUE__", UPDATE_CONTACT),
    _edit("contact.update, nothing changes", None, UPDATE_NOTHING),
    Scenario(
        "GET /contacts/:id",
        "row",
        (
            RestStep(
                "v1/contacts.get",
                lambda case: {"id": case["contact"]},
                (GATE_KEY, "CALL {db}.my_contact_record({uid}, {contact}, 0)"),
                "GET",
            ),
        ),
        _of_contacts,
        needs=frozenset({"small", "records"}),
    ),
    Scenario(
        "GET /contacts of {small:,}",
        "list",
        (RestStep("v1/contacts.list", lambda _: {}, LIST, "GET"),),
        _of_small_book,
        needs=frozenset({"small", "records"}),
    ),
    Scenario(
        "GET /contacts of {large:,}",
        "list",
        (RestStep("v1/contacts.list", lambda _: {}, LIST, "GET"),),
        _of_large_book,
        needs=frozenset({"large", "records"}),
    ),
    Scenario(
        "GET /contacts?format=compact",
        "list",
        (RestStep("v1/contacts.list", lambda _: {"format": "compact"}, LIST, "GET"),),
        _of_large_book,
        needs=frozenset({"large", "records"}),
    ),
    _search("a family", "small", books.FAMILIES),
    _search("a family", "large", books.FAMILIES),
    _search("a first name", "small", books.PERSONS),
    _search("a first name", "large", books.PERSONS),
    Scenario(
        "POST /contacts",
        "row",
        (
            RestStep(
                "v1/contacts.create",
                lambda case: orjson.loads(case["body"]),
                (
                    GATE_KEY,
                    STORE,
                    *EVENTS,
                    SIGN_REST,
                    "COMMIT",
                ),
                adds_contact=True,
                stored=IDS,
            ),
        ),
        _of_new_records,
        _of_new_records_directly,
        writes=True,
    ),
    Scenario(
        "conference.join + leave",
        "row",
        (JOIN_STEP, Step("conference.leave", _in_room, LEAVE)),
        _of_attendees,
        _of_direct_attendees,
        writes=True,
        needs=frozenset({"attendees"}),
    ),
    Scenario(
        "conference.update",
        "row",
        (Step("conference.update", lambda case: _in_room(case) | {"metadata": MEDIA}, UPDATE),),
        _of_attendees,
        _of_direct_attendees,
        writes=True,
        needs=frozenset({"attendees"}),
        room="team",
    ),
    Scenario(
        "conference.broadcast to 100",
        "fan-out",
        (SPEAK_STEP,),
        _of_speakers,
        _of_direct_speakers,
        needs=frozenset({"attendees"}),
        room="broadcast room",
    ),
)
