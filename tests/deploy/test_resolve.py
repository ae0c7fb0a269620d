"""A plan finds names that mean nothing on the server, also in branches that no example reaches."""

from __future__ import annotations

import pytest

from service.deploy.examples import run_examples
from service.settings import Settings, database_servers
from tests.support.changed_files import with_body

LIST = "my_contact_list"
CURSOR = "BEGIN DECLARE c CURSOR (p INT) FOR SELECT id, box FROM contact WHERE ctime = p;"
RIGHT = """ELSEIF in_sort = 'none' THEN
    rare: BEGIN
        DECLARE v_rev, v_end TEXT DEFAULT 'END; -- it''s';
        DECLARE r ROW TYPE OF contact;
        DECLARE w ROW(a INT, b VARCHAR(9)) DEFAULT ROW(1, 'x');
        DECLARE duplicate CONDITION FOR SQLSTATE '23000';
        DECLARE c CURSOR (p INT) FOR SELECT id, box FROM contact WHERE ctime = p;
        DECLARE CONTINUE HANDLER FOR NOT FOUND, duplicate BEGIN
            DECLARE v_rev INT DEFAULT 1;
            SET v_rev = v_rev + 1;
        END;
        SET SESSION sql_mode = TRADITIONAL, sql_log_bin = OFF;
        SET w.a = 2, @a = 1, v_end = IF(w.a, REPLACE('a', ';', ''), INSERT('a', 1, 1, LEFT('b', 1)));
        OPEN c(w.a);
        again: LOOP
            FETCH NEXT FROM c INTO v_rev, v_end;
            LEAVE again;
        END LOOP again;
        CLOSE c;
        FOR x IN c(1) DO SELECT x.id, x.box; END FOR;
        FOR i IN REVERSE 1..3 DO SELECT i; END FOR;
        SELECT id, box /* END */ FROM contact LIMIT 1 INTO @a, v_end FOR UPDATE;
        SELECT id FROM contact WHERE id = @a OR id = @unset OR id = v_end;
        SELECT GROUP_CONCAT(j.k ORDER BY j.k SEPARATOR ';'), SUM(j.k) OVER (PARTITION BY j.k)
        FROM JSON_TABLE(v_rev, '$[*]' COLUMNS (k INT PATH '$')) AS j GROUP BY j.k;
        WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n;
        GET DIAGNOSTICS CONDITION 1 v_end = MESSAGE_TEXT;
        SELECT SLEEP(300) INTO @a;
        SIGNAL duplicate SET MESSAGE_TEXT = 'a; b', MYSQL_ERRNO = 1062;
    END rare;
    ELSEIF in_sort = 'date' AND"""
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
    "a procedure": (
        "CALL contact_list_live",
        "CALL contact_list_life",
        "(1305) PROCEDURE shard.contact_list_life does not exist",
    ),
    "a query and its user variables": (
        "INTO v_after, v_display, v_ctime, v_skip",
        "INTO @after, @display",
        "(1222) The query and its INTO have different numbers of columns",
    ),
    "a cursor and its FETCH": (
        "ELSEIF in_sort = 'date' AND",
        f"ELSEIF in_sort = 'none' THEN {CURSOR} OPEN c(1); FETCH c INTO v_rev; CLOSE c; END;\n"
        "    ELSEIF in_sort = 'date' AND",
        "(1222) The query and its INTO have different numbers of columns",
    ),
    "a field of the row of a cursor": (
        "ELSEIF in_sort = 'date' AND",
        f"ELSEIF in_sort = 'none' THEN {CURSOR} FOR r IN c(1) DO DO r.idd; END FOR; END;\n"
        "    ELSEIF in_sort = 'date' AND",
        "(4082) Row variable 'r' does not have a field 'idd'",
    ),
    "the type of a variable": (
        "ELSEIF in_sort = 'date' AND",
        "ELSEIF in_sort = 'none' THEN BEGIN DECLARE v TYPE OF contact.idd; END;\n"
        "    ELSEIF in_sort = 'date' AND",
        "(1054) Unknown column 'idd' in 'contact'",
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


def test_right_names_are_right_in_every_construct(site: Settings) -> None:
    files = with_body(LIST, lambda body: body.replace("ELSEIF in_sort = 'date' AND", RIGHT, 1))
    (server,) = database_servers(site.db_admin)
    report = run_examples(site, files, server, {("shard", LIST)})
    assert report.failures == []
    # the probe of a query that waits is ended
    assert report.seconds < 60
