"""Collect the statistics of the server: calls, errors, percentiles, and routines without a call."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from service.deploy.stats import collect, render
from service.local.servers import MariaDB
from service.local.stack import Stack
from service.settings import Settings
from service.store.admin import Connection, DeployError
from tests.support.admin import Admin
from tests.support.sites import empty_server


def test_calls_errors_and_percentiles_are_counted(site: Settings, dba: Admin) -> None:
    for summary in ("digest", "program"):
        dba.rows(f"TRUNCATE TABLE performance_schema.events_statements_summary_by_{summary}")
    for _ in range(3):
        dba.rows("CALL yp.shard_list()")
    assert dba.refusal("CALL shard1.my_contact_delete('x', 'y')") == "CONACT_NOT_EXIST"
    connection = Connection(site)
    caller = threading.Timer(0.2, lambda: dba.rows("CALL yp.get_user('nobody')"))
    caller.start()
    uses = collect(connection, 1.0)
    caller.join()
    assert (uses["yp", "shard_list"].calls, uses["yp", "shard_list"].errors) == (3, 0)
    assert uses["shard", "my_contact_delete"].errors == 1
    assert len(uses["yp", "get_user"].sample_ms) == 1
    assert uses["yp", "get_user"].percentile(0.95) == pytest.approx(uses["yp", "get_user"].sample_ms[0])
    text = "\n".join(render(uses))
    assert "yp.shard_list" in text
    assert "shard.tag_add" in text.rpartition("never called")[2]
    enabled = dba.rows(
        "SELECT ENABLED FROM performance_schema.setup_consumers WHERE NAME = 'events_statements_history_long'"
    )
    assert enabled == [("NO",)], "the ring is switched off again"
    connection.close()


def test_a_server_without_a_deploy_has_no_statistics(site: Settings) -> None:
    empty_server(site)
    connection = Connection(site)
    with pytest.raises(DeployError, match="nothing is deployed to this server; `make deploy` first"):
        collect(connection, 0)
    connection.close()


class WithoutStatistics(MariaDB):
    """A server with the default of MariaDB."""

    def command(self) -> list[str]:
        """Append to the options of `make run`: of two that are equal, the last one counts."""
        return [*super().command(), "--performance-schema=OFF"]


def test_a_server_that_keeps_no_statistics_says_how_it_would(tmp_path: Path) -> None:
    with Stack(tmp_path, durable=False, kinds=[WithoutStatistics], leashed=True) as running:
        connection = Connection(Settings(db_admin=running.env()["DRUMEE_DB_ADMIN"]))
        with pytest.raises(DeployError, match="start it with performance_schema=ON"):
            collect(connection, 0)
        connection.close()
