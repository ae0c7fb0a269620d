"""Ask pip-audit for known vulnerabilities of the pinned packages: `python -m service.local.audit PIP_AUDIT`.

pip-audit itself ends with "No known vulnerabilities found" when its source knows none of the packages, as a
mirror without advisories does. Here that is a failure.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

LOCKS = ("requirements/develop.txt", "requirements/tools.txt")
# The locks are complete: nothing is installed, nothing is resolved.
OPTIONS = ("--require-hashes", "--disable-pip", "--format=json", "--progress-spinner=off", "--requirement")


def main(pip_audit: str) -> int:
    """Print what is known; return 0 for no finding, 1 for some, 2 when packages could not be looked up."""
    return max(_audit(pip_audit, lock) for lock in LOCKS)


def _audit(pip_audit: str, lock: str) -> int:
    asked = subprocess.run([pip_audit, *OPTIONS, lock], capture_output=True, text=True, check=False)
    try:
        packages = json.loads(asked.stdout)["dependencies"]
    except ValueError:  # a traceback: its source is out of reach
        last_line = asked.stderr.strip().rpartition("\n")[2]
        return _fail(lock, f"pip-audit cannot reach its data: {last_line:.300}")
    return _report(lock, packages)


def _report(lock: str, packages: list[dict[str, Any]]) -> int:
    findings = [_line(each, flaw) for each in packages for flaw in each.get("vulns", [])]
    unknown = [each["name"] for each in packages if "skip_reason" in each]
    audited = len(packages) - len(unknown)
    print(f"{lock}: {audited} of {len(packages)} packages audited", *findings, sep="\n  ")
    if len(unknown) == len(packages):
        return _fail(lock, "the source that this machine reaches has no advisories")
    if unknown:
        return _fail(lock, f"the source does not know {', '.join(unknown)}")
    return 1 if findings else 0


def _line(package: dict[str, Any], flaw: dict[str, Any]) -> str:
    mended = ", ".join(flaw["fix_versions"]) or "no version yet"
    return f"{package['name']} {package['version']} has {flaw['id']}, mended in {mended}"


def _fail(lock: str, reason: str) -> int:
    print(f"Not audited, {lock}: {reason}.", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
