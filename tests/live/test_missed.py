"""A page that comes back, or comes late, learns what is true: each news once, and nothing that is over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

import orjson
import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError
from yarl import URL

from service.admin.registry import Registry
from service.live import mailbox
from service.live.missed import MissedUpdates
from service.live.push import live_update
from service.settings import Settings
from service.store import redis as store_redis
from tests.support.admin import Admin
from tests.support.conferences import CONNECT, dial, logged, wicket_of
from tests.support.nodes import NodeMaker
from tests.support.people import People, Person, Tab, befriend
from tests.support.waiting import until

Here = dict[str, Any]


class Call(NamedTuple):
    """Alice and Bob on two processes, with a tab each."""

    alice: Person
    bob: Person
    a1: Tab
    b1: Tab
    first: URL
    second: URL

    async def ring(self) -> Here:
        """Let Alice call Bob; return the invitation."""
        seen = len(self.b1.updates("conference.invite"))
        await dial(self.alice, self.a1, self.bob)
        model: Here = (await self.b1.expect("conference.invite", seen + 1))["model"]
        return model

    async def pick_up(self, tab: Tab, call: Here) -> None:
        """Answer as the frontend does."""
        here = place(call, tab)
        await self.bob.ok("conference.join", metadata=CONNECT, type="connect", isCallee=1, **here)
        await self.bob.ok("conference.accept", caller=call, metadata=CONNECT, **here)

    def callee(self) -> Here:
        return {"entity_id": self.bob.uid, "drumate_id": self.bob.uid}


def place(call: Here, tab: Tab) -> Here:
    """Return the arguments that name the room and the tab."""
    return {"hub_id": call["hub_id"], "room_id": call["room_id"], "socket_id": tab.id}


def signals(tab: Tab) -> list[str]:
    """Return the names of the call signals that a tab has received, without news of participants."""
    names = [f["options"]["service"] for f in tab.frames if f["service"] == "live.update"]
    ignored = {"conference.update", "conference.leave", "conference.broadcast"}
    return [name for name in names if name.startswith("conference.") and name not in ignored]


async def settled(person: Person, tab: Tab) -> list[str]:
    """Return the call signals of a tab once it has heard a later update of its user."""
    address = [{"email": f"{tab.id}@x.example", "is_default": 1}]
    await person.ok("contact.add", firstname="Later", email=address)
    await tab.expect("contact.add")
    return signals(tab)


async def put(settings: Settings, socket_ids: list[str], frame: bytes) -> None:
    """Send a frame to lost sockets, in one message."""
    array = orjson.dumps([*socket_ids, f"#{socket_ids[0]}"])
    async with Redis.from_url(settings.redis) as redis, redis.pipeline() as pipe:
        mailbox.add(pipe, array, frame, seconds=60, keep=True)
        await pipe.execute()


@pytest.fixture
async def call(make_node: NodeMaker, people: People) -> Call:
    """Open a tab each; closed pages are expected back, as on a real site."""
    graces = {"socket_grace": 30, "socket_close_grace": 30}
    first, second = [(await make_node(**graces)).make_url("/") for _ in range(2)]
    alice, bob = await people("Alice", base=first), await people("Bob", base=second)
    return Call(alice, bob, await alice.tab(), await bob.tab(), first, second)


@pytest.fixture(params=["mailbox", "truth"])
async def forget(request: pytest.FixtureRequest, settings: Settings) -> AsyncIterator[Callable[[], Any]]:
    """Return a function that empties the mailboxes, as a restart of Redis does; or one that does nothing."""
    redis = Redis.from_url(settings.redis)

    async def empty() -> None:
        if request.param == "truth":
            async for name in redis.scan_iter("drumee:missed:*"):
                await redis.delete(name)

    yield empty
    await redis.aclose()


Forget = Callable[[], Any]


async def lose(admin: Admin, tab: Tab) -> None:
    """Break a connection, and wait until everybody knows."""
    await tab.cut()
    await until(lambda: admin.rows("SELECT 1 FROM yp.socket WHERE id = %s AND state = 'lost'", tab.id))


async def test_a_caller_who_was_away_hears_that_it_was_answered(
    call: Call, admin: Admin, forget: Forget
) -> None:
    invitation = await call.ring()
    await lose(admin, call.a1)
    await call.pick_up(call.b1, invitation)
    await forget()
    back = await call.alice.tab(call.second, was=call.a1)
    accepted = (await back.expect("conference.accept"))["model"]
    assert (accepted["room_id"], accepted["active_id"]) == (invitation["room_id"], call.b1.id)
    assert await settled(call.alice, back) == ["conference.accept"]
    joined = await call.alice.ok("conference.join", metadata=CONNECT, isCallee=0, **place(invitation, back))
    assert [row["uid"] for row in joined["attendees"]] == [call.bob.uid]


async def test_a_caller_whose_process_dies_hears_that_it_was_answered(call: Call, admin: Admin) -> None:
    invitation = await call.ring()
    # Nobody listens on the channel of that process any more, and nobody has noticed.
    dead = "dead0000dead0002"
    admin.rows("REPLACE INTO yp.node (id, ctime, heartbeat) VALUES (%s, 1, UNIX_TIMESTAMP() - 5)", dead)
    admin.rows("UPDATE yp.socket SET node = %s WHERE id = %s", dead, call.a1.id)
    await call.pick_up(call.b1, invitation)
    back = await call.alice.tab(call.second, was=call.a1)
    await back.expect("conference.accept")
    await call.a1.close()


@pytest.mark.parametrize("ending", ["conference.decline", "missed"])
async def test_a_caller_who_was_away_hears_that_it_was_not_answered(
    call: Call, admin: Admin, forget: Forget, ending: str
) -> None:
    invitation = await call.ring()
    await lose(admin, call.a1)
    if ending == "missed":
        admin.rows("UPDATE yp.call_invitation SET expiry = 1 WHERE room_id = %s", invitation["room_id"])
        await call.b1.expect("conference.revoke")
    else:
        await call.bob.ok(ending, caller=invitation, **place(invitation, call.b1))
    await forget()
    back = await call.alice.tab(was=call.a1)
    assert (await back.expect("conference.decline"))["model"]["room_id"] == invitation["room_id"]
    assert await settled(call.alice, back) == ["conference.decline"]


async def test_a_callee_who_was_away_hears_that_it_rings_no_longer(
    call: Call, admin: Admin, forget: Forget
) -> None:
    invitation = await call.ring()
    await lose(admin, call.b1)
    await call.alice.ok("conference.cancel", **place(invitation, call.a1))
    await forget()
    back = await call.bob.tab(was=call.b1)
    assert (await back.expect("conference.cancel"))["model"]["room_id"] == invitation["room_id"]
    assert await settled(call.bob, back) == ["conference.cancel"]


async def test_a_device_that_was_away_hears_that_another_one_answered(
    call: Call, admin: Admin, forget: Forget
) -> None:
    invitation = await call.ring()
    phone = await call.bob.tab()
    await phone.expect("conference.invite")
    await lose(admin, call.b1)
    await call.pick_up(phone, invitation)
    await forget()
    back = await call.bob.tab(was=call.b1)
    accepted = (await back.expect("conference.accept"))["model"]
    assert (accepted["uid"], accepted["active_id"]) == (call.bob.uid, phone.id)
    assert await settled(call.bob, back) == ["conference.accept"]
    assert "conference.accept" not in signals(phone)


async def test_whoever_is_taken_out_while_away_hears_it(call: Call, admin: Admin, forget: Forget) -> None:
    invitation = await call.ring()
    await call.pick_up(call.b1, invitation)
    await lose(admin, call.b1)
    await call.alice.ok("conference.revoke", callee=call.callee(), **place(invitation, call.a1))
    await forget()
    back = await call.bob.tab(was=call.b1)
    assert (await back.expect("conference.revoke"))["model"]["room_id"] == invitation["room_id"]
    assert await settled(call.bob, back) == ["conference.revoke"]


async def test_a_page_that_opens_while_it_rings_rings(call: Call, people: People) -> None:
    invitation = await call.ring()
    phone = Person(call.first, call.bob.email, call.bob.uid, call.bob.shard)
    await phone.sign_in()
    for tab in (await call.bob.tab(), await phone.tab()):
        model = (await tab.expect("conference.invite"))["model"]
        assert {name: model.get(name) for name in invitation} == invitation
        assert await settled(call.bob, tab) == ["conference.invite"]
    await call.pick_up(call.b1, invitation)
    assert await settled(call.bob, await call.bob.tab()) == [], "it rings no longer"
    await phone.leave()


async def test_a_call_to_somebody_who_is_away_rings_when_they_are_back(call: Call, admin: Admin) -> None:
    await lose(admin, call.b1)
    room = (await dial(call.alice, call.a1, call.bob))["room_id"]
    back = await call.bob.tab(was=call.b1)
    assert (await back.expect("conference.invite"))["model"]["room_id"] == room
    assert await settled(call.bob, back) == ["conference.invite"]


async def test_a_call_that_came_and_went_closes_no_window(call: Call, admin: Admin) -> None:
    await lose(admin, call.b1)
    wicket = await wicket_of(call.alice)
    room = (await dial(call.alice, call.a1, call.bob))["room_id"]
    await call.alice.ok("conference.cancel", hub_id=wicket, room_id=room, socket_id=call.a1.id)
    back = await call.bob.tab(was=call.b1)
    assert await settled(call.bob, back) == []


@pytest.mark.parametrize("model", [[], {"room_id": []}], ids=["a list", "no room"])
async def test_an_update_of_another_form_does_not_hide_what_is_over(
    call: Call, admin: Admin, settings: Settings, model: Any
) -> None:
    await lose(admin, call.b1)
    wicket = await wicket_of(call.alice)
    room = (await dial(call.alice, call.a1, call.bob))["room_id"]
    await call.alice.ok("conference.cancel", hub_id=wicket, room_id=room, socket_id=call.a1.id)
    await put(settings, [call.b1.id], live_update("conference.broadcast", model))
    back = await call.bob.tab(was=call.b1)
    await back.expect("conference.broadcast")
    assert await settled(call.bob, back) == []


async def test_an_owner_who_comes_late_hears_that_guests_wait(
    make_node: NodeMaker, people: People, registry: Registry
) -> None:
    base = (await make_node(socket_grace=30)).make_url("/")
    owner = await people("Olga", base=base)
    hub = registry.add_hub("Open", owner.uid, "dmz")
    token, room = registry.add_link(hub, "Tea", 1)
    for name in ("Zoe", "Max"):
        guest = await people.stranger(base)
        await guest.ok("dmz.login", token=token)
        tab = await guest.tab()
        here = {"hub_id": hub, "room_id": room, "socket_id": tab.id}
        await guest.ok("conference.join", type="meeting", guest_name=name, metadata={}, **here)
    desk = await owner.tab()
    model = (await desk.expect("conference.join"))["model"]
    assert (model["room_id"], model["status"]) == (room, "waiting")
    assert model["details"] == {}, "the link names a room without a node"
    assert await settled(owner, desk) == ["conference.join"]
    # The page has heard it, and hears nothing more after another short absence.
    back = await owner.tab(was=desk)
    assert await settled(owner, back) in ([], ["conference.join"])


async def test_lost_is_not_left(call: Call, admin: Admin) -> None:
    invitation = await call.ring()
    await call.pick_up(call.b1, invitation)
    await lose(admin, call.b1)
    admin.rows("UPDATE yp.socket SET free_at = 1 WHERE id = %s", call.b1.id)
    await call.a1.expect("conference.leave")
    back = await call.bob.tab(was=call.b1)
    assert (await back.expect("conference.revoke"))["model"]["room_id"] == invitation["room_id"]
    # The caller waits in the room: Bob comes in again.
    here = place(invitation, back)
    again = await call.bob.ok("conference.join", metadata=CONNECT, type="connect", isCallee=1, **here)
    assert [row["uid"] for row in again["attendees"]] == [call.alice.uid]
    # Somebody who has left needs another call.
    await call.bob.ok("conference.leave", **here)
    refused = await call.bob.call("conference.join", metadata=CONNECT, type="connect", isCallee=1, **here)
    assert refused.status == 403


async def test_a_reload_is_no_absence_for_contacts(call: Call, admin: Admin) -> None:
    await befriend(admin, call.alice, call.bob)
    heard = len(call.a1.updates("user.connection_status"))
    await call.b1.ws.close(code=1001)
    room = (await dial(call.alice, call.a1, call.bob))["room_id"]
    fresh = await call.bob.tab()
    assert (await fresh.expect("conference.invite"))["model"]["room_id"] == room
    for _ in range(3):
        await fresh.cut()
        fresh = await call.bob.tab(was=fresh)
    await call.a1.nothing("user.connection_status", 0.3)
    news = [frame["model"] for frame in call.a1.updates("user.connection_status")[heard:]]
    assert [model for model in news if model["user_id"] == call.bob.uid] == []


async def test_a_call_to_a_page_that_never_comes_back_is_a_missed_call(call: Call, admin: Admin) -> None:
    await call.b1.ws.close(code=1001)
    room = (await dial(call.alice, call.a1, call.bob))["room_id"]
    admin.rows("UPDATE yp.call_invitation SET expiry = 1 WHERE room_id = %s", room)
    assert (await call.a1.expect("conference.decline"))["model"]["status"] == "missed"
    for owner, peer in ((call.alice, call.bob), (call.bob, call.alice)):
        await logged(admin, owner, peer)


async def test_a_page_that_is_back_after_a_new_sign_in_reads_its_mailbox(call: Call, admin: Admin) -> None:
    await lose(admin, call.b1)
    await call.bob.ok("contact.add", firstname="Ada", email=[{"email": "ada@x.example", "is_default": 1}])
    await call.bob.sign_in()
    back = await call.bob.tab(was=call.b1)
    await back.expect("contact.add")


async def test_two_pages_that_are_back_at_one_process_both_get_a_late_message(
    call: Call, admin: Admin, settings: Settings
) -> None:
    former = [call.b1, await call.bob.tab()]
    for tab in former:
        await lose(admin, tab)
    back = [await call.bob.tab(was=tab) for tab in former]
    for tab in back:
        await settled(call.bob, tab)
    await put(settings, [tab.id for tab in former], live_update("conference.broadcast", {}))
    for tab in back:
        await tab.expect("conference.broadcast")


async def test_a_mailbox_is_read_when_redis_is_back(
    call: Call, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lose(admin, call.b1)
    await call.bob.ok("contact.add", firstname="Ada", email=[{"email": "ada@x.example", "is_default": 1}])
    take = mailbox.take
    outages: list[Any] = []

    async def away(*args: Any) -> list[str]:
        if len(outages) < 2:
            outages.append(args)
            raise RedisError("away")
        return await take(*args)

    monkeypatch.setattr(mailbox, "take", away)
    monkeypatch.setattr(store_redis, "AWAY_SECONDS", 0)
    back = await call.bob.tab(was=call.b1)
    await back.expect("contact.add")
    assert len(outages) == 2


async def test_an_outage_of_redis_is_logged_once_for_all_pages(
    call: Call, admin: Admin, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    former = [call.b1, *[await call.bob.tab() for _ in range(3)]]
    for tab in former:
        await lose(admin, tab)
    room = (await dial(call.alice, call.a1, call.bob))["room_id"]
    await call.bob.ok("contact.add", firstname="Ada", email=[{"email": "ada@x.example", "is_default": 1}])
    take = mailbox.take
    is_back = asyncio.Event()
    attempts: list[str] = []

    async def away(client: Any, socket_id: str, *args: Any) -> list[str]:
        attempts.append(socket_id)
        if not is_back.is_set():
            raise RedisError("away")
        return await take(client, socket_id, *args)

    monkeypatch.setattr(mailbox, "take", away)
    monkeypatch.setattr(store_redis, "AWAY_SECONDS", 0)
    back = [await call.bob.tab(was=tab) for tab in former]
    # The present state is in the database: nobody waits for it.
    for tab in back:
        assert (await tab.expect("conference.invite"))["model"]["room_id"] == room
    await until(lambda: len(attempts) >= len(former) + 2)
    is_back.set()
    for tab in back:
        await tab.expect("contact.add")
        assert len(tab.updates("conference.invite")) == 1, "not again with the mailbox"
    late = [r for r in caplog.records if getattr(r, "loop", "") == "late pages"]
    assert [r.getMessage() for r in late if r.levelno >= logging.WARNING] == ["a round of a loop failed"]


async def test_a_page_that_breaks_while_it_reads_a_late_mailbox_loses_nothing(
    call: Call, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lose(admin, call.b1)
    await call.bob.ok("contact.add", firstname="Ada", email=[{"email": "ada@x.example", "is_default": 1}])
    take, complete = mailbox.take, MissedUpdates.complete
    is_away, is_reading, has_broken = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def away_once(*args: Any) -> list[str]:
        if not is_away.is_set():
            is_away.set()
            raise RedisError("away")
        return await take(*args)

    async def slow(self: MissedUpdates, stored: list[str], *args: Any) -> list[str]:
        if stored and not is_reading.is_set():
            is_reading.set()
            await has_broken.wait()
        return await complete(self, stored, *args)

    monkeypatch.setattr(mailbox, "take", away_once)
    monkeypatch.setattr(store_redis, "AWAY_SECONDS", 0)
    monkeypatch.setattr(MissedUpdates, "complete", slow)
    back = await call.bob.tab(was=call.b1)
    await is_reading.wait()
    await lose(admin, back)
    has_broken.set()
    again = await call.bob.tab(was=back)
    await again.expect("contact.add")


async def test_a_page_that_opens_a_second_socket_keeps_the_first_one_open(call: Call) -> None:
    """The Drumee frontend does so when it signs in, and answers a close with one more connection."""
    second = await call.bob.tab(was=call.b1)
    await call.bob.ok("contact.add", firstname="Ada", email=[{"email": "ada@x.example", "is_default": 1}])
    await second.expect("contact.add")
    await call.b1.ws.send_json(["sys.ping", {"type": "checkConnection"}])
    assert await call.b1.expect_frame("sys.ping") == {"ok": 1}
