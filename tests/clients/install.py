"""Install the linters and generators of `make clients` into build/clients, as their lock files say.

Apart from the tests: a machine that cannot reach the packages has not found a fault of ours.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from service import ROOT

HERE = Path(__file__).parent
BUILD = ROOT / "build" / "clients"
LOCK = ROOT / "requirements" / "clients.txt"
FILES = ("package.json", "package-lock.json", ".npmrc", ".spectral.yaml", "tsconfig.json", "story.ts")
PATIENCE_SECONDS = 180
"""For one command: where packages cannot be reached, npm tries for a quarter of an hour."""
COMMANDS = (
    ("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"),
    (sys.executable, "-m", "venv", "venv"),
    ("venv/bin/python", "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(LOCK)),
)


def main() -> int:
    """Install the tools; return 0, or the status of the command that failed; 1 when it took too long."""
    BUILD.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copy(HERE / name, BUILD / name)
    try:
        statuses = (
            subprocess.run(command, cwd=BUILD, check=False, timeout=PATIENCE_SECONDS).returncode
            for command in COMMANDS
        )
        return next(filter(None, statuses), 0)
    except subprocess.TimeoutExpired as exc:
        print(exc)
        return 1


if __name__ == "__main__":
    sys.exit(main())
