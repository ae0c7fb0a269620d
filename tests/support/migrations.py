"""The files of a deploy with one more migration, for tests of changed tables."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from service import ROOT
from service.deploy.deployer import Deployer
from service.deploy.online import PROGRAM
from service.deploy.plan import Files
from service.schema.routines import Script
from service.settings import Settings
from tests.support.sites import cli_environment

MIGRATION = "9001_test"
COPIED = "ALTER TABLE message MODIFY is_read BIGINT NOT NULL DEFAULT 0"
"""A change that needs a copy of its table."""
MESSAGES = """
    INSERT INTO shard1.message (owner_id, peer_id, message_id, author_id, message, ctime)
    SELECT LPAD(seq MOD 10, 16, '0'), LPAD(1, 16, '0'), LPAD(seq, 16, '0'), LPAD(1, 16, '0'), 'hello', seq
    FROM shard1.seq_1_to_{rows}
"""
"""Rows for that table."""
needs_percona_toolkit = pytest.mark.skipif(
    shutil.which(PROGRAM) is None,
    reason="changes of big tables: there is no percona-toolkit here (--with online)",
)


def with_migration(*statements: str) -> Files:
    """Return the files with one more migration of the shards."""
    files = Files.load("test")
    script = Script(Path(f"sql/shard/{MIGRATION}.sql"), "shard", MIGRATION, statements)
    return dataclasses.replace(
        files, migrations=dict(files.migrations) | {"shard": [*files.migrations["shard"], script]}
    )


def start_deploy(site: Settings, *statements: str) -> subprocess.Popen[str]:
    """Deploy such a migration from another process, every table being a big one."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.migrations", *statements],
        cwd=ROOT,
        env=cli_environment(site) | {"DRUMEE_BIG_TABLE_MB": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


if __name__ == "__main__":
    outcome = Deployer(Settings.from_env(), files=with_migration(*sys.argv[1:]), examples=False).deploy()
    sys.exit(outcome.status)
