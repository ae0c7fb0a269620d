"""procedures/yp/api, called directly."""

from __future__ import annotations

from tests.support.scene import Scene

OPEN = "yp.api_token_open('token')"


def test_a_token_opens_the_gate_until_it_is_dropped(scene: Scene) -> None:
    assert scene.rows(OPEN) == []
    scene.sets("yp.api_token_add(:alice, 'token', 60, 50, '', '')")
    caller = scene.doc(OPEN)
    access = {key: caller[key] for key in ("uid", "db", "hub", "level", "moving")}
    assert list(access.values()) == [scene["alice"], "shard1", scene["alice"], 7, 0]
    assert scene.rows(OPEN)[0][2] == 0
    scene.sets("yp.api_token_drop('other')")
    assert scene.rows(OPEN)
    scene.sets("yp.api_token_drop('token')")
    assert scene.rows(OPEN) == []


def test_a_token_tells_the_same_as_the_gate_of_the_rpc(scene: Scene) -> None:
    scene.sets("yp.api_token_add(:alice, 'token', 60, 50, '', '')")
    scene.sets("yp.api_grant_add(:alice, '00000000000000aa', 'refresh', 60, 50, '', '')")
    scene.sets("yp.api_key_add(:alice, 'key', 'agent')")
    scene.sets("yp.api_key_add(:alice, 'phone', 'carddav')")
    rpc_caller = scene.doc("yp.session_open(:sid_alice, NULL, NULL)")
    del rpc_caller["stale"], rpc_caller["expiry"]
    for gate in (
        OPEN,
        "yp.api_grant_open('00000000000000aa')",
        "yp.api_key_open('key', NULL)",
        "yp.app_password_open(:mail_alice, 'phone')",
    ):
        assert scene.doc(gate) == rpc_caller


def test_a_token_lives_on_while_it_is_used(scene: Scene) -> None:
    scene.sets("yp.api_token_add(:alice, 'token', 60, 50, '', '')")
    scene.sets("UPDATE yp.api_token SET mtime = 1, expiry = UNIX_TIMESTAMP() + 5")
    assert scene.rows(OPEN)[0][2] == 1
    scene.sets("yp.api_token_touch('token', 3600)")
    _, expiry, stale = scene.rows(OPEN)[0]
    assert stale == 0
    assert expiry >= scene.one("SELECT UNIX_TIMESTAMP() + 55")
    scene.sets("UPDATE yp.api_token SET expiry = UNIX_TIMESTAMP()")
    scene.sets("yp.api_token_touch('token', 3600)")
    assert scene.rows(OPEN) == [], "what has expired stays so"


def test_a_token_ends_with_the_password_and_with_the_account(scene: Scene) -> None:
    scene.sets("yp.api_token_add(:alice, 'token', 60, 50, '', '')")
    scene.sets("UPDATE yp.drumate SET password_hash = 'new' WHERE id = :alice")
    assert scene.rows(OPEN) == []
    scene.sets("yp.api_token_add(:bob, 'his', 60, 50, '', '')")
    scene.sets("UPDATE yp.entity SET status = 'locked' WHERE id = :bob")
    assert scene.rows("yp.api_token_open('his')") == []


def test_an_unknown_user_gets_no_token(scene: Scene) -> None:
    scene.sets("yp.api_token_add(:nobody, 'token', 60, 50, '', '')")
    assert scene.count("yp.api_token", "uid = :nobody") == 0


# --- keys and sign-ins of /api/v1 ----------------------------------------------------------------

GRANT = "'00000000000000aa'"
GRANT_OPEN = f"yp.api_grant_open({GRANT})"
SIGN_IN = f"yp.api_grant_add(:alice, {GRANT}, 'first', 60, 50, '', '')"


def refresh(scene: Scene, token: str, following: str) -> list[str]:
    """Return the outcome of an exchange, or None."""
    return [row[0] for row in scene.rows(f"yp.api_grant_refresh('{token}', '{following}', 60, 3600)")]


def let_pass(scene: Scene, seconds: int) -> None:
    """Let the tokens that were used have been used so many seconds earlier."""
    scene.sets(f"UPDATE yp.api_refresh SET used = used - {seconds} WHERE used > 0")


def test_each_refusal_has_its_code(scene: Scene) -> None:
    scene.sets("UPDATE yp.entity SET status = 'locked' WHERE id = :bob")
    scene.refuses({
        "yp.api_key_add('nobody@scene.example', 'k', 'agent')": "NO_SUCH_USER",
        "yp.api_key_add(:mail_bob, 'k', 'agent')": "NO_SUCH_USER",
        "yp.api_key_add(NULL, 'k', 'agent')": "NO_SUCH_USER",
        "yp.app_password_add(:nobody, 'k', '', 9)": "NO_SUCH_USER",
        "yp.app_password_add(:bob, 'k', '', 9)": "NO_SUCH_USER",
        "yp.app_password_add(:alice, 'k', '', 0)": "TOO_MANY_APP_PASSWORDS",
    })  # fmt: skip


def test_a_key_acts_for_its_person_or_for_the_one_that_is_named(scene: Scene) -> None:
    assert scene.rows("yp.api_key_open('agent', NULL)") == []
    for scope in ("agent", "system"):
        scene.sets(f"yp.api_key_add(:mail_alice, '{scope}', '{scope}')")
    for user in ("NULL", ":bob"):
        assert scene.doc(f"yp.api_key_open('agent', {user})")["uid"] == scene["alice"]
    assert scene.doc("yp.api_key_open('system', :bob)")["uid"] == scene["bob"]
    for user in ("NULL", ":nobody"):
        ((data, _, scope),) = scene.rows(f"yp.api_key_open('system', {user})")
        assert (data, scope) == (None, "system")
    scene.sets("UPDATE yp.entity SET status = 'locked' WHERE id = :alice")
    assert scene.rows("yp.api_key_open('system', :bob)") == [], "a key ends with the account it belongs to"


def test_api_key_check_refuses_any_other_answer_than_that_of_api_key_open(scene: Scene) -> None:
    scene.sets("yp.api_key_add(:mail_alice, 'agent', 'agent')")
    scene.sets("yp.api_key_add(:mail_alice, 'system', 'system')")
    for key, user in (("agent", "NULL"), ("agent", ":bob"), ("system", ":bob")):
        ((data, stale, scope),) = scene.rows(f"yp.api_key_open('{key}', {user})")
        scene["answer"] = f"{stale} {scope} {data}"
        scene.sets(f"yp.api_key_check('{key}', {user}, :answer)")
        for wrong in ("NULL", "''", "CONCAT(:answer, ' ')", "UPPER(:answer)"):
            scene.refuses({f"yp.api_key_check('{key}', {user}, {wrong})": "SESSION_CHANGED"})
    scene.refuses({"yp.api_key_check('system', :alice, :answer)": "SESSION_CHANGED"})
    scene.sets("UPDATE yp.entity SET status = 'locked' WHERE id = :alice")
    scene.refuses({"yp.api_key_check('system', :bob, :answer)": "SESSION_CHANGED"})


def test_api_grant_check_refuses_any_other_answer_than_that_of_api_grant_open(scene: Scene) -> None:
    scene.sets(SIGN_IN)
    ((data,),) = scene.rows(GRANT_OPEN)
    scene["answer"] = data
    scene.sets(f"yp.api_grant_check({GRANT}, :answer)")
    for wrong in ("NULL", "''", "CONCAT(:answer, ' ')", "UPPER(:answer)"):
        scene.refuses({f"yp.api_grant_check({GRANT}, {wrong})": "SESSION_CHANGED"})
    scene.sets(f"UPDATE yp.api_grant SET expiry = 1 WHERE id = {GRANT}")
    scene.refuses({f"yp.api_grant_check({GRANT}, :answer)": "SESSION_CHANGED"})


def test_api_key_touch_list_and_drop(scene: Scene) -> None:
    ((key, uid),) = scene.rows("yp.api_key_add(:alice, 'clk_abcdef', 'agent')")
    assert uid == scene["alice"]
    listed = scene.doc("yp.api_key_list(:alice)")
    assert (listed["id"], listed["prefix"], listed["last_used_at"]) == (key, "clk_abcd", None)
    assert (listed["uid"], listed["label"]) == (scene["alice"], "")
    scene.sets(f"yp.api_key_name('{key}', 'my phone')")
    assert scene.doc("yp.api_key_list(:alice)")["label"] == "my phone"
    assert scene.rows("yp.api_key_open('clk_abcdef', NULL)")[0][1] == 1
    scene.sets("yp.api_key_touch('clk_abcdef')")
    assert scene.rows("yp.api_key_open('clk_abcdef', NULL)")[0][1] == 0
    assert scene.doc("yp.api_key_list(:alice)")["last_used_at"] > 0
    assert scene.rows("yp.api_key_list(:bob)") == []
    assert len(scene.rows("yp.api_key_list(NULL)")) >= 1
    assert scene.rows(f"yp.api_key_drop('{key}')") == [(1,)]
    assert scene.rows(f"yp.api_key_drop('{key}')") == [(0,)]
    assert scene.rows("yp.api_key_open('clk_abcdef', NULL)") == []


def test_an_app_password_opens_carddav_for_its_person_and_nothing_else(scene: Scene) -> None:
    opens = "yp.app_password_open(:mail_alice, 'phone')"
    assert scene.rows(opens) == []
    ((key, made),) = scene.rows("yp.app_password_add(:alice, 'phone', 'My phone', 1)")
    assert scene.doc(opens)["uid"] == scene["alice"]
    assert scene.rows("yp.app_password_open(:mail_bob, 'phone')") == [], "as somebody else"
    assert scene.rows("yp.api_key_open('phone', NULL)") == []
    assert scene.rows("yp.api_key_open('phone', :alice)") == []
    for scope in ("agent", "system", "sync"):
        scene.sets(f"yp.api_key_add(:alice, '{scope}', '{scope}')")
        assert scene.rows(f"yp.app_password_open(:mail_alice, '{scope}')") == [], scope
    scene.refuses({"yp.app_password_add(:alice, 'tablet', '', 1)": "TOO_MANY_APP_PASSWORDS"})
    listed = next(each for each in scene.docs("yp.api_key_list(:alice)") if each["id"] == key)
    assert (listed["scope"], listed["label"], listed["created_at"]) == ("carddav", "My phone", made)
    assert scene.rows(opens)[0][1] == 1
    scene.sets("yp.api_key_touch('phone')")
    assert scene.rows(opens)[0][1] == 0


def test_an_app_password_ends_with_the_account_and_not_with_the_password(scene: Scene) -> None:
    opens = "yp.app_password_open(:mail_alice, 'phone')"
    scene.sets("yp.api_key_add(:alice, 'phone', 'carddav')")
    scene.sets("UPDATE yp.drumate SET password_hash = 'new' WHERE id = :alice")
    assert scene.doc(opens)["uid"] == scene["alice"]
    for status in ("locked", "frozen", "archived", "deleted"):
        scene.sets(f"UPDATE yp.entity SET status = '{status}' WHERE id = :alice")
        assert scene.rows(opens) == [], status


def test_app_password_drop_revokes_what_is_the_persons_own(scene: Scene) -> None:
    ((phone, _),) = scene.rows("yp.app_password_add(:alice, 'phone', '', 9)")
    ((agent, _),) = scene.rows("yp.api_key_add(:alice, 'agent', 'agent')")
    for drop in (f":bob, '{phone}'", f":alice, '{agent}'", ":alice, '0000000000000000'"):
        assert scene.rows(f"yp.app_password_drop({drop})") == [(0,)], drop
    assert scene.rows("yp.app_password_open(:mail_alice, 'phone')")
    assert scene.rows(f"yp.app_password_drop(:alice, '{phone}')") == [(1,)]
    assert scene.rows("yp.app_password_open(:mail_alice, 'phone')") == []


def test_api_secret_get_makes_one_secret_for_all(scene: Scene) -> None:
    first = scene.rows("yp.api_secret_get()")
    assert len(first[0][0]) == 64
    assert scene.rows("yp.api_secret_get()") == first


def test_api_grant_add_and_api_grant_refresh(scene: Scene) -> None:
    assert scene.rows(GRANT_OPEN) == []
    ((uid, email, _),) = scene.rows(SIGN_IN)
    assert (uid, email) == (scene["alice"], scene["mail_alice"])
    assert scene.doc(GRANT_OPEN)["uid"] == scene["alice"]
    assert refresh(scene, "other", "x") == []
    assert refresh(scene, "first", "second") == ["ok"]
    assert refresh(scene, "second", "third") == ["ok"]
    assert scene.doc(GRANT_OPEN)["uid"] == scene["alice"]
    let_pass(scene, 32)
    assert refresh(scene, "first", "thief") == ["reused"]
    assert refresh(scene, "third", "x") == [], "the sign-in has ended"
    assert scene.rows(GRANT_OPEN) == []
    assert scene.count("yp.api_refresh", f"grant_id = {GRANT}") == 0


def test_tabs_that_share_a_refresh_token_go_on_for_half_a_minute(scene: Scene) -> None:
    scene.sets(SIGN_IN)
    # The client exchanges its token twice in one load of a page.
    assert [refresh(scene, *pair) for pair in (("first", "a1"), ("a1", "a2"))] == [["ok"], ["ok"]]
    assert [refresh(scene, *pair) for pair in (("first", "b1"), ("b1", "b2"))] == [["ok"], ["ok"]]
    let_pass(scene, 25)
    assert refresh(scene, "first", "c1") == ["ok"]
    let_pass(scene, 10)
    assert [refresh(scene, *pair) for pair in (("a2", "a3"), ("b2", "b3"), ("c1", "c2"))] == [["ok"]] * 3
    assert refresh(scene, "first", "thief") == ["reused"], "the grace begins with the first use"
    for token in ("a3", "b3", "c2"):
        assert refresh(scene, token, "x") == []
    assert scene.rows(GRANT_OPEN) == []


def test_a_sign_in_ends_with_time_password_and_account(scene: Scene) -> None:
    scene.sets(SIGN_IN)
    scene.sets("UPDATE yp.api_refresh SET expiry = UNIX_TIMESTAMP()")
    assert refresh(scene, "first", "second") == []
    scene.sets("UPDATE yp.api_refresh SET expiry = UNIX_TIMESTAMP() + 60")
    scene.sets("UPDATE yp.entity SET status = 'locked' WHERE id = :alice")
    assert scene.rows(GRANT_OPEN) == []
    assert refresh(scene, "first", "second") == []
    scene.sets("UPDATE yp.entity SET status = 'active' WHERE id = :alice")
    scene.sets("UPDATE yp.drumate SET password_hash = 'new' WHERE id = :alice")
    assert scene.rows(GRANT_OPEN) == []
    assert refresh(scene, "first", "second") == []


def test_api_grant_drop_by_id_or_by_token(scene: Scene) -> None:
    for way in (f"{GRANT}, NULL", "NULL, 'first'"):
        scene.sets(SIGN_IN)
        assert scene.rows(f"yp.api_grant_drop({way})") == [(scene["alice"],)]
        assert scene.rows(GRANT_OPEN) == []
        assert refresh(scene, "first", "second") == []
    assert scene.rows("yp.api_grant_drop(NULL, 'first')") == []


def test_api_access_ended_names_users_with_a_void_token(scene: Scene) -> None:
    scene.sets(SIGN_IN)
    scene.sets("yp.api_key_add(:bob, 'key', 'agent')")
    sockets = (
        f"JSON_ARRAY(JSON_OBJECT('uid', :alice, 'grant', {GRANT}, 'key', NULL), "
        "JSON_OBJECT('uid', :bob, 'grant', NULL, 'key', 'key'))"
    )
    ended = f"yp.api_access_ended({sockets})"
    assert scene.rows(ended) == []
    scene.sets("UPDATE yp.entity SET status = 'frozen' WHERE id = :bob")
    assert scene.rows(ended) == [(scene["bob"],)]
    scene.sets("UPDATE yp.entity SET status = 'active' WHERE id = :bob")
    scene.sets("UPDATE yp.api_grant SET expiry = UNIX_TIMESTAMP()")
    assert scene.rows(ended) == [(scene["alice"],)]
    scene.sets("DELETE FROM yp.api_key WHERE uid = :bob")
    assert {uid for (uid,) in scene.rows(ended)} == {scene["alice"], scene["bob"]}
