"""Build the reference from the headers, with the callers of each routine."""

from __future__ import annotations

from pathlib import Path

from service.deploy import docs
from service.schema.routines import load_routines


def test_every_routine_is_in_both_references(tmp_path: Path) -> None:
    markdown, html = (path.read_text() for path in docs.write(tmp_path))
    for routine in load_routines():
        title = f"{routine.scope}.{routine.name}"
        assert f"\n## {title}\n" in markdown
        assert f'id="{title}"' in html


def test_the_reference_says_who_calls_whom() -> None:
    entries = {entry.title: entry for entry in docs.entries()}
    add = entries["shard.my_contact_add"]
    assert "shard.contact_write" in add.calls
    assert any(place.startswith("service/modules/contact.py:") for place in add.callers)
    assert "shard.my_contact_add" in entries["shard.contact_write"].callers
    assert add.header.entries("Errors")["SELF_CONTACT"] == "the owner"


def test_signatures_show_types_without_character_sets() -> None:
    signatures = {entry.title: entry.signature for entry in docs.entries()}
    assert signatures["yp.is_blocked"] == "is_blocked(in_owner CHAR(16), in_uid CHAR(16)) RETURNS TINYINT"
    assert signatures["yp.shard_list"] == "shard_list()"
    add = "tag_add(IN in_owner CHAR(16), IN in_name VARCHAR(255), IN in_parent VARCHAR(64))"
    assert signatures["shard.tag_add"] == add
    assert signatures["yp.conference_join"].splitlines()[1] == "    IN in_sid VARCHAR(128),"
