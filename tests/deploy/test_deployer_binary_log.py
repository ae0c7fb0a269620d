"""Deploy, demo and a second deploy work on a server with a binary log, as replicas and recovery need it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from service.admin import demo
from service.deploy.deployer import Deployer
from service.settings import Settings
from tests.support.admin import Admin
from tests.support.sites import empty_server


@pytest.fixture(params=["ROW", "MIXED"])
def binary_log(request: pytest.FixtureRequest, dba: Admin) -> Iterator[str]:
    """Return the format in which new connections write to the binary log."""
    before = dba.one("SELECT @@GLOBAL.binlog_format")
    dba.rows(f"SET GLOBAL binlog_format = {request.param}")
    yield request.param
    dba.rows(f"SET GLOBAL binlog_format = {before}")


def test_a_new_site_and_its_people(binary_log: str, site: Settings, dba: Admin) -> None:
    assert dba.rows("SELECT @@log_bin, @@binlog_format, @@log_bin_trust_function_creators") == [
        (1, binary_log, 0)
    ]
    empty_server(site)
    outcome = Deployer(site, lambda _: None).deploy()
    assert (outcome.status, outcome.failed) == (0, {})
    assert "alice@example.org" in demo.load(site)
    assert demo.load(site) == []
    assert Deployer(site, lambda _: None).deploy().status == 0
