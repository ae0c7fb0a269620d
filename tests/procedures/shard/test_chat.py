"""procedures/shard/chat, called directly."""

from __future__ import annotations

import orjson

from tests.procedures.scene import Scene


def greet(scene: Scene, owner: str, *messages: tuple[str, str, int]) -> list[dict[str, object]]:
    """Write messages (author, text, time) of alice and bob into one side; what is shown of them."""
    other = "bob" if owner == "alice" else "alice"
    scene["greetings"] = orjson.dumps([
        {"message_id": f"{ctime:016x}", "author_id": scene[author], "message": text, "ctime": ctime}
        for author, text, ctime in messages
    ]).decode()  # fmt: skip
    return scene.docs(f"contact_greet(:{owner}, :{other}, :greetings)")


def test_chat_peer_by_whatever_is_known(scene: Scene) -> None:
    scene.befriend("alice", "bob")
    for key in (":bob", ":mail_bob", "'scene.bob'", ":alice_bob"):
        assert scene.one(f"SELECT chat_peer(:alice, {key})") == scene["bob"], key
    assert scene.one("SELECT chat_peer(:carol, :alice_bob)") is None, "a contact of somebody else"
    assert scene.one("SELECT chat_peer(:alice, 'näm€')") is None


def test_greetings_with_takes_the_words_of_the_invitation(scene: Scene) -> None:
    hello = '[{"message": "Hello"}, {"message": "Bye"}]'
    for words, expected in (("'Nice'", "Nice"), ("''", "Hello"), ("NULL", "Hello")):
        found = scene.json(f"SELECT greetings_with('{hello}', {words})")
        assert [m["message"] for m in found] == [expected, "Bye"]
    assert scene.one("SELECT greetings_with(NULL, 'x')") is None


def test_contact_greet_writes_once_and_shows_all(scene: Scene) -> None:
    scene.befriend("alice", "bob")
    shown = greet(scene, "alice", ("alice", "Hello", 5), ("bob", "Hi", 6))
    assert [(m["message"], m["to_id"], m["room"], m["total"]) for m in shown] == [
        ("Hello", scene["bob"], 1, 1), ("Hi", scene["alice"], 1, 1),
    ]  # fmt: skip
    greet(scene, "alice", ("alice", "Hello", 5))
    assert scene.count("message", "owner_id = :alice") == 2
    assert scene.docs("contact_greet(:alice, :bob, NULL)") == []


def test_message_list_is_newest_first_in_pages(scene: Scene) -> None:
    greet(scene, "alice", *(("bob", str(n), n) for n in range(1, 6)))
    pages = [scene.docs(f"message_list(:alice, :mail_bob, {page}, 2)") for page in (1, 2, 3, 4)]
    assert [[m["message"] for m in page] for page in pages] == [["5", "4"], ["3", "2"], ["1"], []]
    assert [m["page"] for m in pages[1]] == [2, 2]
    assert scene.docs("message_list(:carol, :bob, 1, 45)") == []


def test_acknowledge_message_up_to_one_or_all(scene: Scene) -> None:
    greet(scene, "alice", *(("bob", str(n), n) for n in range(1, 5)))
    scene.sets(f"call_log(:alice, :carol, '{'d' * 16}', :carol, 'missed', 0, 1)")

    def left(message: str) -> tuple[int, int]:
        found = scene.doc(f"acknowledge_message(:alice, :bob, {message})")
        return found["room"], found["total"]

    assert left("'unknown'") == (4, 5)
    assert left(f"'{2:016x}'") == (2, 3)
    assert left("NULL") == (0, 1)


def test_chat_room_shows_the_last_word_and_who_it_is_with(scene: Scene) -> None:
    scene.befriend("alice", "bob")
    greet(scene, "alice", ("bob", "first", 1), ("bob", "last", 2))
    scene["tab_bob"]
    for text in ("SELECT chat_room(:alice, :bob, :alice_bob, 3)", "chat_room_info(:alice, :mail_bob)"):
        room = scene.doc(text)
        assert (room["message"], room["room_count"], room["online"], room["status"]) == (
            "last", 2, 1, "active",
        )  # fmt: skip
    assert scene.json("SELECT chat_room(:alice, :bob, :alice_bob, 3)")["page"] == 3
    scene.sets("yp.contact_block_add(:bob, :bob_alice, 'x', :alice)")
    room = scene.doc("chat_room_info(:alice, :bob)")
    assert (room["online"], room["is_blocked"], room["is_blocked_me"]) == (0, 0, 1)


def test_chat_room_info_says_nothing_about_strangers(scene: Scene) -> None:
    assert scene.rows("chat_room_info(:alice, :bob)") == []
    assert scene.rows("chat_room_info(:alice, 'nobody@scene.org')") == []
    assert scene.doc("chat_room_info(:erin, :frank)")["status"] == "mate"
    greet(scene, "alice", ("bob", "hello", 1))
    assert scene.doc("chat_room_info(:alice, :bob)")["status"] == "nocontact"


def test_chat_rooms_lists_whom_one_talked_to_first(scene: Scene) -> None:
    scene.befriend("alice", "carol")
    scene.befriend("alice", "bob")
    scene.sets("my_tag_add(:alice, :alice_bob, JSON_ARRAY(:rome))")

    def names(key: str = "", tag: str = "NULL", option: str = "active", page: str = "1, 45") -> list[str]:
        rooms = scene.docs(f"chat_rooms(:alice, '{key}', {tag}, '{option}', {page})")
        return [room["firstname"] for room in rooms]

    assert names() == ["Bob", "Carol"]
    scene.sets(f"call_log(:alice, :carol, '{'d' * 16}', :carol, 'missed', 0, 1)")
    assert names() == ["Carol", "Bob"]
    assert (names(page="1, 1"), names(page="2, 1")) == (["Carol"], ["Bob"])
    assert (names("bo"), names("%")) == (["Bob"], [])
    assert names(tag=":work") == ["Bob"]
    scene.sets("archive_entity(:alice, :alice_bob, 'archived')")
    assert (names(), names(option="archived")) == (["Carol"], ["Bob"])


def test_chat_rooms_knows_colleagues(scene: Scene) -> None:
    scene["frank"]
    assert [r["firstname"] for r in scene.docs("chat_rooms(:erin, '', NULL, 'active', 1, 45)")] == ["Frank"]


def test_notification_center_counts_invitations_and_conversations(scene: Scene) -> None:
    assert scene.docs("notification_center(:alice)") == []
    scene.sets("contact_received(:alice, :carol, NULL)")
    greet(scene, "alice", ("bob", "one", 1), ("bob", "two", 2))
    invitations, chat = scene.docs("notification_center(:alice)")
    assert (invitations["category"], invitations["cnt"], invitations["hub_id"]) == (
        "contact", 1, scene["alice"],
    )  # fmt: skip
    assert (chat["category"], chat["cnt"], chat["hub_id"]) == ("chat", 2, scene["bob"])
    scene.sets("acknowledge_message(:alice, :bob, NULL)")
    assert [n["category"] for n in scene.docs("notification_center(:alice)")] == ["contact"]
