"""Check that each rule reports its violation with the line, and accepts correct files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from service import ROOT
from service.lint import routines
from service.lint.migrations import SCRIPT_RULES, VIEW_RULES
from service.lint.routines import ROUTINE_RULES
from service.lint.run import lint_all, lint_routine, lint_script
from service.schema.routines import (
    GUARD,
    FileError,
    forget_routines,
    load_migrations,
    load_routines,
    parse_routine,
)

GOOD = """\
-- my_contact_delete: a test.
--
-- Params:   in_owner    whose
--           in_name     name
-- Returns:  one row     data
-- Errors:   CONACT_NOT_EXIST   no such tag
-- Needs:    a transaction
-- Example:  CALL my_contact_delete('00000000000000a1', 'x');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_delete(
    IN in_owner CHAR(16),
    IN in_name  VARCHAR(255)
)
    MODIFIES SQL DATA SQL SECURITY DEFINER
BEGIN
    DECLARE v_id INT; IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;
    -- START HERE
    SELECT t.tag_id INTO v_id FROM tag AS t WHERE t.owner_id = in_owner AND t.name = in_name FOR UPDATE;
    IF v_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONACT_NOT_EXIST';
    END IF;
    UPDATE tag SET name = 'COMMIT; @x' WHERE owner_id = in_owner AND tag_id = v_id;
    SELECT v_id AS data;
END$$
DELIMITER ;
"""
START = "    -- START HERE\n"
GUARD_TEXT = f" {GUARD}"
NEEDS = "-- Needs:    a transaction\n"


def findings(tmp_path: Path, text: str, name: str = "my_contact_delete") -> list[tuple[str, int]]:
    """Return (rule, line) of each violation in a file with this text."""
    folder = tmp_path / "procedures/shard/tag"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.sql"
    path.write_text(text)
    return [(f.rule, f.line) for f in lint_routine(parse_routine(path, "shard", tmp_path), text)]


def test_a_good_file_has_no_findings(tmp_path: Path) -> None:
    assert findings(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("rule", "line", "old", "new"),
    [
        ("header_says_what_it_does", 1, "-- my_contact_delete: a test.", "-- add_tag: a test."),
        (
            "header_says_what_it_does",
            1,
            "-- Example:  CALL my_contact_delete('00000000000000a1', 'x');\n",
            "",
        ),
        ("header_lists_the_parameters", 1, "--           in_name     name\n", ""),
        ("header_lists_the_errors", 1, "CONACT_NOT_EXIST   no such tag", "none"),
        ("header_lists_the_errors", 1, "no such tag", "no such tag\n--           NEVER_RAISED   never"),
        ("header_tells_the_results", 23, "one row     data", "nothing"),
        ("header_has_an_example_that_calls_it", 1, "CALL my_contact_delete(", "CALL contact_remove("),
        ("access_is_true", 18, "MODIFIES SQL DATA", "READS SQL DATA"),
        ("access_is_true", 22, "MODIFIES SQL DATA", "READS SQL DATA"),
        ("no_transaction_control", 17, START, "    COMMIT;\n"),
        ("no_transaction_control", 17, START, "    START  TRANSACTION;\n"),
        ("no_ddl", 17, START, "    CREATE TEMPORARY TABLE x (y INT);\n"),
        ("no_ddl", 17, START, "    TRUNCATE TABLE x;\n"),
        ("no_user_variables", 17, START, "    SET @x = 1;\n"),
        ("no_dynamic_sql", 17, START, "    EXECUTE IMMEDIATE v_id;\n"),
        ("handlers_resignal", 17, START, "    DECLARE EXIT HANDLER FOR 1062 SET v_id = 1;\n"),
        (
            "handlers_resignal",
            17,
            START,
            "    DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN RESIGNAL; SET v_id = 1; END;\n",
        ),
        (
            "no_continue_handler_on_errors",
            17,
            START,
            "    DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN RESIGNAL; END;\n",
        ),
        ("locks", 18, " FOR UPDATE", ""),
        ("names_the_owner", 18, "t.owner_id = in_owner AND ", ""),
        ("names_the_owner", 22, "owner_id = in_owner AND tag_id", "tag_id"),
        (
            "names_the_owner",
            17,
            START,
            "    SELECT c.id FROM tag AS t JOIN contact AS c WHERE t.owner_id = 1;\n",
        ),
        ("prefixes", 16, "DECLARE v_id ", "DECLARE id "),
        ("prefixes", 16, "DECLARE v_id ", "DECLARE v_id, wrong "),
    ],
)
def test_each_rule_finds_its_line(tmp_path: Path, rule: str, line: int, old: str, new: str) -> None:
    assert old in GOOD
    assert (rule, line) in findings(tmp_path, GOOD.replace(old, new))


HANDLER = "    DECLARE EXIT HANDLER FOR "
OWN_TAG = "SELECT 1 FROM tag AS t WHERE t.owner_id = in_owner"
JSON_TABLE = "SELECT 1 FROM JSON_TABLE('', '$' COLUMNS ({} PATH '$.x')) AS j;"


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("no_transaction_control", "COMMIT WORK;"),
        ("no_transaction_control", "rollback;"),
        ("no_transaction_control", "IF v_id = 1 THEN SAVEPOINT here; END IF;"),
        ("no_transaction_control", "SET autocommit = 1;"),
        ("no_transaction_control", "SET SESSION TRANSACTION READ ONLY;"),
        ("no_transaction_control", "SET v_id = 5--1; COMMIT;"),
        ("no_transaction_control", "SET v_id = 'it''s'; COMMIT;"),
        ("no_transaction_control", 'SET v_id = "a""b"; COMMIT; SET v_id = "";'),
        ("no_hidden_code", "/*!50000 SET v_id = 1 */;"),
        ("no_hidden_code", "/*M! SET v_id = 1 */;"),
        ("no_ddl", "CREATE UNIQUE INDEX x ON x (y);"),
        ("no_ddl", "TRUNCATE TABLE yp.entity;"),
        ("no_ddl", "TRUNCATE x;"),
        ("no_ddl", "ALTER ONLINE TABLE x ADD y INT;"),
        ("no_ddl", "DROP TEMPORARY TABLE IF EXISTS x;"),
        ("no_ddl", "LOCK TABLES x READ;"),
        ("no_ddl", "ANALYZE TABLE x;"),
        ("no_ddl", "FLUSH TABLES;"),
        ("no_ddl", "GRANT SELECT ON x TO y;"),
        ("no_user_variables", "SELECT 1 INTO @x;"),
        ("no_user_variables", "SET @`x` = 1;"),
        ("no_user_variables", "WHILE @x < 1 DO SET v_id = 1; END WHILE;"),
        ("no_settings", "SET SESSION sql_mode = '';"),
        ("no_settings", "SET @@sql_mode = '';"),
        ("no_settings", "SET NAMES latin1;"),
        ("no_dynamic_sql", "PREPARE x FROM 'SELECT 1';"),
        ("no_dynamic_sql", "EXECUTE IMMEDIATE CONCAT('DROP ', v_id);"),
        ("handlers_resignal", HANDLER + "SQLSTATE VALUE '23000' SET v_id = 1;"),
        ("handlers_resignal", HANDLER + "SQLSTATE '23000', 1062 SET v_id = 1;"),
        ("handlers_resignal", HANDLER + "NOT FOUND, SQLEXCEPTION SET v_id = 1;"),
        ("handlers_resignal", HANDLER + "SQLWARNING SET v_id = 1;"),
        ("handlers_resignal", HANDLER + "1062 BEGIN IF v_id = 1 THEN RESIGNAL; END IF; END;"),
        ("handlers_resignal", HANDLER + "1062 IF v_id = 1 THEN RESIGNAL; END IF;"),
        ("handlers_resignal", HANDLER + "1062 BEGIN BEGIN RESIGNAL; END; SET v_id = 1; END;"),
        ("handlers_resignal", HANDLER + "1062 BEGIN SET v_id = CASE 1 WHEN 1 THEN 2 END; END;"),
        ("handlers_resignal", "WHILE v_id = 1 DO BEGIN " + HANDLER + "1062 SET v_id = 1; END; END WHILE;"),
        ("handlers_resignal", HANDLER + "1062 BEGIN END; -- RESIGNAL"),
        ("handlers_resignal", HANDLER + "1062 SET v_id = 'RESIGNAL';"),
        (
            "no_continue_handler_on_errors",
            "DECLARE CONTINUE HANDLER FOR NOT FOUND, SQLEXCEPTION SET v_id = 1;",
        ),
        ("no_continue_handler_on_errors", "declare continue handler for 1062 begin end;"),
        ("locks", "SELECT tag_id INTO v_id FROM tag WHERE owner_id = in_owner LIMIT 1;"),
        ("locks", "IF v_id THEN SELECT 1 INTO v_id FROM tag WHERE owner_id = in_owner; END IF;"),
        ("locks", "FOR v_t IN (SELECT tag_id FROM tag WHERE owner_id = in_owner) DO SET v_id = 1; END FOR;"),
        ("locks", "SELECT 'FOR UPDATE' INTO v_id FROM tag WHERE owner_id = in_owner;"),
        ("locks", "SELECT 1 INTO v_id FROM tag WHERE owner_id = in_owner; -- FOR UPDATE"),
        ("names_the_owner", "DELETE FROM tag WHERE tag_id = v_id;"),
        ("names_the_owner", "DELETE t FROM tag AS t WHERE t.tag_id = v_id;"),
        ("names_the_owner", "UPDATE IGNORE tag SET name = 'x' WHERE tag_id = v_id;"),
        ("names_the_owner", "INSERT INTO tag (tag_id, name) VALUES (v_id, 'x');"),
        ("names_the_owner", "INSERT IGNORE tag VALUES (v_id, 'x');"),
        ("names_the_owner", "REPLACE INTO tag SET tag_id = v_id;"),
        ("names_the_owner", "SELECT owner_id, name FROM tag WHERE tag_id = v_id;"),
        ("names_the_owner", "SELECT t.name FROM contact AS c, tag AS t WHERE c.owner_id = in_owner;"),
        ("names_the_owner", "SELECT 1 FROM contact AS c STRAIGHT_JOIN tag AS t WHERE c.owner_id = in_owner;"),
        (
            "names_the_owner",
            "SELECT 1 FROM tag WHERE owner_id = in_owner AND tag_id IN (SELECT tag_id FROM tag);",
        ),
        ("names_the_owner", "SELECT 1 FROM tag WHERE owner_id = in_owner UNION SELECT 1 FROM tag;"),
        (
            "names_the_owner",
            "SELECT 1 FROM contact WHERE id = (SELECT 1 FROM tag WHERE owner_id = in_owner);",
        ),
        ("prefixes", "declare id int;"),
        ("prefixes", "DECLARE found CURSOR FOR SELECT 1;"),
        ("prefixes", "BEGIN DECLARE v_x, y INT; END;"),
        ("refusals_have_a_code", "SIGNAL SQLSTATE '42000' SET MESSAGE_TEXT = 'CONACT_NOT_EXIST';"),
        ("refusals_have_a_code", "SIGNAL SQLSTATE '45000';"),
        ("refusals_have_a_code", "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = v_id;"),
        ("refusals_have_a_code", "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not a code';"),
        ("refusals_have_a_code", """SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{"field": "x"}';"""),
        ("refusals_have_a_code", """SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{"kind": "x"}';"""),
        ("json_columns_have_a_collation", JSON_TABLE.format("x VARCHAR(9)")),
        ("json_columns_have_a_collation", JSON_TABLE.format("x CHAR")),
        ("lines_fit", f"SET v_id = 1; -- {'x' * 90}"),
        ("json_ids_are_variables", f"{OWN_TAG} AND tag_id = JSON_VALUE(in_name, '$.id');"),
        ("json_ids_are_variables", f"{OWN_TAG} AND (t.tag_id IN (JSON_VALUE(in_name, '$.id')));"),
        ("collations_stand_alone", "DECLARE v_x CHAR(9) CHARACTER SET ascii;"),
        ("collations_stand_alone", "DECLARE v_x CHAR(9) charset ascii COLLATE ascii_bin;"),
        ("json_columns_have_a_collation", JSON_TABLE.format("y INT PATH '$.y', x LONGTEXT")),
        ("json_columns_have_a_collation", JSON_TABLE.format("NESTED PATH '$.y' COLUMNS (x TEXT EXISTS")),
        ("access_is_true", "CALL tag_add(in_owner, 'x', NULL);"),
    ],
)
def test_exactly_one_rule_fires_and_says_what_to_write(tmp_path: Path, rule: str, code: str) -> None:
    text = GOOD.replace(START, f"    {code}\n")
    if rule == "access_is_true":
        text = text.replace("MODIFIES SQL", "READS SQL").replace(GUARD_TEXT, "").replace(NEEDS, "")
    violations = findings(tmp_path, text)
    assert {name for name, _ in violations} == {rule}, violations
    assert 17 in {line for _, line in violations} or rule == "access_is_true"


@pytest.mark.parametrize(
    "code",
    [
        "UPDATE tag SET parent_tag_id = JSON_VALUE(in_name, '$.id') WHERE owner_id = in_owner;",
        "IF v_id IS NULL AND v_id = JSON_VALUE(in_name, '$.id') THEN SET v_id = NULL; END IF;",
        "-- COMMIT; @x",
        "/* COMMIT; @x */",
        "SET v_id = 'COMMIT; @x';",
        'SET v_id = "GRANT ALL; @x";',
        "SET v_id = REPLACE(v_id, 'a', 'b');",
        "SET v_id = TRUNCATE(1.5, 0);",
        f"SET v_id = 1; -- {'é' * 89}",
        JSON_TABLE.format("x VARCHAR(9) COLLATE ascii_bin"),
        JSON_TABLE.format("x TEXT COLLATE ascii_bin PATH '$', y JSON"),
        "SET v_id = 5 - -1;",
        "SELECT 1 FROM yp.entity AS s LOCK IN SHARE MODE;",
        "UPDATE tag SET name = v_id WHERE owner_id = in_owner;",
        "DELETE t FROM tag AS t JOIN contact AS c ON c.owner_id = t.owner_id\n WHERE t.owner_id = in_owner;",
        "INSERT INTO tag (owner_id) SELECT in_owner FROM contact AS c WHERE c.owner_id = in_owner;",
        "SELECT 1 FROM tag AS t WHERE t.owner_id = in_owner AND EXISTS (SELECT 1 FROM contact AS c"
        "\n WHERE c.owner_id = t.owner_id);",
        HANDLER + "SQLEXCEPTION BEGIN IF v_id = 1 THEN SET v_id = 2; END IF; RESIGNAL; END;",
        HANDLER + "NOT FOUND SET v_id = NULL;",
        "SET v_id = JSON_OBJECT('code', 'CONACT_NOT_EXIST');"
        " SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = v_id;",
        """SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{"code": "CONACT_NOT_EXIST",' ' "field": "x"}';""",
        HANDLER + "1062 RESIGNAL SQLSTATE '45000' "
        "\n SET MESSAGE_TEXT = 'CONACT_NOT_EXIST', MYSQL_ERRNO = 1644;",
        "FOR v_t IN (SELECT tag_id FROM tag WHERE owner_id = in_owner FOR UPDATE) DO SET v_id = 1; END FOR;",
    ],
)
def test_code_that_only_looks_like_a_violation_passes(tmp_path: Path, code: str) -> None:
    assert findings(tmp_path, GOOD.replace(START, f"    {code}\n")) == []


LOCK = "    SELECT MAX(id) INTO v_id FROM contact WHERE owner_id = in_owner FOR UPDATE;\n"
JOINED = "contact AS c ON c.owner_id = in_owner"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (17, LOCK),
        (18, f"    -- Lock: to be sure\n{LOCK}"),
        (18, f"    -- lock only:\n{LOCK}"),
        (18, f"    UPDATE contact SET email = '' WHERE owner_id = in_owner;\n{LOCK}"),
        (17, f"{LOCK}    INSERT INTO contact (owner_id) VALUES (in_owner);\n"),
        (17, f"{LOCK}    UPDATE tag AS t JOIN {JOINED} SET t.name = '' WHERE t.owner_id = in_owner;\n"),
        (17, f"{LOCK}    DELETE t FROM tag AS t JOIN {JOINED} WHERE t.owner_id = in_owner;\n"),
        (17, "    SELECT 1 INTO v_id FROM yp.entity FOR UPDATE;\n"),
    ],
)
def test_a_lock_on_a_row_that_nobody_writes_is_found(tmp_path: Path, line: int, code: str) -> None:
    assert findings(tmp_path, GOOD.replace(START, code)) == [("locks_are_written", line)]


@pytest.mark.parametrize(
    "code",
    [
        f"    -- lock only: the key of the row decides\n{LOCK}",
        f"{LOCK}    UPDATE contact SET email = '' WHERE owner_id = in_owner;\n",
        f"{LOCK}    DELETE FROM contact WHERE owner_id = in_owner;\n",
        f"{LOCK}    DELETE c FROM contact AS c WHERE c.owner_id = in_owner;\n",
        f"{LOCK}    UPDATE tag AS t JOIN {JOINED} SET t.name = '', c.email = ''\n"
        "    WHERE t.owner_id = in_owner;\n",
        f"{LOCK}    INSERT INTO contact (owner_id) VALUES (in_owner) ON DUPLICATE KEY UPDATE email = '';\n",
        f"{LOCK}    CALL contact_relate(in_owner, v_id, v_id, 'active');\n",
    ],
)
def test_a_lock_is_written_or_has_a_reason(tmp_path: Path, code: str) -> None:
    assert findings(tmp_path, GOOD.replace(START, code)) == []


def test_a_code_that_no_declaration_knows_is_found(tmp_path: Path) -> None:
    text = GOOD.replace("CONACT_NOT_EXIST", "NOBODY_DECLARED")
    assert ("codes_are_declared", 20) in findings(tmp_path, text)


def test_a_header_that_promises_rows_nobody_answers_is_found(tmp_path: Path) -> None:
    text = GOOD.replace("    SELECT v_id AS data;\n", "")
    assert findings(tmp_path, text) == [("header_tells_the_results", 1)]


def test_a_parameter_needs_its_prefix(tmp_path: Path) -> None:
    assert ("prefixes", 1) in findings(tmp_path, GOOD.replace("in_name", "name"))
    assert ("prefixes", 1) in findings(tmp_path, GOOD.replace("IN in_name ", "OUT in_name "))


def test_a_function_that_writes_is_found(tmp_path: Path) -> None:
    writes = (
        GOOD.replace("CREATE OR REPLACE PROCEDURE", "CREATE OR REPLACE FUNCTION")
        .replace("one row     data", "a value     name")
        .replace("CALL my_", "SELECT my_")
        .replace(GUARD_TEXT, "")
        .replace(NEEDS, "")
        .replace("    IN in_", "    in_")
        .replace("    MODIFIES", "    RETURNS CHAR(16)\n    NOT DETERMINISTIC\n    MODIFIES")
        .replace("SELECT v_id AS data", "RETURN v_id")
    )
    assert findings(tmp_path, writes) == [("functions_only_read", 1)]


@pytest.mark.parametrize(
    ("line", "old", "new"),
    [
        (18, GUARD_TEXT, ""),
        (17, START, f"    SET v_id = 1;\n    {GUARD}\n"),
        (17, START, f"    IF v_id = 1 THEN {GUARD} END IF;\n"),
        (18, START, f"    -- {GUARD}\n"),
        (1, NEEDS, ""),
    ],
)
def test_a_routine_that_writes_begins_with_the_guard(tmp_path: Path, line: int, old: str, new: str) -> None:
    text = GOOD if line == 1 else GOOD.replace(GUARD_TEXT, "")
    assert ("writers_need_a_transaction", line) in findings(tmp_path, text.replace(old, new))


@pytest.mark.parametrize("clause", ["SQL SECURITY INVOKER", "-- SQL SECURITY DEFINER", ""])
def test_a_routine_that_a_deploy_refuses_is_named(tmp_path: Path, clause: str) -> None:
    text = GOOD.replace("SQL SECURITY DEFINER", clause)
    assert ("owner_is_the_definer", 1) in findings(tmp_path, text)


def test_the_guard_follows_the_declarations(tmp_path: Path) -> None:
    handler = "    DECLARE EXIT HANDLER FOR 1062, SQLSTATE '42000' BEGIN SET v_id = 1; RESIGNAL; END;\n"
    text = GOOD.replace(GUARD_TEXT, "").replace(START, f"{handler}    {GUARD}\n")
    assert findings(tmp_path, text) == []


def test_a_routine_that_reads_needs_no_transaction(tmp_path: Path) -> None:
    reads = GOOD.replace("MODIFIES", "READS").replace(" FOR UPDATE", "")
    reads = re.sub("    UPDATE.*\n", "", reads)
    rules = [("writers_need_a_transaction", 1), ("writers_need_a_transaction", 16)]
    assert sorted(findings(tmp_path, reads)) == rules
    reads = reads.replace(GUARD_TEXT, "").replace(NEEDS, "")
    assert findings(tmp_path, reads) == []


def test_a_routine_that_nobody_calls_is_found(tmp_path: Path) -> None:
    lonely = GOOD.replace("my_contact_delete", "contact_lonely")
    assert ("somebody_calls_it", 1) in findings(tmp_path, lonely, "contact_lonely")
    with_callers = lonely.replace("-- Example", "-- Callers:  people\n-- Example")
    assert ("somebody_calls_it", 1) not in findings(tmp_path, with_callers, "contact_lonely")


def test_handlers_that_resignal_and_reasons_are_accepted(tmp_path: Path) -> None:
    for good in (
        "    DECLARE EXIT HANDLER FOR 1062 RESIGNAL SET MESSAGE_TEXT = 'CONACT_NOT_EXIST';\n",
        "    DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN SET v_id = 1; RESIGNAL; END;\n",
        "    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_id = NULL;\n",
    ):
        assert findings(tmp_path, GOOD.replace(START, good)) == []
    reasoned = GOOD.replace(" FOR UPDATE", "").replace(START, "    -- unlocked: the caller holds the row\n")
    assert findings(tmp_path, reasoned) == []


def test_a_file_is_named_as_its_routine(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="a file is named as its routine"):
        findings(tmp_path, GOOD, "other_name")


NEXT = Path(f"sql/shard/{len(load_migrations('shard')) + 1:04}_test.sql")
"""The migration that somebody writes next."""
MIGRATION = """\
-- 9001: a test.
-- undo: DROP TABLE note;
CREATE TABLE IF NOT EXISTS note (
    owner_id CHAR(16) NOT NULL,
    PRIMARY KEY (owner_id)
) ENGINE = InnoDB;
ALTER TABLE tag ADD COLUMN IF NOT EXISTS note INT NULL;
"""


@pytest.mark.parametrize(
    ("rule", "line", "old", "new"),
    [
        ("tables_are_innodb", 3, "InnoDB", "Aria"),
        ("tables_have_a_primary_key", 3, "    PRIMARY KEY (owner_id)\n", ""),
        ("tables_have_a_primary_key", 3, "PRIMARY KEY (owner_id)", "PRIMARY KEY (id)"),
        ("migrations_say_how_to_undo", 1, "-- undo: DROP TABLE note;\n", ""),
        ("migrations_can_be_repeated", 3, "TABLE IF NOT EXISTS", "TABLE"),
        ("migrations_can_be_repeated", 7, "COLUMN IF NOT EXISTS", "COLUMN"),
        ("migrations_can_be_repeated", 7, "ALTER TABLE tag", "INSERT INTO tag VALUES (1); ALTER TABLE tag"),
    ],
)
def test_each_rule_for_migrations_finds_its_line(rule: str, line: int, old: str, new: str) -> None:
    assert old in MIGRATION
    violations = lint_script(NEXT, "shard", MIGRATION.replace(old, new))
    assert (rule, line) in [(f.rule, f.line) for f in violations]


@pytest.mark.parametrize(
    ("rule", "statement"),
    [
        ("tables_are_innodb", "CREATE TABLE IF NOT EXISTS x (owner_id INT, PRIMARY KEY (owner_id));"),
        (
            "tables_are_innodb",
            "create table if not exists x (owner_id int, primary key (owner_id)) engine=aria;",
        ),
        ("tables_are_innodb", "ALTER TABLE tag ENGINE = MyISAM;"),
        ("tables_have_a_primary_key", "CREATE TABLE IF NOT EXISTS x (owner_id INT) ENGINE = InnoDB;"),
        ("tables_have_a_primary_key", "ALTER TABLE tag DROP PRIMARY KEY;"),
        ("migrations_can_be_repeated", "ALTER TABLE tag ADD  KEY x (y);"),
        ("migrations_can_be_repeated", "create index x on tag (y);"),
        (
            "migrations_can_be_repeated",
            "CREATE TRIGGER x BEFORE INSERT ON tag FOR EACH ROW SET NEW.name = 1;",
        ),
        ("migrations_can_be_repeated", "ALTER TABLE tag ADD CONSTRAINT x FOREIGN KEY (y) REFERENCES z (y);"),
        ("migrations_stay_in_their_database", "UPDATE yp.entity SET area = 'x';"),
        ("migrations_stay_in_their_database", "ALTER TABLE `yp`.entity DROP COLUMN IF EXISTS x;"),
        ("migrations_stay_in_their_database", "USE shard1;"),
        ("json_columns_have_a_collation", JSON_TABLE.format("x TEXT")),
        ("collations_stand_alone", "ALTER TABLE tag MODIFY COLUMN name VARCHAR(9) CHARACTER SET ascii NULL;"),
    ],
)
def test_exactly_one_rule_for_migrations_fires(rule: str, statement: str) -> None:
    text = f"-- 9001: a test.\n-- undo: nothing\n\n{statement}\n"
    violations = lint_script(NEXT, "shard", text)
    assert [(f.rule, f.line) for f in violations] == [(rule, 4)]


def test_a_constraint_that_can_be_repeated_is_accepted() -> None:
    statement = "ALTER TABLE tag ADD CONSTRAINT x FOREIGN KEY IF NOT EXISTS (y) REFERENCES z (y);"
    text = f"-- 9001: a test.\n-- undo: nothing\n\n{statement}\n"
    assert lint_script(NEXT, "shard", text) == []


def test_a_column_that_the_same_statement_drops_can_be_added_again() -> None:
    statement = "ALTER TABLE tag DROP COLUMN IF EXISTS x, ADD COLUMN {} INT;"
    text = f"-- 9001: a test.\n-- undo: nothing\n\n{statement}\n"
    assert lint_script(NEXT, "shard", text.format("x")) == []
    violations = lint_script(NEXT, "shard", text.format("y"))
    assert [f.rule for f in violations] == ["migrations_can_be_repeated"]


def test_the_body_of_a_trigger_does_not_run_with_its_migration() -> None:
    trigger = (
        "CREATE TRIGGER IF NOT EXISTS x AFTER INSERT ON tag FOR EACH ROW\n"
        "    IF NEW.name = '' THEN\n        INSERT INTO yp.names SELECT 1; END IF;\n"
    )
    text = f"-- 9001: a test.\n-- undo: nothing\n\n{trigger}"
    assert lint_script(NEXT, "shard", text) == []
    violations = lint_script(NEXT, "shard", f"{text}INSERT INTO tag VALUES (1);\n")
    assert [(f.rule, f.line) for f in violations] == [("migrations_can_be_repeated", 7)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\nBEGIN\n", "\nbegin\n"),
        ("\nBEGIN\n", "\nwhole: BEGIN\n"),
        ("\nBEGIN\n", "\n`the whole; it's $$ -- all`: BEGIN\n"),
        ("my_contact_delete(\n    IN in_owner CHAR(16),\n", "`my_contact_delete` (IN `in_owner` CHAR(16), "),
        ("    IN in_owner", "\tin in_owner"),
        ("'COMMIT; @x'", "'$$'"),
        ("\n    MODIFIES SQL DATA SQL SECURITY DEFINER", " modifies sql data sql security definer"),
        ("\n", "\r\n"),
    ],
)
def test_a_routine_is_read_as_the_server_reads_it(tmp_path: Path, old: str, new: str) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new)
    assert findings(tmp_path, text.replace("\r\n", "\n")) == []
    path = tmp_path / "procedures/shard/tag/my_contact_delete.sql"
    path.write_bytes(text.encode())
    routine = parse_routine(path, "shard", tmp_path)
    assert (routine.params, routine.access) == (("in_owner", "in_name"), "MODIFIES")
    assert routine.body.endswith("END")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (GOOD.replace("DELIMITER $$\n", ""), "write DELIMITER $$ in a line above CREATE"),
        (GOOD.replace("END$$", "END"), "write the body as BEGIN … END$$"),
        (GOOD.replace("\nBEGIN", "\nRETURN 1"), "write the body as BEGIN … END$$"),
        (GOOD.replace(")\n    MODIFIES", "\n    MODIFIES"), "write the body as BEGIN … END$$"),
        (GOOD.replace("a test", "ein Tést").encode("latin-1"), "is not UTF-8"),
        (b"", "no CREATE OR REPLACE"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_finding(tmp_path: Path, text: str | bytes, reason: str) -> None:
    path = tmp_path / "procedures/shard/tag/my_contact_delete.sql"
    path.parent.mkdir(parents=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    (finding,) = lint_all(tmp_path)
    assert finding.rule == "a_file_is_one_routine_of_its_name"
    assert reason in finding.message
    assert str(tmp_path) not in finding.message, "its place is in front of it already"


def test_two_files_of_one_routine_are_both_named(tmp_path: Path) -> None:
    for folder in ("tag", "group"):
        (tmp_path / "procedures/shard" / folder).mkdir(parents=True)
        (tmp_path / "procedures/shard" / folder / "my_contact_delete.sql").write_text(GOOD)
    with pytest.raises(FileError) as refused:
        load_routines(tmp_path)
    place = "procedures/shard/{}/my_contact_delete.sql"
    assert str(refused.value).endswith(
        f"{place.format('tag')}: {place.format('group')} declares my_contact_delete, too"
    )


def test_two_routines_in_one_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="more than one routine"):
        findings(tmp_path, GOOD + GOOD)


@pytest.mark.parametrize(
    ("before", "after"),
    [("DROP PROCEDURE IF EXISTS tag_add;\n", ""), ("", "GRANT ALL ON *.* TO x;\n"), ("SET @a = 1;\n", "")],
)
def test_text_around_a_routine_that_nothing_runs_is_no_surprise(
    tmp_path: Path, before: str, after: str
) -> None:
    path = tmp_path / "tag_add.sql"
    path.write_text(f"{before}{(ROOT / 'procedures/shard/tag/tag_add.sql').read_text()}{after}")
    with pytest.raises(FileError, match="nothing runs it; a statement that runs once"):
        parse_routine(path, "shard", tmp_path)


def test_migrations_have_numbers_of_their_own() -> None:
    assert lint_script(NEXT, "shard", MIGRATION) == []
    for name in ("test", "0001_again", "9001_after_a_gap"):
        violations = lint_script(Path(f"sql/shard/{name}.sql"), "shard", MIGRATION)
        assert [f.rule for f in violations] == ["migrations_are_numbered"], name


def test_a_view_has_collations_as_well() -> None:
    view = f"CREATE OR REPLACE VIEW tag_card AS\n{JSON_TABLE.format('x TEXT')}\n"
    violations = lint_script(Path("sql/shard/views/tag_card.sql"), "shard", view, VIEW_RULES)
    assert [(f.rule, f.line) for f in violations] == [("json_columns_have_a_collation", 2)]


def test_every_rule_says_why_it_is_there() -> None:
    for check in (*ROUTINE_RULES, *SCRIPT_RULES, *VIEW_RULES):
        assert check.__doc__, check.__name__
        assert check.__doc__.endswith("."), check.__name__


def test_a_finding_says_file_line_rule_what_to_write_and_why(tmp_path: Path) -> None:
    path = tmp_path / "procedures/shard/tag/my_contact_delete.sql"
    findings(tmp_path, text := GOOD.replace(START, "    SET @x = 1;\n"))
    (violation,) = lint_routine(parse_routine(path, "shard", tmp_path), text)
    assert str(violation).splitlines() == [
        "procedures/shard/tag/my_contact_delete.sql:17: no_user_variables: @x: DECLARE v_x instead",
        "    why: User variables outlive the call on a pooled connection, where the next caller sees them.",
    ]


def test_our_own_files_keep_the_rules() -> None:
    forget_routines()
    routines.tables.cache_clear()
    assert [str(f) for f in lint_all(ROOT)] == []
