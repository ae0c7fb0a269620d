"""INSERT IGNORE raises a warning 1062, which starts a handler for 1062 in a caller: the two must not meet."""

from __future__ import annotations

import re

from service.schema.routines import load_routines

TEXTS = {(r.scope, r.name): re.sub(r"--.*", "", r.body) for r in load_routines()}


def called_by(scope: str, text: str) -> set[tuple[str, str]]:
    """Return the routines that a body calls or reads."""
    words = set(re.findall(r"(?:yp\.)?\w+(?=\()", text))
    names = {(("yp", w[3:]) if w.startswith("yp.") else (scope, w)) for w in words}
    return names & TEXTS.keys()


def reached_from(start: tuple[str, str]) -> set[tuple[str, str]]:
    reached, todo = set(), [start]
    while todo:
        key = todo.pop()
        if key not in reached:
            reached.add(key)
            todo += called_by(key[0], TEXTS[key])
    return reached


def test_no_handler_catches_the_warnings_of_ignore() -> None:
    hearing = [key for key, text in TEXTS.items() if re.search(r"HANDLER FOR[^;]*?\b1062\b", text)]
    ignoring = {key for key, text in TEXTS.items() if re.search(r"\b(INSERT|UPDATE) IGNORE\b", text)}
    assert hearing, "the expression finds none"
    assert ignoring, "the expression finds none"
    meetings = {key: reached_from(key) & ignoring for key in hearing}
    assert {key: met for key, met in meetings.items() if met} == {}
    # The walk reaches callees.
    assert ("shard", "contact_relate") in reached_from(("shard", "contact_invite"))
