"""procedures/yp/contact, called directly."""

from __future__ import annotations

import asyncio
import itertools
import secrets

from tests.procedures.conftest import Direct
from tests.procedures.scene import Scene

SECRET = secrets.token_hex(12)
OPEN = f"yp.contact_invite_open(:alice, {{key}}, {{email}}, 'Hi', '{SECRET}', '{{mail:016x}}')"


def invite(scene: Scene, key: str, email: str = "NULL", mail: int = 1) -> dict[str, object]:
    """Alice begins to invite somebody."""
    found: dict[str, object] = scene.doc(OPEN.format(key=key, email=email, mail=mail))
    return found


def test_refusals(scene: Scene) -> None:
    scene.refuses({
        "yp.contact_drumate_chk('nobody@scene.org')": "NOT_A_DRUMATE",
        "yp.contact_answer_open(:alice, 'nobody@scene.org', 'invite_accepted')": "NOT_A_DRUMATE",
        OPEN.format(key="'no name'", email="NULL", mail=1): "INVALID_DATA",
        OPEN.format(key=":mail_alice", email=":mail_alice", mail=1): "SELF_CONTACT",
        "yp.contact_invite_open(:erin, :mail_frank, :mail_frank, NULL, 's', '0')": "SAME_DOMAIN",
    })  # fmt: skip
    assert scene.count("yp.contact_activity", "uid IN (:alice, :erin)") == 0


def test_contact_drumate_chk_by_uid_address_and_name(scene: Scene) -> None:
    for key in (":bob", ":mail_bob", "'scene.bob'"):
        assert scene.one(f"CALL yp.contact_drumate_chk({key})") == scene["bob"], key


def test_contact_answer_open_finds_the_other_and_notes_the_deed(scene: Scene) -> None:
    found = scene.doc("yp.contact_answer_open(:alice, :mail_bob, 'invite_refused')")
    assert (found["peer"], found["db"]) == (scene["bob"], "shard1")
    ((event, target),) = scene.rows("SELECT event, target_uid FROM yp.contact_activity WHERE uid = :alice")
    assert (event, target) == ("invite_refused", scene["bob"])


def test_an_invited_person_gets_a_mail_and_both_a_note(scene: Scene) -> None:
    found = invite(scene, ":mail_bob", ":mail_bob")
    assert (found["peer"], found["db"], found["blocked"]) == (scene["bob"], "shard1", 0)
    assert isinstance(found["mail"], dict)
    assert (found["mail"]["template"], found["mail"]["data"]["secret"]) == ("invite_member", None)
    events = scene.rows("SELECT uid, event FROM yp.contact_activity WHERE uid IN (:alice, :bob)")
    assert set(events) == {(scene["alice"], "invite_sent"), (scene["bob"], "invite_received")}


def test_an_invited_stranger_gets_a_link(scene: Scene) -> None:
    found = invite(scene, "'new@scene.org'", "'new@scene.org'")
    assert (found["peer"], found["email"]) == (None, "new@scene.org")
    assert isinstance(found["mail"], dict)
    assert (found["mail"]["template"], found["mail"]["data"]["secret"]) == ("invite_stranger", SECRET)
    assert scene.count("yp.token", "inviter_id = :alice AND email = 'new@scene.org'") == 1
    invite(scene, "'new@scene.org'", "'new@scene.org'", 2)
    assert scene.count("yp.token", "inviter_id = :alice") == 1, "one link, however often"


def test_one_mail_a_minute(scene: Scene) -> None:
    assert invite(scene, ":mail_bob", mail=1)["mail"]
    assert invite(scene, ":mail_bob", mail=2)["mail"] is None
    scene.sets("UPDATE yp.mail_outbox SET ctime = ctime - 61 WHERE sender_id = :alice")
    assert invite(scene, ":mail_bob", mail=3)["mail"]


def test_who_blocked_the_inviter_hears_nothing(scene: Scene) -> None:
    scene.sets("yp.contact_block_add(:bob, :ada, 'x', :alice)")
    found = invite(scene, ":mail_bob")
    assert (found["blocked"], found["mail"]) == (1, None)
    assert scene.count("yp.contact_activity", "uid = :bob") == 0


def test_contact_pair_lock_needs_nobody_to_exist(scene: Scene) -> None:
    for people in (
        ":alice, :bob, :carol",
        ":bob, :alice, NULL",
        ":alice, NULL, NULL",
        ":nobody, :alice, NULL",
    ):
        assert scene.sets(f"yp.contact_pair_lock({people})") == []


async def test_pairs_locked_in_any_order_at_once_never_deadlock(direct: Direct) -> None:
    people = [direct.person(name).uid for name in ("A", "B", "C")]
    orders = list(itertools.permutations(people)) * 4
    results = await asyncio.gather(*(direct.sets("yp", "contact_pair_lock", *o) for o in orders))
    assert results == [[]] * len(orders)
    assert [row[0] for row in (await direct.sets("yp", "contact_drumate_chk", people[0]))[0]] == [people[0]]
