"""procedures/shard/attachment, called directly."""

from __future__ import annotations

from service.store.database import document, documents
from tests.support.scene import Scene

FILE = "d7" * 16
OTHER = "d8" * 16
MESSAGE = "00000000000000d9"


def describe(size: int = 6, nid: str = FILE, owner: str = "alice") -> str:
    facts = f"'nid', '{nid}', 'hub_id', :{owner}, 'filename', 'Plän.pdf', 'mimetype', 'application/pdf'"
    return f"JSON_OBJECT({facts}, 'filesize', {size})"


def send(scene: Scene, *, peer: str = "bob") -> list[object]:
    """Let Alice send the file to Bob; return the message of each side."""
    scene.befriend("alice", "bob")
    scene.sets(f"attachment_add(:alice, {describe()}, 100)")
    scene.sets(f"attachment_write(:alice, '{FILE}', 0, TO_BASE64('one'))")
    scene.sets(f"attachment_write(:alice, '{FILE}', 1, TO_BASE64('two'))")
    message = (
        f"JSON_OBJECT('message_id', '{MESSAGE}', 'message', '', 'ctime', 5, 'metadata', "
        f"JSON_OBJECT('attachment', JSON_ARRAY({describe()})))"
    )
    own, *_ = scene.sets(f"message_post(:alice, :{peer}, {message})")
    copy = f"JSON_ARRAY(JSON_SET({message}, '$.author_id', :alice))"
    return [document(own), scene.doc(f"contact_greet(:bob, :alice, {copy})")]


def test_refusals(scene: Scene) -> None:
    scene.sets(f"attachment_add(:alice, {describe()}, 6)")
    scene.refuses({
        f"attachment_add(:alice, {describe(nid=OTHER)}, 11)": "QUOTA_EXCEEDED",
        f"attachment_write(:bob, '{FILE}', 0, TO_BASE64('one'))": "INVALID_ATTACHMENT",
        f"attachment_link(:alice, NULL, '{MESSAGE}', JSON_ARRAY({describe(nid=OTHER)}))": (
            "INVALID_ATTACHMENT"
        ),
    })  # fmt: skip
    send(scene)
    scene.refuses({
        f"attachment_add(:alice, {describe()}, 100)": "INVALID_ATTACHMENT",
        f"attachment_write(:alice, '{FILE}', 2, TO_BASE64('x'))": "INVALID_ATTACHMENT",
        f"message_post(:alice, :bob, JSON_OBJECT('message_id', '{'e' * 16}', 'message', '', 'ctime', 6, "
        f"'metadata', JSON_OBJECT('attachment', JSON_ARRAY({describe()}))))": "INVALID_ATTACHMENT",
    })  # fmt: skip


def test_attachment_add_counts_bytes_and_forgets_what_was_not_sent(scene: Scene) -> None:
    scene.sets(f"attachment_add(:alice, {describe()}, 6)")
    scene.sets(f"attachment_add(:alice, {describe()}, 6)")  # the same file, so it counts once
    scene.sets(f"attachment_write(:alice, '{FILE}', 0, TO_BASE64('one'))")
    assert scene.refusal(f"attachment_add(:alice, {describe(nid=OTHER)}, 6)") == "QUOTA_EXCEEDED"
    scene.sets("UPDATE attachment SET ctime = ctime - 3601")
    scene.sets(f"attachment_add(:alice, {describe(nid=OTHER)}, 6)")
    assert scene.count("attachment", "owner_id = :alice") == 1
    assert scene.count("attachment_part", "owner_id = :alice") == 0


def test_a_file_that_is_added_again_keeps_its_content(scene: Scene) -> None:
    for parts in range(2):
        scene.sets(f"attachment_add(:alice, {describe()}, 100)")
        assert scene.count("attachment_part", "owner_id = :alice") == parts
        scene.sets(f"attachment_write(:alice, '{FILE}', 0, TO_BASE64('one'))")
        assert scene.one(f"attachment_read(:alice, '{FILE}', 0)") == b"one"


def test_both_sides_have_the_file_and_nobody_else(scene: Scene) -> None:
    for message in send(scene):
        assert isinstance(message, dict)
        assert (message["is_attachment"], message["attachment"][0]["nid"]) == (1, FILE)
    for reader in ("alice", "bob"):
        opened = scene.doc(f"attachment_open(:alice, '{FILE}', :{reader})")
        assert opened == {"filename": "Plän.pdf", "mimetype": "application/pdf", "filesize": 6}
        (file,) = scene.docs(f"message_files(:{reader}, '{MESSAGE}', 1, 45)")
        assert (file["nid"], file["hub_id"], file["filename"]) == (FILE, scene["alice"], "Plän.pdf")
        assert (file["ctime"], file["page"]) == (5, 1)
    assert scene.docs(f"message_files(:bob, '{MESSAGE}', 2, 45)") == []
    assert scene.docs(f"message_files(:carol, '{MESSAGE}', 1, 45)") == []
    assert scene.rows(f"attachment_open(:alice, '{FILE}', :carol)") == []
    assert [scene.one(f"attachment_read(:alice, '{FILE}', {n})") for n in range(3)] == [b"one", b"two", None]
    room = scene.json("SELECT chat_room(:bob, :alice, :bob_alice, 1)")
    assert (room["is_attachment"], room["message"]) == (1, "")


def test_attachment_open_needs_the_message(scene: Scene) -> None:
    scene.sets(f"attachment_add(:alice, {describe()}, 100)")
    assert scene.rows(f"attachment_open(:alice, '{FILE}', :alice)") == [], "it is not sent yet"
    send(scene)
    scene.sets(f"message_drop(:bob, '[\"{MESSAGE}\"]', NULL)")
    scene.sets(f"attachment_release(:alice, :bob, '[\"{MESSAGE}\"]')")
    assert scene.rows(f"attachment_open(:alice, '{FILE}', :bob)") == []
    assert scene.rows(f"attachment_open(:alice, '{FILE}', :alice)")


def test_members_read_the_files_of_a_hub(scene: Scene) -> None:
    scene.sets(f"attachment_add(:hub, {describe(owner='hub')}, 100)")
    scene.sets(f"attachment_link(:hub, NULL, '{MESSAGE}', JSON_ARRAY({describe(owner='hub')}))")
    assert scene.rows(f"attachment_open(:hub, '{FILE}', :alice)"), "the owner of the hub"
    assert scene.rows(f"attachment_open(:hub, '{FILE}', :bob)") == []
    scene.sets("yp.permission_grant(:hub, '*', :bob, 2, 0)")
    assert scene.rows(f"attachment_open(:hub, '{FILE}', :bob)")


def test_attachment_release_deletes_with_the_last_copy(scene: Scene) -> None:
    send(scene)
    *_, files = scene.sets(f"message_drop(:bob, '[\"{MESSAGE}\"]', NULL)")
    assert documents(files) == [{"owner_id": scene["alice"], "db": "shard1", "messages": [MESSAGE]}]
    scene.sets(f"attachment_release(:alice, :bob, '[\"{MESSAGE}\"]')")
    assert scene.count("attachment_part", "owner_id = :alice") == 2
    _, _, files, _ = scene.sets(f"message_delete(:alice, '[\"{MESSAGE}\"]', 'me')")
    assert document(files)["messages"] == [MESSAGE]
    scene.sets(f"attachment_release(:alice, :alice, '[\"{MESSAGE}\"]')")
    assert scene.count("attachment", "owner_id = :alice") == 0
    assert scene.count("attachment_part", "owner_id = :alice") == 0
