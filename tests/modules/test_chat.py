"""chat.*: conversations with contacts."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson

from tests.support.people import FRONTEND, Answer, People, Person


async def test_conversations_are_listed_and_read(people: People) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    carol = await people("Carol")
    await alice.ok("contact.invite", email=bob.email, message="Hello Bob")
    await bob.ok("contact.invite_accept", email=alice.uid)
    (room,) = await bob.ok("chat.chat_rooms", flag="contact")
    assert (room["entity_id"], room["drumate_id"], room["flag"]) == (alice.uid, alice.uid, "contact")
    assert (room["display"], room["room_count"], room["status"]) == ("Alice Test", 1, "active")
    assert await bob.ok("chat.chat_room_info", key=alice.uid) == room
    assert await bob.ok("chat.chat_room_info", key=room["contact_id"]) == room
    assert await bob.ok("chat.chat_room_info", key=carol.uid) == {}
    waiting = await bob.ok("drumate.notification_center")
    assert [(w["category"], w["cnt"], w["hub_id"]) for w in waiting] == [("chat", 1, alice.uid)]
    assert [w["category"] for w in await alice.ok("drumate.notification_center")] == ["contact", "chat"]
    messages = await bob.ok("chat.messages", key=alice.uid)
    assert sorted(m["author_id"] for m in messages) == sorted([alice.uid, bob.uid])
    tab = await bob.tab()
    read = await bob.ok("chat.acknowledge", entity_id=alice.uid)
    assert (read["room"], read["total"]) == (0, 0)
    assert (await tab.expect("chat.acknowledge"))["model"]["entity_id"] == alice.uid
    assert await bob.ok("drumate.notification_center") == []
    # Nobody can read the conversation of other users.
    assert await carol.ok("chat.messages", key=alice.uid) == []
    assert await bob.ok("chat.chat_rooms", flag="share") == []
    assert await bob.ok("chat.chat_rooms", key="nobody") == []


async def in_contact(people: People) -> tuple[Person, Person]:
    """Return two users in contact, on two shards, who have greeted each other."""
    alice, bob = await people("Alice"), await people("Bob", shard="shard2")
    await alice.ok("contact.invite", email=bob.email, message="Hello Bob")
    await bob.ok("contact.invite_accept", email=alice.uid)
    await alice.ok("contact.accept_informed", email=bob.uid)
    return alice, bob


async def open_conversation(person: Person, peer: Person) -> list[dict[str, Any]]:
    """Fetch the first page of a conversation as its window does."""
    query = f"entity_id={peer.uid}&hub_id={person.uid}&order=desc&page=1&pagelength=45&socket_id=undefined&"
    answer = await person.get("chat.messages", query)
    assert answer.status == 200, answer.body
    messages: list[dict[str, Any]] = answer.data
    return messages


async def test_opening_a_conversation_reads_it_and_tells_both_sides(people: People) -> None:
    alice, bob = await in_contact(people)
    alice_tab, *bob_tabs = [await alice.tab(), await bob.tab(), await bob.tab()]
    messages = await open_conversation(bob, alice)
    assert {m["author_id"] for m in messages} == {alice.uid, bob.uid}
    for tab in bob_tabs:
        assert (await tab.expect("messages.read"))["model"] == []
    seen = (await alice_tab.expect("chat.acknowledge"))["model"]
    assert (seen["message"], seen["author_id"], seen["entity_id"]) == ("Hello Bob", alice.uid, bob.uid)
    assert (seen["is_seen"], bob.uid in orjson.loads(seen["metadata"])["_seen_"]) == (1, True)
    assert await bob.ok("drumate.notification_center", hub_id=bob.uid) == []
    # Alice has not read Bob's greeting, so it is not seen.
    assert {m["author_id"]: m["is_seen"] for m in await open_conversation(bob, alice)}[bob.uid] == 0
    # Nothing is new, so nobody is told again.
    await alice_tab.nothing("chat.acknowledge", 0.1)
    assert [len(tab.updates("messages.read")) for tab in bob_tabs] == [1, 1]
    assert {m["author_id"]: m["is_seen"] for m in await open_conversation(alice, bob)}[alice.uid] == 1


async def test_a_message_alone_is_acknowledged(people: People) -> None:
    alice, bob = await in_contact(people)
    alice_tab, bob_tab = await alice.tab(), await bob.tab()
    messages = await alice.ok("chat.messages", entity_id=bob.uid)
    (greeting,) = [m for m in messages if m["author_id"] == alice.uid]
    here = {"hub_id": bob.uid, "message_id": greeting["message_id"]}
    answer = await bob.call("chat.acknowledge", FRONTEND, **here, socket_id=bob_tab.id, device_id="ddi_4")
    assert (answer.status, answer.data["entity_id"], answer.data["total"]) == (200, alice.uid, 0)
    # The first one says that Alice has read the greeting of Bob.
    assert (await bob_tab.expect("chat.acknowledge", 2))["model"]["room"] == 0
    assert (await alice_tab.expect("chat.acknowledge"))["model"]["message_id"] == greeting["message_id"]
    unknown = await bob.ok("chat.acknowledge", message_id="feedfeedfeedfeed")
    assert (unknown["entity_id"], unknown["total"]) == (None, 0)
    assert (await bob.call("chat.acknowledge")).code == "MISSING_PARAM"
    # A stranger reads nothing by the id of a message.
    carol = await people("Carol")
    assert (await carol.ok("chat.acknowledge", message_id=greeting["message_id"]))["entity_id"] is None


async def write(person: Person, peer: Person, message: str, **more: Any) -> Any:
    """Post a message as the window of a conversation does."""
    sent = {"entity_id": peer.uid, "attachment": [], "message": message, "hub_id": person.uid, **more}
    answer = await person.call("chat.post", FRONTEND, **sent, device_id="ddi_4")
    assert answer.status == 200, answer.body
    return answer.data


async def test_a_message_reaches_all_tabs_of_both_sides(people: People) -> None:
    alice, bob = await in_contact(people)
    await open_conversation(bob, alice)
    own_tabs, peer_tabs = [await alice.tab(), await alice.tab()], [await bob.tab(), await bob.tab()]
    words = 'It\'s "&#60;b&#62;"\nçé 😀'
    posted = await write(alice, bob, words, echoId="c12", socket_id=own_tabs[0].id)
    assert (posted["message"], posted["echoId"], posted["author_id"]) == (words, "c12", alice.uid)
    assert (posted["entity_id"], posted["is_seen"], posted["message_type"]) == (bob.uid, 0, "chat")
    for tab in own_tabs:
        assert (await tab.expect("chat.post"))["model"] == posted
    for tab in peer_tabs:
        model = (await tab.expect("chat.post"))["model"]
        assert (model["message_id"], model["entity_id"]) == (posted["message_id"], alice.uid)
        assert (model["message"], model["room"], model["total"], "echoId" in model) == (words, 1, 1, False)
    (copy,) = [m for m in await open_conversation(bob, alice) if m["message_id"] == posted["message_id"]]
    assert (copy["message"], copy["ctime"]) == (words, posted["ctime"])
    seen = (await own_tabs[1].expect("chat.acknowledge"))["model"]
    assert (seen["message_id"], seen["is_seen"]) == (posted["message_id"], 1)


async def test_messages_of_the_same_second_keep_their_order(people: People) -> None:
    alice, bob = await in_contact(people)
    for number in range(5):
        await write(alice, bob, str(number))
    messages = [m["message"] for m in await open_conversation(bob, alice) if m["message"].isdigit()]
    assert messages == ["4", "3", "2", "1", "0"]


async def test_an_answer_shows_the_message_that_it_answers(people: People) -> None:
    alice, bob = await in_contact(people)
    question = await write(alice, bob, "When?")
    answer = await write(bob, alice, "At ten.", thread_id=question["message_id"])
    assert (answer["thread_id"], answer["thread"]["message"]) == (question["message_id"], "When?")
    by_id = {m["message_id"]: m for m in await open_conversation(alice, bob)}
    assert by_id[answer["message_id"]]["thread"]["author_id"] == alice.uid
    assert by_id[question["message_id"]]["thread"] is None


async def test_messages_are_refused_that_reach_nobody_or_name_no_files(people: People) -> None:
    alice, bob = await in_contact(people)
    carol = await people("Carol")
    sent = {"entity_id": bob.uid, "message": "Hello", "attachment": []}
    for change, status, code in (
        ({"entity_id": carol.uid}, 403, "INVALID_CONTACT"),
        ({"entity_id": alice.uid}, 403, "INVALID_CONTACT"),
        ({"entity_id": "nobody"}, 403, "INVALID_CONTACT"),
        ({"thread_id": "feedfeedfeedfeed"}, 404, "INVALID_THREAD"),
        ({"attachment": ["feedfeedfeedfeed"]}, 404, "INVALID_ATTACHMENT"),
    ):
        answer = await alice.call("chat.post", FRONTEND, **sent | change)
        assert (answer.status, answer.code) == (status, code), change
    assert (await alice.call("chat.post", entity_id=bob.uid, message="")).code == "MISSING_PARAM"
    entry = await bob.ok("contact.get", uid=alice.uid)
    await bob.ok("contact.block", contact_id=entry["id"])
    for person, peer in ((alice, bob), (bob, alice)):
        refused = await person.call("chat.post", entity_id=peer.uid, message="Hello")
        assert refused.code == "INVALID_CONTACT"
    assert len(await open_conversation(alice, bob)) == 2


async def remove(person: Person, messages: list[Any], option: str) -> Answer:
    """Delete messages as the window of a conversation does."""
    ids = [message["message_id"] for message in messages]
    return await person.call("chat.delete", FRONTEND, messages=ids, option=option, hub_id=person.uid)


async def ids_of(person: Person, peer: Person) -> set[str]:
    return {message["message_id"] for message in await open_conversation(person, peer)}


async def test_messages_are_deleted_for_one_side_or_both(people: People) -> None:
    alice, bob = await in_contact(people)
    sent = [await write(alice, bob, str(number)) for number in range(4)]
    ids = [message["message_id"] for message in sent]
    own_tabs, peer_tab = [await alice.tab(), await alice.tab()], await bob.tab()
    answer = await remove(alice, sent[:1], "me")
    assert [(m["message_id"], m["entity_id"]) for m in answer.data] == [(ids[0], bob.uid)]
    for tab in own_tabs:
        assert (await tab.expect("chat.delete"))["model"]["message_id"] == ids[0]
    answer = await remove(alice, sent[1:3], "all")
    assert {m["message_id"] for m in answer.data} == set(ids[1:3])
    await peer_tab.expect("chat.delete", 2)
    models = [frame["model"] for frame in peer_tab.updates("chat.delete")]
    assert {m["message_id"] for m in models} == set(ids[1:3])
    # Four messages and a greeting were unread, and two of them are gone.
    assert {(m["entity_id"], m["room"], m["total"]) for m in models} == {(alice.uid, 3, 3)}
    assert await ids_of(alice, bob) & set(ids) == {ids[3]}
    assert await ids_of(bob, alice) & set(ids) == {ids[0], ids[3]}


async def test_a_deleted_message_leaves_its_answers(people: People) -> None:
    alice, bob = await in_contact(people)
    question = await write(alice, bob, "When?")
    answer = await write(bob, alice, "At ten.", thread_id=question["message_id"])
    await remove(alice, [question], "all")
    for person, peer in ((alice, bob), (bob, alice)):
        by_id = {m["message_id"]: m for m in await open_conversation(person, peer)}
        assert by_id[answer["message_id"]]["thread"] is None


async def test_nobody_deletes_what_others_wrote_or_have(people: People) -> None:
    alice, bob = await in_contact(people)
    carol = await people("Carol")
    tab = await alice.tab()
    own, foreign = await write(bob, alice, "mine"), await write(alice, bob, "yours")
    for person, messages, option, code in (
        (bob, [own, foreign], "all", "INVALID_OPTION"),
        (carol, [own], "me", "INVALID_MESSAGES"),
        (carol, [own], "all", "INVALID_MESSAGES"),
        (bob, [own, {"message_id": "feedfeedfeedfeed"}], "me", "INVALID_MESSAGES"),
    ):
        answer = await remove(person, messages, option)
        assert (answer.status, answer.data, answer.body["code"]) == (200, [], code)
    assert (await remove(bob, [own], "everybody")).status == 412
    assert (await remove(bob, [], "me")).status in {200, 412}
    assert len(await ids_of(alice, bob)) == 4
    assert tab.updates("chat.delete") == []
    # Both tabs of one person at once.
    answers = await asyncio.gather(*(remove(bob, [own], "all") for _ in range(3)))
    assert sorted(len(answer.data) for answer in answers) == [0, 0, 1]
    assert len(await ids_of(alice, bob)) == 3
