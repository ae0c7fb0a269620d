"""procedures/shard/call, called directly."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from tests.support.admin import Admin
from tests.support.direct import Direct
from tests.support.scene import Scene

MESSAGE = "00000000000000d1"


def log(scene: Scene, event: str, owner: str = "alice", peer: str = "bob", invited: int = 1) -> bool:
    """Return whether a row was written."""
    call = f"call_log(:{owner}, :{peer}, '{MESSAGE}', :alice, '{event}', 61000, {invited})"
    return bool(scene.sets(call))


@pytest.mark.parametrize(
    ("events", "stays"),
    [
        (["missed", "reject"], "cancel"),
        (["reject", "leave"], "leave"),
        (["leave", "missed"], "leave"),
        (["leave", "leave"], "leave"),
    ],
)
def test_the_first_word_counts_but_a_call_beats_no_call(scene: Scene, events: list[str], stays: str) -> None:
    written = [log(scene, event) for event in events]
    assert written == [True, events == ["reject", "leave"]]
    assert (
        scene.one("SELECT JSON_VALUE(metadata, '$.call_status') FROM message WHERE owner_id = :alice")
        == stays
    )
    assert scene.count("message", "owner_id = :alice") == 1


def test_each_side_sees_its_role_and_what_is_unread(scene: Scene) -> None:
    caller_entry = scene.doc(f"call_log(:alice, :bob, '{MESSAGE}', :alice, 'leave', 61000, 1)")
    callee_entry = scene.doc(f"call_log(:bob, :alice, '{MESSAGE}', :alice, 'leave', 61000, 1)")
    assert [
        (orjson.loads(entry["metadata"])["role"], entry["room"], entry["call_duration"])
        for entry in (caller_entry, callee_entry)
    ] == [("caller", 0, 61000), ("callee", 1, 61000)]
    assert callee_entry["entity"]["status"] == "nocontact"


def test_without_an_invitation_only_contacts_and_colleagues_are_logged(scene: Scene) -> None:
    assert not log(scene, "leave", invited=0)
    assert log(scene, "leave", "erin", "frank", invited=0)
    scene.befriend("alice", "bob")
    assert log(scene, "leave", invited=0)


def test_a_missed_call_is_cancelled_in_the_words_of_the_frontend(scene: Scene) -> None:
    for owner, peer in (("alice", "bob"), ("bob", "alice")):
        entry = scene.doc(f"call_log(:{owner}, :{peer}, '{MESSAGE}', :alice, 'missed', 0, 1)")
        (listed,) = scene.docs(f"message_list(:{owner}, :{peer}, 1, 45)")
        assert (entry["call_status"], listed["call_status"]) == ("cancel", "cancel")
        assert [orjson.loads(each["metadata"])["cause"] for each in (entry, listed)] == ["missed"] * 2


def test_a_longer_conversation_replaces_a_shorter_one(scene: Scene) -> None:
    for duration, stays in ((61000, 61000), (5000, 61000), (90000, 90000)):
        scene.sets(f"call_log(:alice, :bob, '{MESSAGE}', :alice, 'leave', {duration}, 1)")
        metadata = scene.json("SELECT metadata FROM message WHERE owner_id = :alice")
        assert metadata["duration"] == stays


async def test_two_call_log_at_once_leave_one_entry(direct: Direct, admin: Admin) -> None:
    owner, peer = direct.person(), direct.person("Bob")
    calls = (
        direct.sets("shard1", "call_log", owner.uid, peer.uid, MESSAGE, owner.uid, event, 5, 1)
        for event in ("missed", "leave", "leave")
    )
    await asyncio.gather(*calls)
    ((metadata,),) = admin.rows("SELECT metadata FROM shard1.message WHERE owner_id = %s", owner.uid)
    assert orjson.loads(metadata)["call_status"] == "leave"
