"""procedures/yp/activity, called directly."""

from __future__ import annotations

import secrets

from tests.support.admin import Admin
from tests.support.direct import Direct


async def test_analytics_log_keeps_rows(direct: Direct, admin: Admin) -> None:
    name = f"test.{secrets.token_hex(5)}"
    row = f'[{{"name": "{name}", "uid": "{"0" * 16}", "hub_id": null, "args": {{"a": 1}}, "ctime": 5}}]'
    await direct.sets("yp", "analytics_log", row)
    assert admin.one("SELECT COUNT(*) FROM yp.services_log WHERE name = %s", name) == 1
