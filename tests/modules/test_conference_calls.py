"""conference.invite and what follows: calls between two people, each with two tabs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from service.demo import Registry
from tests.conftest import Admin, NodeMaker
from tests.people import QUIET, WAIT, People, Person, Tab

CONNECT = {"audio": 1, "video": 0, "screen": 0, "muted": 0, "type": "connect"}


@dataclass
class Line:
    """Alice, who calls, and Bob, who is called."""

    alice: Person
    bob: Person
    a1: Tab
    a2: Tab
    b1: Tab
    b2: Tab
    wicket: str

    async def dial(self, **more: Any) -> Any:
        """Alice calls Bob from her first tab."""
        return await self.alice.ok(
            "conference.invite",
            hub_id=self.wicket,
            guest_id=self.bob.uid,
            socket_id=self.a1.id,
            metadata=CONNECT,
            **more,
        )

    async def ring(self) -> dict[str, Any]:
        """Alice calls Bob; the invitation as his first tab got it."""
        seen = len(self.b1.updates("conference.invite"))
        await self.dial()
        return (await self.b1.expect("conference.invite", seen + 1))["model"]

    async def pick_up(self, call: dict[str, Any]) -> Any:
        """Bob comes in with his first tab, as the frontend does before it accepts."""
        here = {"hub_id": call["hub_id"], "room_id": call["room_id"], "socket_id": self.b1.id}
        joined = await self.bob.ok("conference.join", metadata=CONNECT, isCallee=1, **here)
        await self.bob.ok("conference.accept", caller=call, **here)
        return joined

    def callee(self) -> dict[str, Any]:
        """Bob, as Alice's window holds him."""
        return {"entity_id": self.bob.uid, "drumate_id": self.bob.uid, "contact_id": None}


async def wicket_of(person: Person) -> str:
    """The hub that hosts a person's calls."""
    wicket: str = (await person.ok("desk.get_env"))["wicket_id"]
    return wicket


@pytest.fixture
async def line(people: People) -> Line:
    """Two people on two shards, with two tabs each."""
    alice, bob = await people("Alice"), await people("Bob", shard="shard2")
    tabs = [await p.tab() for p in (alice, alice, bob, bob)]
    return Line(alice, bob, *tabs, await wicket_of(alice))


def status(admin: Admin, room: str) -> str:
    """State of the one invitation into a room."""
    found: str = admin.one("SELECT status FROM yp.call_invitation WHERE room_id = %s", room)
    return found


def log_of(admin: Admin, owner: Person, peer: Person) -> list[tuple[Any, ...]]:
    """(event, duration, role, author, read, id) of every call in a conversation."""
    return admin.rows(
        f"SELECT JSON_VALUE(metadata, '$.call_status'), JSON_VALUE(metadata, '$.duration') + 0, "
        f"JSON_VALUE(metadata, '$.role'), author_id, is_read, message_id FROM {owner.shard}.message "
        f"WHERE owner_id = %s AND peer_id = %s AND message_type = 'call' ORDER BY ctime",
        owner.uid,
        peer.uid,
    )


async def test_a_call_rings_every_tab_of_the_callee_and_tells_no_address(line: Line, admin: Admin) -> None:
    answer = await line.dial()
    assert answer == {"room_id": answer["room_id"], "nid": answer["room_id"]}
    for tab in (line.b1, line.b2):
        frame = await tab.expect("conference.invite")
        model, sender = frame["model"], frame["options"]["sender"]
        assert model == {
            "room_id": answer["room_id"],
            "nid": answer["room_id"],
            "hub_id": line.wicket,
            "caller_id": line.a1.id,
            "uid": line.alice.uid,
            "drumate_id": line.alice.uid,
            "entity_id": line.alice.uid,
            "username": model["username"],
            "firstname": "Alice",
            "lastname": "Test",
            "fullname": "Alice Test",
            "display": "Alice Test",
            "name": "Alice Test",
            "room_type": "connect",
            "type": "conference.invite",
        }
        assert sender["socket_id"] == line.a1.id
        assert line.alice.email not in str(frame)
    assert status(admin, answer["room_id"]) == "ringing"
    assert admin.rows("SELECT role, socket_id FROM yp.conference WHERE room_id = %s", answer["room_id"]) == [
        ("host", line.a1.id)
    ]
    await line.a2.nothing("conference.invite", 0.1)


async def test_dialling_again_while_it_rings_finds_the_same_room(line: Line) -> None:
    assert await line.dial() == await line.dial()


async def test_who_is_away_unknown_or_blocked_is_offline_and_leaves_no_trace(
    people: People, admin: Admin
) -> None:
    alice, away, bob = [await people(n) for n in ("Alice", "Away", "Bob")]
    tab, his = await alice.tab(), await bob.tab()
    wicket = await wicket_of(alice)
    here = {"hub_id": wicket, "socket_id": tab.id, "metadata": CONNECT}
    admin.rows(
        "INSERT INTO yp.contact_block (owner_id, contact_id, entity, uid, ctime) VALUES (%s, %s, %s, %s, 1)",
        *(bob.uid, "00000000000000aa", alice.uid, alice.uid),
    )
    for guest in (away.uid, "0123456789abcdef", bob.uid):
        answer = await alice.ok("conference.invite", guest_id=guest, **here)
        assert answer == {"offline": 1, "uid": guest}
    # and the one who blocks does not get through either
    back = await bob.ok(
        "conference.invite",
        **{"hub_id": await wicket_of(bob), "socket_id": his.id, "metadata": CONNECT, "guest_id": alice.uid},
    )
    assert back["offline"] == 1
    await his.nothing("conference.invite", 0.1)
    assert admin.one("SELECT COUNT(*) FROM yp.conference WHERE uid = %s", alice.uid) == 0
    assert admin.one("SELECT COUNT(*) FROM yp.call_invitation WHERE caller_id = %s", alice.uid) == 0


async def test_only_the_owner_of_the_hub_calls_from_it_with_a_socket_of_his(line: Line) -> None:
    here = {"metadata": CONNECT, "guest_id": line.alice.uid}
    foreign_hub = await line.bob.call("conference.invite", hub_id=line.wicket, socket_id=line.b1.id, **here)
    assert (foreign_hub.status, foreign_hub.code) == (403, "WEAK_PRIVILEGE")
    own = await wicket_of(line.bob)
    foreign_socket = await line.bob.call("conference.invite", hub_id=own, socket_id=line.a1.id, **here)
    assert (foreign_socket.status, foreign_socket.code) == (403, "WEAK_PRIVILEGE")
    himself = await line.bob.call(
        "conference.invite",
        **{"hub_id": own, "socket_id": line.b1.id, "metadata": CONNECT, "guest_id": line.bob.uid},
    )
    assert (himself.status, himself.code) == (400, "INVALID_PARAM")


async def test_picking_up_tells_the_caller_and_the_other_tabs(line: Line, admin: Admin) -> None:
    call = await line.ring()
    joined = await line.pick_up(call)
    assert (joined["permission"], joined["user"]["role"], joined["details"]) == (3, "attendee", {})
    from_join = (await line.a1.expect("conference.accept"))["model"]
    assert (from_join["active_id"], from_join["uid"]) == (line.b1.id, line.bob.uid)
    from_accept = (await line.a1.expect("conference.accept", 2))["model"]
    elsewhere = (await line.b2.expect("conference.accept"))["model"]
    for model in (from_accept, elsewhere):
        assert (model["uid"], model["socket_id"]) == (line.bob.uid, line.b1.id)
        assert (model["room_type"], model["type"]) == ("connect", "conference.accept")
    await line.b1.nothing("conference.accept", 0.1)
    await line.a2.nothing("conference.accept", 0)
    assert status(admin, call["room_id"]) == "accepted"


async def test_accept_reaches_only_who_really_called(line: Line, people: People) -> None:
    call = await line.ring()
    mallory = await people("Mallory")
    hers = await mallory.tab()
    refused = await mallory.call("conference.accept", caller=call, socket_id=hers.id)
    assert (refused.status, refused.code) == (403, "WEAK_PRIVILEGE")
    # a wrong socket in the caller object does not make a wrong person hear of it
    await line.bob.ok("conference.accept", caller=call | {"caller_id": hers.id}, socket_id=line.b1.id)
    await line.a1.expect("conference.accept")
    await hers.nothing("conference.accept", 0.1)
    stolen = await mallory.call("conference.accept", caller=call, socket_id=line.b1.id)
    assert stolen.status == 403
    assert (await line.bob.call("conference.accept", socket_id=line.b1.id)).code == "MISSING_PARAM"


async def test_declining_tells_the_caller_once_and_silences_the_other_tab(line: Line, admin: Admin) -> None:
    call = await line.ring()
    here = {"caller": call, "hub_id": call["hub_id"], "room_id": call["room_id"]}
    assert await line.bob.ok("conference.decline", socket_id=line.b1.id, **here) == call
    declined = (await line.a1.expect("conference.decline"))["model"]
    assert (declined["uid"], declined["room_id"]) == (line.bob.uid, call["room_id"])
    assert (await line.b2.expect("conference.revoke"))["model"]["room_id"] == call["room_id"]
    # the second window closes, and says decline as well
    await line.bob.ok("conference.decline", socket_id=line.b2.id, **here)
    await line.a1.nothing("conference.decline", 0.2)
    assert len(line.a1.updates("conference.decline")) == 1
    assert status(admin, call["room_id"]) == "declined"
    late = await line.bob.call("conference.join", metadata=CONNECT, isCallee=1, socket_id=line.b1.id, **here)
    assert late.status == 403


@pytest.mark.parametrize("caller", [{}, {"room_id": "no-such-room"}, {"caller_id": "x"}, {"room_id": 5}])
async def test_declining_what_never_rang_is_harmless(line: Line, caller: dict[str, Any]) -> None:
    assert await line.bob.ok("conference.decline", caller=caller or {"x": 1}) == (caller or {"x": 1})


async def test_cancelling_silences_the_callee_and_his_spurious_decline_reaches_nobody(
    line: Line, admin: Admin
) -> None:
    call = await line.ring()
    here = {"hub_id": line.wicket, "room_id": call["room_id"], "socket_id": line.a1.id}
    assert await line.alice.ok("conference.cancel", **here) == {}
    for tab in (line.b1, line.b2):
        model = (await tab.expect("conference.cancel"))["model"]
        assert (model["uid"], model["socket_id"], model["room_id"]) == (
            line.alice.uid,
            line.a1.id,
            call["room_id"],
        )
    await line.bob.ok("conference.decline", caller=call, room_id=call["room_id"])
    assert await line.alice.ok("conference.cancel", **here) == {}
    await line.a1.nothing("conference.decline", 0.2)
    assert len(line.b1.updates("conference.cancel")) == 1
    assert status(admin, call["room_id"]) == "cancelled"
    assert admin.one("SELECT COUNT(*) FROM yp.permission WHERE resource_id = %s", call["room_id"]) == 0
    assert admin.one("SELECT COUNT(*) FROM yp.conference_room WHERE id = %s", call["room_id"]) == 0


async def test_cancel_touches_only_its_own_room(line: Line, people: People) -> None:
    carol = await people("Carol")
    hers, wicket = await carol.tab(), await wicket_of(carol)
    call = await line.ring()
    await line.pick_up(call)
    await carol.ok(
        "conference.invite", hub_id=wicket, guest_id=line.bob.uid, socket_id=hers.id, metadata=CONNECT
    )
    await line.b1.expect("conference.invite", 2)
    stranger = {"hub_id": wicket, "room_id": call["room_id"], "socket_id": hers.id}
    await carol.ok("conference.cancel", **stranger)
    await line.b1.nothing("conference.cancel", 0.2)
    assert line.a1.updates("conference.cancel") == []


async def test_revoking_tells_the_callee_and_logs_a_cancelled_call(line: Line, admin: Admin) -> None:
    call = await line.ring()
    # without room_id: the newest invitation
    here = {"hub_id": line.wicket, "socket_id": line.a1.id, "callee": line.callee()}
    assert await line.alice.ok("conference.revoke", **here) == {"room_id": call["room_id"]}
    for tab in (line.b1, line.b2):
        model = (await tab.expect("conference.revoke"))["model"]
        assert (model["room_id"], model["hub_id"], model["uid"], model["caller_id"]) == (
            call["room_id"],
            line.wicket,
            line.alice.uid,
            line.a1.id,
        )
    assert (await line.b2.expect("chat.post"))["model"]["call_status"] == "cancel"
    assert await line.alice.ok("conference.revoke", **here) == {"room_id": call["room_id"]}
    await line.bob.ok("conference.decline", caller=call)
    await line.a1.nothing("conference.decline", 0.2)
    assert len(line.b1.updates("conference.revoke")) == 1
    assert [e[0] for e in log_of(admin, line.bob, line.alice)] == ["cancel"]
    assert status(admin, call["room_id"]) == "revoked"


async def test_revoking_takes_a_participant_out_of_the_room(line: Line, admin: Admin) -> None:
    call = await line.ring()
    await line.pick_up(call)
    here = {"hub_id": line.wicket, "room_id": call["room_id"], "socket_id": line.a1.id}
    await line.alice.ok("conference.revoke", callee=line.callee(), **here)
    assert (await line.a1.expect("conference.leave"))["model"]["uid"] == line.bob.uid
    assert admin.one("SELECT COUNT(*) FROM yp.conference WHERE uid = %s", line.bob.uid) == 0
    again = await line.bob.call(
        "conference.join", metadata=CONNECT, hub_id=line.wicket, room_id=call["room_id"], socket_id=line.b1.id
    )
    assert again.status == 403


async def test_get_caller_finds_a_ringing_call_and_nothing_else(line: Line) -> None:
    nothing = await line.bob.ok("conference.get_caller", guest_id=line.alice.uid, hub_id=line.bob.uid)
    assert nothing == {}
    call = await line.ring()
    found = await line.bob.ok("conference.get_caller", guest_id=line.alice.uid, hub_id=line.bob.uid)
    assert found == {k: v for k, v in call.items() if k not in {"room_type", "type"}}
    await line.pick_up(call)
    assert await line.bob.ok("conference.get_caller", guest_id=line.alice.uid) == {}


async def test_who_calls_back_while_it_rings_gets_the_call_to_answer(line: Line, admin: Admin) -> None:
    call = await line.ring()
    own = await wicket_of(line.bob)
    answer = await line.bob.ok(
        "conference.invite", hub_id=own, guest_id=line.alice.uid, socket_id=line.b1.id, metadata=CONNECT
    )
    assert (answer["cross_call"], answer["room_id"], answer["hub_id"]) == (1, call["room_id"], line.wicket)
    assert answer["caller"]["caller_id"] == answer["caller_id"] == line.a1.id
    await line.a1.nothing("conference.invite", 0.1)
    await line.pick_up(answer["caller"])
    await line.a1.expect("conference.accept", 2)


async def test_somebody_else_who_rings_makes_no_cross_call(line: Line, people: People) -> None:
    carol = await people("Carol")
    hers = await carol.tab()
    await line.ring()
    answer = await line.bob.ok(
        "conference.invite",
        hub_id=await wicket_of(line.bob),
        guest_id=carol.uid,
        socket_id=line.b1.id,
        metadata=CONNECT,
    )
    assert "cross_call" not in answer
    await hers.expect("conference.invite")


async def test_of_five_hundred_pairs_who_dial_each_other_at_once_exactly_one_rings(
    people: People, make_node: NodeMaker, admin: Admin
) -> None:
    other_node = (await make_node()).make_url("/")
    left = [await people("Left") for _ in range(10)]
    right = [await people("Right", base=other_node, shard="shard2") for _ in range(10)]
    tabs = {p.uid: await p.tab() for p in (*left, *right)}
    wickets = {p.uid: await wicket_of(p) for p in (*left, *right)}

    def dial(one: Person, other: Person) -> Any:
        return one.ok(
            "conference.invite",
            **{"hub_id": wickets[one.uid], "guest_id": other.uid},
            socket_id=tabs[one.uid].id,
            metadata=CONNECT,
        )

    for turn in range(50):
        pairs = list(zip(left, right[turn % 10 :] + right[: turn % 10], strict=True))
        dialled = await asyncio.gather(*(dial(*p) for one, two in pairs for p in ((one, two), (two, one))))
        for first, second in zip(dialled[::2], dialled[1::2], strict=True):
            ringing, crossed = sorted((first, second), key=lambda a: "cross_call" in a)
            assert "cross_call" not in ringing
            assert crossed["cross_call"] == 1
            assert crossed["room_id"] == ringing["room_id"] == crossed["caller"]["room_id"]
            assert crossed["caller_id"] in {t.id for t in tabs.values()}
        await asyncio.to_thread(
            admin.rows, "UPDATE yp.call_invitation SET status = 'cancelled' WHERE status = 'ringing'"
        )

    def rung() -> int:
        return sum(len(t.updates("conference.invite")) for t in tabs.values())

    for _ in range(int(WAIT / QUIET)):
        if rung() >= 500:
            break
        await asyncio.sleep(QUIET)
    assert rung() == 500


async def test_a_call_is_logged_once_on_both_sides_and_leave_beats_the_rest(line: Line, admin: Admin) -> None:
    call = await line.ring()
    here = {"hub_id": line.wicket, "room_id": call["room_id"], "callee": line.callee()}
    for event in ("reject", "cancel", "decline", "nonsense"):
        assert await line.alice.ok("conference.logCall", event=event, **here) == line.callee()
    (mine,), (his,) = log_of(admin, line.alice, line.bob), log_of(admin, line.bob, line.alice)
    assert mine[:5] == ("reject", 0, "caller", line.alice.uid, 1)
    assert his[:5] == ("reject", 0, "callee", line.alice.uid, 0)
    assert mine[5] == his[5]
    for duration in (61_500, 99_999):
        await line.alice.ok("conference.logCall", event="leave", duration=duration, **here)
    (mine,), (his,) = log_of(admin, line.alice, line.bob), log_of(admin, line.bob, line.alice)
    assert (mine[:2], his[:2]) == (("leave", 61_500), ("leave", 61_500))
    for tab, person, peer, role in (
        (line.a2, line.alice, line.bob, "caller"),
        (line.b1, line.bob, line.alice, "callee"),
    ):
        await tab.expect("chat.post", 2)
        await tab.nothing("chat.post", 0.1)
        model = tab.updates("chat.post")[-1]["model"]
        assert (model["to_id"], model["entity_id"], model["author_id"]) == (
            person.uid,
            peer.uid,
            line.alice.uid,
        )
        assert (model["message_type"], model["call_status"], model["call_duration"]) == (
            "call",
            "leave",
            61_500,
        )
        assert f'"role": "{role}"' in model["metadata"]
        assert (model["room"], model["total"]) == ((0, 0) if role == "caller" else (1, 1))


async def test_two_logs_of_one_call_at_once_leave_one_entry(line: Line, admin: Admin) -> None:
    call = await line.ring()
    here = {"hub_id": line.wicket, "room_id": call["room_id"], "callee": line.callee()}
    events = ["cancel", "reject", "leave", "cancel"] * 5
    await asyncio.gather(*(line.alice.ok("conference.logCall", event=e, **here) for e in events))
    assert [e[0] for e in log_of(admin, line.alice, line.bob)] == ["leave"]
    assert [e[0] for e in log_of(admin, line.bob, line.alice)] == ["leave"]


async def test_nobody_logs_into_the_conversations_of_strangers_or_hubs(
    line: Line, people: People, registry: Registry, admin: Admin
) -> None:
    mallory = await people("Mallory")
    hub = registry.add_hub("Team", line.alice.uid, "private")
    for target in (line.alice.uid, hub, mallory.uid, "0123456789abcdef"):
        callee = {"entity_id": target}
        assert await mallory.ok("conference.logCall", event="leave", duration=5, callee=callee) == callee
    assert admin.one("SELECT COUNT(*) FROM shard1.message WHERE author_id = %s", mallory.uid) == 0
    # who was called logs nothing: the caller does
    call = await line.ring()
    await line.bob.ok(
        "conference.logCall", event="leave", room_id=call["room_id"], callee={"entity_id": line.alice.uid}
    )
    assert log_of(admin, line.alice, line.bob) == []


async def test_people_in_contact_may_log_without_an_invitation(line: Line, admin: Admin) -> None:
    contact = await line.alice.ok("contact.add", invitee_id=line.bob.uid)
    admin.rows("UPDATE shard1.contact SET uid = peer_id WHERE id = %s", contact["id"])
    callee = {"entity_id": line.bob.uid, "contact_id": contact["id"]}
    for _ in range(2):
        await line.alice.ok(
            "conference.logCall", event="cancel", room_id="feed", callee=callee, duration=None
        )
    assert [e[0] for e in log_of(admin, line.bob, line.alice)] == ["cancel"]
    assert (await line.a1.expect("chat.post"))["model"]["entity"]["id"] == contact["id"]


async def test_a_call_nobody_answers_is_missed_on_both_sides_and_in_the_log(
    make_node: NodeMaker, people: People, admin: Admin
) -> None:
    base = (await make_node(ring_seconds=1)).make_url("/")
    alice, bob = await people("Alice", base=base), await people("Bob", base=base, shard="shard2")
    tabs = [await p.tab() for p in (alice, alice, bob, bob)]
    line = Line(alice, bob, *tabs, await wicket_of(alice))
    call = await line.ring()
    told = (await line.a1.expect("conference.decline"))["model"]
    assert (told["status"], told["uid"], told["room_id"]) == ("missed", bob.uid, call["room_id"])
    for tab in (line.b1, line.b2):
        model = (await tab.expect("conference.revoke"))["model"]
        assert (model["status"], model["room_id"]) == ("missed", call["room_id"])
        assert "callee_db" not in model
    # both clients react as if it had been declined
    await bob.ok("conference.decline", caller=call)
    for event in ("reject", "cancel"):
        await alice.ok("conference.logCall", event=event, callee=line.callee(), room_id=call["room_id"])
    await line.a1.expect("chat.post")
    assert [e[0] for e in log_of(admin, alice, bob)] == ["missed"]
    assert [e[0] for e in log_of(admin, bob, alice)] == ["missed"]
    assert len(line.a1.updates("conference.decline")) == 1
    assert status(admin, call["room_id"]) == "missed"


async def test_a_caller_who_vanishes_leaves_a_missed_call_and_no_grant(
    line: Line, admin: Admin, make_node: NodeMaker
) -> None:
    call = await line.ring()
    await line.a1.cut()
    late = await line.bob.call(
        "conference.join",
        **{"hub_id": call["hub_id"], "room_id": call["room_id"], "socket_id": line.b1.id},
        metadata=CONNECT,
        isCallee=1,
    )
    for _ in range(50):
        if late.status == 403:
            break
        await asyncio.sleep(0.02)
        late = await line.bob.call(
            "conference.join",
            **{"hub_id": call["hub_id"], "room_id": call["room_id"], "socket_id": line.b1.id},
            metadata=CONNECT,
        )
    assert admin.one("SELECT expiry FROM yp.call_invitation WHERE room_id = %s", call["room_id"]) == 0
    assert admin.one("SELECT COUNT(*) FROM yp.permission WHERE resource_id = %s", call["room_id"]) == 0


async def test_a_third_person_is_rung_into_the_running_call(line: Line, people: People, admin: Admin) -> None:
    carol = await people("Carol")
    hers = await carol.tab()
    call = await line.ring()
    await line.pick_up(call)
    answer = await line.alice.ok(
        "conference.invite",
        **{"hub_id": line.wicket, "room_id": call["room_id"], "guest_id": carol.uid},
        socket_id=line.a1.id,
        metadata=CONNECT,
    )
    assert answer["room_id"] == call["room_id"]
    invitation = (await hers.expect("conference.invite"))["model"]
    joined = await carol.ok(
        "conference.join",
        **{"hub_id": line.wicket, "room_id": call["room_id"], "socket_id": hers.id},
        metadata=CONNECT,
        isCallee=1,
    )
    assert {a["uid"] for a in joined["attendees"]} == {line.alice.uid, line.bob.uid}
    assert invitation["room_id"] == call["room_id"]
    # bob leaves: his grant goes, hers stays
    await line.bob.ok("conference.leave", room_id=call["room_id"], socket_id=line.b1.id)
    grants = admin.rows("SELECT entity_id FROM yp.permission WHERE resource_id = %s", call["room_id"])
    assert grants == [(carol.uid,)]


async def test_an_invitation_that_has_expired_lets_nobody_in(line: Line, admin: Admin) -> None:
    call = await line.ring()
    admin.rows("UPDATE yp.permission SET expiry = 1 WHERE resource_id = %s", call["room_id"])
    refused = await line.bob.call(
        "conference.join",
        **{"hub_id": call["hub_id"], "room_id": call["room_id"], "socket_id": line.b1.id},
        metadata=CONNECT,
    )
    assert refused.status == 403
