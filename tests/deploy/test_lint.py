"""Each rule finds what it is there for, says where, and leaves good files alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from service import ROOT
from service.deploy import lint
from service.deploy.files import FileError, load_routines, parse_routine
from service.deploy.lint import ROUTINE_RULES, SCRIPT_RULES, lint_all, lint_routine, lint_script

GOOD = """\
-- my_contact_delete: a test.
--
-- Params:   in_owner    whose
--           in_name     name
-- Returns:  one row     data
-- Errors:   CONACT_NOT_EXIST   no such tag
-- Example:  CALL my_contact_delete('00000000000000a1', 'x');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_delete(
    IN in_owner CHAR(16),
    IN in_name  VARCHAR(255)
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16);
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


def findings(tmp_path: Path, text: str, name: str = "my_contact_delete") -> list[tuple[str, int]]:
    """(rule, line) of everything that is found in a file of this text."""
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
        ("codes_are_declared", 20, "'CONACT_NOT_EXIST'", "'NOBODY_DECLARED'"),
    ],
)
def test_each_rule_finds_its_line(tmp_path: Path, rule: str, line: int, old: str, new: str) -> None:
    assert old in GOOD
    assert (rule, line) in findings(tmp_path, GOOD.replace(old, new))


def test_a_parameter_needs_its_prefix(tmp_path: Path) -> None:
    assert ("prefixes", 1) in findings(tmp_path, GOOD.replace("in_name", "name"))
    assert ("prefixes", 1) in findings(tmp_path, GOOD.replace("IN in_name ", "OUT in_name "))


def test_a_routine_that_nobody_calls_is_found(tmp_path: Path) -> None:
    lonely = GOOD.replace("my_contact_delete", "contact_lonely")
    assert ("somebody_calls_it", 1) in findings(tmp_path, lonely, "contact_lonely")
    told = lonely.replace("-- Example", "-- Callers:  people\n-- Example")
    assert ("somebody_calls_it", 1) not in findings(tmp_path, told, "contact_lonely")


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


MIGRATION = """\
-- 0009: a test.
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
    found = lint_script(Path("sql/shard/0009_test.sql"), "shard", MIGRATION.replace(old, new))
    assert (rule, line) in [(f.rule, f.line) for f in found]


def test_migrations_have_numbers_of_their_own() -> None:
    assert lint_script(Path("sql/shard/0009_test.sql"), "shard", MIGRATION) == []
    for name in ("test", "0001_again"):
        found = lint_script(Path(f"sql/shard/{name}.sql"), "shard", MIGRATION)
        assert [f.rule for f in found] == ["migrations_are_numbered"], name


def test_every_rule_says_why_it_is_there() -> None:
    for check in (*ROUTINE_RULES, *SCRIPT_RULES):
        assert check.__doc__, check.__name__
        assert check.__doc__.endswith("."), check.__name__


def test_a_finding_says_file_line_rule_and_what_to_write(tmp_path: Path) -> None:
    path = tmp_path / "procedures/shard/tag/my_contact_delete.sql"
    findings(tmp_path, text := GOOD.replace(START, "    SET @x = 1;\n"))
    (found,) = lint_routine(parse_routine(path, "shard", tmp_path), text)
    assert (
        str(found)
        == "procedures/shard/tag/my_contact_delete.sql:17: no_user_variables: @x: DECLARE v_x instead"
    )


def test_our_own_files_keep_the_rules() -> None:
    load_routines.cache_clear()
    lint.tables.cache_clear()
    assert [str(f) for f in lint_all(ROOT)] == []
