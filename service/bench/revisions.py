"""Check out another revision of the project, with the packages that it pins."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from service import ROOT
from service.bench.tools import BenchError
from service.deploy.checkout import extract
from service.deploy.revisions import short_name
from service.local.install import LOCK

FOLDER = ROOT / "build" / "against"


@dataclass(frozen=True)
class Revision:
    """A checkout: its commit, its folder, and a Python with its packages."""

    commit: str
    root: Path
    python: str


HERE = Revision("this checkout", ROOT, sys.executable)


def check_out(name: str) -> Revision:
    """Return a revision that git knows, in a folder that later runs use again."""
    commit = short_name(name, ROOT)
    if commit is None:
        raise BenchError(f"AGAINST={name} is no revision of this repository")
    root = FOLDER / commit
    if not root.exists():
        partial = root.with_suffix(".partial")
        extract(commit, partial, root=ROOT)
        partial.rename(root)
    return Revision(commit, root, _python(root))


def _python(root: Path) -> str:
    """Return the present Python where the packages are the same, else one with those of the revision."""
    if not (root / LOCK).exists():
        raise BenchError(f"{root.name} has no {LOCK}: it is too old to be measured in turns")
    if (root / LOCK).read_bytes() == (ROOT / LOCK).read_bytes():
        return sys.executable
    done = subprocess.run(
        [sys.executable, "-I", "service/local/install.py"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"the packages of {root.name} could not be installed:\n{done.stderr}")
    return str(root / ".venv" / "bin" / "python")
