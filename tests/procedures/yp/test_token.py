"""procedures/yp/token, called directly."""

from __future__ import annotations

import asyncio
import secrets

import pytest

from service.errors import Refused
from tests.support.direct import Direct
from tests.support.scene import Scene


@pytest.fixture
def invited(scene: Scene) -> Scene:
    """Let Alice invite new@scene.org with the link `ticket`."""
    scene.sets(
        "yp.contact_invite_open(:alice, 'new@scene.org', 'new@scene.org', NULL, 'ticket', "
        "'00000000000000ea', 50, 10, 7)"
    )
    return scene


def register(scene: Scene) -> None:
    """Register the invited address as `new`."""
    scene["new"] = scene.one(
        "CALL yp.drumate_create(NULL, 'new@scene.org', 'scene.new', '-', 'New', 'P', NULL, 'shard1')"
    )


def test_a_link_says_what_it_is_good_for(invited: Scene) -> None:
    def status(secret: str) -> str:
        return str(invited.doc(f"yp.contact_invitation_status('{secret}')")["status"])

    assert (status("other"), status("ticket")) == ("nodata", "unregister")
    register(invited)
    assert status("ticket") == "register"


def test_a_page_learns_who_has_sent_the_link(invited: Scene) -> None:
    link = invited.doc("yp.token_show('ticket')")
    assert (link["method"], link["email"], link["uid"]) == ("signup", "new@scene.org", None)
    assert (link["inviter_email"], link["name"]) == (invited["mail_alice"], None)
    invited.sets("yp.mail_greet('00000000000000ea', 'Zoë')")
    assert invited.doc("yp.token_show('ticket')")["name"] == "Zoë"
    register(invited)
    assert invited.doc("yp.token_show('ticket')")["uid"] == invited["new"]
    invited.refuses({"yp.token_show('other')": "INVALID_TOKEN"})
    invited.sets("UPDATE yp.token SET expiry = UNIX_TIMESTAMP()")
    invited.refuses({
        "yp.token_show('ticket')": "EXPIRIED_TOKEN",
        "yp.token_lock('ticket', 'signup', @id, @email, @inviter)": "EXPIRIED_TOKEN",
    })  # fmt: skip


def test_a_link_is_locked_for_its_purpose_only(invited: Scene) -> None:
    invited.sets("yp.token_lock('ticket', 'signup', @id, @email, @inviter)")
    assert invited.rows("SELECT @email, @inviter") == [("new@scene.org", invited["alice"])]
    invited.refuses({
        "yp.token_lock('ticket', 'forgot_password', @id, @email, @inviter)": "INVALID_TOKEN",
    })  # fmt: skip


def test_a_link_that_was_refused_is_void(invited: Scene) -> None:
    invited.refuses({"yp.token_refuse('other')": "INVALID_TOKEN"})
    refused = invited.doc("yp.token_refuse('ticket')")
    assert refused == {"inviter": invited["alice"], "db": "shard1", "email": "new@scene.org"}
    invited.refuses({"yp.token_refuse('ticket')": "EXPIRIED_TOKEN"})


def test_a_link_is_used_up_once_by_the_invited_address(invited: Scene) -> None:
    register(invited)
    invited.refuses({
        "yp.token_consume('other', :new, 0)": "INVALID_TOKEN",
        "yp.token_consume('ticket', :bob, 0)": "INVALID_TOKEN",
        "yp.token_consume('ticket', :alice, 1)": "SELF_CONTACT",
    })  # fmt: skip
    invitation = invited.doc("yp.token_consume('ticket', :new, 0)")
    assert (invitation["inviter"], invitation["email"], invitation["others"]) == (
        invited["alice"],
        "new@scene.org",
        [],
    )
    invited.refuses({"yp.token_consume('ticket', :new, 0)": "EXPIRIED_TOKEN"})


def test_a_link_can_be_bound_to_another_address(invited: Scene) -> None:
    assert invited.doc("yp.token_consume('ticket', :bob, 1)")["email"] == "new@scene.org"


def test_a_link_ends_after_seven_days(invited: Scene) -> None:
    register(invited)
    seconds = invited.one("SELECT expiry - UNIX_TIMESTAMP() FROM yp.token WHERE inviter_id = :alice")
    assert 7 * 86400 - 5 <= seconds <= 7 * 86400
    invited.sets("UPDATE yp.token SET expiry = UNIX_TIMESTAMP()")
    invited.refuses({"yp.token_consume('ticket', :new, 0)": "EXPIRIED_TOKEN"})


def test_everybody_else_who_invited_the_address_is_named(invited: Scene) -> None:
    invited.sets(
        "yp.contact_invite_open(:bob, 'new@scene.org', 'new@scene.org', NULL, 'his', '00000000000000eb', "
        "50, 10, 7)"
    )
    register(invited)
    others = invited.doc("yp.token_consume('ticket', :new, 0)")["others"]
    assert others == [{"inviter": invited["bob"], "db": "shard1"}]
    invited.refuses({"yp.token_consume('his', :new, 0)": "EXPIRIED_TOKEN"})


def test_a_link_that_was_withdrawn_is_void(invited: Scene) -> None:
    register(invited)
    invited.sets("yp.token_withdraw(:bob, 'new@scene.org')")
    assert invited.count("yp.token", "inviter_id = :alice AND status = 'active'") == 1
    invited.sets("yp.token_withdraw(:alice, 'new@scene.org')")
    invited.refuses({"yp.token_consume('ticket', :new, 0)": "EXPIRIED_TOKEN"})


async def test_one_of_two_who_use_a_link_at_once_succeeds(direct: Direct) -> None:
    inviter, guest = direct.person(), direct.person("Bob")
    secret, email = secrets.token_hex(16), f"{secrets.token_hex(5)}@example.com"
    await direct.sets(
        "yp",
        "contact_invite_open",
        inviter.uid,
        email,
        email,
        None,
        secret,
        secrets.token_hex(8),
        50,
        10,
        7,
    )
    calls = (direct.sets("yp", "token_consume", secret, guest.uid, 1) for _ in range(3))
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(r, Refused) and r.code == "EXPIRIED_TOKEN" for r in results) == 2, results


def test_a_withdrawal_is_noted_for_both(scene: Scene) -> None:
    scene.sets("yp.invitation_withdraw(:alice, :bob)")
    rows = scene.rows("SELECT event, target_uid FROM yp.contact_activity WHERE uid = :alice")
    assert rows == [("invite_withdrawn", scene["bob"])]
