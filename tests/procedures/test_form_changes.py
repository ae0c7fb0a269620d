"""A save of the edit form writes what has changed, and ends as if the whole form had been written."""

from __future__ import annotations

import random
from typing import Any

import orjson
import pytest

from service.contacts.contact_change import ContactChange, contact_change
from service.contacts.form_changes import FormBase, changes
from service.contacts.record import routine_columns
from service.store.database import document
from tests.support.direct import json_text
from tests.support.scene import Scene

Form = dict[str, Any]

FORM: Form = {
    "firstname": "Ada", "lastname": "Byron", "surname": "", "comment": "met in Rome",
    "email": [{"email": "ada@x.example", "category": "prof", "is_default": 1}, {"email": "a@x.example"}],
    "mobile": [{"areacode": "+33", "phone": "61 23"}, {"areacode": "+", "phone": "30"}],
    "address": [{"street": "1 Rue", "city": "Paris", "country": "France", "category": "prof"}],
    "tag": [], "invite": 0,
}  # fmt: skip
OTHER_FORMS: tuple[Form, ...] = (
    {"firstname": "ada"}, {"lastname": ""}, {"surname": "A"}, {"comment": "met in Rome "},
    {"comment": ""}, {"comment": "Met Ada in PARIS"}, {"comment": "Björk, Ærø, 日本"},
    {"comment": "612345 or 30, 33612345678"}, {"comment": "x" * 600}, {"message": "hello"},
    {"email": FORM["email"][:1]}, {"email": FORM["email"][::-1]},
    {"email": [FORM["email"][0], {"email": "A@x.example"}]},
    {"email": [{**FORM["email"][0], "category": "priv"}, FORM["email"][1]]},
    {"email": [{**FORM["email"][0], "label": "lab"}, FORM["email"][1]]},
    {"mobile": FORM["mobile"][:1]}, {"mobile": [{"areacode": "+33", "phone": "6123"}, FORM["mobile"][1]]},
    {"mobile": [{**FORM["mobile"][0], "is_default": 1}, FORM["mobile"][1]]},
    {"mobile": [{**FORM["mobile"][0], "label": "fax"}, FORM["mobile"][1]]},
    {"address": []}, {"address": [{**FORM["address"][0], "city": "paris"}]},
    {"address": [{**FORM["address"][0], "state": "IDF"}]},
)  # fmt: skip
REFUSED: tuple[tuple[Form, str], ...] = (
    ({"email": []}, "NO_DEFAULT_MAIL"), ({"tag": ["0000000000000000"]}, "INVALID_PARAM"),
)  # fmt: skip


@pytest.fixture
def twins(scene: Scene) -> Scene:
    """Give Alice and Bob the same contact."""
    for owner in ("alice", "bob"):
        scene["form"] = json_text(FORM)
        scene[f"of_{owner}"] = scene.doc(f"my_contact_add(:{owner}, :form)")["id"]
    return scene


def change_of(scene: Scene, form: Form, owner: str = "alice") -> Form | None:
    """Return the changes of a form as the service finds them."""
    base, contact = stored(scene, owner)
    return changes(form, contact, base)


def stored(scene: Scene, owner: str = "alice") -> tuple[FormBase, Form]:
    base_rows, contact_rows, _ = scene.sets(f"my_contact_form(:{owner}, :of_{owner})")
    return FormBase(*base_rows[0]), document(contact_rows)


def save(scene: Scene, form: Form, owner: str = "alice") -> Form:
    scene["change"] = json_text(form)
    contact: Form = scene.doc(f"my_contact_update(:{owner}, :of_{owner}, :change)")
    return contact


def replace(scene: Scene, reduced: Form, name: str = "alice") -> bool:
    """Save the changes of a form as the service does; return whether it has rendered them."""
    base, contact = stored(scene, name)
    change = contact_change(reduced, contact, base)
    if change is None:
        save(scene, reduced, name)
        return False
    (data,), _ = scene.sets(f"my_contact_replace(:{name}, :of_{name}, {arguments(scene, change)})")
    assert data[0] == scene.one(f"my_contact_get(:{name}, :of_{name})")
    return True


def arguments(scene: Scene, change: ContactChange) -> str:
    for field, value in change._asdict().items():
        scene[f"new_{field.replace('_', '')}"] = value
    return ", ".join(f":new_{field.replace('_', '')}" for field in change._fields)


def everything(scene: Scene, owner: str) -> list[Any]:
    """Return all that is stored of the contact of an owner, without ids, times and revisions."""
    whose = f"owner_id = :{owner} AND contact_id = :of_{owner}"
    record = orjson.loads(scene.one(f"SELECT record FROM contact_record WHERE {whose}"))
    full = scene.doc(f"my_contact_get(:{owner}, :of_{owner})")
    ids = {"id", "contact_id", "email_id", "phone_id", "address_id"}
    ids |= {"created_at", "updated_at", "mtime", "ctime"}
    entries = [[without(entry, ids) for entry in full[key]] for key in ("email", "mobile", "address", "tag")]
    words = scene.rows(
        f"SELECT kind, HEX(WEIGHT_STRING(word)), is_deleted, name FROM contact_index WHERE {whose} "
        "AND kind NOT IN ('created_at', 'updated_at') ORDER BY 1, 2"
    )
    times = scene.one(
        f"SELECT COUNT(*) FROM contact_index AS i JOIN contact_record AS r USING (owner_id, contact_id) "
        f"WHERE {whose} AND i.kind = 'updated_at' AND i.word = JSON_VALUE(r.record, '$.updated_at')"
    )
    private = orjson.loads(scene.one(f"SELECT private FROM contact_record WHERE {whose}"))
    # in the order of ids
    for key in ("phones", "addresses"):
        private[key] = sorted((private[key] or "").split(","))
    texts = [without(record, ids), without(full, {*ids, "email", "mobile", "address"}), private]
    return [*texts, entries, words, times]


def without(mapping: Form, keys: set[str]) -> Form:
    return {key: value for key, value in mapping.items() if key not in keys}


def test_a_form_that_changes_nothing_is_not_written(twins: Scene) -> None:
    assert change_of(twins, FORM) is None
    twins.sets("UPDATE contact_email SET label = 'x' WHERE owner_id = :alice AND email = 'a@x.example'")
    twins.sets("contact_render(:alice, :of_alice)")
    assert change_of(twins, FORM) is None, "a label that the form does not send stays"
    assert change_of(twins, {**FORM, "invite": 1}) is not None
    twins.sets("UPDATE contact SET is_auto = 1 WHERE owner_id = :alice AND id = :of_alice")
    assert change_of(twins, FORM) is not None, "the names become those of the owner"


def test_a_contact_of_somebody_who_has_registered_is_written(twins: Scene) -> None:
    twins.sets("UPDATE yp.drumate SET email = 'ada@x.example' WHERE id = :carol")
    change = change_of(twins, FORM)
    assert change is not None
    assert "email" in change
    assert save(twins, change)["entity"] == twins["carol"]


@pytest.mark.parametrize("change", OTHER_FORMS, ids=lambda change: "-".join(change))
def test_a_form_without_its_unchanged_lists_ends_as_the_whole_form(twins: Scene, change: Form) -> None:
    form = {**FORM, **change}
    reduced = change_of(twins, form)
    assert reduced is not None
    assert not (reduced["unchanged"].keys() & change.keys())
    assert reduced["unchanged"].keys() | change.keys() >= {"email", "mobile", "address", "tag"}
    save(twins, reduced)
    save(twins, form, "bob")
    assert everything(twins, "alice") == everything(twins, "bob")
    assert change_of(twins, form) is None or "label" in str(change)


@pytest.mark.parametrize(("change", "code"), REFUSED)
def test_a_form_that_is_refused_stays_refused(twins: Scene, change: Form, code: str) -> None:
    reduced = change_of(twins, {**FORM, **change})
    twins["change"] = json_text(reduced)
    assert twins.refused("my_contact_update(:alice, :of_alice, :change)").code == code


def test_words_of_comments_at_random_end_as_those_of_the_whole_form(twins: Scene) -> None:
    chance, comments = random.Random(19), 0
    words = [
        "Ada", "byron", "ROME", "rome", "61", "6123", "3361", "33612", "336123", "x@y.example", "a@x.example",
        "O'Hara", "ohara", "über", "Paris", "", "1-2", "007", "@x.example",
    ]  # fmt: skip
    for _ in range(60):
        form = {**FORM, "comment": " ".join(chance.choices(words, k=chance.randint(0, 5)))}
        reduced = change_of(twins, form)
        if reduced is not None:
            comments += replace(twins, reduced)
        save(twins, form, "bob")
        assert everything(twins, "alice") == everything(twins, "bob"), form["comment"]
    assert comments > 20
    compare_ledgers(twins)


def compare_ledgers(twins: Scene) -> None:
    """Compare what both owners have in tables of the address book, and Alice's record with that of SQL."""
    rows = {
        owner: [
            twins.rows(statement.format(owner))
            for statement in (
                "SELECT * FROM contact_event WHERE owner_id = :{} ORDER BY rev",
                "SELECT rev, active, deleted, signed_rev FROM contact_ledger WHERE owner_id = :{}",
                "SELECT rev, card_rev, card_at, state, names_digest FROM contact_record WHERE owner_id = :{}",
            )
        ]
        for owner in ("alice", "bob")
    }
    events = {owner: [(row[1], row[3]) for row in rows[owner][0]] for owner in rows}
    assert events["alice"] == events["bob"]
    assert rows["alice"][1:] == rows["bob"][1:]
    records = "SELECT * FROM contact_record WHERE owner_id = :alice"
    before = twins.rows(records)
    twins.sets("contact_render(:alice, :of_alice)")
    assert twins.rows(records) == before, "the digest is that of SQL"


@pytest.mark.parametrize(
    "change",
    [
        'my_contact_update(:alice, :of_alice, \'{"message": "hello"}\')',
        'my_contact_update(:alice, :of_alice, \'{"comment": "other"}\')',
        "UPDATE contact SET peer_id = :carol WHERE owner_id = :alice AND id = :of_alice",
        "yp.contact_block_add(:alice, :of_alice, 'ada@x.example', NULL)",
        "UPDATE contact SET deleted_at = 1 WHERE owner_id = :alice AND id = :of_alice",
    ],
)
def test_a_contact_that_has_changed_meanwhile_is_not_replaced(twins: Scene, change: str) -> None:
    base, contact = stored(twins)
    reduced = change_of(twins, {**FORM, "comment": "second"})
    assert reduced is not None
    new = contact_change(reduced, contact, base)
    assert new is not None
    twins.sets(change)
    assert twins.sets(f"my_contact_replace(:alice, :of_alice, {arguments(twins, new)})") == []


@pytest.mark.parametrize(
    "change",
    [
        {"comment": "小"}, {"message": "hello"}, {"surname": "A"}, {"firstname": "小明"},
        {"email": FORM["email"][:1]}, {"invite": 1, "comment": "x"}, {"comment": "x" * 600},
        {"mobile": [{"areacode": "+33", "phone": "61 23 ext. 4"}]},
        {"mobile": [{"areacode": "+33", "phone": "61 23"}, {"areacode": "", "phone": "+336123"}]},
        {"address": [{"street": "1 rue", "city": "paris", "country": "France"}]},
    ],
)  # fmt: skip
def test_other_changes_are_left_to_sql(twins: Scene, change: Form) -> None:
    base, contact = stored(twins)
    reduced = changes({**FORM, **change}, contact, base)
    assert reduced is not None
    assert contact_change(reduced, contact, base) is None


RENDERED: tuple[Form, ...] = (
    {"firstname": "ada"}, {"lastname": ""}, {"firstname": "", "lastname": ""}, {"firstname": "José"},
    {"lastname": "O'Brien-Smith", "surname": "Leni"}, {"firstname": "Işıl", "lastname": "İnce"},
    {"comment": "Björk, Ærø"}, {"comment": "612345 or 30, 33612345678"}, {"message": "m", "comment": "c"},
    {"firstname": "Byron", "lastname": "Ada"}, {"lastname": "Byron 6123"}, {"firstname": "y" * 100},
    {"mobile": []}, {"mobile": FORM["mobile"][:1]}, {"mobile": FORM["mobile"][::-1]},
    {"mobile": [{"areacode": "+33", "phone": "6123"}, FORM["mobile"][1]]},
    {"mobile": [{"areacode": "+33", "phone": "6 12 34 56 78"}, FORM["mobile"][1]]},
    {"mobile": [FORM["mobile"][0], {**FORM["mobile"][1], "is_default": 1}]},
    {"mobile": [*FORM["mobile"], {"areacode": "", "phone": "112", "category": "prof", "label": "fax"}]},
    {"mobile": [{**FORM["mobile"][0], "category": "prof"}, FORM["mobile"][1]]},
    {"mobile": [{**FORM["mobile"][0], "label": "Home"}, FORM["mobile"][1]]},
    {"address": []}, {"address": [{**FORM["address"][0], "state": "IDF"}]},
    {"address": [{"street": "2 Rue", "city": "Rome", "country": "Italy", "is_default": "1"}]},
    {"address": [*FORM["address"], {"city": "Orléans", "label": "summer"}]},
    {"address": [{**FORM["address"][0], "label": "lab"}]},
    {"address": [{**FORM["address"][0], "category": "priv"}]},
    {"firstname": "Zoë", "mobile": [{"areacode": "+49", "phone": "171"}], "address": [], "comment": ""},
)  # fmt: skip


@pytest.mark.parametrize("change", RENDERED, ids=repr)
def test_a_change_that_the_service_renders_ends_as_the_whole_form(twins: Scene, change: Form) -> None:
    form = {**FORM, **change}
    reduced = change_of(twins, form)
    assert reduced is not None
    assert replace(twins, reduced)
    save(twins, form, "bob")
    assert everything(twins, "alice") == everything(twins, "bob")
    compare_ledgers(twins)


PATCHES: tuple[Form, ...] = (
    {"first_name": "ada"}, {"last_name": ""}, {"display_name": "The Countess"}, {"notes": "met in Köln"},
    {"job_title": "Analyst"}, {"first_name": None, "last_name": None, "display_name": "Zoë Ünal"},
    {"display_name": "Ada", "notes": None, "job_title": "x"}, {"first_name": "y" * 100, "last_name": "x"},
)  # fmt: skip


@pytest.mark.parametrize("patch", PATCHES, ids=repr)
def test_a_patch_that_the_service_renders_ends_as_that_of_sql(twins: Scene, patch: Form) -> None:
    columns = routine_columns(patch)
    assert replace(twins, columns)
    twins["patch"] = json_text(columns)
    twins.sets("my_contact_patch(:bob, :of_bob, :patch, NULL)")
    assert everything(twins, "alice") == everything(twins, "bob")
    compare_ledgers(twins)


def test_a_patch_of_another_revision_is_not_stored(twins: Scene) -> None:
    base, contact = stored(twins)
    for rev, sets in ((base.record_rev, 2), (9, 0)):
        twins.sets("SAVEPOINT unpatched")
        change = contact_change({"from_api": 1, "firstname": "A", "rev": rev}, contact, base)
        assert change is not None
        call = f"my_contact_replace(:alice, :of_alice, {arguments(twins, change)})"
        assert len(twins.sets(call)) == sets
        twins.sets("ROLLBACK TO SAVEPOINT unpatched")


def test_international_forms_stay_with_their_numbers(twins: Scene) -> None:
    for owner in ("alice", "bob"):
        twins.sets(
            "UPDATE contact_phone SET international = IF(areacode = '', '', '33612300') "
            f"WHERE owner_id = :{owner}"
        )
        twins.sets(f"contact_render(:{owner}, :of_{owner})")
    for change in (
        {"lastname": "King"},
        {"comment": "33612300"},
        {"comment": "", "mobile": FORM["mobile"][::-1]},
        {"mobile": [{"areacode": "+33", "phone": "6123"}, FORM["mobile"][1]]},
        {"mobile": FORM["mobile"]},
    ):
        form = {**FORM, **change}
        reduced = change_of(twins, form)
        assert reduced is not None
        assert replace(twins, reduced), change
        save(twins, form, "bob")
        assert everything(twins, "alice") == everything(twins, "bob"), change
    compare_ledgers(twins)


def test_changes_at_random_end_as_those_of_the_whole_form(twins: Scene) -> None:
    chance, rendered = random.Random(34), 0
    texts = ["Ada", "ada", "BYRON", "José", "jose", "", "O'Hara", "6123", "+336123", "Weiß", "weiss", "Ünal"]
    phones = ["61 23", "6123", "30", "0612345678", "+49 30", "(06) 1", ""]
    for number in range(80):
        form = {
            **FORM,
            **{key: chance.choice(texts) for key in ("firstname", "lastname") if chance.random() < 0.6},
            "surname": chance.choice(["", "", "Leni", "É"]),
            "comment": " ".join(chance.choices(texts, k=3)),
            "mobile": [
                {
                    "areacode": chance.choice(["+33", "", "+"]),
                    "phone": phone,
                    "category": chance.choice(["prof", "priv"]),
                    "is_default": chance.choice([0, 1, "0", None]),
                }
                for phone in chance.sample(phones[:-1], chance.randint(0, 2))
            ],
            "address": [
                {"city": city, "street": chance.choice(texts), "category": "prof", "state": state}
                for city in chance.sample(["Paris", "Rome", "Köln"], chance.randint(0, 2))
                for state in [chance.choice([None, "", "IDF"])]
            ],
        }
        reduced = change_of(twins, form)
        if reduced is not None:
            rendered += replace(twins, reduced)
        save(twins, form, "bob")
        assert everything(twins, "alice") == everything(twins, "bob"), (number, form)
    assert rendered > 40
    compare_ledgers(twins)


def test_a_change_in_between_makes_the_whole_form_count(twins: Scene) -> None:
    """Two tabs: the second one saves what it shows, after the first one has removed a number."""
    reduced = change_of(twins, {**FORM, "comment": "second"})
    assert reduced is not None
    save(twins, {"mobile": FORM["mobile"][:1], "comment": "first"})
    save(twins, reduced)
    save(twins, {**FORM, "comment": "second"}, "bob")
    assert everything(twins, "alice") == everything(twins, "bob")
