"""`make doctor` advises larger caches where a server has many shards for them."""

from __future__ import annotations

from service.deploy.caches import advice
from service.settings import Settings
from tests.support.admin import Admin
from tests.support.sites import Cli, DeployerMaker


def test_a_server_with_few_shards_needs_no_advice(site: Settings) -> None:
    assert not list(advice(site))


def test_each_variable_that_is_too_small_is_named_with_the_value_it_wants(site: Settings, dba: Admin) -> None:
    before = dba.one("SELECT @@table_open_cache")
    _register(dba, 19_999)
    lines = list(advice(site))
    assert [line.split(": ")[1].split(" is ")[0] for line in lines] == [
        "table_open_cache", "table_definition_cache", "open_files_limit"
    ]  # fmt: skip
    assert f"table_open_cache is {before:,}, and 20,000 shards want 100,000: " in lines[0]
    assert "SET GLOBAL table_definition_cache = 100000 until the next start" in lines[1]
    assert "LimitNOFILE=" in lines[2]


def test_doctor_prints_the_advice_and_ends_with_success(tool: DeployerMaker, dba: Admin, cli: Cli) -> None:
    before = dba.one("SELECT @@table_open_cache")
    for name in ("many1", "many2"):
        tool().add_shard(name)
    dba.rows("SET GLOBAL table_open_cache = 10")
    try:
        result = cli("doctor")
    finally:
        dba.rows("SET GLOBAL table_open_cache = %s", before)
    assert result.returncode == 0, result.stdout
    assert "table_open_cache is 10, and 3 shards want 15: " in result.stdout


def _register(dba: Admin, shards: int) -> None:
    """Register shards that are not made yet."""
    dba.rows(
        "INSERT INTO yp.shard (name, is_open, ctime) "
        "SELECT CONCAT('many', s.seq), 2, 1 FROM yp.seq_1_to_19999 AS s WHERE s.seq <= %s",
        shards,
    )
