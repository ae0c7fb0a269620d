"""Play the sequences of docs/frontend-contract.md#call-signals and #meetings as the frontend sends them."""

from __future__ import annotations

from typing import Any

from service.admin.demo import READ, WRITE
from service.admin.registry import Registry
from tests.support.admin import Admin
from tests.support.conferences import CONNECT, Line, answered_ago, invitation_status, log_of, logged
from tests.support.people import People, Person, Tab
from tests.support.rooms import View, stored


def everything(line: Line, since: dict[str, int]) -> list[tuple[str, str]]:
    """Return (tab, service) of every conference update since."""
    tabs = {"a1": line.a1, "a2": line.a2, "b1": line.b1, "b2": line.b2}
    return sorted(
        (name, frame["options"]["service"])
        for name, tab in tabs.items()
        for frame in tab.frames[since.get(name, 0) :]
        if frame["service"] == "live.update" and frame["options"]["service"].startswith("conference.")
    )


async def say_hello(person: Person, tab: Tab, here: dict[str, Any], endpoint: str) -> None:
    """Step 7: the client is in the media session."""
    place = {**here, "socket_id": tab.id}
    media = {**CONNECT, "participant_id": endpoint}
    row = await person.ok("conference.update", metadata=media, participant_id=endpoint, **place)
    assert row["participant_id"] == endpoint
    await person.ok(
        "conference.broadcast", event="HELLO", payload={"id": endpoint, "room_id": here["room_id"]}, **place
    )


async def test_a_call_from_the_first_ring_to_the_log(line: Line, admin: Admin) -> None:
    # 1: a1 dials, b1 and b2 ring
    answer = await line.dial()
    call = (await line.b1.expect("conference.invite"))["model"]
    assert (await line.b2.expect("conference.invite"))["model"] == call
    here = {"hub_id": call["hub_id"], "room_id": answer["room_id"], "nid": answer["room_id"]}

    # 3, 4: b1 picks up; 5: a1 joins on the accept it receives, and once more; 6: b2 closes silently.
    joined = await line.pick_up(call)
    assert [a["socket_id"] for a in joined["attendees"]] == [line.a1.id]
    await line.a1.expect("conference.accept")
    for _ in range(2):
        again = await line.alice.ok(
            "conference.join", socket_id=line.a1.id, metadata=CONNECT, isCallee=0, **here
        )
        assert (again["user"]["role"], again["user"]["status"]) == ("host", "started")
    await line.b2.expect("conference.accept")

    # 7, 8: both are in the media session, and look each other up.
    await say_hello(line.alice, line.a1, here, "aaaa0001")
    await say_hello(line.bob, line.b1, here, "bbbb0001")
    assert (await line.b1.expect("conference.broadcast"))["model"]["id"] == "aaaa0001"
    assert (await line.a1.expect("conference.broadcast"))["model"]["id"] == "bbbb0001"
    for person, other, endpoint in ((line.alice, line.bob, "bbbb0001"), (line.bob, line.alice, "aaaa0001")):
        row = await person.ok("conference.attendee", participant_id=endpoint, **here)
        assert (row["uid"], row["room_id"]) == (other.uid, here["room_id"])

    await answered_ago(admin, here["room_id"], 62)
    # 9: a1 hangs up; Bob's client notices it in the media session and leaves too.
    await line.alice.ok(
        "conference.logCall",
        event="leave",
        duration=61_234,
        callee=line.callee(),
        socket_id=line.a1.id,
        **here,
    )
    await line.alice.ok("conference.leave", socket_id=line.a1.id, **here)
    await line.b1.expect("conference.leave")
    await line.bob.ok("conference.leave", socket_id=line.b1.id, **here)
    # It leaves once more when the page closes.
    await line.bob.ok("conference.leave", socket_id=line.b1.id, **here)

    (caller_entry,), (callee_entry,) = (
        log_of(admin, line.alice, line.bob),
        log_of(admin, line.bob, line.alice),
    )
    assert (caller_entry[:5], callee_entry[:5]) == (
        ("leave", 61_234, "caller", line.alice.uid, 1),
        ("leave", 61_234, "callee", line.alice.uid, 0),
    )
    assert stored(admin, here["room_id"]) == {}
    assert admin.one("SELECT COUNT(*) FROM yp.permission WHERE resource_id = %s", here["room_id"]) == 0
    assert everything(line, {}) == sorted(
        [("b1", "conference.invite"), ("b2", "conference.invite")]
        + [("a1", "conference.accept"), ("b2", "conference.accept")]
        + [("a1", "conference.update"), ("b1", "conference.update")]
        # The other tabs of members and invited users are notified.
        + [("a2", "conference.update"), ("b2", "conference.update")] * 2
        + [("a1", "conference.broadcast"), ("b1", "conference.broadcast")]
        + [("a2", "conference.broadcast"), ("b2", "conference.broadcast")] * 2
        + [("b1", "conference.leave")]
    )


async def test_a_declined_call_with_all_that_the_real_client_says_twice(line: Line, admin: Admin) -> None:
    call = await line.ring()
    here = {"hub_id": call["hub_id"], "room_id": call["room_id"]}
    log = {"callee": line.callee(), **here}
    # b1 declines; b2 stops ringing, closes, and its closing window declines as well.
    await line.bob.ok("conference.decline", caller=call, socket_id=line.b1.id, **here)
    await line.b2.expect("conference.revoke")
    await line.bob.ok("conference.decline", caller=call, socket_id=line.b2.id, **here)
    # a1 logs a rejection; closing the window cancels, logs once more, and leaves.
    await line.a1.expect("conference.decline")
    await line.alice.ok("conference.logCall", event="reject", **log)
    await line.alice.ok("conference.cancel", socket_id=line.a1.id, **here)
    await line.alice.ok("conference.logCall", event="cancel", **log)
    await line.alice.ok("conference.leave", socket_id=line.a1.id, **here)
    await line.b1.nothing("conference.cancel", 0.2)
    assert everything(line, {}) == [
        ("a1", "conference.decline"),
        ("b1", "conference.invite"),
        ("b2", "conference.invite"),
        ("b2", "conference.revoke"),
    ]
    for owner, peer in ((line.alice, line.bob), (line.bob, line.alice)):
        assert [entry[0] for entry in await logged(admin, owner, peer)] == ["reject"]
    for tab in (line.a1, line.a2, line.b1, line.b2):
        assert len(tab.updates("chat.post")) == 1
    assert invitation_status(admin, call["room_id"]) == "declined"


async def test_a_cancelled_call_with_the_declines_of_closing_windows(line: Line, admin: Admin) -> None:
    call = await line.ring()
    here = {"hub_id": call["hub_id"], "room_id": call["room_id"]}
    await line.alice.ok("conference.cancel", socket_id=line.a1.id, **here)
    await line.alice.ok("conference.logCall", event="cancel", callee=line.callee(), **here)
    for tab in (line.b1, line.b2):
        await tab.expect("conference.cancel")
        await line.bob.ok("conference.decline", caller=call, socket_id=tab.id, **here)
    await line.a1.nothing("conference.decline", 0.2)
    assert line.a1.updates("conference.decline") == []
    assert [entry[0] for entry in await logged(admin, line.bob, line.alice)] == ["cancel"]
    # Alice dials again: a new call, a new room, a new log entry.
    second = await line.ring()
    assert second["room_id"] != call["room_id"]
    await line.alice.ok("conference.revoke", hub_id=line.wicket, callee=line.callee(), socket_id=line.a1.id)
    await line.b1.expect("conference.revoke")
    await line.bob.ok("conference.decline", caller=second, **here | {"room_id": second["room_id"]})
    assert [entry[0] for entry in await logged(admin, line.bob, line.alice, 2)] == ["cancel", "cancel"]


async def test_a_team_meeting_from_the_first_to_the_last(
    people: People, registry: Registry, admin: Admin
) -> None:
    alice, bob, carol = [await people(n) for n in ("Alice", "Bob", "Carol")]
    hub = registry.add_hub("Team", alice.uid, "private")
    registry.grant(hub, bob.uid, WRITE)
    registry.grant(hub, carol.uid, READ)
    room = admin.one("SELECT home_id FROM yp.entity WHERE id = %s", hub)
    a1, _a2, b1, b2, c1, c2 = [await p.tab() for p in (alice, alice, bob, bob, carol, carol)]
    # Bob's second tab is in the room as well.
    views = [View(p, t, hub, room) for p, t in ((bob, b1), (alice, a1), (carol, c1), (bob, b2))]
    roles = [(await view.read())["user"]["role"] for view in views]
    assert roles == ["host", "attendee", "attendee", "attendee"]
    update = (await b1.expect("conference.join"))["model"]
    assert {update[k] for k in ("room_type", "room_id", "hub_id", "area", "uid")} == {
        *("meeting", room, hub, "private", alice.uid)
    }
    assert update["details"]["filename"] == "Team"
    # Switches and screens reach the room and the members who are online.
    here = {"hub_id": hub, "room_id": room}
    await say_hello(carol, c1, here, "cccc0001")
    for tab in (a1, b1, b2, c2):
        assert (await tab.expect("conference.broadcast"))["model"]["id"] == "cccc0001"
    for event in ("START_REMOTE_SCREEN", "STOP_REMOTE_SCREEN"):
        await alice.ok(
            "conference.update", socket_id=a1.id, metadata={"screen": int(event[2] == "A")}, **here
        )
        await alice.ok(
            "conference.broadcast", socket_id=a1.id, event=event, payload={"id": "aaaa0002", **here}, **here
        )
    assert (await b1.expect("conference.broadcast", 3))["options"]["event"] == "STOP_REMOTE_SCREEN"
    # The host leaves: a member who may write becomes host.
    await bob.ok("conference.leave", socket_id=b1.id, **here)
    assert (await a1.expect("conference.leave"))["model"]["host"] in {a1.id, b2.id}
    # One connection drops; the others see it.
    await c1.cut()
    await a1.expect("conference.leave", 2)
    for view in (views[1], views[3]):
        assert view.members() == stored(admin, room)
    for person, tab in ((alice, a1), (bob, b2), (bob, b2)):
        await person.ok("conference.leave", socket_id=tab.id, **here)
    assert admin.one("SELECT COUNT(*) FROM yp.conference_room WHERE hub_id = %s", hub) == 0
