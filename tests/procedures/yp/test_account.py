"""procedures/yp/account, called directly."""

from __future__ import annotations

from typing import Any

from tests.support.scene import Scene

FORGOTTEN = "yp.account_mail_open('forgot_password', :mail_alice, 'en', '{}', '{}')"


def mail(scene: Scene, statement: str) -> Any:
    """Return the mail that a CALL makes, or None."""
    return scene.doc(statement)["mail"]


def test_a_link_for_a_password_goes_to_accounts_only_and_rarely(scene: Scene) -> None:
    assert mail(scene, "yp.account_mail_open('forgot_password', 'no@scene.org', 'en', 's', 'e1')") is None
    made = mail(scene, FORGOTTEN.format("s", "00000000000000e1"))
    assert (made["email"], made["template"]) == (scene["mail_alice"], "new_password")
    assert (made["data"]["uid"], made["data"]["secret"]) == (scene["alice"], "s")
    assert mail(scene, FORGOTTEN.format("t", "00000000000000e2")) is None, "one in a minute"
    for number in (2, 3):
        scene.sets("UPDATE yp.mail_outbox SET ctime = ctime - 61 WHERE recipient = :mail_alice")
        assert mail(scene, FORGOTTEN.format(f"s{number}", f"00000000000000f{number}"))
    scene.sets("UPDATE yp.mail_outbox SET ctime = ctime - 61 WHERE recipient = :mail_alice")
    assert mail(scene, FORGOTTEN.format("s4", "00000000000000f4")) is None, "three in an hour"
    # The newest link replaces the others.
    scene.refuses({"yp.token_show('s')": "INVALID_TOKEN"})
    assert scene.doc("yp.token_show('s3')")["method"] == "forgot_password"


def test_an_account_that_is_frozen_gets_no_link(scene: Scene) -> None:
    scene.sets("UPDATE yp.entity SET status = 'frozen' WHERE id = :alice")
    assert mail(scene, FORGOTTEN.format("s", "00000000000000e1")) is None


def test_a_link_for_an_account_goes_to_new_addresses_only(scene: Scene) -> None:
    assert mail(scene, "yp.account_mail_open('signup', :mail_alice, 'fr', 's', 'e1')") is None
    made = mail(scene, "yp.account_mail_open('signup', 'new@scene.org', 'fr', 's', '00000000000000e1')")
    assert (made["template"], made["lang"], made["data"]["uid"]) == ("confirm", "fr", None)
    assert scene.doc("yp.token_show('s')")["inviter"] is None


def test_a_new_user_has_the_address_of_the_link(scene: Scene) -> None:
    scene.sets("yp.account_mail_open('signup', 'new@scene.org', 'fr', 's', '00000000000000e1')")
    account_rows, link_rows = scene.sets("yp.drumate_signup('s', '-', 'New', 'P', 'fr')")
    scene["new"] = account_rows[0][0]
    assert scene.rows("SELECT email, username, lang, firstname FROM yp.drumate WHERE id = :new") == [
        ("new@scene.org", "new", "fr", "New")
    ]
    assert link_rows == [('{"email": "new@scene.org", "inviter": null}',)]
    scene.refuses({
        "yp.drumate_signup('other', '-', 'New', 'P', 'fr')": "INVALID_TOKEN",
        "yp.drumate_signup('s', '-', 'New', 'P', 'fr')": "EXPIRIED_TOKEN",
    })  # fmt: skip


def test_an_address_that_was_registered_meanwhile_is_refused(scene: Scene) -> None:
    scene.sets(
        "yp.contact_invite_open(:alice, 'new@scene.org', 'new@scene.org', NULL, 'ticket', "
        "'00000000000000ea', 50, 10, 7)"
    )
    scene.sets("yp.drumate_create(NULL, 'new@scene.org', 'scene.new', '-', 'New', 'P', NULL, 'shard1')")
    scene.refuses({"yp.drumate_signup('ticket', '-', 'New', 'P', 'fr')": "EMAIL_IN_USE"})


def test_nobody_signs_up_while_no_shard_is_open(scene: Scene) -> None:
    scene.sets("yp.account_mail_open('signup', 'new@scene.org', 'fr', 's', '00000000000000e1')")
    scene.sets("UPDATE yp.shard SET is_open = 0")
    scene.refuses({"yp.drumate_signup('s', '-', 'New', 'P', 'fr')": "NO_SHARD"})


def test_a_new_password_ends_sign_ins_and_links(scene: Scene) -> None:
    scene.sets(FORGOTTEN.format("s", "00000000000000e1"))
    scene.refuses({
        "yp.password_reset('other', :alice, 'h')": "INVALID_TOKEN",
        "yp.password_reset('s', :bob, 'h')": "INVALID_TOKEN",
    })  # fmt: skip
    scene.sets("yp.session_signin(:alice, 'scene-alice', NULL, NULL, 60, 20, 'ua', '127.0.0.1')")
    *_, ended = scene.sets("yp.password_reset('s', :alice, 'h')")
    assert ended == [(1,)]
    assert scene.one("SELECT password_hash FROM yp.drumate WHERE id = :alice") == "h"
    scene.refuses({"yp.password_reset('s', :alice, 'h')": "EXPIRIED_TOKEN"})


def test_a_change_of_the_password_keeps_one_sign_in(scene: Scene) -> None:
    scene.sets(FORGOTTEN.format("s", "00000000000000e1"))
    for sid in ("scene-one", "scene-two"):
        scene.sets(f"yp.session_signin(:alice, '{sid}', NULL, NULL, 60, 20, 'ua', '127.0.0.1')")
    *_, ended = scene.sets("yp.password_change(:alice, 'h', LEFT(SHA2('scene-one', 256), 16))")
    assert ended == [(1,)]
    assert scene.rows("SELECT id = SHA2('scene-one', 256) FROM yp.session WHERE uid = :alice") == [(1,)]
    scene.refuses({"yp.token_show('s')": "EXPIRIED_TOKEN"})


def test_account_rename_sets_the_name(scene: Scene) -> None:
    scene.sets("yp.account_rename(:alice, 'Ana', '')")
    assert scene.one("SELECT fullname FROM yp.drumate WHERE id = :alice") == "Ana"
    scene.sets("yp.account_rename(:alice, 'Ana', 'García')")
    assert scene.one("SELECT fullname FROM yp.drumate WHERE id = :alice") == "Ana García"


def test_a_sign_in_to_the_rest_api_stays_when_its_user_changes_the_password(scene: Scene) -> None:
    for grant in ("00000000000000a1", "00000000000000a2"):
        scene.sets(f"yp.api_grant_add(:alice, '{grant}', '{grant}', 60, 50, '', '')")
    scene.sets("yp.password_change(:alice, 'h', '00000000000000a1')")
    assert scene.doc("yp.api_grant_open('00000000000000a1')")["uid"] == scene["alice"]
    assert scene.rows("yp.api_grant_open('00000000000000a2')") == []
