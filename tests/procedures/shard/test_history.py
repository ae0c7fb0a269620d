"""procedures/shard/history, called directly."""

from __future__ import annotations

from typing import Any

import orjson

from service.contacts.record import routine_fields
from service.contacts.states import fields_to_write, values
from service.store.database import encode
from tests.support.records import FULL
from tests.support.scene import Scene


def create(scene: Scene, name: str, **fields: Any) -> None:
    """Create a contact of Alice as the REST API does; the scene knows its id by the name."""
    scene["body"] = routine_fields({"display_name": name, **fields})
    record = orjson.loads(scene.sets("my_contact_create(:alice, :body)")[-1][0][0])
    text = record["id"].replace("-", "")
    scene[name] = text[:12] + text[13:16] + text[17:18]


def patch(scene: Scene, name: str, **fields: Any) -> None:
    scene["body"] = routine_fields(fields)
    scene.sets(f"my_contact_patch(:alice, :{name}, :body, NULL)")


def past(scene: Scene, name: str, to: int) -> tuple[Any, ...]:
    """Return (record, private, whether it was deleted, whether it is)."""
    ((record, private, deleted, is_deleted),) = scene.rows(f"my_contact_past(:alice, :{name}, {to})")
    return orjson.loads(record), private and orjson.loads(private), deleted, is_deleted


def sign(scene: Scene, api: str, change_set: str = "NULL") -> None:
    scene.sets(f"contact_event_sign(:alice, :alice, '{api}', {change_set})")


def test_contact_event_sign_signs_what_this_transaction_wrote(scene: Scene) -> None:
    create(scene, "ana")
    sign(scene, "rest", "'00000000000000cc'")
    patch(scene, "ana", company="Acme")
    # another connection has written it, by hand
    scene.sets("UPDATE contact_event SET writer = 1 WHERE owner_id = :alice AND rev = 2")
    patch(scene, "ana", company="Babbage")
    sign(scene, "rpc")
    sign(scene, "system")
    rows, _ = scene.sets("my_contact_history(:alice, :ana, NULL, 9)")
    assert [(row[0], row[1], row[3] == scene["alice"], row[5], row[6]) for row in rows] == [
        (3, "updated", True, "rpc", None),
        (2, "updated", False, None, None),
        (1, "created", True, "rest", "00000000000000cc"),
    ]


def test_contact_event_collect_returns_what_this_transaction_wrote(scene: Scene) -> None:
    create(scene, "ana")
    sign(scene, "rest")
    patch(scene, "ana", company="Acme")
    # another connection has written it
    scene.sets("UPDATE contact_event SET writer = 1 WHERE owner_id = :alice AND rev = 2")
    patch(scene, "ana", company="Babbage")
    create(scene, "bo")
    scene.sets("contact_event_collect(:alice, 1, @changes)")
    changes = scene.json("SELECT @changes")
    assert [change["type"] for change in changes] == ["contact.updated", "contact.created"]
    data = [orjson.loads(change["data"]) for change in changes]
    assert [(each["user_id"], each["contact"]["company"]) for each in data] == [
        (scene["alice"], "Babbage"), (scene["alice"], None)
    ]  # fmt: skip
    scene.sets("contact_event_collect(:alice, 0, @changes)")
    assert scene.one("SELECT @changes") is None, "nobody wants them"
    sign(scene, "rest")
    scene.sets("contact_event_collect(:alice, 1, @changes)")
    assert scene.one("SELECT @changes") is None


def test_my_contact_history_goes_back_page_by_page(scene: Scene) -> None:
    create(scene, "ana", company="One")
    for company in ("Two", "Three"):
        patch(scene, "ana", company=company)
    rows, ((after, _, more),) = scene.sets("my_contact_history(:alice, :ana, NULL, 2)")
    assert [orjson.loads(row[7])["company"] for row in rows] == ["Two", "One"]
    assert (orjson.loads(after)["company"], more) == ("Three", 1)
    rows, ((after, _, more),) = scene.sets("my_contact_history(:alice, :ana, 2, 2)")
    assert [(row[0], row[7]) for row in rows] == [(1, None)]
    assert (orjson.loads(after)["company"], more) == ("One", 0)
    scene["bobs"] = scene.contact("x@scene.example", owner="bob")
    for name in ("nobody", "bobs"):
        assert scene.refusal(f"my_contact_history(:alice, :{name}, NULL, 2)") == "CONTACT_NOT_FOUND"


def test_my_contact_past_is_the_state_before_the_next_change(scene: Scene) -> None:
    create(scene, "early")
    create(scene, "ana", company="One")
    patch(scene, "ana", company="Two")
    patch(scene, "early", company="Other")
    scene.sets("my_contact_trash(:alice, :ana, NULL)")
    assert [past(scene, "ana", to)[0]["company"] for to in (2, 3, 4, 5)] == ["One", "Two", "Two", "Two"]
    assert [past(scene, "ana", to)[2:] for to in (4, 5)] == [(0, 1), (1, 1)]
    scene["bobs"] = scene.contact("x@scene.example", owner="bob")
    scene.refuses({
        "my_contact_past(:alice, :nobody, 1)": "CONTACT_NOT_FOUND",
        "my_contact_past(:alice, :bobs, 1)": "CONTACT_NOT_FOUND",
        "my_contact_past(:alice, :ana, 1)": "NO_SUCH_STATE",
        "my_contact_past(:alice, :ana, 6)": "NO_SUCH_STATE",
    })  # fmt: skip
    # older than the history, and before there was one
    scene.sets("UPDATE contact_event SET at = 0 WHERE owner_id = :alice AND rev = 3")
    assert scene.refusal("my_contact_past(:alice, :ana, 2)") == "NO_HISTORY"
    scene.sets("UPDATE contact_ledger SET event_rev = 4 WHERE owner_id = :alice")
    assert scene.refusal("my_contact_past(:alice, :ana, 3)") == "NO_HISTORY"
    assert past(scene, "ana", 4)[0]["company"] == "Two"


def test_values_of_the_rpc_alone_are_history_and_no_news(scene: Scene) -> None:
    create(scene, "ana", first_name="Ana", phones=[{"number": "+34 6"}])
    scene.sets('my_contact_update(:alice, :ana, \'{"surname": "Nana"}\')')
    scene.sets('my_contact_update(:alice, :ana, \'{"mobile": [{"areacode": "", "phone": "+34 6"}]}\')')
    rows, _ = scene.sets("my_contact_history(:alice, :ana, NULL, 9)")
    assert [row[1] for row in rows] == ["private", "private", "created"]
    assert [rev for rev, _, _ in scene.rows("my_contact_events(:alice, 0, 9)")] == [1]
    private = past(scene, "ana", 2)[1]
    assert (private["surname"], private["phones"]) == ("Nana", "1 3 0")
    # nothing has changed: nothing is written
    scene.sets('my_contact_update(:alice, :ana, \'{"surname": "Nana"}\')')
    assert len(scene.sets("my_contact_history(:alice, :ana, NULL, 9)")[0]) == 3


def test_my_contact_revert_gives_all_back_that_can_be(scene: Scene) -> None:
    create(scene, "ana", **FULL)
    record, private, *_ = past(scene, "ana", 1)
    scene["state"] = encode(fields_to_write(encode(record), encode(private)))
    empty: dict[str, Any] = {name: [] if isinstance(value, list) else None for name, value in FULL.items()}
    patch(scene, "ana", **{**empty, "first_name": "X"})
    card, former, ((now, rev),), left_rows = scene.sets("my_contact_revert(:alice, :ana, :state, 2)")
    assert {**orjson.loads(now), "updated_at": ""} == {**record, "updated_at": ""}
    assert (rev, left_rows[0][0]) == (3, "[]")
    # its default address is back, and makes it the entry of that person again
    assert orjson.loads(former[0][0])["entity"] == "ana@acme.example"
    assert orjson.loads(card[0][0])["firstname"] == "Ana"

    scene["trashed"] = scene.contact("gone@scene.example")
    scene.sets("my_contact_trash(:alice, :trashed, NULL)")
    scene.refuses({
        "my_contact_revert(:alice, :nobody, '{}', NULL)": "CONTACT_NOT_FOUND",
        "my_contact_revert(:alice, :trashed, '{}', NULL)": "CONTACT_NOT_FOUND",
        "my_contact_revert(:bob, :ana, '{}', NULL)": "CONTACT_NOT_FOUND",
        "my_contact_revert(:alice, :ana, '{}', 2)": "PRECONDITION_FAILED",
    })  # fmt: skip


def test_my_change_set_and_my_contacts_trash_take_an_import_back(scene: Scene) -> None:
    assert scene.rows("my_change_set(:alice, '00000000000000cc')") == []
    create(scene, "ana")
    create(scene, "eve")
    sign(scene, "rpc", "'00000000000000cc'")
    patch(scene, "eve", company="Acme")
    rows = scene.rows("my_change_set(:alice, '00000000000000cc')")
    assert [(row[1], row[2], row[3], row[5]) for row in rows] == [("ana", 0, 1, 0), ("eve", 1, 1, 1)]
    assert scene.rows("my_change_set(:bob, '00000000000000cc')") == []

    scene["bobs"] = scene.contact("x@scene.example", owner="bob")
    moved = scene.rows("my_contacts_trash(:alice, JSON_ARRAY(:ana, :bobs, :nobody))")
    assert moved == [(scene["ana"], scene["ana"])]
    assert scene.rows("my_contacts_trash(:alice, JSON_ARRAY(:ana))") == []
    assert past(scene, "ana", 4)[2:] == (1, 1)
    assert scene.one("SELECT active FROM contact_ledger WHERE owner_id = :alice") == 1
    scene.sets("my_contact_restore(:alice, :ana, NULL)")


def test_my_contact_revive_brings_a_merged_contact_back_with_its_card(scene: Scene) -> None:
    create(scene, "ana", extra={"bday": [{"value": "1980-01-02"}]})
    create(scene, "eve", company="Acme")
    scene.sets(
        "INSERT INTO contact_vcard (owner_id, name, contact_id, uid, rev, card)"
        " VALUES (:alice, 'eve.vcf', :eve, 'urn:eve', 2, 'BEGIN:VCARD')"
    )
    scene.sets('UPDATE contact SET extra = \'{"bday": [{"value": "1980-01-02"}]}\' WHERE id = :ana')
    scene.sets(
        'UPDATE contact SET extra = \'{"bday": [{"value": "1980-01-02"}, {"value": "1981"}],'
        ' "x-a": [{"value": "1"}]}\' WHERE id = :eve'
    )
    scene.sets("my_contact_merge(:alice, :ana, JSON_ARRAY(:eve), NULL)")
    assert scene.json("SELECT extra FROM contact WHERE id = :ana") == {
        "bday": [{"value": "1980-01-02"}, {"value": "1981"}],
        "x-a": [{"value": "1"}],
    }
    sign(scene, "rest", "'00000000000000cc'")
    merged = next(row for row in scene.rows("my_change_set(:alice, '00000000000000cc')") if row[4])
    assert (merged[0], merged[4]) == (scene["eve"], scene["ana"])
    scene["state"] = encode(fields_to_write(merged[8], merged[9]))
    scene["private"] = merged[9]
    scene.sets("UPDATE contact_vcard SET card = NULL, uid = NULL WHERE contact_id = :eve")
    _, state, ((record, _),) = scene.sets("my_contact_revive(:alice, :eve, :state, :private, :ana)")
    assert orjson.loads(state[0][0])["blocked"] == 0
    assert orjson.loads(record)["company"] == "Acme"
    assert scene.rows("SELECT card, uid FROM contact_vcard WHERE contact_id = :eve") == [
        ("BEGIN:VCARD", "urn:eve")
    ]

    # the same file was loaded again: its contact has the UID
    scene.sets("my_contact_merge(:alice, :ana, JSON_ARRAY(:eve), NULL)")
    create(scene, "ida")
    scene.sets(
        "INSERT INTO contact_vcard (owner_id, name, contact_id, uid, rev, card)"
        " VALUES (:alice, 'ida.vcf', :ida, 'urn:eve', 9, 'BEGIN:VCARD')"
    )
    scene.sets("my_contact_revive(:alice, :eve, :state, :private, :ana)")
    cards = "SELECT card, uid FROM contact_vcard WHERE contact_id IN (:eve, :ida) ORDER BY name"
    assert scene.rows(cards) == [
        ("BEGIN:VCARD", None),
        ("BEGIN:VCARD", "urn:eve"),
    ]
    assert scene.refusal("my_contact_revive(:alice, :eve, :state, :private, :ana)") == "CONFLICT"


def test_a_contact_older_than_the_history_is_made_again_after_a_merge(scene: Scene) -> None:
    create(scene, "ana")
    create(scene, "eve", company="Acme", first_name="Eve")
    create(scene, "ida", company="Ida Ltd")
    scene.sets(
        "INSERT INTO contact_vcard (owner_id, name, contact_id, uid, rev, card)"
        " VALUES (:alice, 'eve.vcf', :eve, 'urn:eve', 2, 'BEGIN:VCARD')"
    )
    scene.sets("UPDATE contact_record SET private = NULL WHERE owner_id = :alice")
    scene.sets("my_contact_merge(:alice, :ana, JSON_ARRAY(:eve, :ida), NULL)")
    sign(scene, "rest", "'00000000000000cc'")
    merged = {row[0]: row for row in scene.rows("my_change_set(:alice, '00000000000000cc')") if row[4]}
    for name, company in (("eve", "Acme"), ("ida", "Ida Ltd")):
        state, private = merged[scene[name]][8:10]
        assert values(state, private)["company"] == company
        scene["state"], scene["private"] = encode(fields_to_write(state, private)), private
        *_, ((record, _),) = scene.sets(f"my_contact_revive(:alice, :{name}, :state, :private, :ana)")
        assert orjson.loads(record)["company"] == company
    assert scene.rows("SELECT card, uid FROM contact_vcard WHERE contact_id = :eve") == [
        ("BEGIN:VCARD", "urn:eve")
    ]


def test_my_history_expire_deletes_what_contact_aged_owner_finds(scene: Scene) -> None:
    create(scene, "ana")
    for n in range(4):
        patch(scene, "ana", company=str(n))
    assert scene.one("contact_aged_owner(30)") is None
    scene.sets("UPDATE contact_event SET at = at - 2600000 WHERE owner_id = :alice AND rev <= 3")
    assert scene.one("contact_aged_owner(30)") == scene["alice"]
    assert scene.one("contact_aged_owner(31)") is None
    assert [scene.one("my_history_expire(:alice, 30, 2)") for _ in range(3)] == [2, 1, 0]
    assert scene.one("contact_aged_owner(30)") is None
    assert scene.one("SELECT event_rev FROM contact_ledger WHERE owner_id = :alice") == 3
    assert [rev for rev, *_ in scene.sets("my_contact_history(:alice, :ana, NULL, 9)")[0]] == [5, 4]
    assert scene.one("my_history_expire(:bob, 30, 2)") == 0


def test_contacts_of_one_set_keep_their_states(scene: Scene) -> None:
    for name in ("ana", "eve", "ida"):
        create(scene, name, tags=["red"] if name != "ida" else [])
    scene["red"] = scene.one("SELECT tag_id FROM tag WHERE owner_id = :alice AND name = 'red'")
    scene.sets("tag_rename(:alice, :red, 'blue')")
    # those that have not changed leave no row
    scene.sets("contacts_render(:alice, JSON_ARRAY(:ida, :ana, :ana))")
    states = [past(scene, name, 3)[0]["tags"] for name in ("ana", "eve", "ida")]
    assert states == [["red"], ["red"], []]
    counts = "SELECT COUNT(*) FROM contact_event WHERE owner_id = :alice AND contact_id = :{}"
    assert [scene.one(counts.format(name)) for name in ("ana", "eve", "ida")] == [2, 2, 1]
    revisions = scene.rows("SELECT rev FROM contact_event WHERE owner_id = :alice ORDER BY rev")
    assert [rev for (rev,) in revisions] == [1, 2, 3, 4, 5]


def test_a_permanent_deletion_in_a_set_erases_the_same_as_one_alone(scene: Scene) -> None:
    for name in ("ana", "twin", "other", "kept"):
        create(scene, name, company="One")
    scene.sets("my_contact_merge(:alice, :ana, JSON_ARRAY(:twin), NULL)")
    scene.sets("my_contact_merge(:alice, :kept, JSON_ARRAY(:other), NULL)")
    scene.sets('import_report_add(:alice, \'f1\', \'{"api": "rpc", "kind": "csv", "update": "skip"}\')')
    for position, name in enumerate(("ana", "twin", "kept"), 1):
        scene.sets(
            "INSERT INTO import_entry (owner_id, import_id, position, line, outcome, name, contact_id) "
            f"VALUES (:alice, 'f1', {position}, 1, 'known', '{name}', :{name})"
        )
    scene.sets("DELETE FROM contact WHERE owner_id = :alice AND id = :ana")
    # a migration marks tombstones as well
    scene.sets("INSERT INTO contact_stale (owner_id, contact_id) VALUES (:alice, :other)")
    scene.sets("contacts_render(:alice, JSON_ARRAY(:ana, :other))")
    events = "SELECT event, before_record FROM contact_event WHERE owner_id = :alice AND contact_id = :%s"
    assert scene.rows(events % "ana") == [("purged", None)]
    assert scene.rows(events % "twin") == []
    assert [bool(state) for _, state in scene.rows(f"{events} ORDER BY rev" % "other")] == [False, True]
    entries = "SELECT name, contact_id IS NULL FROM import_entry WHERE owner_id = :alice ORDER BY position"
    assert scene.rows(entries) == [("", 1), ("", 1), ("kept", 0)]
