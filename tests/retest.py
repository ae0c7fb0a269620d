"""Run all tests; those that fail run once more, one after the other, for machines that others use as well.

As regrtest of CPython does. A test that passes then ends the run well, and the last lines name it. Everything
but failed tests ends the run at once: a file that cannot be collected, or a secret in the log.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

FAILED = "v/cache/lastfailed"
"""Where pytest keeps the ids of the tests that failed, in its cache."""


def run(*words: str) -> int:
    """Run pytest in the working directory; return its exit status."""
    return subprocess.run([sys.executable, "-m", "pytest", *words], check=False).returncode


def main(words: list[str]) -> int:
    """Run pytest with these words, then the failed tests alone; return the exit status."""
    # a cache of its own: another run beside this one would write down its own failures
    with tempfile.TemporaryDirectory() as cache:
        status = run("-o", f"cache_dir={cache}", *words)
        if status != pytest.ExitCode.TESTS_FAILED:
            return status
        failed = sorted(json.loads(Path(cache, FAILED).read_text()))
    print(f"\n{len(failed)} failed beside others; now alone:", flush=True)
    # by name: an id that pytest does not find is an error, whereas --last-failed runs all tests instead
    status = run("-n", "0", "-v", *failed)
    if status == pytest.ExitCode.OK:
        print(f"\n{len(failed)} FAILED BESIDE OTHERS, PASSED ALONE: look at them")
        print(*(f"  {name}" for name in failed), sep="\n", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
