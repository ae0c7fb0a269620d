"""Test the procedures on the other patch levels of MariaDB that the distribution offers: `make levels`.

Debian has one version in its main archive and often a newer one in its security archive, and they
differ. Each that is not installed is downloaded by apt-get and unpacked into build/, beside the system,
and the tests of procedures and of the examples run on it. Without apt-get, or with one version only, it
says so and succeeds.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from service import ROOT

PACKAGE = "mariadb-server-core"
TESTS = ("tests/procedures", "tests/deploy/test_examples.py")


def main() -> int:
    """Return the worst exit status of all runs."""
    if shutil.which("apt-get") is None:
        print("NOT TESTED - other patch levels of MariaDB: there is no apt-get")
        return 0
    others = sorted(offered_versions() - {installed_version()})
    if not others:
        print("NOT TESTED - other patch levels of MariaDB: the archives offer none")
    return max((run_tests(version) for version in others), default=0)


def offered_versions() -> set[str]:
    """Return the versions in the archives that apt knows; `apt-get update` refreshes them."""
    lines = _output("apt-cache", "madison", PACKAGE).splitlines()
    return {line.split("|")[1].strip() for line in lines if "|" in line}


def installed_version() -> str:
    """Return the version of the package, or ""."""
    return _output("dpkg-query", "--show", "--showformat=${Version}", PACKAGE)


def run_tests(version: str) -> int:
    """Run the tests with the programs of a version in front of those of the system."""
    programs = unpacked(version)
    print(f"MariaDB {version}", flush=True)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [sys.executable, "-m", "tests.retest", "-q", "-n", "2", *TESTS],
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        check=False,
    ).returncode


def unpacked(version: str) -> Path:
    """Return the folder of mariadbd of a version, downloaded once."""
    folder = ROOT / "build" / f"mariadb-{version.partition(':')[2] or version}"
    programs = folder / "root/usr/sbin"
    if not (programs / "mariadbd").exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "-qq", f"{PACKAGE}={version}"], cwd=folder, check=True)
        for package in folder.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", str(package), str(folder / "root")], check=True)
    return programs


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


if __name__ == "__main__":
    sys.exit(main())
