"""procedures/yp/contact, called directly."""

from __future__ import annotations

import asyncio
import itertools
import secrets

from tests.support.direct import Direct
from tests.support.retries import retries
from tests.support.scene import Scene

SECRET = secrets.token_hex(12)
OPEN = f"yp.contact_invite_open(:alice, {{key}}, {{email}}, 'Hi', '{SECRET}', '{{mail:016x}}', {{budget}})"
BUDGET = "50, 10, 7"
NO_BUDGET = "0, 0, 7"


def invite(scene: Scene, key: str, email: str = "NULL", mail: int = 1) -> dict[str, object]:
    """Let Alice begin an invitation."""
    opened: dict[str, object] = scene.doc(OPEN.format(key=key, email=email, mail=mail, budget=BUDGET))
    return opened


def test_each_refusal_has_its_code(scene: Scene) -> None:
    scene.refuses({
        "yp.contact_drumate_chk('nobody@scene.org')": "NOT_A_DRUMATE",
        "yp.contact_answer_open(:alice, 'nobody@scene.org', 'invite_accepted')": "NOT_A_DRUMATE",
        OPEN.format(key="'no name'", email="NULL", mail=1, budget=BUDGET): "INVALID_DATA",
        OPEN.format(key=":mail_alice", email=":mail_alice", mail=1, budget=BUDGET): "SELF_CONTACT",
        "yp.contact_invite_open(:erin, :mail_frank, :mail_frank, NULL, 's', '0', 50, 10, 7)": "SAME_DOMAIN",
    })  # fmt: skip
    assert scene.count("yp.contact_activity", "uid IN (:alice, :erin)") == 0


def test_invitation_mails_have_a_budget(scene: Scene) -> None:
    opened = "yp.contact_invite_open(:alice, {who}, {who}, NULL, '{secret}', '{mail}', 1, 1, 7)"
    scene.doc(opened.format(who="'one@scene.org'", secret="s" * 24, mail="a"))
    two = opened.format(who="'two@scene.org'", secret="t" * 24, mail="b")
    scene.refuses({two: "TOO_MANY_INVITATIONS"})
    assert scene.count("yp.token", "inviter_id = :alice") == 1


def test_contact_drumate_chk_by_uid_address_and_name(scene: Scene) -> None:
    for key in (":bob", ":mail_bob", "'scene.bob'"):
        assert scene.one(f"CALL yp.contact_drumate_chk({key})") == scene["bob"], key


def test_contact_answer_open_finds_the_other_and_notes_the_deed(scene: Scene) -> None:
    opened = scene.doc("yp.contact_answer_open(:alice, :mail_bob, 'invite_refused')")
    assert (opened["peer"], opened["db"]) == (scene["bob"], "shard1")
    ((event, target),) = scene.rows("SELECT event, target_uid FROM yp.contact_activity WHERE uid = :alice")
    assert (event, target) == ("invite_refused", scene["bob"])


def test_an_invited_person_gets_a_mail_and_both_a_note(scene: Scene) -> None:
    opened = invite(scene, ":mail_bob", ":mail_bob")
    assert (opened["peer"], opened["db"], opened["blocked"]) == (scene["bob"], "shard1", 0)
    assert isinstance(opened["mail"], dict)
    assert (opened["mail"]["template"], opened["mail"]["data"]["secret"]) == ("invite_member", None)
    events = scene.rows("SELECT uid, event FROM yp.contact_activity WHERE uid IN (:alice, :bob)")
    assert set(events) == {(scene["alice"], "invite_sent"), (scene["bob"], "invite_received")}


def test_an_invited_stranger_gets_a_link(scene: Scene) -> None:
    opened = invite(scene, "'new@scene.org'", "'new@scene.org'")
    assert (opened["peer"], opened["email"]) == (None, "new@scene.org")
    assert isinstance(opened["mail"], dict)
    assert (opened["mail"]["template"], opened["mail"]["data"]["secret"]) == ("invite_stranger", SECRET)
    assert scene.count("yp.token", "inviter_id = :alice AND email = 'new@scene.org'") == 1
    invite(scene, "'new@scene.org'", "'new@scene.org'", 2)
    assert scene.count("yp.token", "inviter_id = :alice") == 1, "one link, however often"


def test_an_address_gets_one_mail_a_minute(scene: Scene) -> None:
    assert invite(scene, ":mail_bob", mail=1)["mail"]
    assert invite(scene, ":mail_bob", mail=2)["mail"] is None
    scene.sets("UPDATE yp.mail_outbox SET ctime = ctime - 61 WHERE sender_id = :alice")
    assert invite(scene, ":mail_bob", mail=3)["mail"]


def test_without_a_budget_of_mails_strangers_are_refused_and_users_get_no_mail(scene: Scene) -> None:
    stranger = {"key": "'new@scene.org'", "email": "'new@scene.org'", "mail": 1}
    scene.refuses({OPEN.format(**stranger, budget=NO_BUDGET): "TOO_MANY_INVITATIONS"})
    assert scene.count("yp.token", "inviter_id = :alice") == 0
    opened = scene.doc(OPEN.format(key=":mail_bob", email=":mail_bob", mail=1, budget=NO_BUDGET))
    assert (opened["peer"], opened["mail"]) == (scene["bob"], None)


def test_a_user_who_blocked_the_inviter_is_not_notified(scene: Scene) -> None:
    scene.sets("yp.contact_block_add(:bob, :ada, 'x', :alice)")
    opened = invite(scene, ":mail_bob")
    assert (opened["blocked"], opened["mail"]) == (1, None)
    assert scene.count("yp.contact_activity", "uid = :bob") == 0


def test_contact_pair_lock_needs_nobody_to_exist(scene: Scene) -> None:
    for people in (
        ":alice, :bob, :carol",
        ":bob, :alice, NULL",
        ":alice, NULL, NULL",
        ":nobody, :alice, NULL",
    ):
        assert scene.sets(f"yp.contact_pair_lock({people})") == []


async def test_pairs_locked_in_any_order_at_once_wait_and_need_no_second_attempt(direct: Direct) -> None:
    people = [direct.person(name).uid for name in ("A", "B", "C")]
    orders = list(itertools.permutations(people)) * 4
    await direct.sets("yp", "contact_pair_lock", *people)
    attempts = retries()
    results = await asyncio.gather(*(direct.sets("yp", "contact_pair_lock", *o) for o in orders))
    assert results == [[]] * len(orders)
    assert retries() == attempts
    assert [row[0] for row in (await direct.sets("yp", "contact_drumate_chk", people[0]))[0]] == [people[0]]
