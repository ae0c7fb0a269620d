"""Licence and version: the exact text, and a single copy."""

from __future__ import annotations

import hashlib
import re
import subprocess
import tomllib
from importlib.metadata import metadata

from service import __version__
from tests.docs.pages import ROOT

AGPL = "8486a10c4393cee1c25392769ddd3b2d6c242d6ec7928e1414efff7dfb2f07ef"
"""SHA-256 of the text of the GNU AGPL, version 3, as the Free Software Foundation publishes it."""


def test_the_licence_is_the_agpl_word_for_word() -> None:
    assert hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == AGPL
    assert metadata("drumee-contacts")["License-Expression"] == "AGPL-3.0-or-later"


def test_the_version_has_one_copy() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = [name for name in listed.split() if not name.endswith("package-lock.json")]
    files = [ROOT / name for name in names if name.endswith((".py", ".toml", ".json", ".html"))]
    copies = re.compile(rf"(?<![\w.=]){re.escape(__version__)}(?![\w.])")
    holders = [str(f.relative_to(ROOT)) for f in files if f.exists() and copies.search(f.read_text())]
    assert holders == ["service/__init__.py"]
    assert metadata("drumee-contacts")["Version"] == __version__
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["dynamic"] == ["version"]


def test_the_changelog_knows_the_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    assert "## [Unreleased]" in text
    assert __version__ in text
