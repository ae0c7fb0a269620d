"""procedures/shard/channel, called directly."""

from __future__ import annotations

from service.store.database import document, documents
from tests.support.scene import Scene


def post(scene: Scene, author: str, number: int, thread: str = "NULL") -> str:
    """Write a message of this number, which is its time as well; return its id."""
    message_id = f"{number:016x}"
    scene.sets(
        f"channel_post(:hub, :{author}, JSON_OBJECT('message_id', '{message_id}', 'message', 'no {number}', "
        f"'ctime', {number}, 'metadata', JSON_OBJECT('thread_id', {thread})))"
    )
    return message_id


def join(scene: Scene, *names: str) -> None:
    for name in names:
        scene.sets(f"yp.permission_grant(:hub, '*', :{name}, 2, 0)")


def numbers(scene: Scene, reader: str, page: str = "1, 45") -> list[str]:
    return [m["message"] for m in scene.docs(f"channel_messages(:hub, :{reader}, {page})")]


def test_only_members_are_admitted(scene: Scene) -> None:
    one = post(scene, "alice", 1)
    scene.sets("yp.permission_grant(:hub, 'room', :carol, 2, 0)")
    words = "JSON_OBJECT('message_id', 'ffff', 'message', 'x', 'ctime', 5, 'metadata', JSON_OBJECT())"
    for stranger in ("bob", "carol"):
        scene.refuses({
            f"channel_admit(:hub, :{stranger})": "NOT_A_MEMBER",
            f"channel_post(:hub, :{stranger}, {words})": "NOT_A_MEMBER",
            f"channel_messages(:hub, :{stranger}, 1, 45)": "NOT_A_MEMBER",
            f"channel_acknowledge(:hub, :{stranger}, NULL)": "NOT_A_MEMBER",
            f"channel_delete(:hub, :{stranger}, '[\"{one}\"]', 'me')": "NOT_A_MEMBER",
            f"channel_files(:hub, :{stranger}, '{one}', 1, 45)": "NOT_A_MEMBER",
        })  # fmt: skip
    words = "JSON_OBJECT('message_id', 'ffff', 'message', 'x', 'ctime', 5, 'metadata', "
    scene.refuses({
        f"channel_post(:hub, :alice, {words}JSON_OBJECT('thread_id', 'none')))": "INVALID_THREAD",
        f"channel_post(:hub, :alice, {words}JSON_OBJECT('attachment', JSON_ARRAY(0))))": "INVALID_ATTACHMENT",
        "channel_delete(:hub, :alice, '[\"none\"]', 'me')": "INVALID_MESSAGES",
    })  # fmt: skip
    scene.sets("channel_admit(:hub, :alice)")


def test_members_read_the_same_messages_in_pages(scene: Scene) -> None:
    join(scene, "bob")
    for number in range(1, 4):
        post(scene, "alice", number)
    assert numbers(scene, "bob") == numbers(scene, "alice") == ["no 3", "no 2", "no 1"]
    assert [numbers(scene, "bob", f"{page}, 2") for page in (1, 2, 3)] == [["no 3", "no 2"], ["no 1"], []]
    answer = post(scene, "bob", 4, f"'{2:016x}'")
    newest = scene.docs("channel_messages(:hub, :alice, 1, 45)")[0]
    assert (newest["message_id"], newest["thread"]["message"], newest["hub_id"]) == (
        answer,
        "no 2",
        scene["hub"],
    )
    assert scene.docs(f"channel_files(:hub, :bob, '{answer}', 1, 45)") == []


def test_each_member_reads_for_themselves(scene: Scene) -> None:
    join(scene, "bob", "carol")
    for number in range(1, 4):
        post(scene, "alice", number)
    scene["tab_alice"]
    seen, recipients = scene.sets(f"channel_acknowledge(:hub, :bob, '{2:016x}')")
    assert [(m["message"], m["entity_id"]) for m in documents(seen)] == [
        ("no 1", scene["bob"]), ("no 2", scene["bob"]),
    ]  # fmt: skip
    assert scene["bob"] in documents(seen)[0]["metadata"]
    assert scene["tab_alice"] in recipients[0][1]
    state = [(m["is_readed"], m["is_seen"]) for m in scene.docs("channel_messages(:hub, :bob, 1, 45)")]
    assert state == [(0, 0), (1, 1), (1, 1)]
    assert [m["is_readed"] for m in scene.docs("channel_messages(:hub, :carol, 1, 45)")] == [0, 0, 0]
    for message in (f"'{1:016x}'", "'unknown'"):
        assert scene.sets(f"channel_acknowledge(:hub, :bob, {message})")[0] == []
    assert [m["message"] for m in scene.docs("channel_acknowledge(:hub, :bob, NULL)")] == ["no 3"]


def test_messages_are_deleted_for_one_member_or_for_all(scene: Scene) -> None:
    join(scene, "bob")
    one, two = post(scene, "alice", 1), post(scene, "bob", 2)
    assert scene.refusal(f"channel_delete(:hub, :alice, '[\"{one}\", \"{two}\"]', 'all')") == "INVALID_OPTION"
    for _ in range(2):
        (deleted, _) = scene.sets(f"channel_delete(:hub, :alice, '[\"{two}\"]', 'me')")
        assert document(deleted) == {"message_id": two, "hub_id": scene["hub"], "entity_id": scene["hub"]}
    assert (numbers(scene, "alice"), numbers(scene, "bob")) == (["no 1"], ["no 2", "no 1"])
    scene.sets(f"channel_delete(:hub, :bob, '[\"{two}\"]', 'all')")
    assert numbers(scene, "bob") == ["no 1"]
    assert scene.count("channel_hidden", "owner_id = :hub") == 0


def test_hubs_show_what_a_member_has_not_read(scene: Scene) -> None:
    hub = scene["hub"]
    hubs = f"'[\"{hub}\"]'"
    for query in (f"channel_summaries(:alice, {hubs})", f"channel_notifications(:alice, {hubs})"):
        assert scene.docs(query) == []
    join(scene, "bob")
    own, other = post(scene, "bob", 1), post(scene, "alice", 2)
    (summary,) = scene.docs(f"channel_summaries(:bob, {hubs})")
    assert (summary["room_count"], summary["message"], summary["ctime"]) == (1, "no 2", 2)
    assert (summary["message_type"], summary["is_attachment"]) == ("chat", 0)
    (row,) = scene.docs(f"channel_notifications(:bob, {hubs})")
    assert (row["hub_id"], row["cnt"], row["ctime"], row["fullname"]) == (hub, 1, 2, "Team")
    # Hidden messages are neither shown nor counted, and those of strangers are nobody's business.
    scene.sets(f"channel_delete(:hub, :bob, '[\"{other}\"]', 'me')")
    (summary,) = scene.docs(f"channel_summaries(:bob, {hubs})")
    assert (summary["room_count"], summary["message_id"]) == (0, own)
    assert scene.docs(f"channel_notifications(:bob, {hubs})") == []
    for query in (f"channel_summaries(:carol, {hubs})", f"channel_notifications(:carol, {hubs})"):
        assert scene.docs(query) == []


def test_unread_messages_are_counted_up_to_a_hundred(scene: Scene) -> None:
    join(scene, "bob")
    for number in range(1, 103):
        post(scene, "alice", number)
    unread = "SELECT channel_unread(:hub, :bob)"
    assert scene.one(unread) == 100
    scene.sets(f"channel_acknowledge(:hub, :bob, '{99:016x}')")
    assert scene.one(unread) == 3
    assert scene.one("SELECT channel_unread(:hub, :alice)") == 0


def test_team_hubs_are_listed_by_shard(scene: Scene) -> None:
    scene["hub"], scene["dmz"]
    assert scene.rows("team_hubs(:bob)") == scene.rows("team_hubs(NULL)") == []
    join(scene, "bob")
    ((shard, hubs),) = scene.rows("team_hubs(:bob)")
    assert hubs == f'["{scene["hub"]}"]'
    assert scene.one(f"SELECT db_name FROM yp.entity WHERE id = '{scene['hub']}'") == shard
    scene.sets("yp.permission_grant(:hub, '*', :bob, 2, 1)")
    assert scene.rows("team_hubs(:bob)") == []
