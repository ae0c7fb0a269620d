"""/ws: every change of a user's contacts reaches their sockets, whichever API and process makes it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import WSServerHandshakeError

from service.cli import main
from service.deploy.move import move
from service.ids import from_wire, to_wire
from service.rest.websocket import SOCKETS_PER_USER, Times
from service.settings import Settings
from tests.support.admin import SECOND_SHARD, Admin
from tests.support.nodes import NodeMaker
from tests.support.people import QUIET, People
from tests.support.rest import ClientMaker


async def test_two_sockets_see_a_contact_live(client_of: ClientMaker) -> None:
    api = await client_of()
    one, two = await api.socket(), await api.socket()

    async def both(event: str, count: int = 1) -> None:
        await asyncio.gather(*(live.expect(event, count) for live in (one, two)))

    made = await api.add(display_name="X")
    path = f"/contacts/{made['id']}"
    await both("contact.created")
    changed = (await api.patch(path, {"company": "y"})).data
    await both("contact.updated")
    await api.delete(path)
    await both("contact.deleted")
    back = (await api.post(f"{path}/restore")).data
    await both("contact.restored")
    await api.delete(f"{path}?permanent=true")
    await both("contact.deleted", 2)
    for live in (one, two):
        events = [f for f in live.frames if f["event"].startswith("contact.")]
        assert [f["event"] for f in events] == [
            "contact.created", "contact.updated", "contact.deleted", "contact.restored", "contact.deleted",
        ]  # fmt: skip
        created, updated, deleted, restored, purged = [f["data"] for f in events]
        assert (created, updated, restored) == (made, changed, back)
        assert deleted["permanent"] is False
        assert deleted["deleted_at"]
        assert deleted["display_name"] == "X"
        assert purged == {"id": made["id"], "permanent": True}
        assert all(list(f) == ["event", "data", "timestamp"] for f in events)
        assert all(f["timestamp"].endswith("Z") and len(f["timestamp"]) == 24 for f in events)


async def test_writes_of_the_other_apis_arrive(people: People, client_of: ClientMaker) -> None:
    alice = await people("Alice")
    api = await client_of(person=alice)
    live = await api.socket()
    made = await alice.ok("contact.add", firstname="A", email=[{"email": "a@x.example", "is_default": 1}])
    assert (await live.expect("contact.created"))["data"]["id"] == to_wire(made["id"])
    tag = await alice.ok("tagcontact.add", name="t")
    await alice.ok("contact.update", contact_id=made["id"], firstname="A", tag=[tag["tag_id"]],
                   email=[{"email": "a@x.example", "is_default": 1}])  # fmt: skip
    assert (await live.expect("contact.updated"))["data"]["tags"] == ["t"]
    await alice.ok("contact.delete_contact", contact_id=made["id"])
    assert (await live.expect("contact.deleted"))["data"]["permanent"] is True

    login = {"username": alice.email, "password": "correct horse battery"}
    async with alice.http.get(alice.base / "api/authentication/login", params=login) as response:
        token = (await response.json())["logintoken"]
    parameters = {"logintoken": token, "name": "B C", "email": "b@x.example"}
    async with alice.http.get(alice.base / "api/contacts/add", params=parameters) as response:
        assert response.status == 200
    assert (await live.expect("contact.created", 2))["data"]["display_name"] == "B C"


async def test_every_write_of_the_rpc_that_changes_a_record_arrives(
    people: People, client_of: ClientMaker
) -> None:
    alice = await people("Alice")
    api, tab = await client_of(person=alice), await alice.tab()
    tag = (await alice.ok("tagcontact.add", name="t"))["tag_id"]
    made = await alice.ok(
        "contact.add", firstname="A", tag=[tag],
        email=[{"email": "a@x.example", "is_default": 1}, {"email": "b@x.example", "is_default": 0}],
        mobile=[{"phone": "1", "areacode": ""}], address=[{"street": "s", "city": "c", "country": "d"}],
    )  # fmt: skip
    key = made["id"]
    group = (await alice.ok("contact.create_group", name="g"))["group_id"]
    live = await api.socket()
    ids = {name: made[name] for name in ("email", "mobile", "address")}
    calls: list[tuple[str, dict[str, Any], Callable[[dict[str, Any]], bool]]] = [
        ("contact.update", {"contact_id": key, "comment": "n"}, lambda r: r["notes"] == "n"),
        ("contact.add_to_group", {"group_id": group, "contact_id": [key]}, lambda r: r["groups"] == ["g"]),
        ("contact.remove_from_group", {"group_id": group, "contact_id": [key]}, lambda r: r["groups"] == []),
        ("contact.add_to_group", {"group_id": group, "contact_id": [key]}, lambda r: r["groups"] == ["g"]),
        ("contact.delete_group", {"group_id": group}, lambda r: r["groups"] == []),
        ("tagcontact.rename", {"tag_id": tag, "name": "u"}, lambda r: r["tags"] == ["u"]),
        ("tagcontact.remove", {"tag_id": tag}, lambda r: r["tags"] == []),
        ("contact.delete_contact_phone", {"phone_id": ids["mobile"][0]["phone_id"], "contact_id": key},
         lambda r: r["phones"] == []),
        ("contact.delete_contact_address", {"address_id": ids["address"][0]["address_id"], "contact_id": key},
         lambda r: r["addresses"] == []),
        ("contact.delete_contact_email", {"email_id": ids["email"][1]["email_id"], "contact_id": key},
         lambda r: len(r["emails"]) == 1),
        ("contact.change_status", {"contact_id": key, "status": "archived"}, lambda r: r["archived"] is True),
    ]  # fmt: skip
    for count, (name, args, holds) in enumerate(calls, 1):
        answer = await alice.call(name, **args)
        assert answer.status == 200, (name, answer.body)
        record = (await live.expect("contact.updated", count))["data"]
        assert record["id"] == to_wire(key)
        assert holds(record), (name, record)
        assert record == (await api.get(f"/contacts/{to_wire(key)}")).data, name
    await tab.expect("contact.delete_group")


async def test_an_invitation_notifies_both_users_and_nobody_else(
    people: People, client_of: ClientMaker
) -> None:
    alice, bob, carol = await people("Alice"), await people("Bob"), await people("Carol")
    lives = [await (await client_of(person=p)).socket() for p in (alice, bob, carol)]
    await alice.ok("contact.invite", email=bob.email)
    assert (await lives[0].expect("contact.created"))["data"]["emails"][0]["address"] == bob.email
    await bob.ok("contact.invite_accept", email=alice.email)
    assert (await lives[1].expect("contact.created"))["data"]["emails"][0]["address"] == alice.email
    await asyncio.sleep(QUIET)
    assert [f["event"] for f in lives[2].frames] == ["ping"]


async def test_events_reach_sockets_of_other_nodes(client_of: ClientMaker, make_node: NodeMaker) -> None:
    api = await client_of()
    other = await client_of(person=api.person, base=(await make_node()).make_url("/"))
    here, there = await api.socket(), await other.socket()
    made = [await api.add(display_name="a"), await other.add(display_name="b")]
    for live in (here, there):
        await live.expect("contact.created", 2)
        assert [f["data"] for f in live.named("contact.created")] == made


async def test_many_writes_at_once_arrive_once_and_in_order(client_of: ClientMaker) -> None:
    api = await client_of()
    live = await api.socket()
    path = f"/contacts/{(await api.add(display_name='X'))['id']}"
    answers = await asyncio.gather(*(api.patch(path, {"company": f"c{n}"}) for n in range(20)))
    await live.expect("contact.updated", 20)
    arrived = [f["data"]["updated_at"] for f in live.named("contact.updated")]
    by_rev = sorted(answers, key=lambda a: int(a.etag.strip('"')))
    # A frame shows the contact at the time of sending: it may be ahead of its event, never behind.
    assert arrived == sorted(arrived)
    assert live.named("contact.updated")[-1]["data"] == by_rev[-1].data
    assert all(seen >= a.data["updated_at"] for seen, a in zip(arrived, by_rev, strict=True))


async def test_bad_tokens_close_the_socket_with_4401(client_of: ClientMaker) -> None:
    api = await client_of()
    for token in ("", "x", "clk_" + "0" * 32):
        ws = await api.http.ws_connect((api.base / "ws").with_query(token=token))
        message = await ws.receive(5)
        assert (message.type.name, ws.close_code) == ("CLOSE", 4401), token
    answer = await api.http.get(api.base / "ws")
    assert answer.status == 426
    with pytest.raises(WSServerHandshakeError) as caught:
        await api.socket(Origin="https://evil.example")
    assert caught.value.status == 403


async def test_a_token_may_stand_in_a_header(client_of: ClientMaker) -> None:
    api, jwt = await client_of(), await client_of("Bob", scope="")
    await (await api.socket(token="", Authorization=f"Bearer {api.token}")).close()
    await jwt.login()
    await (await jwt.socket()).close()
    system = await client_of(person=api.person, scope="system")
    live = await system.socket(X_Claw_User_Id=jwt.person.uid)
    await jwt.add(display_name="Bob's")
    await live.expect("contact.created")


async def test_a_subscription_selects_events(client_of: ClientMaker) -> None:
    api = await client_of()
    live = await api.socket()
    await live.say(action="subscribe", events=["contact.deleted"])
    assert (await live.expect("subscribed"))["data"] == {"events": ["contact.deleted"]}
    made = await api.add(display_name="a")
    await api.delete(f"/contacts/{made['id']}")
    await live.expect("contact.deleted")
    assert live.named("contact.created") == []

    await live.say(action="subscribe", data={"events": ["contact.*"]})
    await live.expect("subscribed", 2)
    await live.say(action="unsubscribe", data={"events": ["contact.updated"]})
    assert (await live.expect("subscribed", 3))["data"] == {
        "events": ["contact.*"], "except": ["contact.updated"],
    }  # fmt: skip
    other = await api.add(display_name="b")
    await api.patch(f"/contacts/{other['id']}", {"company": "x"})
    await api.delete(f"/contacts/{other['id']}")
    await live.expect("contact.deleted", 2)
    assert (len(live.named("contact.created")), live.named("contact.updated")) == (1, [])

    for number, bad in enumerate(([], ["contact"], ["*.created"], "contact.*", [1], None), 1):
        await live.say(action="subscribe", events=bad)
        assert (await live.expect("error", number))["data"]["code"] == "VALIDATION_ERROR"
    await live.say(action="subscribe", events=[f"a.b{'c' * n}" for n in range(31)])
    await live.say(action="subscribe", events=[f"b.b{'c' * n}" for n in range(32)])
    await live.say(action="subscribe", events=[f"c.b{'c' * n}" for n in range(32)])
    await live.expect("error", 8)
    for noise in ("x", "[]", "1", "{}", '{"action": 5}', '{"action": "explode"}', "[" * 2000):
        await live.ws.send_str(noise)
    await live.say(action="subscribe", events=["*"])
    await live.expect("subscribed", 5)


async def test_a_socket_that_does_not_answer_pings_is_closed(
    client_of: ClientMaker, make_node: NodeMaker
) -> None:
    assert (Times().ping, Times().pong_timeout) == (30, 90), "what the clients expect"
    node = await make_node(Times(ping=0.5, pong_timeout=5))
    api = await client_of(base=node.make_url("/"))
    silent, awake = await api.socket(), await api.socket()

    async def answer() -> None:
        seen = 0
        while seen < 10:
            seen += 1
            await awake.expect("ping", seen)
            await awake.say(action="pong")

    answering = asyncio.create_task(answer())
    assert await silent.closed() == 4408
    await answering
    assert not awake.ws.closed


async def test_a_silent_socket_is_closed_when_its_pong_timeout_ends_not_at_the_next_ping(
    client_of: ClientMaker, make_node: NodeMaker
) -> None:
    node = await make_node(Times(ping=4, pong_timeout=4.5))
    live = await (await client_of(base=node.make_url("/"))).socket()
    await live.expect("ping", 2)
    await live.say(action="pong")
    answered = time.monotonic()
    assert await live.closed() == 4408
    assert 4.4 < time.monotonic() - answered < 7.5


async def test_a_user_who_loses_access_loses_their_socket(
    client_of: ClientMaker, make_node: NodeMaker
) -> None:
    api = await client_of(scope="")
    session = await api.login()
    key = await client_of(person=api.person)
    other = await client_of(person=api.person, scope="", base=(await make_node()).make_url("/"))
    other.token = api.token
    lives = [await api.socket(), await other.socket()]
    stays = await key.socket()
    await api.post("/auth/logout", {"refresh_token": session["refresh_token"]})
    assert [await live.closed() for live in lives] == [4401, 4401]
    assert not stays.ws.closed


async def test_a_new_password_a_locked_account_and_reuse_end_sockets(
    client_of: ClientMaker, make_node: NodeMaker, admin: Admin
) -> None:
    node = await make_node(Times(poll=0.2))
    for name, statement in (
        ("Alice", "UPDATE yp.drumate SET password_hash = CONCAT(password_hash, 'x') WHERE id = %s"),
        ("Bob", "UPDATE yp.entity SET status = 'locked' WHERE id = %s"),
    ):
        api = await client_of(name, scope="", base=node.make_url("/"))
        await api.login()
        live = await api.socket()
        admin.rows(statement, api.person.uid)
        assert await live.closed() == 4401
        assert (await api.get("/auth/me")).status == 401
    api = await client_of("Carol", scope="")
    session = await api.login()
    live = await api.socket()
    await api.post("/auth/refresh", {"refresh_token": session["refresh_token"]})
    admin.rows("UPDATE yp.api_refresh SET used = used - 60 WHERE used > 60")
    await api.post("/auth/refresh", {"refresh_token": session["refresh_token"]})
    # A refresh token that comes again after its grace may be stolen: its sockets learn at once.
    assert await live.closed() == 4401


async def test_a_key_that_is_taken_away_is_noticed(
    client_of: ClientMaker, make_node: NodeMaker, admin: Admin
) -> None:
    node = await make_node(Times(poll=0.2))
    api = await client_of(base=node.make_url("/"))
    live = await api.socket()
    admin.rows("DELETE FROM yp.api_key WHERE uid = %s", api.person.uid)
    assert await live.closed() == 4401


async def test_a_key_that_is_taken_away_is_noticed_in_the_midst_of_news(
    client_of: ClientMaker, make_node: NodeMaker, admin: Admin
) -> None:
    node = await make_node(Times(poll=0.5))
    api = await client_of(base=node.make_url("/"))
    other = await client_of(person=api.person, base=api.base)
    live, stays = await api.socket(), await other.socket()
    admin.rows("DELETE FROM yp.api_key WHERE hash = SHA2(%s, 256)", api.token)
    written, until = 0, time.monotonic() + 60
    while not live.ws.closed and time.monotonic() < until:
        await other.add(display_name=f"c{written}")
        written += 1
    assert live.ws.close_code == 4401
    later = [await other.add(display_name="later") for _ in range(3)]
    await stays.expect("contact.created", written + 3)
    seen = {f["data"]["id"] for f in live.named("contact.created")}
    assert not {c["id"] for c in later} & seen


async def test_a_dropped_key_closes_its_sockets_at_once(
    client_of: ClientMaker, make_node: NodeMaker, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("db", "db_admin", "redis"):
        monkeypatch.setenv(f"DRUMEE_{name.upper()}", getattr(settings, name))
    api, bob = await client_of(), await client_of("Bob")
    (agent,) = (await api.get("/api-keys/mine")).data
    system = await client_of(person=api.person, scope="system")
    (machine,) = [k for k in (await api.get("/api-keys/mine")).data if k["id"] != agent["id"]]
    there = (await make_node()).make_url("/")
    lives = [await api.socket(), await api.socket(base=there)]
    of_bob, stays = await system.socket(X_Claw_User_Id=bob.person.uid), await bob.socket()

    assert await asyncio.to_thread(main, ["apikeys", "--drop", agent["id"]]) == 0
    assert [await live.closed() for live in lives] == [4401, 4401]
    assert not of_bob.ws.closed
    assert await asyncio.to_thread(main, ["apikeys", "--drop", machine["id"]]) == 0
    await bob.add(display_name="X")
    assert await of_bob.closed() == 4401
    await stays.expect("contact.created")
    assert of_bob.named("contact.created") == []


async def test_sockets_go_on_after_a_move(client_of: ClientMaker, settings: Settings) -> None:
    api, newcomer = await client_of(), await client_of("Bob")
    old, empty = await api.socket(), await newcomer.socket()
    made = [await api.add(display_name="before")]
    await old.expect("contact.created")
    await asyncio.to_thread(move, settings, newcomer.person.uid, SECOND_SHARD)
    await newcomer.add(display_name="first")
    await empty.expect("contact.created")

    opened = []
    for shard in (SECOND_SHARD, "shard1"):
        await asyncio.to_thread(move, settings, api.person.uid, shard)
        opened.append((await api.socket(), len(made)))
        made.append(await api.add(display_name=f"in {shard}"))
        made.append(await api.add(display_name=f"more in {shard}"))
        await old.expect("contact.created", len(made))
    for live, missed in ((old, 0), *opened):
        await live.expect("contact.created", len(made) - missed)
        assert [f["data"] for f in live.named("contact.created")] == made[missed:]


async def test_one_person_has_so_many_sockets(client_of: ClientMaker) -> None:
    api = await client_of()
    lives = await asyncio.gather(*(api.socket() for _ in range(SOCKETS_PER_USER)))
    ws = await api.http.ws_connect((api.base / "ws").with_query(token=api.token))
    await ws.receive(5)
    assert ws.close_code == 1008
    await lives[0].close()
    for _ in range(100):
        ws = await api.http.ws_connect((api.base / "ws").with_query(token=api.token))
        if (await ws.receive(5)).type.name == "TEXT":
            break
    assert not ws.closed


async def test_more_events_than_a_queue_holds_reach_who_reads(
    people: People, client_of: ClientMaker, make_node: NodeMaker
) -> None:
    node = await make_node(socket_queue=120, rate_limit=0)
    api = await client_of(base=node.make_url("/"))
    live = await api.socket()
    for _ in range(5):
        operations = [{"action": "create", "data": {"display_name": "x" * 200}}] * 100
        assert (await api.post("/contacts/batch", {"operations": operations})).data["failed"] == 0
    await live.expect("contact.created", 500)
    assert len({f["data"]["id"] for f in live.frames if "data" in f}) == 500


async def test_a_node_that_ends_says_goodbye(client_of: ClientMaker, make_node: NodeMaker) -> None:
    node = await make_node()
    api = await client_of(base=node.make_url("/"))
    live = await api.socket()
    await node.close()
    assert await live.closed() == 1001
    assert from_wire(to_wire(api.person.uid)) == api.person.uid
