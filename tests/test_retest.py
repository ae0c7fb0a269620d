"""`make test RETEST=1` forgives a test that passes alone, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from service import ROOT

CONFIGURATION = "[pytest]\naddopts = -p xdist -q -n 2 --dist loadfile\n"
STEADY = "def test_steady(): pass\n"
BESIDE = """
import os, pytest

@pytest.mark.parametrize("text", ["a b", "[x]::y", "é"])
def test_crowded(text): assert "PYTEST_XDIST_WORKER" not in os.environ
"""
WRONG = "def test_wrong(): assert False\n"
BROKEN = "import no_such_module\n"
LEAK = """
import pytest

@pytest.fixture(scope="session", autouse=True)
def watched_log():
    yield
    assert False, "the log has secrets: of a test that runs once"

def test_leaks(): pass
"""


def retest(place: Path, *files: str) -> tuple[int, str]:
    """Run the tests in these files as `make test RETEST=1` does; return its exit status and its output."""
    (place / "pytest.ini").write_text(CONFIGURATION)
    for number, text in enumerate(files):
        (place / f"test_{number}.py").write_text(text)
    outcome = subprocess.run(
        [sys.executable, "-m", "tests.retest", "-p", "tests.fixtures.secrecy_status"],
        cwd=place, env={"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=300,
    )  # fmt: skip
    return outcome.returncode, outcome.stdout


def test_a_test_that_passes_alone_is_named_in_the_last_lines(tmp_path: Path) -> None:
    status, output = retest(tmp_path, STEADY, BESIDE)
    assert status == 0, output
    assert "3 failed, 1 passed" in output
    assert "3 passed" in output
    title, *names = output.splitlines()[-4:]
    assert title == "3 FAILED BESIDE OTHERS, PASSED ALONE: look at them"
    assert [name[: name.index("[")] for name in names] == ["  test_1.py::test_crowded"] * 3


def test_tests_that_pass_run_once(tmp_path: Path) -> None:
    status, output = retest(tmp_path, STEADY)
    assert (status, output.count("1 passed"), "ALONE" in output) == (0, 1, False), output


@pytest.mark.parametrize(
    ("text", "reruns"), [(WRONG, True), (BROKEN, True), (LEAK, False)], ids=["wrong", "broken", "leak"]
)
def test_everything_else_fails_the_run(tmp_path: Path, text: str, reruns: bool) -> None:
    status, output = retest(tmp_path, STEADY, BESIDE, text)
    assert status not in {0, pytest.ExitCode.NO_TESTS_COLLECTED}, output
    assert "PASSED ALONE" not in output
    assert ("now alone:" in output) == reruns, output
