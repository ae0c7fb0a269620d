"""procedures/shard/carddav, called directly."""

from __future__ import annotations

import base64
import re
from typing import Any

import orjson
import pytest

from service import ROOT
from service.ids import to_wire
from tests.support.scene import Scene


def put(scene: Scene, name: str, rev: int = 0, **card: str) -> str:
    """Store a card of Ada, a contact of Alice; return its entity tag."""
    text = orjson.dumps({"card": "", "version": "3.0", **card}).decode().replace("'", "''")
    return str(scene.one(f"my_card_put(:alice, :ada, '{name}', '{text}', {rev})"))


def sent(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_a_card_has_the_name_of_its_client_and_its_bytes(scene: Scene) -> None:
    ada = scene["ada"]
    ((name, etag),) = scene.rows("my_card_list(:alice)")
    assert name == f"{ada}.vcf"
    ((card_name, _, bytes_, data),) = scene.rows(f"my_cards(:alice, '[\"{name}\", \"x.vcf\"]', '', 1)")
    assert (card_name, bytes_, orjson.loads(data)["firstname"]) == (name, None, "Ada")
    assert put(scene, "ada.vcf", 10**9, uid="u-1", sent=sent("TEXT")) != etag
    ((name, etag),) = scene.rows("my_card_list(:alice)")
    assert name == "ada.vcf"
    cards = "my_cards(:alice, '[\"ada.vcf\"]', '{}', 1)"
    assert scene.rows(cards.format("3.0")) == [("ada.vcf", etag, b"TEXT", None)]
    ((*_, bytes_, data),) = scene.rows(cards.format("4.0"))
    assert (bytes_, orjson.loads(data)["vcard"]["uid"]) == (None, "u-1")
    scene.sets("UPDATE contact SET company = 'Acme' WHERE id = :ada")
    scene.sets("contact_render(:alice, :ada)")
    ((_, changed_etag, bytes_, _),) = scene.rows(cards.format("3.0"))
    assert (bytes_, changed_etag == etag) == (None, False)


def test_changes_name_the_cards_that_came_changed_and_went(scene: Scene) -> None:
    ada, grace = scene["ada"], scene["grace"]
    (cards, ((rev, more, _),)) = scene.sets("my_card_changes(:alice, 0, 10, 0)")
    assert ([name for name, _ in cards], more) == ([f"{ada}.vcf", f"{grace}.vcf"], 0)
    assert scene.one("my_card_token(:alice)") == rev
    ((first,), ((first_rev, more, start),)) = scene.sets("my_card_changes(:alice, 0, 1, 0)")
    assert (first[0], more, start) == (f"{ada}.vcf", 1, rev)
    assert [name for name, _ in scene.rows(f"my_card_changes(:alice, {first_rev}, 10, 0)")] == [
        f"{grace}.vcf"
    ]
    put(scene, "ada.vcf", rev)
    scene.sets("my_contact_trash(:alice, :grace, NULL)")
    (changes, ((last, *_),)) = scene.sets(f"my_card_changes(:alice, {rev}, 10, 0)")
    assert [(name, etag is None) for name, etag in changes] == [("ada.vcf", False), (f"{grace}.vcf", True)]
    assert scene.sets(f"my_card_changes(:alice, {last}, 10, 0)") == [[], [(last, 0, 0)]]


def test_cards_behind_the_size_of_an_answer_come_without_text(scene: Scene) -> None:
    ada, grace = scene["ada"], scene["grace"]
    put(scene, f"{ada}.vcf", 10**9, sent=sent("x" * 1000))
    for names in ((ada, grace), (grace, ada)):
        listed = ", ".join(f'"{name}.vcf"' for name in names)
        for size in (1, 1000, 1001):
            card_rows = scene.rows(f"my_cards(:alice, '[{listed}]', '', {size})")
            has_text = {name: text is not None or data is not None for name, _, text, data in card_rows}
            is_whole = size > (1000 if names[0] == ada else 0) or names[0] != ada
            assert has_text[f"{names[0]}.vcf"]
            assert has_text[f"{names[1]}.vcf"] == is_whole, (names, size)


@pytest.mark.parametrize("column", ["forgotten_rev", "event_rev"])
def test_a_token_whose_changes_were_dropped_is_too_old(scene: Scene, column: str) -> None:
    rev = (scene["ada"], scene["grace"], scene.one("my_card_token(:alice)"))[2]
    scene.sets(f"UPDATE contact_ledger SET {column} = {rev} WHERE owner_id = :alice")
    assert scene.refusal(f"my_card_changes(:alice, {rev - 1}, 10, 0)") == "TOO_OLD"
    assert scene.refusal(f"my_card_changes(:alice, {rev + 1}, 10, 0)") == "TOO_OLD"
    assert scene.rows(f"my_card_changes(:alice, {rev}, 10, 0)") == []
    assert len(scene.rows("my_card_changes(:alice, 0, 10, 0)")) == 2


@pytest.mark.parametrize("column", ["forgotten_rev", "event_rev"])
def test_a_first_reading_needs_the_changes_since_it_began(scene: Scene, column: str) -> None:
    _, grace, rev = scene["ada"], scene["grace"], scene.one("my_card_token(:alice)")
    (_, ((position, _, start),)) = scene.sets("my_card_changes(:alice, 0, 1, 0)")
    scene.sets(f"UPDATE contact_ledger SET {column} = {rev} WHERE owner_id = :alice")
    (cards, (state,)) = scene.sets(f"my_card_changes(:alice, {position}, 1, {start})")
    assert ([name for name, _ in cards], state) == ([f"{grace}.vcf"], (rev, 1, start))
    assert scene.sets(f"my_card_changes(:alice, {rev}, 1, {start})") == [[], [(rev, 0, 0)]]
    scene.sets("my_contact_trash(:alice, :grace, NULL)")
    scene.sets(f"UPDATE contact_ledger SET {column} = rev WHERE owner_id = :alice")
    assert scene.refusal(f"my_card_changes(:alice, {position}, 1, {start})") == "TOO_OLD"
    assert scene.refusal(f"my_card_changes(:alice, {position}, 1, {rev + 100})") == "TOO_OLD"


def test_what_a_put_finds_under_a_name(scene: Scene) -> None:
    opened = "my_card_open(:alice, '{}', '{}', JSON_ARRAY(:mail_alice, 'x@scene.example'))"
    ada = scene["ada"]
    etag = put(scene, "ada.vcf", uid="u-1")
    rev = scene.one("my_card_token(:alice)")
    mail = scene["mail_alice"]
    expected = (rev, ada, etag, "active", None, None, f'["{mail}"]', None, None)
    assert scene.rows(opened.format("ada.vcf", "u-1")) == [expected]
    assert scene.rows(opened.format(f"{ada}.vcf", ""))[0][1] is None, "the card has another name"
    assert scene.rows(opened.format("new.vcf", "u-1")) == [
        (rev, None, None, None, None, "ada.vcf", f'["{mail}"]', None, None)
    ]
    grace = scene["grace"]
    own_uid = f"urn:uuid:{to_wire(grace)}"
    assert scene.rows(opened.format("new.vcf", own_uid))[0][5] == f"{grace}.vcf", "as its card says it"
    scene.sets("my_contact_trash(:alice, :ada, NULL)")
    assert scene.rows(opened.format("new.vcf", "u-1"))[0][5] is None
    assert scene.rows(opened.format("ada.vcf", "u-1"))[0][3] == "trash"


def test_a_colleague_is_refused_unless_the_contact_has_the_address(scene: Scene) -> None:
    opened = "my_card_open(:erin, 'x.vcf', NULL, JSON_ARRAY(:mail_frank, :mail_bob))"
    assert scene.rows(opened)[0][6] == f'["{scene["mail_frank"]}"]'
    # one that became a colleague meanwhile keeps the address, but not as the default one
    card, *_ = scene.sets("""my_contact_create(:erin, '{"from_api": 1, "firstname": "Frank"}')""")
    scene["old"] = orjson.loads(card[0][0])["id"]
    scene.sets(
        "INSERT INTO contact_email (owner_id, id, contact_id, email, is_default, position) "
        "VALUES (:erin, 'x', :old, :mail_frank, 0, 1)"
    )
    opened = f"my_card_open(:erin, '{scene['old']}.vcf', NULL, JSON_ARRAY({{}}))"
    assert scene.rows(opened.format(":mail_bob, :mail_frank"))[0][6] == "[]"
    assert scene.rows(opened.format(":mail_frank, :mail_bob"))[0][6] == f'["{scene["mail_frank"]}"]'


def test_names_and_uids_go_over_from_the_trash(scene: Scene) -> None:
    put(scene, "ada.vcf", uid="u-1")
    scene.sets("my_contact_trash(:alice, :ada, NULL)")
    scene.sets(
        """my_card_put(:alice, :grace, 'ada.vcf', '{"card": "", "version": "3.0", "uid": "u-1"}', 0)"""
    )
    cards = (
        "SELECT contact_id, name, uid FROM contact_vcard WHERE owner_id = :alice ORDER BY name = 'ada.vcf'"
    )
    given_up, taken = scene.rows(cards)
    assert taken == (scene["grace"], "ada.vcf", "u-1")
    assert (given_up[0], given_up[2]) == (scene["ada"], None)
    assert re.fullmatch(f"{scene['ada']}-[0-9a-f]{{8}}[.]vcf", given_up[1]), "no other card has this name"


@pytest.mark.parametrize(
    "call",
    [
        "my_card_list(:alice)",
        "my_card_token(:alice)",
        "my_card_changes(:alice, 0, 10, 0)",
        "my_cards(:alice, '[]', '', 1)",
    ],
)
def test_a_book_that_has_moved_is_not_empty(scene: Scene, call: str) -> None:
    scene.sets("INSERT INTO moved_out (owner_id, to_db, ctime) VALUES (:alice, 'shard2', 1)")
    assert scene.refusal(call) == "MOVING"


def put_group(scene: Scene, group_id: str, name: str, members: list[str], **group: str) -> dict[str, Any]:
    """Store a group of Alice whose members have these UIDs; return what has changed."""
    member = [{"uid": uid, "id": None} for uid in members]
    text = orjson.dumps({"name": "Poets", "card": "", "version": "3.0", **group, "member": member}).decode()
    document: dict[str, Any] = scene.doc(f"my_card_group_put(:alice, {group_id}, '{name}', '{text}')")
    return document


def test_the_card_of_a_group_has_its_bytes_until_the_group_changes(scene: Scene) -> None:
    put(scene, "ada.vcf", uid="u-1")
    change = put_group(scene, "NULL", "poets.vcf", ["u-1", "u-2"], uid="u-g", sent=sent("TEXT"))
    assert (change["added"], change["removed"], change["changed"], change["member_count"]) == (1, 0, 0, 1)
    scene["poets"] = change["group_id"]
    cards = "my_cards(:alice, '[\"poets.vcf\"]', '', 1)"
    assert scene.sets(cards)[1] == [("poets.vcf", change["etag"], b"TEXT", None)]
    assert scene.rows("SELECT uid FROM contact_group_expected WHERE owner_id = :alice") == [("u-2",)]
    opened = scene.rows("my_card_open(:alice, 'poets.vcf', 'u-g', '[]')")[0]
    assert opened[7:] == (change["group_id"], change["etag"])
    assert scene.rows("my_card_open(:alice, 'x.vcf', 'u-g', '[]')")[0][5] == "poets.vcf"
    scene.sets("contact_group_rename(:alice, :poets, 'Pals')")
    ((name, etag, text, data),) = scene.sets(cards)[1]
    assert (name, etag == change["etag"], text) == ("poets.vcf", False, None)
    group = orjson.loads(data)
    assert (group["name"], group["put_name"], group["uid"], group["expected"]) == (
        "Pals",
        "Poets",
        "u-g",
        ["u-2"],
    )
    assert [member["uid"] for member in group["member"]] == ["u-1"]
    again = put_group(scene, ":poets", "poets.vcf", [], uid="u-g", comment="Note")
    assert (again["added"], again["removed"], again["changed"]) == (0, 1, 1)
    assert put_group(scene, "NULL", "two.vcf", [])["etag"] != again["etag"]
    assert scene.count("contact_group", "owner_id = :alice AND name = 'Poets (2)'") == 1


def test_a_group_that_was_deleted_leaves_its_name_for_a_while(scene: Scene) -> None:
    scene["group"] = put_group(scene, "NULL", "poets.vcf", [])["group_id"]
    rev = scene.one("my_card_token(:alice)")
    scene.sets("contact_group_delete(:alice, :group)")
    assert scene.rows(f"my_card_changes(:alice, {rev}, 10, 0)") == [("poets.vcf", None)]
    assert scene.rows("my_card_open(:bob, 'poets.vcf', NULL, '[]')")[0][7:] == (None, None)
    last = scene.one("my_card_token(:alice)")
    scene.sets("my_tombstone_expire(:alice, 90)")
    assert scene.rows(f"my_card_changes(:alice, {rev}, 10, 0)") == [("poets.vcf", None)]
    scene.sets("UPDATE contact_group_gone SET ctime = ctime - 91 * 86400 WHERE owner_id = :alice")
    scene.sets("my_tombstone_expire(:alice, 90)")
    assert scene.refusal(f"my_card_changes(:alice, {rev}, 10, 0)") == "TOO_OLD"
    assert scene.rows(f"my_card_changes(:alice, {last}, 10, 0)") == []


def test_large_groups_behind_the_size_of_an_answer_come_without_text(scene: Scene) -> None:
    for number in (1, 2):
        put_group(scene, "NULL", f"{number}.vcf", [], sent=sent("x" * 1000))
    for size in (1, 1000, 1001):
        rows = scene.sets(f"my_cards(:alice, '[\"2.vcf\", \"1.vcf\"]', '', {size})")[1]
        has_text = {name: text is not None for name, _, text, _ in rows}
        assert has_text == {"2.vcf": True, "1.vcf": size > 1000}


def test_a_uid_that_several_groups_had_stays_with_the_oldest(scene: Scene) -> None:
    """Migration 0016, on rows as 0015 has left them."""
    put(scene, "ada.vcf", uid="u-ada")
    cards = (("c1", "'u-team'", 5), ("c2", "'u-team'", 3), ("c3", "'u-ada'", 1), ("c4", "'u-solo'", 1))
    for group_id, uid, ctime in cards:
        scene.sets(
            "INSERT INTO contact_group (owner_id, id, name, ctime, mtime, uid, rev) "
            f"VALUES (:alice, '00000000000000{group_id}', '{group_id}', {ctime}, 1, {uid}, 1)"
        )
    migration = (ROOT / "sql/shard/0016_group_uids.sql").read_text()
    scene.sets(migration[migration.index("UPDATE") :].strip().rstrip(";"))
    groups = "SELECT name, uid, rev > 1 FROM contact_group WHERE owner_id = :alice ORDER BY name"
    assert scene.rows(groups) == [("c1", None, 1), ("c2", "u-team", 0), ("c3", None, 1), ("c4", "u-solo", 0)]
