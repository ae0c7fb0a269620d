"""Tell "nothing is known to be wrong" from "nobody could be asked"."""

import json
from pathlib import Path
from typing import Any

import pytest

from service.local import audit

KNOWN = {"name": "good", "version": "1.0", "vulns": []}
BAD = {"name": "bad", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}
UNKNOWN = {"name": "odd", "skip_reason": "Dependency not found on PyPI and could not be audited: odd (1.0)"}


def pip_audit(tmp_path: Path, text: str) -> str:
    """Fake a pip-audit that prints this."""
    path = tmp_path / "pip-audit"
    path.write_text(f"#!/bin/sh\necho '{text}'\necho name.example cannot be resolved >&2\nexit 1\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("packages", "status", "words"),
    [
        ([KNOWN], 0, "1 of 1 packages audited\n"),
        ([KNOWN, BAD], 1, "bad 1.0 has PYSEC-1, mended in 1.1"),
        ([UNKNOWN], 2, "the source that this machine reaches has no advisories"),
        ([KNOWN, UNKNOWN], 2, "the source does not know odd"),
        ([BAD, UNKNOWN], 2, "bad 1.0 has PYSEC-1"),
    ],
)
def test_an_answer_is_judged(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    packages: list[dict[str, Any]],
    status: int,
    words: str,
) -> None:
    assert audit.main(pip_audit(tmp_path, json.dumps({"dependencies": packages}))) == status
    output = capsys.readouterr()
    assert words in output.out + output.err
    assert bool(output.err) == (status == 2)


def test_no_answer_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.main(pip_audit(tmp_path, "")) == 2
    assert "pip-audit cannot reach its data: name.example cannot be resolved" in capsys.readouterr().err
