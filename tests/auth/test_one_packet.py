"""The gate in the packet of the first CALL: one trip, and the very next request sees every change."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from service.admin.demo import WRITE
from service.admin.registry import Registry
from service.auth.one_packet import Guess, GuessCaller, GuessError
from service.auth.session import open_session_as_text
from service.errors import Refused
from service.rpc import dispatcher
from service.rpc.dispatcher import ONE_PACKET
from service.settings import Settings
from service.store.database import Database, Transaction
from tests.support.admin import Admin
from tests.support.conferences import MEETING, join_meeting
from tests.support.one_packet import trips
from tests.support.people import FRONTEND, Answer, People, Person

PAGE = ("contact.show_contact", {"order": "asc", "page": 1})
READS: list[tuple[str, dict[str, Any]]] = [
    ("contact.get_contact", {"contact_id": "0123456789abcdef"}),
    PAGE,
    ("contact.my_contacts", {"value": "a%"}),
    ("contact.my_contacts", {"value": ""}),
    ("contact.search", {"string": "ada"}),
]


def essence(answer: Answer) -> tuple[int, dict[str, Any]]:
    return answer.status, {k: v for k, v in answer.body.items() if k not in {"__timestamp__", "request_id"}}


async def test_the_second_request_of_a_session_takes_one_trip(
    people: People, caplog: pytest.LogCaptureFixture
) -> None:
    alice = await people("Alice")
    caplog.set_level(logging.INFO)
    added = await alice.ok("contact.add", firstname="Ada", email=[{"email": "a@x.example", "is_default": 1}])
    assert trips(caplog) == [(2, 2)]
    first = await alice.ok("contact.get_contact", contact_id=added["id"])
    assert trips(caplog) == [(2, 1)]
    assert await alice.ok("contact.get_contact", contact_id=added["id"]) == first
    assert (await alice.ok(PAGE[0], **PAGE[1]))[0]["id"] == added["id"]
    assert trips(caplog) == [(2, 1), (2, 1)]
    # Work that is none of ONE_PACKET asks the gate alone.
    await alice.ok("contact.delete_contact", contact_id=added["id"])
    assert trips(caplog)[0][0] > 1


CHANGES = {
    "the session is deleted": "DELETE FROM yp.session WHERE uid = %s",
    "the session has expired": "UPDATE yp.session SET expiry = 1 WHERE uid = %s",
    "the account is frozen": "UPDATE yp.entity SET status = 'frozen' WHERE id = %s",
    "the account is archived": "UPDATE yp.entity SET status = 'archived' WHERE id = %s",
    "the session belongs to a guest": "UPDATE yp.session SET uid = 'eeeeeeeeeeeeeeee' WHERE uid = %s",
    "the user is being moved": "INSERT INTO yp.entity_move "
    "VALUES (%s, 'shard1', 'shard2', UNIX_TIMESTAMP() + 60, UNIX_TIMESTAMP())",
    "the session is old": "UPDATE yp.session SET mtime = mtime - 400 WHERE uid = %s",
    "the session ends sooner": "UPDATE yp.session SET expiry = expiry - 5 WHERE uid = %s",
    "the name ends with a space": "UPDATE yp.drumate SET firstname = CONCAT(firstname, ' ') WHERE id = %s",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("headers", [{}, FRONTEND], ids=["api", "frontend"])
@pytest.mark.parametrize(("service", "args"), READS)
async def test_the_very_next_request_sees_a_change(
    people: People,
    admin: Admin,
    monkeypatch: pytest.MonkeyPatch,
    service: str,
    args: dict[str, Any],
    headers: dict[str, str],
    change: str,
) -> None:
    alice = await people("Alice")
    alice.http.headers.update(headers)
    for _ in range(2):
        assert (await alice.call(service, **args)).status == 200
    admin.rows(change, alice.uid)
    guessed = await alice.call(service, **args)
    monkeypatch.setattr(dispatcher, "ONE_PACKET", frozenset())
    if "mtime" in change:
        admin.rows(change, alice.uid)
    asked = await alice.call(service, **args)
    assert _without_expiry(essence(guessed)) == _without_expiry(essence(asked))
    if not any(word in change for word in ("mtime", "expiry - 5", "CONCAT")):
        assert guessed.status == (503 if "entity_move" in change else 401)


def _without_expiry(outcome: tuple[int, dict[str, Any]]) -> tuple[int, dict[str, Any]]:
    # A touched session has another end.
    return outcome[0], {k: v for k, v in outcome[1].items() if k != "__expiry__"}


async def test_a_moved_user_is_read_where_they_are(people: People, admin: Admin) -> None:
    alice = await people("Alice")
    added = await alice.ok("contact.add", firstname="Ada", email=[{"email": "a@x.example", "is_default": 1}])
    for _ in range(2):
        assert await alice.ok("contact.get_contact", contact_id=added["id"])
    other = "shard2" if alice.shard == "shard1" else "shard1"
    admin.rows("UPDATE yp.entity SET db_name = %s WHERE id = %s", other, alice.uid)
    assert await alice.ok("contact.get_contact", contact_id=added["id"]) == {}
    admin.rows("UPDATE yp.entity SET db_name = %s WHERE id = %s", alice.shard, alice.uid)
    assert (await alice.ok("contact.get_contact", contact_id=added["id"]))["id"] == added["id"]


async def test_a_session_that_changes_hands_shows_nothing_of_the_former_user(
    people: People, admin: Admin
) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    for person, name in ((alice, "Ada"), (bob, "Ben")):
        await person.ok(
            "contact.add", firstname=name, email=[{"email": f"{name}@x.example", "is_default": 1}]
        )
        for _ in range(2):
            assert [c["firstname"] for c in await person.ok(PAGE[0], **PAGE[1])] == [name]
    admin.rows("UPDATE yp.session SET uid = %s WHERE uid = %s", bob.uid, alice.uid)
    assert [c["firstname"] for c in await alice.ok(PAGE[0], **PAGE[1])] == ["Ben"]


async def test_names_of_any_kind_travel_as_values(people: People, admin: Admin) -> None:
    alice = await people("Alice")
    added = await alice.ok("contact.add", firstname="Ada", email=[{"email": "a@x.example", "is_default": 1}])
    for name in ["O'Neil", "\\", "\\'; CALL yp.session_drop('x'); -- ", '"', "%s", "𝒳誠 ", "a;b", "*/"]:
        admin.rows("UPDATE yp.drumate SET firstname = %s WHERE id = %s", name, alice.uid)
        for _ in range(3):
            assert (await alice.ok("contact.get_contact", contact_id=added["id"]))["firstname"] == "Ada"


@pytest.fixture
async def db(settings: Settings, admin: Admin) -> Any:
    admin.rows(
        "CREATE OR REPLACE PROCEDURE yp.test_ran() READS SQL DATA "
        "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'RAN'"
    )
    admin.rows("CREATE TABLE yp.test_written (id INT AUTO_INCREMENT PRIMARY KEY)")
    admin.rows(
        "CREATE OR REPLACE PROCEDURE yp.test_writes() MODIFIES SQL DATA "
        "INSERT INTO yp.test_written () VALUES ()"
    )
    db = Database(settings)
    await db.load_routines()
    yield db
    await db.close()
    admin.rows("DROP PROCEDURE yp.test_ran")
    admin.rows("DROP PROCEDURE yp.test_writes")
    admin.rows("DROP TABLE yp.test_written")


async def test_nothing_runs_under_a_guess_that_is_wrong(db: Database) -> None:
    gate = (None, None, None)
    caller, answer = await open_session_as_text(db, *gate)
    right = GuessCaller(db, Guess(gate, answer, caller).check)
    with pytest.raises(Refused, match="RAN"):
        await right.call("yp", "test_ran")
    assert right.is_checked
    for wrong in ("", "{}", answer + " ", answer.upper(), answer.replace('"level": 0', '"level": 7')):
        calls = GuessCaller(db, Guess(gate, wrong, caller).check)
        with pytest.raises(GuessError):
            await calls.call("yp", "test_ran")
        with pytest.raises(GuessError):
            await calls.transaction("test", lambda tx: tx.call("yp", "test_writes"))
        assert not calls.is_checked


async def test_a_transaction_is_checked_whatever_its_first_call_is(db: Database, admin: Admin) -> None:
    """Also when a part of it makes the first CALL, or nobody makes one."""
    caller, answer = await open_session_as_text(db, None, None, None)

    async def direct(tx: Transaction) -> None:
        await tx.call("yp", "test_writes")

    async def in_part(tx: Transaction) -> None:
        await tx.part().call("yp", "test_writes")
        await tx.call("yp", "test_writes")

    async def committing(tx: Transaction) -> None:
        await tx.call_and_commit("yp", "test_writes")

    async def nothing(_: Transaction) -> None:
        return

    for unit in (direct, in_part, committing, nothing):
        for guessed in (answer, answer + " "):
            calls = GuessCaller(db, Guess((None, None, None), guessed, caller).check)
            if guessed == answer:
                await calls.transaction("test", unit)
            else:
                with pytest.raises(GuessError):
                    await calls.transaction("test", unit)
            assert calls.is_checked == (guessed == answer), unit
    (written,) = admin.rows("SELECT COUNT(*) FROM yp.test_written")[0]
    assert written == 4


async def test_a_check_that_writes_is_refused(db: Database) -> None:
    with pytest.raises(ValueError, match="no reading routine"):
        await db.call_behind(("yp", "test_writes", ()), "yp", "test_ran")


async def test_the_rate_limit_answers_as_the_gate_does(make_node: Any, people: People) -> None:
    node = await make_node(rate_limit=5)
    alice = await people("Alice", base=node.make_url("/"))
    answers = [await alice.call(*PAGE[:1], **PAGE[1]) for _ in range(20)]
    refused = [a for a in answers if a.status != 200]
    assert refused
    assert {a.status for a in refused} == {429}


Call = tuple[str, dict[str, Any]]


async def writes(alice: Person, registry: Registry) -> list[Call]:
    """Return a call of each service that writes, and that changes something each time."""
    email = [{"email": "a@x.example", "is_default": 1}]
    added = await alice.ok("contact.add", firstname="Ada", email=email)
    tab = await alice.tab()
    hub = registry.add_hub("Team", alice.uid, "private")
    joined = await join_meeting(alice, tab, hub)
    here = {"hub_id": hub, "socket_id": tab.id, "room_id": joined["user"]["room_id"]}
    return [
        ("contact.add", {"firstname": "Ben", "email": [{"email": "b@x.example", "is_default": 1}]}),
        ("contact.update", {"contact_id": added["id"], "comment": "met", "email": email}),
        ("conference.join", {**here, **MEETING}),
        ("conference.update", {**here, "metadata": {"audio": 0}}),
        ("conference.broadcast", {**here, "event": "hand", "payload": {"raised": 1}}),
        ("conference.leave", here),
    ]


def state(admin: Admin, shard: str) -> list[Any]:
    """Return all that the calls of `writes` change."""
    return [
        admin.rows(f"SELECT * FROM {table} ORDER BY 1, 2")
        for table in (f"{shard}.contact", f"{shard}.contact_event", f"{shard}.contact_email", "yp.conference")
    ]


async def test_the_second_write_of_a_session_takes_one_trip(
    people: People, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    alice = await people("Alice")
    calls = await writes(alice, registry)
    assert {name for name, _ in calls} | {name for name, _ in READS} == ONE_PACKET
    caplog.set_level(logging.INFO)
    for name, args in calls:
        await alice.ok(name, **args)
        caplog.clear()
        if name == "contact.add":
            args = {**args, "email": [{"email": "c@x.example", "is_default": 1}]}
        await alice.call(name, **args)
        assert trips(caplog)[0][1] == 1, name


async def test_the_very_next_write_of_a_session_that_is_gone_writes_nothing(
    people: People, admin: Admin, registry: Registry
) -> None:
    alice = await people("Alice")
    calls = await writes(alice, registry)
    # The other services let anybody in whose socket has a right in the room.
    calls = [call for call in calls if call[0] in {"contact.add", "contact.update", "conference.broadcast"}]
    for name, args in calls:
        await alice.ok(name, **args)
    before = state(admin, alice.shard)
    admin.rows("DELETE FROM yp.session WHERE uid = %s", alice.uid)
    for name, args in calls:
        assert (await alice.call(name, **args)).status == 401, name
    assert state(admin, alice.shard) == before


async def test_a_right_that_is_taken_away_stops_the_very_next_entry(
    people: People, admin: Admin, registry: Registry
) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    hub = registry.add_hub("Team", alice.uid, "private")
    registry.grant(hub, bob.uid, WRITE)
    tab = await bob.tab()
    room = (await join_meeting(bob, tab, hub))["user"]["room_id"]
    here = {"hub_id": hub, "socket_id": tab.id, "room_id": room}
    for _ in range(2):
        await bob.ok("conference.update", **here, metadata={"audio": 0})
        await bob.ok("conference.join", **here, **MEETING)
    admin.rows("DELETE FROM yp.permission WHERE hub_id = %s AND entity_id = %s", hub, bob.uid)
    admin.rows("DELETE FROM yp.conference WHERE hub_id = %s", hub)
    refused = await bob.call("conference.join", **here, **MEETING)
    assert (refused.status, refused.code) == (403, "WEAK_PRIVILEGE")
    assert admin.rows("SELECT * FROM yp.conference WHERE hub_id = %s", hub) == []
