"""The house rules of tests/: helpers come from support/, and each file is named after what it tests."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from service import ROOT
from tests.support.order import LONGEST

TESTS = ROOT / "tests"
SHARED = re.compile(r"tests(\.\w+)*\.(test_\w+|conftest)\b")
CLASS = re.compile(r"^class (\w+)", re.MULTILINE)
WITHOUT_SOURCE = {"test_house", "test_names", "test_requirements", "test_retest", "test_wheel"}
"""Test files of the root that are about the repository, not about one module."""


def mirrored() -> Iterator[tuple[Path, Path]]:
    """Yield (test file, folder of its source) of every test file in a folder that mirrors another one."""
    for path in sorted(TESTS.rglob("test_*.py")):
        room = path.parent.relative_to(TESTS)
        source = ROOT / room if room.parts[:1] == ("procedures",) else ROOT / "service" / room
        if source.is_dir() and path.stem not in WITHOUT_SOURCE and room != Path("procedures"):
            yield path, source


def test_each_test_file_is_named_after_a_source_file_or_a_folder_of_routines() -> None:
    """`test_conference_calls.py` tests calls in `conference.py`: an aspect may follow the name."""
    strays = [
        str(path.relative_to(ROOT))
        for path, source in mirrored()
        if not any(f"{path.stem}_".startswith(f"test_{entry.stem}_") for entry in source.iterdir())
    ]
    assert not strays


def test_no_test_file_imports_from_a_test_file_or_a_conftest_file() -> None:
    imports = [
        f"{path.relative_to(ROOT)}:{node.lineno} imports {node.module}"
        for path in sorted(TESTS.rglob("*.py"))
        if SHARED.search(source := path.read_text())  # parsing all files takes seconds
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and SHARED.match(node.module or "")
    ]
    assert not imports


def test_each_class_of_the_service_has_a_name_of_its_own() -> None:
    """Two classes `Plan` in neighbouring rooms make a reader ask which one is meant."""
    places: dict[str, list[str]] = {}
    for path in sorted((ROOT / "service").rglob("*.py")):
        for name in CLASS.findall(path.read_text()):
            places.setdefault(name, []).append(str(path.relative_to(ROOT)))
    assert not {name: paths for name, paths in places.items() if len(paths) > 1}


def test_each_of_the_longest_test_files_exists() -> None:
    assert [name for name in LONGEST if not (ROOT / name).is_file()] == []
