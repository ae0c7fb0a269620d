"""The files of a deploy with one more migration, for tests of changed tables."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from service import ROOT
from service.deploy import online
from service.deploy.deployer import Deployer
from service.deploy.online import PLUGIN, PROGRAM
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


def start_deploy(site: Settings, *statements: str, plugin: Path = PLUGIN) -> subprocess.Popen[str]:
    """Deploy such a migration from another process, every table being a big one.

    pt-online-schema-change has this plug-in.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.migrations", str(plugin), *statements],
        cwd=ROOT,
        env=cli_environment(site) | {"DRUMEE_BIG_TABLE_MB": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def plugin_that_waits(folder: Path, moment: str) -> Path:
    """Write a plug-in which waits at a moment of the change of shard1.message; return its file.

    The moment is the name of a hook, or the beginning of a statement after which it waits. The file
    `waits` beside it then has the process.
    """
    waits = folder / "waits"
    hook = f"sub {moment} {{ wait_here(); return; }}" if moment.islower() else ""
    file = folder / "waits.pm"
    file.write_text(
        PLUGIN.read_text().replace(
            "\n1;\n",
            f"""
my $is_real = 0;

sub before_create_new_table {{
    my ($self) = @_;
    $is_real = $self->{{original}}->{{db}} eq 'shard1';
    return;
}}

sub wait_here {{
    return if !$is_real;
    open(my $file, '>', '{waits}.new');
    print $file $$;
    close $file;
    rename '{waits}.new', '{waits}';
    sleep 600;
    return;
}}

{hook}

no warnings 'redefine';
my $do = \\&DBI::db::do;
*DBI::db::do = sub {{
    my $result = $do->(@_);
    wait_here() if index($_[1], '{moment}') == 0;
    return $result;
}};

1;
""",
        )
    )
    return file


if __name__ == "__main__":
    online.PLUGIN = Path(sys.argv[1])
    outcome = Deployer(Settings.from_env(), files=with_migration(*sys.argv[2:]), examples=False).deploy()
    sys.exit(outcome.status)
