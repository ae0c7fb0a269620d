"""The locks in requirements/ agree with pyproject.toml and pin everything by hash."""

import re
import shutil
import subprocess
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.docs.pages import ROOT
from tests.support.locks import read_lock

LOCKS = ("service", "develop", "tools", "clients")


def declared(name: str) -> list[Requirement]:
    """Return the requirements in pyproject.toml that this lock has to hold."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = document["project"]
    extras = project["optional-dependencies"]
    lines = {
        "service": project["dependencies"],
        "develop": [*project["dependencies"], *extras["test"], *extras["docs"]],
        "tools": document["dependency-groups"]["tools"],
        "clients": document["dependency-groups"]["clients"],
    }
    assert set(extras) == {"test", "docs"}
    return [Requirement(line) for line in lines[name]]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_the_versions_of_pyproject(name: str) -> None:
    pins = read_lock(name)
    for requirement in declared(name):
        pin = pins[canonicalize_name(requirement.name)]
        assert str(requirement.specifier) == f"=={pin.version}"
        assert (requirement.marker is None) == (pin.marker is None)


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_has_hashes_and_no_address(name: str) -> None:
    assert [package for package, pin in read_lock(name).items() if not pin.hashes] == []
    text = (ROOT / f"requirements/{name}.txt").read_text()
    assert re.findall(r"://|^-|^\s+--(?!hash=sha256:)", text, re.MULTILINE) == []


def test_the_service_runs_with_what_the_tests_ran_with() -> None:
    service, develop = read_lock("service"), read_lock("develop")
    assert {name: develop[name][::2] for name in service} == {name: pin[::2] for name, pin in service.items()}


def test_the_environment_is_that_of_the_lock() -> None:
    for name, pin in read_lock("develop").items():
        if pin.marker is None or pin.marker.evaluate():
            assert version(name) == pin.version


@pytest.mark.parametrize("ending", ["exit 1", "kill -9 $PPID"], ids=["fails", "is killed"])
def test_a_bill_of_materials_is_written_whole_or_not_at_all(tmp_path: Path, ending: str) -> None:
    """Run the recipe with programs that do nothing, and one that stops in the middle of the file."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/tools.txt").touch()
    _program(tmp_path / ".venv/bin/python", "mkdir -p build/runtime; echo 1.0")
    _program(tmp_path / "tools/bin/cyclonedx-py", f'for word; do test "$last" = --output-file && '
             f'printf half >"$word"; last=$word; done; {ending}')  # fmt: skip
    (tmp_path / "tools/ready").touch()
    (tmp_path / "build").mkdir()
    bill = tmp_path / "build/sbom.json"
    for before in (None, "whole"):
        if before:
            bill.write_text(before)
        command = ["make", "sbom", "PYTHON=true", "TOOLS=tools"]
        made = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert made.returncode, made.stdout
        assert "Written" not in made.stdout
        assert (bill.read_text() if bill.exists() else None) == before
    _program(tmp_path / "tools/bin/cyclonedx-py", "echo {} >build/sbom.part")
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    assert bill.read_text() == "{}\n"


def _program(path: Path, line: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
