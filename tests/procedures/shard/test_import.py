"""procedures/shard/import, called directly."""

from __future__ import annotations

from typing import Any

from service.store.database import documents
from tests.support.scene import Scene

WEEK = 604_800


def begin(scene: Scene, name: str = "load") -> str:
    """Begin an import of Alice."""
    scene[name] = f"{len(name):016x}"
    fields = '{"api": "rpc", "kind": "csv", "filename": "a.csv", "update": "add"}'
    scene.sets(f"import_report_add(:alice, :{name}, '{fields}')")
    return scene[name]


def state(scene: Scene) -> tuple[Any, ...]:
    report = scene.doc("import_report_get(:alice, :load, 9)")
    return report["state"], report["reason"], report["total"], report["percent"]


def test_import_report_add_answers_the_country_of_numbers(scene: Scene) -> None:
    profile = """'{"phone_region": "DE", "mobile": "+33 6 12 34 56 78"}'"""
    scene.sets(f"UPDATE yp.drumate SET profile = {profile} WHERE id = :alice")
    fields = '{"api": "rpc", "kind": "csv", "update": "add"}'
    ((row,),) = scene.sets(f"import_report_add(:alice, 'f1', '{fields}')")
    assert tuple(row) == ("DE", "+33 6 12 34 56 78")
    ((row,),) = scene.sets(f"import_report_add('nobody', 'f2', '{fields}')")
    assert tuple(row) == (None, None)


def test_each_refusal_has_its_code(scene: Scene) -> None:
    begin(scene)
    scene.refuses({
        "import_report_get(:bob, :load, 9)": "IMPORT_NOT_FOUND",
        "import_report_get(:alice, 'nothing', 9)": "IMPORT_NOT_FOUND",
        "import_report_end(:bob, :load, 'cancelled', NULL)": "IMPORT_NOT_FOUND",
        "import_rejected(:bob, :load, 0, 9)": "IMPORT_NOT_FOUND",
        "import_report_write(:bob, :load, '{}', '[]')": "IMPORT_ENDED",
    })  # fmt: skip
    assert scene.rows("import_entries(:bob, :load, 1, 0, 9)") == []
    assert scene.rows("import_reports(:bob, 9)") == []
    assert [report["id"] for report in scene.docs("import_reports(:alice, 9)")] == [scene["load"]]


def test_counts_add_up_and_the_first_end_counts(scene: Scene) -> None:
    begin(scene)
    assert state(scene) == ("running", "", 0, 0)
    entries = """'[{"position": 2, "line": 3, "outcome": "rejected", "name": "No", "reason": "why",
                    "source": "No,\\\\n"},
                   {"position": 3, "line": 4, "outcome": "updated", "name": "Ada",
                    "contact_id": "00000000000000c1", "changes": {"added": {"email": ["a"]}}}]'"""
    scene.sets(
        'import_report_write(:alice, :load, \'{"loaded": 5, "rejected": 1, "noemail": 1, "updated": 1, '
        f'"percent": 40, "head": "Name\\\\n", "details": {{"encoding": "utf-8"}}}}\', {entries})'
    )
    scene.sets("import_report_write(:alice, :load, '{\"known\": 2}', '[]')")
    report, rejected, known, incomplete = map(documents, scene.sets("import_report_get(:alice, :load, 9)"))
    assert (report[0]["total"], report[0]["alreadyincontact"], report[0]["encoding"]) == (9, 3, "utf-8")
    assert rejected == [{"position": 2, "line": 3, "name": "No", "reason": "why"}]
    assert (known[0]["added"], known[0]["missing"], known[0]["outcome"]) == ({"email": ["a"]}, {}, "updated")
    assert incomplete == []
    kind, sources = scene.sets("import_rejected(:alice, :load, 0, 9)")
    assert (kind, sources) == ([("csv", "Name\n")], [(2, "No,\n")])
    assert scene.sets("import_rejected(:alice, :load, 2, 9)")[1] == []
    end = "import_report_end(:alice, :load, 'cancelled', NULL)"
    assert [scene.rows(end)[0][1] for _ in range(2)] == [1, 0]
    scene.sets("import_report_end(:alice, :load, 'done', NULL)")
    assert state(scene) == ("cancelled", "", 9, 40)
    scene.refuses({"import_report_write(:alice, :load, '{}', '[]')": "IMPORT_ENDED"})


def test_silent_imports_end_and_old_ones_go(scene: Scene) -> None:
    # those of processes that other tests have killed
    scene.sets("DELETE FROM import_report WHERE state = 'running' AND beat < UNIX_TIMESTAMP() - 30")
    begin(scene)
    begin(scene, "other")
    scene.sets("UPDATE import_report SET beat = beat - 61 WHERE owner_id = :alice AND id = :load")
    assert state(scene)[:2] == ("failed", "interrupted")
    assert scene.one("import_report_due()") == scene["alice"]
    scene.sets("import_report_expire(:alice)")
    assert scene.count("import_report", "owner_id = :alice AND state = 'failed'") == 1
    assert scene.one("import_report_due()") is None
    scene.sets(
        'import_report_write(:alice, :other, \'{}\', \'[{"position": 1, "line": 1, "outcome": "known"}]\')'
    )
    scene.sets(f"UPDATE import_report SET ctime = ctime - {WEEK + 9} WHERE owner_id = :alice AND id = :other")
    assert scene.one("import_report_due()") == scene["alice"]
    scene.sets("import_report_expire(:alice)")
    assert [report["id"] for report in scene.docs("import_reports(:alice, 9)")] == [scene["load"]]
    assert scene.count("import_entry", "owner_id = :alice") == 0


def test_imports_of_one_second_are_listed_in_their_order(scene: Scene) -> None:
    names = ("a", "bb", "ccc", "dddd")
    for name in names:
        begin(scene, name)
    scene.sets("UPDATE import_report SET ctime = 1700000000 WHERE owner_id = :alice")
    listed = [report["id"] for report in scene.docs("import_reports(:alice, 9)")]
    assert listed == [scene[name] for name in reversed(names)]
