"""Each command of the CLI's table under each fault: a sentence, no secret, a documented status.

A new command is in the sweep by itself. One with a new option needs a value in VALUES.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from service import ROOT
from service.cli import main, table

SECRET = "s3cr%C3%A9t"  # é
TEXTS = ("s3cr", "Traceback", "fault of its own")
"""What no message has."""
SERVERS = {"run", "up", "down", "bench", "listen", "lint"}
"""They start and stop servers of their own, or read no database; `cluster…` does, too."""
VALUES = {
    "--file": "procedures/shard/tag/tag_add.sql",
    "--name": "shard9",
    "--email": "ann@example.org",
    "--entity": "ann@example.org",
    "--user": "ann@example.org",
    "--owner": "ann@example.org",
    "--shard": "shard1",
    "--hub": "79ba5ab998ea21b4",
    "--country": "DE",
    "--out": "units",
    "--password": "correct-horse",
}
FAULTS = {
    "silent server": {
        "DRUMEE_DB": f"mysql://app:{SECRET}@127.0.0.1:1/",
        "DRUMEE_DB_ADMIN": f"mysql://root:{SECRET}@127.0.0.1:1/",
    },
    "administrator alone": {"DRUMEE_DB": "", "DRUMEE_DB_ADMIN": f"mysql://root:{SECRET}@127.0.0.1:1/"},
    "unknown setting": {"DRUMEE_PROT": "1"},
    "broken address": {"DRUMEE_DB": f"mysql://app:{SECRET}#x@127.0.0.1:port/"},
}
MOST_LINES = 3
OFFLINE = {"docs", "lint", "units", "settings", "openapi", "asyncapi", "acl", "help"}
"""They read no database, and succeed without one."""


def words_of(name: str, folder: Path) -> list[str]:
    """Return a call of a command with all options that it needs."""
    # It asks for a password otherwise.
    words = [name, "--password", "correct-horse"] if name == "user" else [name]
    for parameter in table()[name].params:
        if parameter.required and parameter.opts[0] not in words:
            value = str(folder / "units") if parameter.opts[0] == "--out" else VALUES[parameter.opts[0]]
            words += [parameter.opts[0], value]
    return words


@pytest.mark.parametrize("fault", FAULTS)
def test_each_command_ends_with_a_sentence(
    fault: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in ("DRUMEE_DB", "DRUMEE_DB_ADMIN"):
        monkeypatch.delenv(name, raising=False)
    settings = {
        "DRUMEE_REDIS": "redis://127.0.0.1:1/0",
        "DRUMEE_RUN_DIR": str(tmp_path / "run"),
        **FAULTS[fault],
    }
    for setting, value in settings.items():
        monkeypatch.setenv(setting, value)
    monkeypatch.chdir(ROOT)
    for name in sorted(name for name in table().keys() - SERVERS if not name.startswith("cluster")):
        status = main(words_of(name, tmp_path))
        printed = capsys.readouterr()
        assert not [text for text in TEXTS if text in printed.out + printed.err], name
        if status == 0:
            assert name in OFFLINE, name
        else:
            assert status == 2, name
            assert name not in OFFLINE or "setting" in fault or "address" in fault, (name, printed.err)
            assert 1 <= len(printed.err.splitlines()) <= MOST_LINES, (name, printed.err)


@pytest.mark.parametrize(
    ("redirection", "status", "message"),
    [
        (">&-", 0, ""),
        (">&- 2>&-", 0, ""),
        (">/dev/full", 2, "the output cannot be written: No space left on device\n"),
    ],
)
def test_an_output_that_is_closed_or_full_is_no_fault(redirection: str, status: int, message: str) -> None:
    command = f"'{sys.executable}' -m service acl {redirection}"
    ended = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (status, message)


def test_a_reader_that_has_gone_ends_a_command() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    acl = [sys.executable, "-m", "service", "acl"]
    ended = subprocess.run(acl, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (2, "ended early, because nobody reads its output any more\n")


def test_files_are_read_as_utf8_in_each_locale() -> None:
    acl = [sys.executable, "-m", "service", "acl", "--module", "contact"]
    texts = {
        subprocess.run(acl, cwd=ROOT, env={**os.environ, **more}, capture_output=True, check=True).stdout
        for more in ({}, {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})
    }
    assert len(texts) == 1
