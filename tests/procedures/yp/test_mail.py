"""procedures/yp/mail, called directly."""

from __future__ import annotations

import asyncio
import secrets

import pytest

from tests.support.admin import Admin
from tests.support.direct import Direct
from tests.support.scene import Scene

MAIL = "00000000000000ea"


@pytest.fixture
def outbox(scene: Scene) -> Scene:
    """Leave one due mail to Ada in the outbox, and nothing else."""
    scene.sets("DELETE FROM yp.mail_outbox")
    scene.sets(
        f"yp.contact_invite_open(:alice, 'ada@scene.example', 'ada@scene.example', 'Hi', 'ticket', '{MAIL}', "
        "50, 10, 7)"
    )
    scene.sets("UPDATE yp.mail_outbox SET next_try = UNIX_TIMESTAMP() - 1")
    return scene


def claim(scene: Scene, number: int, limit: int = 10) -> list[dict[str, object]]:
    """Return the mails that one process may send now."""
    return scene.docs(f"yp.mail_claim('{number:016x}', {limit}, 60)")


def test_a_mail_is_claimed_by_one_until_its_lease_is_over(outbox: Scene) -> None:
    (mail,) = claim(outbox, 1)
    assert (mail["id"], mail["email"], mail["template"]) == (MAIL, "ada@scene.example", "invite_stranger")
    assert claim(outbox, 2) == []
    outbox.sets("UPDATE yp.mail_outbox SET next_try = UNIX_TIMESTAMP() - 1")
    assert len(claim(outbox, 2)) == 1


def test_of_a_mail_that_was_sent_only_the_name_is_kept(outbox: Scene) -> None:
    claim(outbox, 1)
    outbox.sets(f"yp.mail_greet('{MAIL}', 'Ada')")
    outbox.sets(f"yp.mail_sent('{MAIL}')")
    assert outbox.rows("SELECT status, data FROM yp.mail_outbox") == [("sent", '{"name": "Ada"}')]
    assert outbox.docs("yp.mail_list(50)") == []
    outbox.sets("UPDATE yp.mail_outbox SET next_try = 1")
    assert claim(outbox, 2) == []
    assert outbox.count("yp.mail_outbox") == 0, "and cleared away a week later"


def test_a_mail_that_failed_waits_longer_each_time_and_is_given_up(outbox: Scene) -> None:
    waits = []
    for attempt in range(1, 15):
        outbox.sets("UPDATE yp.mail_outbox SET next_try = UNIX_TIMESTAMP() WHERE status = 'pending'")
        claim(outbox, attempt)
        outbox.sets(f"yp.mail_failed('{MAIL}', 'connection refused')")
        ((wait, status),) = outbox.rows("SELECT next_try - UNIX_TIMESTAMP(), status FROM yp.mail_outbox")
        waits.append(round(wait / 60))
        assert status == ("failed" if attempt == 14 else "pending"), attempt
    assert waits[:5] == [1, 2, 4, 8, 16]
    assert waits[-1] == 6 * 60
    assert outbox.docs("yp.mail_list(50)")[0]["last_error"] == "connection refused"


def test_a_mail_that_is_days_old_is_not_sent(outbox: Scene) -> None:
    outbox.sets("UPDATE yp.mail_outbox SET ctime = 1")
    assert claim(outbox, 1) == []
    assert [m["last_error"] for m in outbox.docs("yp.mail_list(50)")] == ["too old"]


def test_an_unsubscribed_address_gets_no_more_mails(outbox: Scene) -> None:
    assert outbox.one(f"CALL yp.mail_stop('{MAIL}')") == 1
    assert outbox.one(f"CALL yp.mail_stop('{MAIL}')") == 1, "twice is harmless"
    assert outbox.one("CALL yp.mail_stop('nothing')") == 0
    outbox["ada_address"] = "ada@scene.example"
    opened = outbox.doc(
        "yp.contact_invite_open(:bob, :ada_address, :ada_address, NULL, 's', '00000000000000eb', 50, 10, 7)"
    )
    assert opened["mail"] is None


async def test_processes_that_claim_at_once_share_the_mails(direct: Direct, admin: Admin) -> None:
    person = direct.person()
    mails = {secrets.token_hex(8) for _ in range(6)}
    admin.rows(
        "INSERT INTO yp.mail_outbox (id, sender_id, recipient, template, lang, data, next_try, ctime, mtime) "
        f"VALUES {', '.join(['(%s, %s, %s, %s, %s, %s, 1, UNIX_TIMESTAMP(), 1)'] * len(mails))}",
        *[v for m in mails for v in (m, person.uid, "x@scene.example", "invite_stranger", "en", "{}")],
    )
    claims = await asyncio.gather(
        *(direct.all("yp", "mail_claim", secrets.token_hex(8), 2, 60) for _ in range(4))
    )
    taken = [mail["id"] for claim in claims for mail in claim if mail["id"] in mails]
    admin.rows("DELETE FROM yp.mail_outbox WHERE sender_id = %s", person.uid)
    assert sorted(taken) == sorted(set(taken))


def test_the_budget_of_a_day(scene: Scene) -> None:
    """Two mails a day, one while the account is new; the seconds are those until the oldest is a day old."""
    wait = "SELECT yp.mail_wait(:alice, 2, 1, 7)"
    scene.sets("DELETE FROM yp.mail_outbox")
    assert scene.one(wait) == 0
    _mail(scene, 1, seconds_ago=86_400 - 100)
    assert 95 <= scene.one(wait) <= 100, "a new account"
    scene.sets("UPDATE yp.drumate SET ctime = ctime - 8 * 86400 WHERE id = :alice")
    assert scene.one(wait) == 0
    _mail(scene, 2, seconds_ago=10)
    assert 95 <= scene.one(wait) <= 100
    _mail(scene, 3, seconds_ago=20)
    assert 86_370 <= scene.one(wait) <= 86_380, "the second newest must leave the window"
    assert scene.one("SELECT yp.mail_wait(:bob, 2, 1, 7)") == 0, "everybody has a budget of their own"
    assert scene.one("SELECT yp.mail_wait(:bob, 0, 0, 7)") == 86_400
    scene.sets("UPDATE yp.mail_outbox SET ctime = ctime - 86400 WHERE sender_id = :alice")
    assert scene.one(wait) == 0


def _mail(scene: Scene, number: int, seconds_ago: int) -> None:
    scene.sets(
        "INSERT INTO yp.mail_outbox (id, sender_id, recipient, template, data, next_try, ctime, mtime) "
        f"VALUES ('{number:016x}', :alice, 'x@y.example', 'invite_stranger', '{{}}', 0, "
        f"UNIX_TIMESTAMP() - {seconds_ago}, 0)"
    )


def test_an_invitation_to_a_meeting_is_one_mail_within_the_budget(scene: Scene) -> None:
    call = "yp.meeting_invite(:alice, '{}', '{}', JSON_OBJECT('title', 'Tea'), {}, 50, 7)"
    mail = scene.doc(call.format("a@meet.example", "a" * 16, 1))["mail"]
    assert (mail["template"], mail["data"]["title"], mail["data"]["inviter"]) == (
        "invite_meeting", "Tea", "Alice Scene",
    )  # fmt: skip
    assert scene.doc(call.format("a@meet.example", "b" * 16, 1))["mail"] is None
    refusal = scene.refused(call.format("b@meet.example", "c" * 16, 1))
    assert (refusal.code, refusal.retry_after > 0) == ("TOO_MANY_INVITATIONS", True)
    scene.sets("INSERT INTO yp.mail_optout (email, ctime) VALUES ('c@meet.example', 1)")
    assert scene.doc(call.format("c@meet.example", "d" * 16, 1))["mail"] is None


def test_news_of_a_meeting_wait_for_no_minute_and_its_end_for_no_budget(scene: Scene) -> None:
    invite = "yp.meeting_invite(:alice, 'a@meet.example', '{}', JSON_OBJECT('kind', '{}'), {}, 50, 7)"
    for number, kind in enumerate(("invite", "change", "change")):
        assert scene.doc(invite.format(f"{number:016x}", kind, 9))["mail"]["data"]["kind"] == kind
    assert scene.refusal(invite.format("d" * 16, "change", 0)) == "TOO_MANY_INVITATIONS"
    notify = "yp.meeting_notify(:alice, '{}', '{}', JSON_OBJECT('kind', 'cancel'))"
    assert scene.doc(notify.format("a@meet.example", "e" * 16))["mail"]["email"] == "a@meet.example"
    scene.sets("INSERT INTO yp.mail_optout (email, ctime) VALUES ('c@meet.example', 1)")
    assert scene.doc(notify.format("c@meet.example", "f" * 16))["mail"] is None


def test_a_mail_greets_by_the_name_that_its_sender_knows(scene: Scene) -> None:
    scene.sets(f"yp.meeting_notify(:alice, 'z@meet.example', '{'a' * 16}', JSON_OBJECT('kind', 'cancel'))")
    for name in ("Zoë", "Max"):
        assert scene.doc(f"yp.mail_greet('{'a' * 16}', '{name}')")["data"]["name"] == "Zoë"
    assert scene.rows("yp.mail_greet('none', 'Zoë')") == []
