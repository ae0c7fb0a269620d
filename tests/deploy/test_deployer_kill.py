"""Kill deploys with -9: nothing is missing, nothing stays half-done, the next run continues."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time

from service import ROOT
from service.schema.routines import load_routines
from service.settings import Settings
from tests.support.admin import Admin
from tests.support.sites import DeployerMaker, cli_environment, start

ROUNDS = 20
SHARDS = 4
DEPLOY = """
import sys
from service.deploy.deployer import Deployer
from service.settings import Settings

shard = sys.argv[1]
tool = Deployer(Settings.from_env(), chooses_canary=not shard, examples=False)
sys.exit(tool.deploy(shard).status)
"""
"""A deploy, with a new shard if one is named. No kill meets the examples: they end before the first write."""
STALE = """
    UPDATE mysql.proc
    SET comment = REGEXP_REPLACE(comment, '\\\\.sql [0-9a-f]{16} ', '.sql 0000000000000000 ')
    WHERE definer LIKE 'drumee%'
"""


def test_twenty_kills_leave_no_routine_missing_and_no_shard_half_made(
    site: Settings, tool: DeployerMaker, dba: Admin
) -> None:
    for number in range(2, SHARDS + 1):
        tool().add_shard(f"shard{number}")
    of_shard = sum(r.scope == "shard" for r in load_routines())
    of_yp = len(load_routines()) - of_shard
    chance = random.Random(20)
    interrupted = 0
    for number in range(ROUNDS):
        dba.rows(STALE)
        shard = "" if number % 2 else f"made{number}"
        interrupted += killed(site, shard, dba, chance.uniform(0, 0.4))
        counts = dict(
            dba.rows(
                "SELECT db, COUNT(*) FROM mysql.proc WHERE db = 'yp' "
                "OR db IN (SELECT name FROM yp.shard WHERE is_open = 1) GROUP BY db"
            )
        )
        assert counts.pop("yp") == of_yp
        assert set(counts.values()) == {of_shard}, counts
    assert interrupted > ROUNDS / 4, "the kills came too late to prove anything"

    assert tool().deploy().status == 0
    assert not tool().plan().todo
    tables = dba.rows(
        "SELECT COUNT(t.TABLE_NAME) FROM yp.shard AS s "
        "LEFT JOIN information_schema.TABLES AS t ON t.TABLE_SCHEMA = s.name GROUP BY s.name"
    )
    assert len(set(tables)) == 1
    assert dba.one("SELECT COUNT(*) FROM yp.shard WHERE is_open <> 1") == 0


def test_ctrl_c_ends_between_two_items_and_the_next_deploy_goes_on(
    site: Settings, tool: DeployerMaker, dba: Admin
) -> None:
    dba.rows(STALE)
    process = start(site, "deploy", "--rate", "20", "--skip-examples")
    under_way = (
        "SELECT COUNT(*) FROM yp.deploy_journal AS j JOIN yp.deploy_run AS r ON r.id = j.run_id "
        "WHERE r.outcome = 'running' AND j.state = 'planned'"
    )
    while not dba.one(under_way):
        time.sleep(0.01)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "the same command again goes on from here" in output
    assert dba.one("SELECT outcome FROM yp.deploy_run ORDER BY id DESC LIMIT 1") == "interrupted"
    assert dba.one("SELECT until FROM yp.deploy_lease") == 0
    remaining = len(tool().plan().todo)
    assert 0 < remaining < len(load_routines())
    assert tool().deploy().counts["replace"] == remaining


def killed(site: Settings, new_shard: str, dba: Admin, after: float) -> bool:
    """Start a deploy and kill it after it began to work; return whether it still ran."""
    before = dba.one("SELECT COALESCE(MAX(id), 0) FROM yp.deploy_run")
    process = subprocess.Popen(
        [sys.executable, "-c", DEPLOY, new_shard],
        cwd=ROOT,
        env=cli_environment(site),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while dba.one("SELECT COALESCE(MAX(id), 0) FROM yp.deploy_run") == before and process.poll() is None:
        time.sleep(0.005)
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    return process.wait() != 0
