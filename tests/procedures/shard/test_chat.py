"""procedures/shard/chat, called directly."""

from __future__ import annotations

import orjson
import pytest

from service.store.database import document
from tests.support.scene import Scene


def greet(scene: Scene, owner: str, *messages: tuple[str, str, int]) -> list[dict[str, object]]:
    """Write messages (author, text, time) of Alice and Bob into one side; return the messages shown."""
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
        greetings = scene.json(f"SELECT greetings_with('{hello}', {words})")
        assert [m["message"] for m in greetings] == [expected, "Bye"]
    assert scene.one("SELECT greetings_with(NULL, 'x')") is None


def test_contact_greet_writes_once_and_shows_all(scene: Scene) -> None:
    scene.befriend("alice", "bob")
    messages = greet(scene, "alice", ("alice", "Hello", 5), ("bob", "Hi", 6))
    assert [(m["message"], m["to_id"], m["room"], m["total"]) for m in messages] == [
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

    def unread(message: str) -> tuple[int, int]:
        counts = scene.doc(f"acknowledge_message(:alice, :bob, {message})")
        return counts["room"], counts["total"]

    assert unread("'unknown'") == (4, 5)
    assert unread(f"'{2:016x}'") == (2, 3)
    assert unread("NULL") == (0, 1)


def test_acknowledge_message_finds_the_conversation_and_the_author(scene: Scene) -> None:
    greet(scene, "alice", ("bob", "one", 1), ("alice", "two", 2), ("bob", "three", 3))
    counts, _, author = scene.sets(f"acknowledge_message(:alice, NULL, '{2:016x}')")
    assert (document(counts)["entity_id"], document(counts)["room"]) == (scene["bob"], 1)
    assert document(author) == {"author_id": scene["bob"], "db": "shard1", "until": 1}
    assert scene.sets(f"acknowledge_message(:alice, NULL, '{2:016x}')")[2] == [], "nothing was unread"
    assert scene.doc("acknowledge_message(:alice, NULL, 'unknown')")["entity_id"] is None


def test_message_post_needs_a_contact_or_colleague_and_a_thread_of_this_conversation(scene: Scene) -> None:
    scene.befriend("alice", "bob")
    thread = "JSON_OBJECT('thread_id', {})"
    words = f"JSON_OBJECT('message_id', '{{}}', 'message', 'Hi', 'ctime', 5, 'metadata', {thread})"
    first, answer = words.format("d" * 16, "NULL"), words.format("e" * 16, f"'{'d' * 16}'")
    scene.refuses({
        f"message_post(:alice, :carol, {first})": "INVALID_CONTACT",
        f"message_post(:alice, :alice, {first})": "INVALID_CONTACT",
        f"message_post(:alice, :bob, {answer})": "INVALID_THREAD",
    })  # fmt: skip
    posted, _, peer, _ = scene.sets(f"message_post(:alice, :mail_bob, {first})")
    assert (document(posted)["message"], document(posted)["is_seen"]) == ("Hi", 0)
    assert document(peer) == {"uid": scene["bob"], "db": "shard1"}
    assert scene.doc(f"message_post(:alice, :alice_bob, {answer})")["thread"]["message_id"] == "d" * 16
    assert scene.doc(f"message_post(:erin, :frank, {first})")["entity_id"] == scene["frank"]
    scene.sets("yp.contact_block_add(:bob, :bob_alice, 'x', :alice)")
    assert scene.refusal(f"message_post(:alice, :bob, {first})") == "INVALID_CONTACT"


def test_message_seen_shows_each_message_once(scene: Scene) -> None:
    greet(scene, "bob", ("bob", "one", 1), ("alice", "two", 2), ("bob", "three", 3))
    assert [m["is_seen"] for m in scene.docs("message_list(:bob, :alice, 1, 45)")] == [0, 0, 0]
    (seen,) = scene.docs("message_seen(:bob, :alice, 2)")
    assert (seen["message"], seen["is_seen"], seen["entity_id"]) == ("one", 1, scene["alice"])
    assert list(orjson.loads(seen["metadata"])["_seen_"]) == [scene["alice"]]
    assert scene.docs("message_seen(:bob, :alice, 2)") == []
    assert [m["message"] for m in scene.docs("message_seen(:bob, :alice, 9)")] == ["three"]


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
        rooms = scene.docs(f"chat_rooms(:alice, 'all', '{key}', {tag}, '{option}', {page})")
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
    assert [r["firstname"] for r in scene.docs("chat_rooms(:erin, 'all', '', NULL, 'active', 1, 45)")] == [
        "Frank"
    ]


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


def test_notification_center_has_a_row_and_a_key_for_each_inviter(scene: Scene) -> None:
    for person in ("bob", "carol", "erin"):
        scene.sets(f"contact_received(:alice, :{person}, NULL)")
    newest, *others = scene.docs("notification_center(:alice)")
    assert (newest["key_id"], newest["hub_id"], newest["cnt"]) == (scene["alice"], scene["alice"], 3)
    assert [row["cnt"] for row in others] == [1, 1]
    assert {row["entity"]["contact_id"] for row in others} == {row["contact_id"] for row in others}
    assert not any("key_id" in row for row in others)
    assert {row["drumate_id"] for row in (newest, *others)} == {scene["bob"], scene["carol"], scene["erin"]}
    assert {row["fullname"] for row in (newest, *others)} == {"Bob Scene", "Carol Scene", "Erin Scene"}


def test_notification_remove_hides_one_person_until_something_new(scene: Scene) -> None:
    scene.befriend("alice", "bob")
    greet(scene, "alice", ("bob", "one", 1))
    scene.sets("contact_received(:alice, :carol, NULL)")
    scene.sets("notification_remove(:alice, :carol)")
    assert [n["category"] for n in scene.docs("notification_center(:alice)")] == ["chat"]
    assert [n["drumate_id"] for n in scene.docs("contact_notification_get(:alice)")] == [scene["carol"]]
    scene.sets("UPDATE contact SET changed = changed + 1 WHERE owner_id = :alice AND peer_id = :carol")
    assert [n["category"] for n in scene.docs("notification_center(:alice)")] == ["contact", "chat"]
    assert scene.doc("notification_remove(:alice, :bob)")["total"] == 0
    assert [n["category"] for n in scene.docs("notification_center(:alice)")] == ["contact"]
    scene.sets("notification_remove(:alice, NULL)")
    assert scene.docs("notification_center(:alice)") == []


def test_message_mark_read_up_to_a_time_here_or_everywhere(scene: Scene) -> None:
    greet(scene, "alice", ("bob", "one", 1), ("bob", "two", 2))
    scene.sets(f"call_log(:alice, :carol, '{'d' * 16}', :carol, 'missed', 0, 1)")
    for arguments, unread in ((":bob, 1", 2), (":nobody, NULL", 2), (":bob, NULL", 1), ("NULL, NULL", 0)):
        scene.sets(f"message_mark_read(:alice, {arguments})")
        assert scene.count("message", "owner_id = :alice AND is_read = 0") == unread, arguments


@pytest.mark.parametrize(
    "deletion",
    [
        "my_contact_delete(:alice, :alice_bob)",
        "my_contact_trash(:alice, :alice_bob, NULL)",
        "contact_peer_gone(:alice, :bob, 0)",
    ],
)
def test_nothing_of_a_deleted_contact_stays_unread(scene: Scene, deletion: str) -> None:
    scene.befriend("alice", "bob")
    greet(scene, "alice", ("bob", "one", 1))
    scene.sets(deletion)
    assert [n for n in scene.docs("notification_center(:alice)") if n["category"] == "chat"] == []
    assert scene.count("message", "owner_id = :alice AND is_read = 0") == 0


def test_team_hubs_are_conversations_of_their_members(scene: Scene) -> None:
    hub = scene["hub"]
    scene["dmz"]
    scene.befriend("alice", "bob")
    for flag, flags in (("share", ["share"]), ("contact", ["contact"]), ("all", ["contact", "share"])):
        rooms = scene.docs(f"chat_rooms(:alice, '{flag}', '', NULL, 'active', 1, 45)")
        assert [r["flag"] for r in rooms] == flags, flag
    (room,) = scene.docs("chat_rooms(:alice, 'share', 'EA', NULL, 'active', 1, 45)")
    assert (room["entity_id"], room["display"], room["privilege"]) == (hub, "Team", 63)
    assert room["home_id"] == scene.one(f"SELECT home_id FROM yp.entity WHERE id = '{hub}'")
    nothing = (
        "'share', 'x', NULL, 'active', 1",
        "'share', '', NULL, 'archived', 1",
        "'share', '', NULL, 'active', 2",
    )
    for call in nothing:
        assert scene.docs(f"chat_rooms(:alice, {call}, 45)") == [], call
    assert scene.docs("chat_rooms(:bob, 'share', '', NULL, 'active', 1, 45)") == []
    scene.sets("yp.permission_grant(:hub, '*', :bob, 2, 0)")
    (room_of_bob,) = scene.docs("chat_rooms(:bob, 'share', '', NULL, 'active', 1, 45)")
    assert (room_of_bob["entity_id"], room_of_bob["privilege"]) == (hub, 3)
    # A hub has the tags of its owner.
    assert scene.docs("chat_rooms(:alice, 'all', '', :work, 'active', 1, 45)") == []
    scene.sets(
        "INSERT INTO map_tag (owner_id, tag_id, entity_id, category) VALUES (:alice, :work, :hub, 'contact')"
    )
    assert [r["id"] for r in scene.docs("chat_rooms(:alice, 'all', '', :work, 'active', 1, 45)")] == [hub]
    assert scene.json("SELECT share_room(:alice, :hub, 1)") == room
    assert scene.one("SELECT share_room(:alice, :nobody, 1)") is None


def test_message_delete_refuses_what_is_not_the_owners(scene: Scene) -> None:
    scene.befriend("alice", "bob")
    for owner in ("alice", "bob"):
        greet(scene, owner, ("alice", "one", 1), ("bob", "two", 2))
    one, two = f"{1:016x}", f"{2:016x}"
    scene.refuses({
        f"message_delete(:alice, '[\"{one}\", \"{two}\"]', 'all')": "INVALID_OPTION",
        "message_delete(:alice, '[\"feedfeedfeedfeed\"]', 'me')": "INVALID_MESSAGES",
        f"message_delete(:carol, '[\"{one}\"]', 'me')": "INVALID_MESSAGES",
    })  # fmt: skip
    scene["tab_alice"]
    dropped, recipients, files, peers = scene.sets(f"message_delete(:alice, '[\"{one}\", \"{one}\"]', 'all')")
    assert (len(dropped), len(recipients), files) == (1, 1, [])
    assert document(peers)["messages"] == [one]
    assert scene.count("message", "owner_id = :alice") == 1
    assert scene.count("message", "owner_id = :bob") == 2
    assert scene.docs(f'message_drop(:bob, \'["{one}", "{two}"]\', :alice)') == [
        {"message_id": one, "entity_id": scene["alice"], "peer_id": scene["alice"], "room": 0, "total": 0}
    ]
    assert scene.count("message", "owner_id = :bob") == 1
    *_, peers = scene.sets(f"message_delete(:alice, '[\"{two}\"]', 'me')")
    assert peers == []
