"""A probe has a check of each statement and condition of a body."""

from __future__ import annotations

import re

import pytest

from service.deploy.probe import ProbeBody, UnknownFormError
from service.schema.routines import load_routines

CODE = re.compile(r"    END;\n    (.*?);\nEND;\n", re.DOTALL)


def checks(body: str) -> list[str]:
    """Return the code of each check in the probe of a body."""
    return [" ".join(code.split()) for code in CODE.findall(ProbeBody(body).probe())]


def test_every_routine_has_a_probe() -> None:
    for routine in load_routines():
        assert ProbeBody(routine.body).probe().startswith("BEGIN"), routine.name


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("IF a THEN SET @b = c; ELSEIF d THEN DO e; ELSE RETURN f; END IF;", "a c d e f"),
        ("CASE a WHEN b THEN DO c; ELSE DO d; END CASE;", "a b c d"),
        ("again: WHILE a DO ITERATE again; LEAVE again; END WHILE again;", "a"),
        ("REPEAT DO a; UNTIL CASE WHEN b THEN c END END REPEAT;", "a CASE WHEN b THEN c END"),
        ("LOOP DO a; END LOOP;", "a"),
        ("SET a = f(1, 2), b.c := 'it; is', d = (SELECT 1);", "f(1, 2) 'it; is' (SELECT 1)"),
        ("SET STATEMENT max_statement_time = 1 FOR DO a;", "a"),
        ("CALL yp.p(a, (b)); CALL q;", "a (b)"),
        ("SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NO'; RESIGNAL;", ""),
        ("BEGIN DECLARE a, b INT DEFAULT c; DO d; END;", "c d"),
        (
            "BEGIN DECLARE EXIT HANDLER FOR 1062, SQLSTATE '23000', NOT FOUND BEGIN DO a; END; DO b; END;",
            "a b",
        ),
        ("FOR i IN 1..3 DO DO i; END FOR;", "i"),
        (
            "BEGIN DECLARE d CONDITION FOR 1062; DECLARE EXIT HANDLER FOR d, SQLWARNING DO a; DO b; END;",
            "a b",
        ),
        ("BEGIN DECLARE a, b INT; SET a = c, b = DEFAULT; SET `b` = d; END;", "c d"),
        ("SET SESSION sql_mode = ANSI, sql_log_bin = OFF; SET foreign_key_checks = a + 1;", "a + 1"),
        ("SET NAMES utf8mb4; SET SESSION TRANSACTION READ ONLY; START TRANSACTION; COMMIT; DO a;", "a"),
    ],
)
def test_expressions_of_every_kind_of_statement_are_checked(statement: str, expected: str) -> None:
    codes = [
        code.removeprefix("EXPLAIN SELECT (").removesuffix(")") for code in checks(f"BEGIN {statement} END")
    ]
    assert " ".join(codes) == expected


def test_queries_are_explained_and_counted_with_their_variables() -> None:
    body = "BEGIN INSERT INTO t VALUES (1); SELECT a, b INTO v, r.w FROM t WHERE c = 1; END"
    insert, select, count = checks(body)
    assert insert == "EXPLAIN INSERT INTO t VALUES (1)"
    assert select == "EXPLAIN SELECT a, b INTO v, r.w FROM t WHERE c = 1"
    assert "CURSOR FOR SELECT a, b FROM t WHERE c = 1;" in count
    assert "FETCH drumee_probe INTO v, r.w;" in count


def test_user_variables_are_counted_as_well() -> None:
    count = checks("BEGIN SELECT a, f(b, c) INTO @v, w FROM t; END")[1]
    assert "DECLARE drumee_probe_0, drumee_probe_1 LONGTEXT;" in count
    assert "FETCH drumee_probe INTO drumee_probe_0, drumee_probe_1;" in count


def test_a_cursor_is_opened_with_its_arguments() -> None:
    declaration = "DECLARE c CURSOR (p INT) FOR SELECT a FROM t WHERE b = p;"
    opening, fetch = checks(f"BEGIN {declaration} OPEN c(f(1, 2)); FETCH NEXT FROM c INTO v; CLOSE c; END")
    assert opening == "OPEN c(f(1, 2)); CLOSE `c`"
    # variables of its arguments may have ended
    assert "OPEN `c`(NULL); FETCH `c` INTO v; CLOSE `c`;" in fetch
    loop = ProbeBody(f"BEGIN {declaration} FOR r IN c(1) DO DO r.a; END FOR; END").probe()
    assert "OPEN c(1); CLOSE c;" in loop
    assert "DECLARE r ROW TYPE OF c;" in loop


def test_the_row_of_a_loop_has_the_fields_of_its_query() -> None:
    probe = ProbeBody("BEGIN FOR r IN (SELECT a FROM t) DO DELETE FROM u WHERE b = r.a; END FOR; END").probe()
    assert "DECLARE r ROW TYPE OF drumee_probe_1;" in probe
    assert probe.index("ROW TYPE") < probe.index("EXPLAIN DELETE")


def test_calls_are_counted() -> None:
    body = ProbeBody("BEGIN CALL yp.p(f(1, 2), 3); CALL `q`; END")
    body.probe()
    assert [call[1:] for call in body.calls] == [("yp", "p", 2), ("", "q", 0)]


@pytest.mark.parametrize(
    "body",
    [
        "BEGIN EXECUTE IMMEDIATE 'x'; END",
        "BEGIN IF a THEN",
        "BEGIN END; DO 1",
        "BEGIN SELECT 1 /*!, 2 */ INTO a /*!, b */; END",
        f"BEGIN {'DO a; ' * 2001} END",
    ],
    ids=["dynamic", "no end", "two", "executable comment", "too long"],
)
def test_another_form_has_no_probe(body: str) -> None:
    with pytest.raises(UnknownFormError):
        ProbeBody(body).probe()
