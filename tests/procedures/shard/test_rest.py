"""procedures/shard/rest, called directly."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from service.contacts.record import routine_columns, routine_fields
from service.contacts.search_words import with_words
from service.errors import Refused
from service.ids import from_uuid, to_wire
from service.store.database import ResultSet, document
from tests.support.admin import Admin
from tests.support.direct import Direct, Somebody
from tests.support.records import FULL
from tests.support.scene import Scene

KEYS = [
    "id", "display_name", "first_name", "last_name", "emails", "phones", "company", "job_title",
    "addresses", "notes", "avatar_path", "tags", "custom_fields", "source", "source_id", "created_at",
    "updated_at", "synced_at", "deleted_at", "archived", "groups",
]  # fmt: skip
ANA: dict[str, Any] = {
    **FULL,
    "display_name": "Ana G.",
    "phones": [{**FULL["phones"][0], "number": "+34 612-345.678"}, FULL["phones"][1]],
    "company": "Acme Labs",
    "job_title": "Head of Partnerships",
    "addresses": [{**FULL["addresses"][0], "label": "home"}],
    "notes": "met in Rome\non 2026-02-16",
    "tags": ["partner", "VIP"],
    "custom_fields": {"a": {"b": [1, None]}, 'qu"ote\\': "x", "ä.b": True},
    "source": "google-calendar",
    "source_id": "g-1",
    "synced_at": "2026-02-16T10:30:00.123Z",
}


def create(scene: Scene, fields: dict[str, Any], owner: str = "alice") -> dict[str, Any]:
    """Create a contact as the REST API does; return its record."""
    scene["body"] = routine_fields(fields)
    return record(scene.sets(f"my_contact_create(:{owner}, :body)")[-1])


def patch(scene: Scene, name: str, fields: dict[str, Any], rev: str = "NULL") -> dict[str, Any]:
    """Change a contact of Alice; return its record."""
    scene["body"] = routine_fields(fields)
    return record(scene.sets(f"my_contact_patch(:alice, :{name}, :body, {rev})")[-1])


def record(rows: ResultSet) -> dict[str, Any]:
    """Return the record of the first row."""
    made: dict[str, Any] = orjson.loads(rows[0][0])
    return made


def rev_of(scene: Scene, name: str) -> int:
    return int(scene.rows(f"my_contact_record(:alice, :{name}, 1)")[0][1])


def key(contact: dict[str, Any]) -> str:
    """Return the internal id of a record."""
    text = contact["id"].replace("-", "")
    return str(text[:12] + text[13:16] + text[17:18])


def names(scene: Scene, owner: str = "alice", limit: int = 20, offset: int = 0, **query: Any) -> list[str]:
    """Return the names of a page, followed by the total."""
    scene["query"] = orjson.dumps(query).decode()
    rows, ((total, *_),) = scene.sets(f"my_contact_records(:{owner}, :query, {limit}, {offset})")
    return [orjson.loads(row[0])["display_name"] for row in rows] + [str(total)]


def test_each_refusal_has_its_code(scene: Scene) -> None:
    scene["trashed"] = scene.contact("gone@scene.example")
    scene.sets("my_contact_trash(:alice, :trashed, NULL)")
    scene["bobs"] = scene.contact("mine@scene.example", owner="bob")
    body = '{"from_api": 1, "firstname": "X", "email": [{"is_default": 1}]}'
    mail = f"JSON_SET('{body}', '$.email[0].email', MAIL)"
    nameless = '{"from_api": 1, "firstname": null, "lastname": null}'
    scene.refuses({
        "my_contact_create(:alice, '{\"from_api\": 1, \"company\": \"Acme\"}')": "NO_NAME",
        f"my_contact_create(:alice, {mail.replace('MAIL', ':mail_alice')})": "SELF_CONTACT",
        f"my_contact_create(:erin, {mail.replace('MAIL', ':mail_frank')})": "SAME_DOMAIN",
        "my_contact_patch(:alice, :nobody, '{}', NULL)": "CONTACT_NOT_FOUND",
        "my_contact_patch(:alice, :trashed, '{\"from_api\": 1}', NULL)": "CONTACT_NOT_FOUND",
        "my_contact_patch(:alice, :bobs, '{\"from_api\": 1}', NULL)": "CONTACT_NOT_FOUND",
        "my_contact_patch(:alice, :ada, '{\"from_api\": 1}', 999999)": "PRECONDITION_FAILED",
        f"my_contact_patch(:alice, :ada, '{nameless}', NULL)": "NO_NAME",
        "my_contact_trash(:alice, :nobody, NULL)": "CONTACT_NOT_FOUND",
        "my_contact_trash(:alice, :trashed, NULL)": "ALREADY_DELETED",
        "my_contact_trash(:alice, :ada, 999999)": "PRECONDITION_FAILED",
        "my_contact_purge(:alice, :nobody, NULL)": "CONTACT_NOT_FOUND",
        "my_contact_purge(:alice, :trashed, 999999)": "PRECONDITION_FAILED",
        "my_contact_restore(:alice, :nobody, NULL)": "CONTACT_NOT_FOUND",
        "my_contact_restore(:alice, :ada, NULL)": "NOT_DELETED",
        "my_contact_restore(:alice, :trashed, 999999)": "PRECONDITION_FAILED",
        "my_contact_merge(:alice, :ada, '[]', NULL)": "INVALID_PARAM",
        "my_contact_merge(:alice, :ada, JSON_ARRAY(:ada), NULL)": "INVALID_PARAM",
        "my_contact_merge(:alice, :ada, JSON_ARRAY(:trashed), NULL)": "CONTACT_NOT_FOUND",
        "my_contact_merge(:alice, :ada, JSON_ARRAY(:bobs), NULL)": "CONTACT_NOT_FOUND",
        "my_contact_merge(:alice, :ada, JSON_ARRAY(:grace), 999999)": "PRECONDITION_FAILED",
        "my_contact_changes(:alice, 999999, 10)": "TOO_OLD",
        "contact_revision_check(:alice, :ada, 999999)": "PRECONDITION_FAILED",
        "contact_revision_check(:alice, :nobody, 1)": "PRECONDITION_FAILED",
    })  # fmt: skip


def test_my_contact_create_makes_a_record_with_every_field(scene: Scene) -> None:
    made = create(scene, ANA)
    assert list(made) == KEYS
    assert {name: made[name] for name in ANA} == {**ANA, "tags": ["partner", "VIP"]}
    assert (made["deleted_at"], made["archived"], made["groups"]) == (None, False, [])
    assert made["created_at"] == made["updated_at"]
    scene["ana"] = key(made)
    assert to_wire(scene["ana"]) == made["id"]
    ((text, rev),) = scene.rows("my_contact_record(:alice, :ana, 0)")
    assert (orjson.loads(text), rev) == (made, 1)


def test_contact_render_first_answers_what_contact_render_stores(scene: Scene) -> None:
    """It takes the words of the service; with more than one number, it finds them itself."""
    for count in (0, 2):
        columns = routine_columns({"display_name": "Zoë Ana", "phones": ANA["phones"][:count]})
        scene["body"] = orjson.dumps(with_words(columns)).decode()
        contact_id = from_uuid(record(scene.sets("my_contact_create(:alice, :body)")[-1])["id"])
        scene.sets(f"DELETE FROM contact_record WHERE contact_id = '{contact_id}'")
        scene.sets(f"DELETE FROM contact_index WHERE contact_id = '{contact_id}'")
        scene.sets(f"contact_render_first(:alice, '{contact_id}', :body, @rev, @record, @card, @full)")
        stored = f"""SELECT r.rev, r.record, CONCAT(r.rpc_card, '}}'), r.rpc_full, COUNT(*)
                     FROM contact_record AS r JOIN contact_index AS i USING (owner_id, contact_id)
                     WHERE r.contact_id = '{contact_id}' AND i.name = 'Zoë Ana'"""
        *answer, words = scene.rows(stored)[0]
        assert answer == list(scene.rows("SELECT @rev, @record, @card, @full")[0])
        assert words > 8


def test_contact_render_parts_takes_the_lists_from_the_record_after_a_change_of_texts(scene: Scene) -> None:
    """The text of custom fields may look like the lists of the RPC."""
    fields = {"a": 1, "email": [1], "mobile": [{"x": ', "email": ['}]}
    scene["ana"] = key(create(scene, {**ANA, "custom_fields": fields, "groups": []}))
    stored = "SELECT record, private, rpc_full, names_digest FROM contact_record WHERE contact_id = :ana"
    words = """SELECT kind, word FROM contact_index
               WHERE contact_id = :ana AND kind <> 'updated_at' ORDER BY 1, 2"""
    for parts in ("fields", "all"):
        scene.sets(f"UPDATE contact SET comment = '{parts}', job_title = '{parts}' WHERE id = :ana")
        scene.sets(f"contact_render_parts(:alice, :ana, '{parts}', NULL)")
        record_rows, word_rows = scene.rows(stored), scene.rows(words)
        scene.sets("contact_render(:alice, :ana)")
        assert scene.rows(stored) == record_rows, parts
        scene.sets("UPDATE contact_record SET names_digest = NULL WHERE contact_id = :ana")
        scene.sets("contact_render(:alice, :ana)")
        assert scene.rows(words) == word_rows, parts
    assert scene.doc("my_contact_get(:alice, :ana)")["custom_fields"] == fields


def test_my_contact_create_needs_neither_address_nor_last_name(scene: Scene) -> None:
    first, second = create(scene, {"first_name": "Ann"}), create(scene, {"first_name": "Ann"})
    assert first["id"] != second["id"]
    assert (first["display_name"], first["emails"], first["source"]) == ("Ann", [], "local")
    assert names(scene) == ["Ann", "Ann", "2"]


def test_changes_of_the_rpc_preserve_unknown_fields(scene: Scene) -> None:
    scene["ana"] = key(create(scene, ANA))
    entry = scene.doc("my_contact_get(:alice, :ana)")
    assert (entry["company"], entry["job_title"], entry["custom_fields"]) == (
        "Acme Labs", "Head of Partnerships", ANA["custom_fields"],
    )  # fmt: skip
    assert [(p["areacode"], p["phone"]) for p in entry["mobile"]] == [("+34", "612-345.678"), ("", "0912 34")]
    assert [(e["category"], e["label"]) for e in entry["email"]] == [("prof", "work"), ("priv", "school")]
    assert (entry["address"][0]["state"], entry["address"][0]["postal_code"]) == ("MD", "28001")
    known = {
        "firstname": "Ana María", "lastname": "García", "surname": "", "comment": "new",
        "email": [{k: e[k] for k in ("email", "category", "is_default")} for e in reversed(entry["email"])],
        "mobile": [
            {k: p[k] for k in ("areacode", "phone", "category", "is_default")} for p in entry["mobile"]
        ],
        "address": [{k: a[k] for k in ("street", "city", "country", "category")} for a in entry["address"]],
        "tag": [t["tag_id"] for t in entry["tag"]],
    }  # fmt: skip
    scene["body"] = orjson.dumps(known).decode()
    scene.sets("my_contact_update(:alice, :ana, :body)")
    now = record(scene.rows("my_contact_record(:alice, :ana, 0)"))
    expected = {**ANA, "first_name": "Ana María", "notes": "new", "emails": ANA["emails"][::-1]}
    assert {name: now[name] for name in ANA} == expected


def test_a_category_that_the_rpc_changes_takes_the_label_with_it(scene: Scene) -> None:
    scene["ana"] = key(create(scene, ANA))
    scene["body"] = (
        '{"mobile": [{"areacode": "+34", "phone": "612-345.678", "category": "prof", "is_default": 1}]}'
    )
    scene.sets("my_contact_update(:alice, :ana, :body)")
    assert record(scene.rows("my_contact_record(:alice, :ana, 0)"))["phones"][0]["label"] == "work"
    scene["body"] = scene["body"].replace("prof", "priv")
    scene.sets("my_contact_update(:alice, :ana, :body)")
    assert record(scene.rows("my_contact_record(:alice, :ana, 0)"))["phones"][0]["label"] == "mobile"


def test_a_number_that_comes_back_stays_split_as_the_rpc_has_it(scene: Scene) -> None:
    scene["one"] = scene.contact(
        "one@scene.example", firstname="One", mobile=[{"areacode": "33", "phone": "612"}]
    )
    before = record(scene.rows("my_contact_record(:alice, :one, 0)"))
    assert before["phones"] == [{"number": "33 612", "label": "mobile", "primary": True}]
    patch(
        scene,
        "one",
        {"phones": [{"number": "+49 30 1", "label": "home", "primary": False}, *before["phones"]]},
    )
    entry = scene.doc("my_contact_get(:alice, :one)")
    assert [(p["areacode"], p["phone"]) for p in entry["mobile"]] == [("+49", "30 1"), ("33", "612")]


def test_my_contact_patch_replaces_what_is_given(scene: Scene) -> None:
    before = create(scene, ANA)
    scene["ana"] = key(before)
    assert patch(scene, "ana", {}) == before
    assert rev_of(scene, "ana") == 1
    after = patch(
        scene, "ana", {"display_name": "", "emails": [], "tags": ["new"], "custom_fields": None}, rev="1"
    )
    assert after["display_name"] == "Ana García"
    assert (after["emails"], after["tags"], after["custom_fields"]) == ([], ["new"], None)
    assert after["phones"] == ANA["phones"]
    assert after["updated_at"] >= before["updated_at"]
    assert rev_of(scene, "ana") == 2
    assert patch(scene, "ana", {"first_name": "Anna"})["display_name"] == "Anna García"
    assert scene.docs("tag_list(:alice, NULL, NULL, 'asc', 1, 9)")[-1]["name"] == "new"
    again = patch(scene, "ana", {"emails": [{"address": "ana@acme.example", "label": None, "primary": True}]})
    assert again["emails"] == [{"address": "ana@acme.example", "label": "other", "primary": True}]
    assert scene.doc("my_contact_find(:alice, 'ana@acme.example')") == {"contact_id": scene["ana"]}


def test_custom_fields_are_merged_one_level_deep(scene: Scene) -> None:
    scene["ana"] = key(create(scene, {"first_name": "Ana"}))
    for custom, expected in (
        ({"a": {"b": 1}, "c": 2, 'q"\\x': 1, "ä.b": [1]}, {"a": {"b": 1}, "c": 2, 'q"\\x': 1, "ä.b": [1]}),
        ({"a": {"d": None}, "c": None}, {'q"\\x': 1, "ä.b": [1], "a": {"d": None}}),
        ({'q"\\x': None, "ä.b": None, "a": None, "none": None}, {}),
    ):
        scene["body"] = orjson.dumps({"from_api": 1, "custom": custom}).decode()
        patched = record(scene.sets("my_contact_patch(:alice, :ana, :body, NULL)")[-1])
        assert patched["custom_fields"] == expected


def test_a_surname_leaves_the_display_name_alone(scene: Scene) -> None:
    scene["ana"] = key(create(scene, ANA))
    for surname, expected in (("", "Ana G."), ("Annie", "Annie"), ("", "Ana G.")):
        scene["body"] = orjson.dumps({"surname": surname}).decode()
        scene.sets("my_contact_update(:alice, :ana, :body)")
        assert scene.doc("my_contact_get(:alice, :ana)")["surname"] == expected
        assert record(scene.rows("my_contact_record(:alice, :ana, 0)"))["display_name"] == "Ana G."


def test_my_contact_trash_and_my_contact_restore_bring_everything_back(scene: Scene) -> None:
    scene["ana"] = key(create(scene, ANA))
    scene.sets("contact_group_add(:alice, 'Friends', NULL, JSON_ARRAY(:ana))")
    before = record(scene.rows("my_contact_record(:alice, :ana, 0)"))
    assert before["groups"] == ["Friends"]
    discarded = record(scene.sets("my_contact_trash(:alice, :ana, NULL)")[-1])
    assert discarded["deleted_at"] == discarded["updated_at"]
    assert {**discarded, "deleted_at": None, "updated_at": ""} == {**before, "updated_at": ""}
    assert scene.rows("my_contact_record(:alice, :ana, 0)") == []
    assert scene.rows("my_contact_get(:alice, :ana)") == []
    assert (names(scene), names(scene, deleted="only"), names(scene, deleted="also")) == (
        ["0"], ["Ana G.", "1"], ["Ana G.", "1"],
    )  # fmt: skip
    assert names(scene, deleted="only", search="ana acme", tag=["VIP"]) == ["Ana G.", "1"]
    *_, state, restored = scene.sets(f"my_contact_restore(:alice, :ana, {rev_of(scene, 'ana')})")
    assert document(state)["blocked"] == 0
    assert {**record(restored), "updated_at": ""} == {**before, "updated_at": ""}
    first = scene.doc("my_contact_list(:alice, NULL, NULL, 'name', 'asc', 'active', 1, 45, NULL)")
    assert first["id"] == scene["ana"]
    assert scene.count("contact_relation_aside", "owner_id = :alice") == 0
    assert scene.count("contact", "owner_id = :alice AND deleted_at IS NULL") == 1


def test_the_trash_shows_tags_and_groups_as_they_are_now(scene: Scene) -> None:
    scene["ana"] = key(create(scene, {**ANA, "tags": ["kept", "old", "going"]}))
    for name in ("Old", "Going"):
        scene[name.lower()] = scene.doc(f"contact_group_add(:alice, '{name}', NULL, JSON_ARRAY(:ana))")["id"]
    for name in ("old", "going"):
        where = f"owner_id = :alice AND name = '{name}'"
        scene[f"tag_{name}"] = scene.one(f"SELECT tag_id FROM tag WHERE {where}")
    scene.sets("my_contact_trash(:alice, :ana, NULL)")
    before = record(scene.rows("my_contact_record(:alice, :ana, 1)"))
    assert (before["tags"], before["groups"]) == (["going", "kept", "old"], ["Going", "Old"])

    revs = [rev_of(scene, "ana")]
    for call in (
        "tag_rename(:alice, :tag_old, 'new')", "tag_remove(:alice, :tag_going)",
        "contact_group_rename(:alice, :old, 'New')", "contact_group_delete(:alice, :going)",
    ):  # fmt: skip
        scene.sets(call)
        revs.append(rev_of(scene, "ana"))
    assert revs == sorted(set(revs))
    after = record(scene.rows("my_contact_record(:alice, :ana, 1)"))
    assert {**after, "updated_at": ""} == {
        **before, "tags": ["kept", "new"], "groups": ["New"], "updated_at": "",
    }  # fmt: skip
    assert names(scene, deleted="only", tag=["new"]) == ["Ana G.", "1"]
    assert names(scene, deleted="also", tag=["old"]) == ["0"]
    assert [row[1] for row in scene.rows(f"my_contact_changes(:alice, {revs[0]}, 9)")] == ["deleted"]
    scene.sets("contact_render(:alice, :ana)")
    assert rev_of(scene, "ana") == revs[-1]
    back = record(scene.sets("my_contact_restore(:alice, :ana, NULL)")[-1])
    assert (back["tags"], back["groups"]) == (["kept", "new"], ["New"])


def test_my_contact_restore_takes_back_an_address_that_was_given_away(scene: Scene) -> None:
    scene["ana"] = key(create(scene, ANA))
    scene.sets("my_contact_trash(:alice, :ana, NULL)")
    scene["other"] = scene.contact("ana@acme.example", "ana@home.example")
    scene.sets("my_contact_restore(:alice, :ana, NULL)")
    entities = scene.rows("SELECT id, entity FROM contact WHERE owner_id = :alice AND id IN (:ana, :other)")
    assert dict(entities) == {scene["ana"]: "ana@acme.example", scene["other"]: scene["other"]}


def test_my_contact_restore_becomes_the_invitation_that_came_meanwhile(scene: Scene) -> None:
    scene["bobs"] = scene.doc("my_contact_add(:alice, JSON_OBJECT('invitee_id', :bob))")["id"]
    scene.sets("my_contact_trash(:alice, :bobs, NULL)")
    scene.sets("contact_received(:alice, :bob, 'hello')")
    scene.sets("my_contact_restore(:alice, :bobs, NULL)")
    entry = scene.doc("my_contact_get(:alice, :bobs)")
    assert (entry["status"], entry["message"]) == ("invitation", "hello")
    assert scene.count("contact", "owner_id = :alice") == 1
    scene.sets("my_contact_trash(:alice, :bobs, NULL)")
    scene["other"] = scene.doc("my_contact_add(:alice, JSON_OBJECT('invitee_id', :bob))")["id"]
    scene.sets("contact_relate(:alice, :other, :bob, 'sent')")
    scene.refuses({"my_contact_restore(:alice, :bobs, NULL)": "CONFLICT"})
    # Without a relation of its own, it stands for itself.
    scene.sets("UPDATE contact_relation_aside SET status = 'memory' WHERE owner_id = :alice AND id = :bobs")
    scene.sets("my_contact_restore(:alice, :bobs, NULL)")
    assert scene.one("SELECT entity FROM contact WHERE owner_id = :alice AND id = :bobs") == scene["bobs"]
    assert scene.one("SELECT my_contact_of(:alice, :bob)") == scene["other"]


def test_my_contact_purge_leaves_a_tombstone(scene: Scene) -> None:
    for trashed in (False, True):
        made = create(scene, ANA)
        scene["ana"] = key(made)
        since = scene.sets("my_contact_changes(:alice, 0, 9)")[1][0][0]
        if trashed:
            scene.sets("my_contact_trash(:alice, :ana, NULL)")
        purged = scene.doc("my_contact_purge(:alice, :ana, NULL)")
        assert purged == {"contact_id": scene["ana"], "his_id": None, "entity": "ana@acme.example"}
        scene.refuses({"my_contact_purge(:alice, :ana, NULL)": "CONTACT_NOT_FOUND"})
        rows, _ = scene.sets(f"my_contact_changes(:alice, {since}, 9)")
        assert [(event, orjson.loads(data)) for _, event, data in rows] == [
            ("purged", {"id": made["id"], "permanent": True})
        ]
    assert scene.count("contact_index", "owner_id = :alice") == 0
    assert scene.rows("SELECT active, deleted FROM contact_ledger WHERE owner_id = :alice") == [(0, 0)]


def test_my_contact_records_sorts_and_pages(scene: Scene) -> None:
    for name, company in (("Bea", "zeta"), ("ana", None), ("Cid", "Acme"), ("Ánade", "acme b")):
        create(scene, {"display_name": name, "company": company})
    assert names(scene) == ["ana", "Ánade", "Bea", "Cid", "4"]
    assert names(scene, order="desc") == ["Cid", "Bea", "Ánade", "ana", "4"]
    assert names(scene, sort="company") == ["Cid", "Ánade", "Bea", "ana", "4"]
    assert names(scene, sort="company", order="desc") == ["Bea", "Ánade", "Cid", "ana", "4"]
    assert names(scene, sort="company", order="desc", search="a") == ["Ánade", "Cid", "ana", "3"]
    assert names(scene, sort="created_at") == ["Bea", "ana", "Cid", "Ánade", "4"]
    assert names(scene, sort="updated_at", order="desc") == ["Ánade", "Cid", "ana", "Bea", "4"]
    assert names(scene, limit=2, offset=1) == ["Ánade", "Bea", "4"]
    assert names(scene, limit=2, offset=9) == ["4"]
    assert names(scene, company="CME") == ["Ánade", "Cid", "2"]
    assert names(scene, company="%") == ["0"]
    assert names(scene, owner="bob") == ["0"]


def test_contacts_whose_sort_keys_the_collation_ignores_are_listed(scene: Scene) -> None:
    ignored = "\u0301" * 255
    scene["ada"] = key(create(scene, {"display_name": "Ada"}))
    create(scene, {"display_name": "Bea", "company": "Zeta"})
    # The routines store no such text; a row of another origin may have it.
    scene["ignored"] = ignored
    scene.sets(
        "UPDATE contact SET display_name = NULL, firstname = :ignored, lastname = 'Ada', company = :ignored "
        "WHERE owner_id = :alice AND id = :ada"
    )
    for render in ("contact_render(:alice, :ada)", "contacts_render(:alice, JSON_ARRAY(:ada))"):
        scene.sets(render)
        for sort, order in itertools.product(["display_name", "company", "created_at"], ["asc", "desc"]):
            expected = [ignored, "Bea"] if order == "asc" else ["Bea", ignored]
            assert names(scene, sort=sort, order=order) == [*expected, "2"], (render, sort, order)
        # Stale contacts get their words again.
        scene.sets("DELETE FROM contact_index WHERE owner_id = :alice AND contact_id = :ada")
        scene.sets("INSERT INTO contact_stale (owner_id, contact_id) VALUES (:alice, :ada)")
    assert names(scene) == ["Bea", "2"], "one contact without words must not hide the others"


def test_a_contact_that_was_caught_up_with_has_no_change_of_words_left(scene: Scene) -> None:
    scene.sets("contact_render(:alice, :ada)")
    scene.sets("UPDATE contact_record SET names_digest = REPEAT('x', 16) WHERE contact_id = :ada")
    events = "SELECT COUNT(*) FROM contact_event WHERE owner_id = :alice AND contact_id = :ada"
    before = scene.one(events)
    scene.sets("INSERT INTO contact_stale (owner_id, contact_id) VALUES (:alice, :ada)")
    scene.sets("contacts_render(:alice, JSON_ARRAY(:ada))")
    scene.sets("contact_render(:alice, :ada)")
    assert scene.one(events) == before
    # without the mark, the words are not made again, and the next rendering still has to do it
    scene.sets("UPDATE contact_record SET names_digest = REPEAT('x', 16) WHERE contact_id = :ada")
    scene.sets("contacts_render(:alice, JSON_ARRAY(:ada))")
    assert scene.one("SELECT names_digest FROM contact_record WHERE contact_id = :ada") == b"x" * 16


SEARCHES = {
    "ana": True, "GARCIA": True, "garc": True, "arcia": False, "ana acme": True, "ana nobody": False,
    "ana@acme.example": True, "ana@ac": True, "acme.example": True, "acme labs": True, "345": True,
    "612345": True, "+34 612 345 678": True, "612-345-678": True, "999": False, "rome met": True,
    "2026-02-16": True, "20260216": True, "%": False, "_ana": True, "_na": False, "ana %": True,
    "'": False, '"': False, "\\": False, "": True, "  ": True, " garcia  \n ana ": True,
    "- ana@acme.example": True, "ana " * 40: True, "ana " * 40 + "nobody": False, "\u200d": True,
    "ana@acme.example ana@home.example bob@": False,
}  # fmt: skip


@pytest.mark.parametrize("text", SEARCHES)
def test_my_contact_records_finds_every_word_by_its_start(scene: Scene, text: str) -> None:
    create(scene, ANA)
    create(scene, {"display_name": "Somebody Else"})
    assert ("Ana G." in names(scene, search=text)) == SEARCHES[text]
    assert scene.json("SELECT record_conditions('{}')") == []


NUMBERS = {
    "+33 6 12-345.678": ("612345678", [f"{33612345678}"[n:] for n in range(11)]),
    "0912 34": ("091234", ["091234", "91234", "1234", "234", "34", "4"]),
    "112": (None, ["112", "12", "2"]),
    "12": (None, ["12", "2"]),
    'ext "7"': (None, ["7"]),
    "none": (None, []),
}


def test_contact_keys_finds_a_number_by_any_of_its_digits(scene: Scene) -> None:
    for number, (whole, runs) in NUMBERS.items():
        scene["record"] = orjson.dumps(
            {"display_name": "'", "phones": [{"number": number}], "tags": []}
        ).decode()
        keys = scene.json("SELECT contact_keys(:record, NULL, NULL)")
        words = {word for each in keys if each["kind"] == "text" for word in each["words"] if word}
        assert (words, [w for each in keys if each["kind"] == "phone" for w in each["words"] if w]) == (
            set(runs), [whole] if whole else []
        ), number  # fmt: skip
    scene["record"] = orjson.dumps({"phones": [{"number": n} for n in NUMBERS], "tags": []}).decode()
    keys = scene.json("SELECT contact_keys(:record, NULL, NULL)")
    words = {word for each in keys if each["kind"] == "text" for word in each["words"] if word}
    assert words == {run for _, runs in NUMBERS.values() for run in runs}


def test_contact_keys_names_a_repeated_word_of_a_long_text_once(scene: Scene) -> None:
    words = {"ada", "x@y.example", "@y.example", "1-2", "Ärger"}
    for times in (1, 2000):
        notes = " ".join([*words, "Ada"] * times)
        scene["record"] = orjson.dumps({"display_name": "Ada", "notes": notes, "tags": []}).decode()
        keys = scene.json("SELECT contact_keys(:record, NULL, NULL)")
        listed = [w for key in keys if key["kind"] == "text" for w in key["words"] if w]
        assert {w.lower() for w in listed} == {
            "ada", "x", "y", "example", "x@y.example", "@y.example", "1", "2", "12", "ärger"
        }  # fmt: skip
    assert len(listed) == 10


ADDRESSES = {
    "@uniq.example": True, "zed@uniq.example": True, "ed@uniq.example": False, "carl@nowhere.example": True,
    "@nowhere": True, "@handle": True, "x@y": True, "<x@y>,": True, "@y now": True, "@": False,
    "@else": False,
}  # fmt: skip


@pytest.mark.parametrize("text", ADDRESSES)
def test_my_contact_records_finds_addresses_wherever_they_stand(scene: Scene, text: str) -> None:
    emails = [{"address": "zed@uniq.example", "label": "work", "primary": True}]
    notes = "to carl@nowhere.example.\nbye"
    create(scene, {"display_name": "Zed @handle", "company": "at x@y now", "notes": notes, "emails": emails})
    create(scene, {"display_name": "Somebody Else"})
    assert names(scene, search=text) == (["Zed @handle", "1"] if ADDRESSES[text] else ["0"])


def test_the_end_of_long_notes_is_found(scene: Scene) -> None:
    notes = "wörd " * 3274 + "lastword"
    create(scene, {"display_name": "Long", "notes": notes, "emails": [
        {"address": "a@long.example", "label": "work", "primary": True}]})  # fmt: skip
    assert len(notes) <= 16383
    assert names(scene, search="lastword long.example")[-1] == "1"


def test_a_page_leaves_out_records_removed_meanwhile(scene: Scene) -> None:
    for name in ("Ann", "Ann", "Bea"):
        create(scene, {"display_name": name})
    # Pretend that another call committed between the two statements: the index names a record that is gone.
    scene.sets("UPDATE contact_record SET state = 'purged', record = '{\"id\": 1, \"permanent\": true}' "
               "WHERE owner_id = :alice AND JSON_VALUE(record, '$.display_name') = 'Ann'")  # fmt: skip
    assert names(scene) == ["Bea", "3"]
    assert names(scene, deleted="also")[0] == "Bea"
    assert scene.docs("my_contact_duplicates(:alice, NULL, 9)") == []


def test_my_contact_records_joins_filters(scene: Scene) -> None:
    create(scene, ANA)
    create(
        scene,
        {**ANA, "display_name": "Second", "emails": [], "tags": ["VIP"], "source": "local", "company": "X"},
    )
    assert names(scene, tag=["partner"]) == ["Ana G.", "1"]
    assert names(scene, tag=["VIP", "partner"]) == ["Ana G.", "1"]
    assert names(scene, tag=["VIP"]) == ["Ana G.", "Second", "2"]
    for tag in ("none", "vip", "VIP "):
        assert names(scene, tag=[tag]) == ["0"]
    assert names(scene, tag=["VIP"], source="local", search="612") == ["Second", "1"]
    assert names(scene, source="google-calendar", company="labs") == ["Ana G.", "1"]
    assert names(scene, source="local", company="labs") == ["0"]
    assert names(scene, source="Local") == ["0"]


def test_my_contact_records_pages_are_the_same_on_every_way(scene: Scene) -> None:
    """Read a frequent word in the order of the page, unless it stands at one end; collect a rare one."""
    scene.sets(
        "INSERT INTO contact (owner_id, id, entity, firstname, company, ctime, mtime) "
        "SELECT :alice, LPAD(HEX(seq), 16, '0'), LPAD(HEX(seq), 16, '0'), "
        "CONCAT(IF(seq <= 1200, 'early ', 'late '), LPAD(seq, 4, '0'), IF(seq % 2, ' odd', ' even')), "
        "CONCAT('c', seq % 7), seq, seq FROM seq_1_to_2400"
    )
    scene.sets("contact_sweep()")
    while scene.one("contact_catch_up(1000)"):
        pass
    rev = scene.one("SELECT rev FROM contact_ledger WHERE owner_id = :alice")
    ids = {name: contact for contact, name in scene.rows(
        "SELECT id, full_name FROM contact WHERE owner_id = :alice"
    )}  # fmt: skip
    for sort, order in itertools.product(["display_name", "company", "created_at"], ["asc", "desc"]):
        everybody = names(scene, limit=2400, sort=sort, order=order)
        assert (len(everybody), everybody.pop()) == (2401, "2400")
        for deleted, offset in itertools.product(["no", "also"], [40, 41, 1999, 2390]):
            position = {"rev": rev, "offset": 40, "contact": ids[everybody[39]]}
            page = names(scene, sort=sort, order=order, deleted=deleted, offset=offset, after=position)
            assert page[:-1] == everybody[offset : offset + 20], (deleted, offset, sort, order)
        stale = {"rev": rev - 1, "offset": 40, "contact": ids[everybody[9]]}
        assert names(scene, sort=sort, order=order, offset=60, after=stale)[:-1] == everybody[60:80]
        for word in ("even", "late", "early"):
            expected = [name for name in everybody if word in name]
            for offset, floor in itertools.product((0, 37, 1190), (0, 1)):
                ordered: dict[str, Any] = {"search": word, "sort": sort, "order": order, "offset": offset}
                # contact_records_by_word finds the pages by name, unless the caller is an older service
                if sort == "display_name":
                    ordered["floor"] = floor
                total = "1001" if sort == "display_name" and floor and offset < 1000 else "1200"
                assert names(scene, **ordered) == [*expected[offset : offset + 20], total], ordered
                position = {"rev": rev, "offset": 30, "contact": ids[expected[29]]}
                known: dict[str, Any] = {"known": {"rev": rev, "total": 1200}, "after": position}
                assert names(scene, **ordered, **known) == [*expected[offset : offset + 20], "1200"], ordered
    assert names(scene, search="early even")[-1] == "600"
    query = "JSON_OBJECT('order', 'asc', 'floor', 0)"
    rows, counted = scene.sets(f"contact_records_by_word(:alice, 7, {query}, 'late', 2, 1)")
    assert [orjson.loads(data)["display_name"] for data, _ in rows] == ["late 1202 even", "late 1203 odd"]
    assert counted == [(1200, 7, 0)]
    # while the words of a contact wait, they are found by contact_records_by_filter
    scene.sets("INSERT INTO contact_stale (owner_id, contact_id) VALUES (:alice, :nobody)")
    assert names(scene, search="late", floor=1)[:2] == ["late 1201 odd", "late 1202 even"]


def test_my_contact_records_counts_unless_the_caller_knows(scene: Scene) -> None:
    for name, company in (("Ann One", "Acme"), ("Ann Two", "Beta"), ("Bea", None)):
        create(scene, {"display_name": name, "company": company})
    rev = scene.one("SELECT rev FROM contact_ledger WHERE owner_id = :alice")
    knows, knew = {"rev": rev, "total": 2}, {"rev": rev - 1, "total": 9}
    assert names(scene, search="ann", known=knows) == ["Ann One", "Ann Two", "2"]
    assert names(scene, search="ann", known=knew) == ["Ann One", "Ann Two", "2"]
    assert names(scene, search="ann", sort="company", known=knows, offset=1) == ["Ann Two", "2"]
    assert names(scene, search="ann", known=None)[-1] == "2"
    # Older services call without it, and know only one column.
    assert scene.sets('my_contact_records(:alice, \'{"search": "ann"}\', 20, 0)')[1] == [(2,)]
    assert scene.sets("my_contact_records(:alice, '{\"known\": null}', 20, 0)")[1] == [(3, rev)]
    assert scene.sets("contact_records_by_filter(:alice, '{\"known\": null}', 20, 0)")[1] == [(3, rev)]


PARTS = {
    "a": 2, "acme": 1, "CME": 1, "me L": 1, "Ácme Labs": 1, "labs ": 1, "x": 0,
    '"': 1, "\\": 1, '"Q\\': 1, "q": 1, "%": 0, "ß": 0,
}  # fmt: skip


def test_my_contact_records_finds_a_company_by_any_part(scene: Scene) -> None:
    create(scene, {"display_name": "Ann", "company": "Acme Labs"})
    create(scene, {"display_name": "Bea", "company": 'Zwei a "Q\\'})
    create(scene, {"display_name": "Cid"})
    assert {part: int(names(scene, company=part)[-1]) for part in PARTS} == PARTS
    assert names(scene, company="a", search="bea", sort="company") == ["Bea", "1"]
    assert names(scene, company="a", tag=["x"]) == ["0"]


def test_my_contact_changes_and_my_contact_events(scene: Scene) -> None:
    rows, state = scene.sets("my_contact_events(:alice, NULL, 9)")
    assert (rows, state) == ([], [(0, 0)])
    scene["ana"] = key(create(scene, {"first_name": "Ana"}))
    patch(scene, "ana", {"company": "Acme"})
    scene["bea"] = key(create(scene, {"first_name": "Bea"}))
    scene.sets("my_contact_trash(:alice, :bea, NULL)")

    def seen(routine: str, since: int, limit: int = 9) -> tuple[list[tuple[str, str]], tuple[int, int]]:
        changes, ((rev, more),) = scene.sets(f"{routine}(:alice, {since}, {limit})")
        return [(event, orjson.loads(data).get("first_name", "-")) for _, event, data in changes], (rev, more)

    assert seen("my_contact_events", 0) == (
        [("created", "Ana"), ("updated", "Ana"), ("created", "Bea"), ("deleted", "Bea")], (4, 0),
    )  # fmt: skip
    assert seen("my_contact_events", 1, 2) == ([("updated", "Ana"), ("created", "Bea")], (3, 1))
    assert seen("my_contact_changes", 0) == ([("created", "Ana"), ("deleted", "Bea")], (4, 0))
    assert seen("my_contact_changes", 1) == ([("updated", "Ana"), ("deleted", "Bea")], (4, 0))
    assert seen("my_contact_changes", 0, 1) == ([("created", "Ana")], (2, 1))
    scene.sets("my_contact_restore(:alice, :bea, NULL)")
    assert seen("my_contact_changes", 4) == ([("restored", "Bea")], (5, 0))
    scene.sets("my_contact_purge(:alice, :ana, NULL)")
    assert seen("my_contact_changes", 2) == ([("created", "Bea"), ("purged", "-")], (6, 0))
    assert seen("my_contact_changes", 0) == ([("created", "Bea")], (6, 0))
    scene.sets("UPDATE contact_ledger SET event_rev = 4 WHERE owner_id = :alice")
    assert seen("my_contact_events", 2) == ([("created", "Bea"), ("purged", "-")], (6, 0))
    assert scene.sets("my_contact_changes_between(:alice, 5, 6, 9)")[1] == [(6, 0)]
    scene.sets("INSERT INTO moved_out (owner_id, to_db, ctime) VALUES (:alice, 'shard2', 1)")
    assert scene.refusal("my_contact_events(:alice, 5, 9)") == "MOVING"


def test_tombstones_are_forgotten_by_my_contact_forget(scene: Scene) -> None:
    scene["ana"] = key(create(scene, {"first_name": "Ana"}))
    scene.sets("my_contact_purge(:alice, :ana, NULL)")
    create(scene, {"first_name": "Bea"})
    scene.sets("my_tombstone_expire(:alice, 90)")
    assert scene.count("contact_record", "owner_id = :alice") == 2
    scene.sets(
        "UPDATE contact_record SET deleted_at = '2020-01-01' WHERE owner_id = :alice AND state = 'purged'"
    )
    scene.sets("my_tombstone_expire(:alice, 90)")
    assert scene.count("contact_record", "owner_id = :alice") == 1
    scene.refuses({"my_contact_changes(:alice, 1, 9)": "TOO_OLD"})
    assert len(scene.rows("my_contact_changes(:alice, 0, 9)")) == 1


def test_my_contact_duplicates_by_name_and_number(scene: Scene) -> None:
    for name, number in (
        ("García Ana", "+34 612 345 678"),
        ("ana GARCIA", "1"),
        ("Bea", "0612345678"),
        ("Cid", "1"),
    ):
        create(
            scene, {"display_name": name, "phones": [{"number": number, "label": "mobile", "primary": True}]}
        )
    rows, ((after,),) = scene.sets("my_contact_duplicates(:alice, NULL, 9)")
    duplicates = [orjson.loads(row[0]) for row in rows]
    assert [(f["reason"], f["value"], f["count"]) for f in duplicates] == [
        ("name", duplicates[0]["contacts"][0]["display_name"], 2), ("phone", "612345678", 2),
    ]  # fmt: skip
    assert {c["display_name"] for c in duplicates[0]["contacts"]} == {"García Ana", "ana GARCIA"}
    assert {c["display_name"] for c in duplicates[1]["contacts"]} == {"García Ana", "Bea"}
    assert after is None
    first, ((after,),) = scene.sets("my_contact_duplicates(:alice, NULL, 1)")
    assert orjson.loads(first[0][0]) == duplicates[0]
    scene["after"] = after
    second, _ = scene.sets("my_contact_duplicates(:alice, :after, 9)")
    assert [orjson.loads(row[0]) for row in second] == [duplicates[1]]


def test_my_contact_duplicates_by_address(scene: Scene) -> None:
    def member(name: str, address: str) -> None:
        emails = [{"address": address, "label": "work", "primary": True}]
        scene["member"] = key(create(scene, {"display_name": name, "emails": emails}))

    for name, address in (
        ("A a", "z_x@s.example"), ("B b", "z_x@s.example"), ("A a", "z-x@s.example"),
        ("D d", "z-x@s.example"), ("E e", "gone@s.example"), ("F f", "gone@s.example"),
    ):  # fmt: skip
        member(name, address)
    scene.sets("my_contact_trash(:alice, :member, NULL)")
    expected = [("email", "z-x@s.example", ["A a", "D d"]), ("email", "z_x@s.example", ["A a", "B b"]),
                ("name", "A a", ["A a", "A a"])]  # fmt: skip
    scene["after"] = ""
    for reason, value, members in expected:
        rows, ((after,),) = scene.sets("my_contact_duplicates(:alice, NULLIF(:after, ''), 1)")
        group = orjson.loads(rows[0][0])
        assert (group["reason"], group["value"], group["count"]) == (reason, value, 2)
        assert sorted(c["display_name"] for c in group["contacts"]) == members
        scene["after"] = after
    assert scene.sets("my_contact_duplicates(:alice, :after, 1)") == [[], [(None,)]]


def test_my_contact_merge_unites_what_they_have(scene: Scene) -> None:
    phones = [{"number": "1 2", "label": "home", "primary": True}]
    target = create(scene, {"first_name": "Ana", "phones": phones, "tags": ["a"], "custom_fields": {"x": 1}})
    other = create(scene, {**ANA, "custom_fields": {"x": 2, "y": 3}, "tags": ["a", "b"]})
    scene["ana"], scene["other"] = key(target), key(other)
    scene.sets("contact_group_add(:alice, 'Friends', NULL, JSON_ARRAY(:other))")
    *_, tombstones, now, target_rows = scene.sets("my_contact_merge(:alice, :ana, JSON_ARRAY(:other), NULL)")
    assert document(tombstones) == {"contact_id": scene["other"], "entity": "ana@acme.example", "blocked": 0}
    assert document(now)["entity"] == "ana@acme.example"
    merged = record(target_rows)
    assert (merged["id"], merged["first_name"], merged["last_name"]) == (target["id"], "Ana", None)
    assert merged["emails"] == ANA["emails"]
    assert merged["phones"] == [*target["phones"], *({**p, "primary": False} for p in ANA["phones"])]
    assert (merged["addresses"], merged["company"], merged["notes"]) == (
        ANA["addresses"],
        ANA["company"],
        ANA["notes"],
    )
    assert (merged["tags"], merged["groups"], merged["custom_fields"]) == (
        ["a", "b"],
        ["Friends"],
        {"x": 1, "y": 3, "merged": [{"custom_fields": {"x": 2}}]},
    )
    rows = scene.rows("my_contact_changes(:alice, 2, 9)")
    tombstone = next(orjson.loads(data) for _, event, data in rows if event == "purged")
    assert tombstone == {"id": other["id"], "permanent": True, "merged_into": target["id"]}


def test_extra_is_in_the_record_of_those_who_have_some(scene: Scene) -> None:
    extra = {"bday": [{"value": "1980"}], "url": [{"value": "a", "label": "Blog"}]}
    made = create(scene, {"first_name": "Ana", "extra": extra})
    scene["ana"] = key(made)
    assert (made["extra"], list(made)[-1]) == (extra, "extra")
    assert list(patch(scene, "ana", {"company": "Acme"}))[:21] == KEYS
    assert patch(scene, "ana", {"extra": {"bday": [{"value": "1981"}]}})["extra"] == {
        "bday": [{"value": "1981"}]
    }
    rev = rev_of(scene, "ana")
    patch(scene, "ana", {"extra": {"bday": [{"value": "1981"}]}})
    assert rev_of(scene, "ana") == rev
    scene["other"] = key(create(scene, {"first_name": "Ana", "extra": extra}))
    merged = scene.sets("my_contact_merge(:alice, :ana, JSON_ARRAY(:other), NULL)")[-1]
    assert record(merged)["extra"] == {"bday": [{"value": "1981"}, {"value": "1980"}], "url": extra["url"]}
    assert list(patch(scene, "ana", {"extra": None})) == KEYS


def test_my_contact_merge_puts_notes_together(scene: Scene) -> None:
    for name, notes in {"ana": "met\nin Rome", "same": "in Rome", "none": None, "more": "Likes tea"}.items():
        scene[name] = key(create(scene, {"first_name": "Ana", "notes": notes}))
    merged = scene.sets("my_contact_merge(:alice, :ana, JSON_ARRAY(:same, :none, :more), NULL)")[-1]
    assert record(merged)["notes"] == "met\nin Rome\n\nLikes tea"
    scene["empty"], scene["noted"] = key(create(scene, {"first_name": "A"})), scene["ana"]
    merged = scene.sets("my_contact_merge(:alice, :empty, JSON_ARRAY(:noted), NULL)")[-1]
    assert record(merged)["notes"] == "met\nin Rome\n\nLikes tea"


def test_a_merge_stays_within_the_limits_of_a_record(scene: Scene) -> None:
    many: dict[str, Callable[[str], Any]] = {
        "notes": lambda mark: mark * 8_190,
        "custom_fields": lambda mark: {mark: "x" * 32_758},
        "extra": lambda mark: {mark: [{"value": "x" * 32_743}]},
        "emails": lambda mark: [
            {"address": f"{mark}{n}@x.example", "label": "work", "primary": n == 0} for n in range(50)
        ],
        "phones": lambda mark: [
            {"number": f"{ord(mark)} {n:03}", "label": "work", "primary": n == 0} for n in range(50)
        ],
        "addresses": lambda mark: [{"street": f"{mark}{n}", "label": "home"} for n in range(50)],
        "tags": lambda mark: [f"{mark}{n}" for n in range(50)],
    }
    over: dict[str, dict[str, Any]] = {
        "notes": {"notes": "c"},
        "custom_fields": {"custom_fields": {"c": 1}},
        "extra": {"extra": {"c": [{"value": "1"}]}},
        "emails": {"emails": [{"address": "c@x.example", "label": "work", "primary": True}]},
        "phones": {"phones": [{"number": "99 9", "label": "work", "primary": True}]},
        "addresses": {"addresses": [{"street": "c", "label": "home"}]},
        "tags": {"tags": ["c"]},
    }
    for field, fill in many.items():
        scene["one"], scene["two"] = (
            key(create(scene, {"first_name": "A", field: fill(mark)})) for mark in "ab"
        )
        merged = scene.sets("my_contact_merge(:alice, :one, JSON_ARRAY(:two), NULL)")[-1]
        assert len(record(merged)[field]) == {"notes": 16_382, "custom_fields": 2, "extra": 2}.get(field, 100)
        scene["three"] = key(create(scene, {"first_name": "A", **over[field]}))
        scene.refuses({"my_contact_merge(:alice, :one, JSON_ARRAY(:three), NULL)": "TOO_LARGE"})


def test_custom_fields_stay_within_their_limit_when_they_are_merged(scene: Scene) -> None:
    scene["ana"] = key(create(scene, {"first_name": "Ana", "custom_fields": {"a": "x" * 65_519}}))
    for custom, fits in (({"b": 123}, True), ({"b": 1234}, False), ({"b": "ä"}, False), ({"a": None}, True)):
        scene["body"] = orjson.dumps({"from_api": 1, "custom": custom}).decode()
        if fits:
            scene.sets("my_contact_patch(:alice, :ana, :body, NULL)")
        else:
            scene.refuses({"my_contact_patch(:alice, :ana, :body, NULL)": "TOO_LARGE"})


def test_a_patch_stays_within_the_limits_of_a_contact(scene: Scene) -> None:
    """An import adds to lists and to extra, so that several files could exceed them."""
    scene["ana"] = key(create(scene, {"first_name": "Ana"}))
    patches: dict[str, Callable[[int], Any]] = {
        "email": lambda more: [
            {"email": f"a{n}@x.example", "category": "priv", "is_default": int(n == 0)}
            for n in range(100 + more)
        ],
        "mobile": lambda more: [
            {"areacode": "", "phone": str(n), "category": "priv", "is_default": 0} for n in range(100 + more)
        ],
        "address": lambda more: [
            {"street": str(n), "city": "", "country": "", "category": "priv", "is_default": 0}
            for n in range(100 + more)
        ],
        "tags": lambda more: [f"t{n}" for n in range(1_000 + more)],
        "extra": lambda more: {"x-a": [{"value": "x" * (65_535 - 22 + more)}]},
    }
    for name, value in patches.items():
        scene["body"] = orjson.dumps({"from_api": 1, name: value(0)}).decode()
        scene.sets("my_contact_patch(:alice, :ana, :body, NULL)")
        scene["body"] = orjson.dumps({"from_api": 1, name: value(1)}).decode()
        scene.refuses({"my_contact_patch(:alice, :ana, :body, NULL)": "TOO_LARGE"})


def test_notes_that_are_empty_are_none(scene: Scene) -> None:
    scene["one"] = scene.contact("one@scene.example", firstname="One", comment="")
    assert record(scene.rows("my_contact_record(:alice, :one, 0)"))["notes"] is None
    assert scene.doc("my_contact_get(:alice, :one)")["comment"] == ""


def test_my_contact_merge_keeps_a_relation_and_refuses_two(scene: Scene) -> None:
    scene.befriend("alice", "bob")
    scene.befriend("alice", "carol")
    scene["ana"] = key(create(scene, ANA))
    scene.refuses({"my_contact_merge(:alice, :alice_bob, JSON_ARRAY(:alice_carol), NULL)": "CONFLICT"})
    scene.sets("my_contact_merge(:alice, :ana, JSON_ARRAY(:alice_bob), NULL)")
    entry = scene.doc("my_contact_get(:alice, :ana)")
    assert (entry["uid"], entry["status"], entry["entity"]) == (scene["bob"], "active", scene["bob"])
    assert scene.one("SELECT my_contact_of(:alice, :bob)") == scene["ana"]


def test_contact_take_over_takes_nothing_twice(scene: Scene) -> None:
    same = [{"number": "12 345", "label": "home", "primary": True}]
    scene["one"] = key(create(scene, {"first_name": "One", "phones": same, "addresses": ANA["addresses"]}))
    scene["two"] = key(create(scene, {"first_name": "Two", "phones": [{**same[0], "number": "12345"}],
                                      "addresses": ANA["addresses"]}))  # fmt: skip
    scene.sets("contact_take_over(:alice, :one, :two)")
    assert scene.count("contact_phone", "owner_id = :alice AND contact_id = :one") == 1
    assert scene.count("contact_address", "owner_id = :alice AND contact_id = :one") == 1


def test_every_routine_that_writes_contacts_touches_the_record(scene: Scene) -> None:
    scene["ana"] = key(create(scene, ANA))
    scene["pioneers"]
    scene.befriend("alice", "bob")
    entry = scene.doc("my_contact_get(:alice, :ana)")
    scene["mail"], scene["phone"] = entry["email"][1]["email_id"], entry["mobile"][1]["phone_id"]
    scene["place"], scene["tag"] = entry["address"][0]["address_id"], entry["tag"][0]["tag_id"]
    writes = {
        "my_contact_update(:alice, :ana, '{\"comment\": \"x\"}')": ("notes", "x"),
        "my_contact_patch(:alice, :ana, '{\"from_api\": 1, \"company\": \"Q\"}', NULL)": ("company", "Q"),
        "my_contact_detail_delete(:alice, :ana, 'email', :mail)": ("emails", ANA["emails"][:1]),
        "my_contact_detail_delete(:alice, :ana, 'phone', :phone)": ("phones", ANA["phones"][:1]),
        "my_contact_detail_delete(:alice, :ana, 'address', :place)": ("addresses", []),
        "archive_entity(:alice, :ana, 'archived')": ("archived", True),
        "contact_group_member_add(:alice, 'Pioneers', JSON_ARRAY(:ana))": ("groups", ["Pioneers"]),
        "contact_group_rename(:alice, :pioneers, 'Others')": ("groups", ["Others"]),
        "contact_group_member_remove(:alice, 'Others', JSON_ARRAY(:ana))": ("groups", []),
        "contact_group_add(:alice, 'More', NULL, JSON_ARRAY(:ana))": ("groups", ["More"]),
        "contact_group_delete(:alice, 'More')": ("groups", []),
        "tag_rename(:alice, :tag, 'renamed')": ("tags", ["renamed", "VIP"]),
        "tag_remove(:alice, :tag)": ("tags", ["VIP"]),
        "my_tag_add(:alice, :ana, JSON_ARRAY(:work))": ("tags", ["Work"]),
        "contact_write(:alice, :ana, '{\"surname\": \"Q\"}', NULL, 0, @changed, @former)": ("tags", ["Work"]),
    }  # fmt: skip
    for statement, (field, value) in writes.items():
        scene.sets(statement)
        assert record(scene.rows("my_contact_record(:alice, :ana, 0)"))[field] == value, statement
    before = scene.rows(
        "SELECT contact_id, rev FROM contact_record WHERE owner_id = :alice ORDER BY contact_id"
    )
    scene.sets("INSERT INTO contact_stale SELECT owner_id, id FROM contact WHERE owner_id = :alice")
    scene.sets("contact_catch_up(999)")
    after = scene.rows(
        "SELECT contact_id, rev FROM contact_record WHERE owner_id = :alice ORDER BY contact_id"
    )
    assert after == before, "a fresh rendering differs from the record that was there"


def test_an_import_is_seen_at_once_and_a_very_big_tag_is_caught_up_with(scene: Scene) -> None:
    people = [
        {"id": f"{n:016x}", "line": n, "firstname": f"P{n}", "default": f"p{n}@x.example",
         "email": [{"email": f"p{n}@x.example", "category": "priv", "is_default": 1}], "mobile": [],
         "address": [], "tag": ["all"], "archived": 0}
        for n in range(1, 1102)
    ]  # fmt: skip
    scene["people"] = orjson.dumps(people[:300]).decode()
    scene.sets("my_contact_import(:alice, :people, NULL)")
    assert names(scene, tag=["all"])[-1] == "300"
    scene["people"] = orjson.dumps(people[300:]).decode()
    scene.sets("my_contact_import(:alice, :people, NULL)")
    assert names(scene, tag=["all"])[-1] == "1101"
    scene["all"] = scene.docs("tag_list(:alice, NULL, NULL, 'asc', 1, 9)")[0]["tag_id"]
    scene.sets("tag_rename(:alice, :all, 'everybody')")
    assert names(scene, tag=["everybody"])[-1] == "0"
    assert scene.rows("contact_catch_up(60)")[0][0] == 60
    assert names(scene, tag=["everybody"])[-1] == "60"
    while scene.one("contact_catch_up(500)"):
        pass
    assert (names(scene, tag=["everybody"])[-1], names(scene, tag=["all"])) == ("1101", ["0"])
    assert scene.sets("contacts_render(:alice, '[]')") == []


def test_an_owner_who_fails_is_set_aside_for_longer_each_time(scene: Scene) -> None:
    waits = "SELECT failures, retry_at - ctime >= %s FROM contact_set_aside WHERE owner_id = :alice"
    assert scene.one("contact_set_aside_add(:alice, '1062: Duplicate entry')") == 1
    assert scene.rows(waits % 10) == [(1, 1)]
    assert scene.one("contact_set_aside_add(:alice, '1062: Duplicate entry')") == 0
    assert scene.rows(waits % 20) == [(2, 1)]
    assert scene.one("contact_set_aside_add(:alice, '1048: Column cannot be null')") == 1
    for _ in range(9):
        scene.sets("contact_set_aside_add(:alice, '1048: Column cannot be null')")
    longest = "SELECT retry_at - UNIX_TIMESTAMP() <= 300 FROM contact_set_aside WHERE owner_id = :alice"
    assert scene.one(longest) == 1


def test_contact_stale_owner_passes_over_those_set_aside_until_they_are_due(scene: Scene) -> None:
    while scene.one("contact_catch_up(1000)"):
        pass
    ((_, set_aside_before),) = scene.rows("contact_stale_owner()")
    scene.sets("INSERT INTO contact_stale (owner_id, contact_id) VALUES (:alice, :ada)")
    assert scene.rows("contact_stale_owner()") == [(scene["alice"], set_aside_before)]
    scene.sets("contact_set_aside_add(:alice, '1062: Duplicate entry')")
    assert scene.rows("contact_stale_owner()") == [(None, set_aside_before + 1)]
    scene.sets("UPDATE contact_set_aside SET retry_at = UNIX_TIMESTAMP() WHERE owner_id = :alice")
    assert scene.rows("contact_stale_owner()") == [(scene["alice"], set_aside_before + 1)]


def test_my_contacts_catch_up_takes_back_an_owner_who_was_set_aside(scene: Scene) -> None:
    scene.sets("UPDATE contact SET comment = 'renamed by hand' WHERE owner_id = :alice AND id = :ada")
    scene.sets("INSERT INTO contact_stale (owner_id, contact_id) VALUES (:alice, :ada)")
    scene.sets("contact_set_aside_add(:alice, '1062: Duplicate entry')")
    assert scene.rows("my_contacts_catch_up(:alice, 100)") == [(1, 1)]
    assert record(scene.rows("my_contact_record(:alice, :ada, 0)"))["notes"] == "renamed by hand"
    assert scene.count("contact_set_aside", "owner_id = :alice") == 0
    assert scene.rows("my_contacts_catch_up(:alice, 100)") == [(0, 0)]


def test_contacts_that_are_touched_together_count_once(scene: Scene) -> None:
    scene["one"] = key(create(scene, {"first_name": "One"}))
    scene["two"] = key(create(scene, {"first_name": "Two"}))
    scene["purged"] = key(create(scene, {"first_name": "Gone"}))
    before = scene.rows("SELECT rev, active, deleted FROM contact_ledger WHERE owner_id = :alice")[0]
    scene.sets("UPDATE contact SET lastname = 'New' WHERE owner_id = :alice AND id IN (:one, :two)")
    scene.sets("DELETE FROM contact WHERE owner_id = :alice AND id = :purged")
    scene.sets("contacts_render(:alice, JSON_ARRAY(:one, :purged, :two, :one, :purged, '0000000000000000'))")
    rev, *counts = scene.rows("SELECT rev, active, deleted FROM contact_ledger WHERE owner_id = :alice")[0]
    assert counts == [before[1] - 1, before[2]]
    events = scene.rows(
        f"SELECT contact_id, event, rev FROM contact_event WHERE owner_id = :alice AND rev > {before[0]}"
    )
    assert sorted(event[:2] for event in events) == sorted(
        [(scene["one"], "updated"), (scene["two"], "updated"), (scene["purged"], "purged")]
    )
    assert max(event[2] for event in events) == rev
    assert names(scene) == ["One New", "Two New", "2"]


def test_the_trash_shows_tags_and_groups_as_they_are_called_now(scene: Scene) -> None:
    scene["ana"] = key(create(scene, ANA))
    scene["tag"] = scene.doc("my_contact_get(:alice, :ana)")["tag"][0]["tag_id"]
    scene["pioneers"]
    scene.sets("contact_group_member_add(:alice, 'Pioneers', JSON_ARRAY(:ana))")
    scene.sets("my_contact_trash(:alice, :ana, NULL)")
    trashed = record(scene.rows("my_contact_record(:alice, :ana, 1)"))
    assert (trashed["tags"], trashed["groups"]) == (["partner", "VIP"], ["Pioneers"])
    scene.sets("tag_rename(:alice, :tag, 'renamed')")
    scene.sets("contact_render(:alice, :ana)")
    renamed = record(scene.rows("my_contact_record(:alice, :ana, 1)"))
    assert (renamed["tags"], renamed["deleted_at"]) == (["renamed", "VIP"], trashed["deleted_at"])
    scene.sets("contact_group_delete(:alice, 'Pioneers')")
    scene.sets("contact_render(:alice, :ana)")
    assert record(scene.rows("my_contact_record(:alice, :ana, 1)"))["groups"] == []
    assert names(scene, deleted="only", tag=["renamed"]) == ["Ana G.", "1"]


def test_an_upgrade_of_the_digests_makes_no_record_look_changed(scene: Scene) -> None:
    scene["ana"], scene["bea"] = key(create(scene, ANA)), key(create(scene, {"first_name": "Bea"}))
    before = [rev_of(scene, name) for name in ("ana", "bea")]
    scene.sets("UPDATE contact_record SET digest = '' WHERE owner_id = :alice")
    scene.sets(
        "UPDATE contact_record SET digest = UNHEX(MD5(JSON_COMPACT(JSON_SET("
        "record, '$.created_at', NULL, '$.updated_at', NULL, '$.deleted_at', NULL)))) WHERE state = 'active'"
    )
    scene.sets("contacts_render(:alice, JSON_ARRAY(:ana, :bea))")
    assert [rev_of(scene, name) for name in ("ana", "bea")] == before


def test_contact_render_leaves_a_record(scene: Scene) -> None:
    scene.sets("contact_render(:alice, :ada)")
    assert scene.rows("my_contact_record(:alice, :ada, 0)")


async def race(direct: Direct, owner: Somebody, *calls: tuple[Any, ...]) -> list[str]:
    """Run several CALLs at once; return the outcome of each: ok or the code."""

    async def one(name: str, *args: Any) -> str:
        try:
            await direct.sets(owner.shard, name, owner.uid, *args)
        except Refused as exc:
            return exc.code
        return "ok"

    return await asyncio.gather(*(one(*call) for call in calls))


async def test_one_of_two_patches_of_one_revision_wins(direct: Direct) -> None:
    owner = direct.person()
    for _ in range(5):
        contact = await direct.contact(owner)
        ((_, rev),) = (await direct.sets(owner.shard, "my_contact_record", owner.uid, contact, 0))[0]
        calls = [("my_contact_patch", contact, routine_fields({"company": f"C{n}"}), rev) for n in range(6)]
        assert sorted(await race(direct, owner, *calls)) == ["PRECONDITION_FAILED"] * 5 + ["ok"]


async def test_patches_of_different_fields_at_once_lose_nothing(direct: Direct) -> None:
    owner = direct.person()
    contact = await direct.contact(owner)
    fields = ["company", "job_title", "notes", "first_name", "source_id", "avatar_path"]
    calls = [("my_contact_patch", contact, routine_fields({field: f"new {field}"}), None) for field in fields]
    assert set(await race(direct, owner, *calls)) == {"ok"}
    patched = await direct.one(owner.shard, "my_contact_record", owner.uid, contact, 0)
    assert [patched[field] for field in fields] == [f"new {field}" for field in fields]


async def test_patch_against_delete_restore_and_add(direct: Direct, admin: Admin) -> None:
    owner = direct.person()
    for turn in range(5):
        mail = f"race{turn}@x.example"
        contact = await direct.contact(owner, mail)
        outcome = await race(
            direct, owner,
            ("my_contact_patch", contact, routine_fields({"company": "x"}), None),
            ("my_contact_trash", contact, None), ("my_contact_trash", contact, None),
            ("tag_add", "t", None),
        )  # fmt: skip
        assert outcome[0] in {"ok", "CONTACT_NOT_FOUND"}
        assert sorted(outcome[1:3]) == ["ALREADY_DELETED", "ok"]
        new = routine_fields(
            {"first_name": "New", "emails": [{"address": mail, "label": "work", "primary": True}]}
        )
        outcome = await race(
            direct, owner, ("my_contact_restore", contact, None), ("my_contact_create", new),
            ("my_contact_restore", contact, None),
        )  # fmt: skip
        assert outcome[1] == "ok"
        assert sorted(outcome[::2]) == ["NOT_DELETED", "ok"]
    active, deleted = admin.rows(
        "SELECT SUM(state = 'active'), SUM(state = 'deleted') "
        f"FROM {owner.shard}.contact_record WHERE owner_id = %s",
        owner.uid,
    )[0]
    assert admin.rows(
        f"SELECT active, deleted FROM {owner.shard}.contact_ledger WHERE owner_id = %s", owner.uid
    ) == [(active, deleted)]


async def test_merges_and_tag_renames_at_once_end(direct: Direct) -> None:
    owner = direct.person()
    contacts = [await direct.contact(owner) for _ in range(8)]
    tag = (await direct.one(owner.shard, "tag_add", owner.uid, "t", None))["tag_id"]
    for contact in contacts:
        await direct.sets(owner.shard, "my_tag_add", owner.uid, contact, f'["{tag}"]')
    outcome = await race(
        direct, owner,
        ("my_contact_merge", contacts[0], f'["{contacts[1]}"]', None),
        ("my_contact_merge", contacts[1], f'["{contacts[0]}"]', None),
        ("tag_rename", tag, "u"),
        ("my_contact_patch", contacts[2], routine_fields({"tags": ["t", "v"]}), None),
        ("archive_entity", contacts[3], "archived"),
        ("my_contact_purge", contacts[4], None),
        ("tag_remove", tag),
    )  # fmt: skip
    assert sorted(outcome[:2]) == ["CONTACT_NOT_FOUND", "ok"]
    assert set(outcome[2:]) <= {"ok", "TAG_NOT_FOUND"}


def test_numbers_wait_for_their_international_form(scene: Scene) -> None:
    phones = [{"number": number, "label": "mobile", "primary": False} for number in ("0171 23456", "12")]
    scene["ana"] = key(create(scene, {"display_name": "Ana", "phones": phones}))
    scene.sets("UPDATE contact_phone SET international = '' WHERE owner_id <> :alice")
    waiting = sorted(scene.rows("contact_phone_unknown(1000)"), key=lambda row: str(row[3]))
    assert [(owner, number, region) for owner, _, _, number, region, _ in waiting] == [
        (scene["alice"], "0171 23456", None), (scene["alice"], "12", None),
    ]  # fmt: skip
    forms = ("4917123456", "")
    numbers = [
        {"contact": contact, "id": number_id, "number": number, "international": form}
        for (_, contact, number_id, number, *_), form in zip(waiting, forms, strict=True)
    ]
    numbers.append({**numbers[0], "number": "another one", "international": "1"})
    scene["numbers"] = orjson.dumps(numbers).decode()
    scene.sets("contact_phones_set(:alice, :numbers)")
    stored = "SELECT international FROM contact_phone WHERE owner_id = :alice ORDER BY position"
    assert scene.rows(stored) == [("4917123456",), ("",)]
    scene.sets("my_contacts_catch_up(:alice, 100)")
    words = "SELECT word FROM contact_index WHERE owner_id = :alice AND kind = '{}' ORDER BY word"
    assert scene.rows(words.format("phone")) == [("4917123456",)]
    assert ("4917123456",) in scene.rows(words.format("text"))
    scene.sets("contact_phones_forget(:alice)")
    assert scene.rows(stored) == [(None,), (None,)]
    scene.sets("contact_phones_set(:alice, :numbers)")
    # A list that is sent back keeps the form; a number that changes loses it.
    for first, expected in (("0171 23456", "4917123456"), ("0171-23456", None)):
        phones[0]["number"] = first
        scene["body"] = routine_fields({"phones": phones})
        scene.sets("my_contact_patch(:alice, :ana, :body, NULL)")
        assert scene.rows(stored) == [(expected,), ("",)], first
