"""A plan finds names that mean nothing on the server, also in branches that no example reaches."""

from __future__ import annotations

import pytest

from service.deploy.examples import run_examples
from service.settings import Settings, database_servers
from tests.support.changed_files import with_body

LIST = "my_contact_list"
FAULTS = {
    "a column of a branch": (
        "ELSEIF in_sort = 'date' THEN",
        "ELSEIF in_sort = 'none' THEN SELECT tilte FROM contact; ELSEIF in_sort = 'date' THEN",
        "(1054) Unknown column 'tilte' in 'SELECT'",
    ),
    "a table": ("LEFT JOIN contact_stale", "LEFT JOIN contact_stail", "contact_stail' doesn't exist"),
    "an index": ("FORCE INDEX (by_date)", "FORCE INDEX (by_dato)", "(1176) Key 'by_dato' doesn't exist"),
    "a function of a condition": (
        "v_skip > 500",
        "v_skip > half(500)",
        "(1305) FUNCTION shard.half does not exist",
    ),
    "a query and its INTO": (
        "INTO v_after, v_display, v_ctime, v_skip",
        "INTO v_after, v_display, v_ctime",
        "(1222) The query and its INTO have different numbers of columns",
    ),
    "arguments of a CALL": (
        "in_size,\n                               in_after",
        "in_size + 0",
        "(1318) contact_list_live takes 9 arguments, and gets 8",
    ),
    "a default value": (
        "BEGIN\n    DECLARE",
        "BEGIN\n    DECLARE v_none INT DEFAULT (SELECT non FROM contact LIMIT 1);\n    DECLARE",
        "(1054) Unknown column 'non' in 'SELECT'",
    ),
}


@pytest.mark.parametrize(("old", "new", "message"), FAULTS.values(), ids=FAULTS)
def test_a_name_that_means_nothing_is_found_with_its_line(
    site: Settings, old: str, new: str, message: str
) -> None:
    files = with_body(LIST, lambda body: body.replace(old, new))
    (server,) = database_servers(site.db_admin)
    report = run_examples(site, files, server, {("shard", LIST)})
    (failure, *others) = report.failures
    assert message in failure.message
    routine = next(r for r in files.routines if r.name == LIST)
    changed_line = routine.line + routine.statement.split(new)[0].count("\n")
    path, _, line = failure.place.partition(":")
    assert path == "procedures/shard/contact/my_contact_list.sql"
    # a CALL and a query are named by their first line
    assert changed_line - 2 <= int(line) <= changed_line + 1
    assert not others or message in others[0].message
