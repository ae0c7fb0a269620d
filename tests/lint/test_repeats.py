"""Six lines that stand twice need a reason beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.lint.repeats import repeats

SIX = "".join(f"    total += part_{number}\n" for number in range(6))
BODY = SIX.replace("+=", "=")
SIGNATURE = """\
-- one: a test.
CREATE OR REPLACE PROCEDURE one(
    IN in_owner CHAR(16),
    IN in_key CHAR(16)
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
"""


def checked(root: Path, **files: str) -> list[str]:
    """Return `file:line` of each finding in files of the folder; the name's last word is the ending."""
    folders = {"py": "service", "sql": "procedures", "json": "acl"}
    for name, text in files.items():
        stem, _, ending = name.rpartition("_")
        (root / folders[ending]).mkdir(exist_ok=True)
        (root / folders[ending] / f"{stem}.{ending}").write_text(text)
    return [f"{finding.path}:{finding.line}" for finding in repeats(root)]


def test_six_lines_that_stand_in_two_files_are_found_once(tmp_path: Path) -> None:
    one, other = f"def one():\n{SIX}    return 1\n", f"def other():\n    pass\n{SIX}    return 2\n"
    assert checked(tmp_path, one_py=one, other_py=other) == ["service/one.py:2"]


def test_six_lines_that_stand_twice_in_a_file_are_found(tmp_path: Path) -> None:
    assert checked(tmp_path, one_py=f"def one():\n{SIX}\n\ndef two():\n{SIX}") == ["service/one.py:2"]


def test_five_lines_blank_lines_comments_and_imports_do_not_count(tmp_path: Path) -> None:
    five = "".join(SIX.splitlines(keepends=True)[:5])
    imports = "from a import (\n    b,\n    c,\n    d,\n    e,\n)\nimport f\n"
    assert checked(
        tmp_path,
        one_py=f"{imports}def one():\n{five}    # the same\n\n",
        other_py=f"{imports}def other():\n{five}    # the same\n\n",
    ) == []  # fmt: skip


@pytest.mark.parametrize(
    "reason", ["    # Repeats other: it has no loop\n", "    pass\n    # Repeats other.\n"]
)
def test_a_reason_beside_one_of_them_is_enough(tmp_path: Path, reason: str) -> None:
    assert checked(tmp_path, one_py=f"def one():\n{reason}{SIX}", other_py=f"def other():\n{SIX}") == []


def test_a_reason_far_above_does_not_count(tmp_path: Path) -> None:
    far = "    # Repeats other.\n" + "\n" * 9
    assert checked(tmp_path, one_py=f"def one():\n{far}{SIX}", other_py=f"def other():\n{SIX}") == [
        "service/one.py:12"
    ]


def test_of_a_routine_only_the_body_counts(tmp_path: Path) -> None:
    assert (
        checked(
            tmp_path, one_sql=f"{SIGNATURE}BEGIN\n  A;\nEND$$\n", two_sql=f"{SIGNATURE}BEGIN\n  B;\nEND$$\n"
        )
        == []
    )
    bodies = {f"{name}_sql": f"{SIGNATURE}BEGIN\n  {name};\n{BODY}END$$\n" for name in ("one", "two")}
    assert checked(tmp_path, **bodies) == ["procedures/one.sql:10"]


FIELD = """\
    "PARAMS": {
      "key": {
        "type": "string",
        "required": true,
        "maxLength": 64,
        "doc": "The key.",
        "example": "ada"
      }
    },
"""


def test_a_parameter_that_two_services_spell_out_is_found(tmp_path: Path) -> None:
    one, other = FIELD.replace("PARAMS", "one"), FIELD.replace("PARAMS", "other")
    assert checked(tmp_path, one_json=f'{{\n  "services": {{\n{one}{other}') == ["acl/one.json:4"]


def test_brackets_references_and_definitions_do_not_count(tmp_path: Path) -> None:
    references = "".join(
        f'    "field_{number}": {{"$ref": "#/$defs/field_{number}"}},\n' for number in range(8)
    )
    definition = FIELD.replace("PARAMS", "one")
    text = f'{{\n{references}    }}\n{references}  "$defs": {{\n{definition}{definition}'
    assert checked(tmp_path, one_json=text) == []
