"""Shards read the directory and nothing else of the registry, but for a list that gets shorter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from service import ROOT
from service.lint.directory import DIRECTORY, EXCEPTIONS, registry_names
from service.lint.migrations import VIEW_RULES
from service.lint.run import lint_routine, lint_script
from service.schema.routines import load_routines, load_views, parse_routine
from service.schema.sqltext import code_only, references, statements

RULE = "shards_read_the_directory"


def used() -> set[tuple[str, str]]:
    """Return (name in the registry, routine or view) for all shards."""
    bodies = {r.name: code_only(r.body) for r in load_routines() if r.scope == "shard"}
    bodies |= {v.name: code_only("; ".join(v.statements)) for v in load_views("shard")}
    return {(name, user) for user, code in bodies.items() for _, name in registry_names(code)}


def test_the_list_of_exceptions_has_no_entry_that_is_over() -> None:
    listed = {(name, user) for name, users in EXCEPTIONS.items() for user in users}
    assert listed - used() == set(), "take these out of EXCEPTIONS"
    assert {(n, u) for n, u in used() if n not in DIRECTORY} == listed


def test_functions_of_the_directory_read_the_directory() -> None:
    tables = set()
    for routine in load_routines():
        if routine.scope == "yp" and routine.name in DIRECTORY:
            code = code_only(routine.body)
            tables |= {
                r.table for s in statements(code) for r in references(s.text) if r.verb in {"FROM", "JOIN"}
            }
            assert routine.calls <= {("yp", name) for name in DIRECTORY}
    assert tables
    assert tables <= DIRECTORY


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("SELECT 1 FROM yp.session AS s;", "yp.session is not in the directory"),
        ("SELECT 1 FROM `yp` . `socket`;", "yp.socket is not in the directory"),
        ("CALL yp.user_sockets(in_owner);", "yp.user_sockets is not in the directory"),
        ("UPDATE yp.drumate SET email = NULL;", "writes to the registry"),
        ("INSERT IGNORE INTO yp.entity (id) VALUES (1);", "writes to the registry"),
        ("DELETE FROM yp.hub;", "writes to the registry"),
    ],
)
def test_a_new_exception_is_found(tmp_path: Path, code: str, message: str) -> None:
    messages = [f.message for f in lint_with(tmp_path, code) if f.rule == RULE]
    assert len(messages) == 1
    assert message in messages[0]


@pytest.mark.parametrize(
    "code", ["SELECT 1 FROM yp.drumate AS d;", "-- yp.session", "SET v_id = 'yp.session';", "SELECT x.yp.y;"]
)
def test_the_directory_and_words_are_fine(tmp_path: Path, code: str) -> None:
    assert [f.message for f in lint_with(tmp_path, code) if f.rule == RULE] == []


def lint_with(tmp_path: Path, code: str) -> list[Any]:
    """Return the findings of a routine that is on no list, with this code in it."""
    path = tmp_path / "procedures/shard/tag/tag_lonely.sql"
    path.parent.mkdir(parents=True)
    (tag,) = [r for r in load_routines() if r.name == "tag_name_free"]
    text = (ROOT / tag.path).read_text().replace("tag_name_free", "tag_lonely")
    path.write_text(text.replace("    DECLARE", f"    {code}\n    DECLARE", 1))
    return lint_routine(parse_routine(path, "shard", tmp_path), path.read_text())


def test_a_view_is_held_to_it_too() -> None:
    text = "CREATE OR REPLACE VIEW lonely_card AS\nSELECT s.id FROM yp.session AS s;\n"
    path = Path("sql/shard/views/lonely_card.sql")
    assert [(f.rule, f.line) for f in lint_script(path, "shard", text, VIEW_RULES)] == [(RULE, 2)]
