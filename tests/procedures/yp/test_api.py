"""procedures/yp/api, called directly."""

from __future__ import annotations

from tests.procedures.scene import Scene

OPEN = "yp.api_token_open('token')"


def test_a_token_opens_the_gate_until_it_is_dropped(scene: Scene) -> None:
    assert scene.rows(OPEN) == []
    scene.sets("yp.api_token_add(:alice, 'token', 60)")
    caller = scene.doc(OPEN)
    shown = {key: caller[key] for key in ("uid", "db", "hub", "level", "moving", "stale")}
    assert list(shown.values()) == [scene["alice"], "shard1", scene["alice"], 7, 0, 0]
    scene.sets("yp.api_token_drop('other')")
    assert scene.rows(OPEN)
    scene.sets("yp.api_token_drop('token')")
    assert scene.rows(OPEN) == []


def test_a_token_tells_the_same_as_the_gate_of_the_rpc(scene: Scene) -> None:
    scene.sets("yp.api_token_add(:alice, 'token', 60)")
    ours, theirs = scene.doc(OPEN), scene.doc("yp.session_open(:sid_alice, NULL, NULL)")
    assert ours.keys() == theirs.keys()
    assert {k: v for k, v in ours.items() if theirs[k] != v and k != "expiry"} == {}


def test_a_token_lives_on_while_it_is_used(scene: Scene) -> None:
    scene.sets("yp.api_token_add(:alice, 'token', 60)")
    scene.sets("UPDATE yp.api_token SET mtime = 1, expiry = UNIX_TIMESTAMP() + 5")
    assert scene.doc(OPEN)["stale"] == 1
    scene.sets("yp.api_token_touch('token')")
    assert scene.doc(OPEN)["stale"] == 0
    assert scene.doc(OPEN)["expiry"] >= scene.one("SELECT UNIX_TIMESTAMP() + 55")
    scene.sets("UPDATE yp.api_token SET expiry = UNIX_TIMESTAMP()")
    scene.sets("yp.api_token_touch('token')")
    assert scene.rows(OPEN) == [], "what has expired stays so"


def test_a_token_ends_with_the_password_and_with_the_account(scene: Scene) -> None:
    scene.sets("yp.api_token_add(:alice, 'token', 60)")
    scene.sets("UPDATE yp.drumate SET password_hash = 'new' WHERE id = :alice")
    assert scene.rows(OPEN) == []
    scene.sets("yp.api_token_add(:bob, 'his', 60)")
    scene.sets("UPDATE yp.entity SET status = 'locked' WHERE id = :bob")
    assert scene.rows("yp.api_token_open('his')") == []


def test_nobody_gets_no_token(scene: Scene) -> None:
    scene.sets("yp.api_token_add(:nobody, 'token', 60)")
    assert scene.count("yp.api_token", "uid = :nobody") == 0
