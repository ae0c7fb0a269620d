"""Live updates between processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from aiohttp.test_utils import unused_port
from yarl import URL

from service import ROOT
from service.demo import WRITE, Registry
from service.settings import Settings
from tests.conftest import Admin, NodeMaker
from tests.people import People


async def test_two_nodes_deliver_to_each_others_sockets(
    make_node: NodeMaker, people: People, registry: Registry
) -> None:
    first, second = [(await make_node()).make_url("/") for _ in range(2)]
    alice, bob = await people("Alice", base=first), await people("Bob", base=second)
    hub = registry.add_hub("Team", alice.uid, "private")
    registry.grant(hub, bob.uid, WRITE)
    hers, his = await alice.tab(), await bob.tab()
    joined = await alice.ok("conference.join", hub_id=hub, socket_id=hers.id, metadata={"type": "meeting"})
    room = joined["user"]["room_id"]
    await bob.ok("conference.join", hub_id=hub, room_id=room, socket_id=his.id, metadata={"type": "meeting"})
    assert (await hers.expect("conference.join"))["model"]["uid"] == bob.uid
    await alice.ok("conference.broadcast", hub_id=hub, socket_id=hers.id, event="HELLO", payload={"id": "a"})
    assert (await his.expect("conference.broadcast"))["model"] == {"id": "a"}
    await his.cut()
    assert (await hers.expect("conference.leave"))["model"]["uid"] == bob.uid


@asynccontextmanager
async def serving(settings: Settings, run_dir: Path, workers: int) -> AsyncIterator[tuple[URL, int]]:
    """The real program with several processes: its URL, and the pid of its manager."""
    port = unused_port()
    env = os.environ | {
        "DRUMEE_DB": settings.db,
        "DRUMEE_REDIS": settings.redis,
        "DRUMEE_PORT": str(port),
        "DRUMEE_WORKERS": str(workers),
        "DRUMEE_RUN_DIR": str(run_dir),
    }
    log = (run_dir / "service.log").open("wb")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "service", "serve", cwd=ROOT, env=env, stderr=log
    )
    url = URL(f"http://127.0.0.1:{port}/")
    try:
        await _healthy(url)
        yield url, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(process.wait(), 30)
        log.close()
    assert code == 0, (run_dir / "service.log").read_text()


async def _healthy(url: URL) -> None:
    async with aiohttp.ClientSession() as http:
        for _ in range(200):
            try:
                async with http.get(url / "-/health") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)
    raise AssertionError("the service did not come up")


async def test_two_processes_deliver_count_and_stop_gracefully(
    settings: Settings, people: People, admin: Admin, tmp_path: Path
) -> None:
    async with serving(settings, tmp_path, workers=2) as (url, _pid):
        alice = await people("Alice", base=url)
        tabs, nodes = [], []
        # which process takes a connection is the kernel's choice
        while len(nodes) < 2 and len(tabs) < 200:
            tabs.append(await alice.tab())
            nodes = admin.rows("SELECT node FROM yp.socket WHERE uid = %s GROUP BY node", alice.uid)
        assert len(nodes) == 2
        await alice.ok("contact.add", firstname="Ada", email=[{"email": "ada@x.example", "is_default": 1}])
        for tab in tabs:
            await tab.expect("contact.add")
        async with alice.http.get(url / "-/metrics") as response:
            text = await response.text()
        assert 'drumee_requests_total{service="contact.add",status="200"} 1.0' in text
        assert 'drumee_calls_total{outcome="ok",routine="shard.my_contact_add"} 1.0' in text
        assert f"drumee_sockets {len(tabs)}.0" in text
    # stopped: sockets were told, and nothing is left in the registry
    for tab in tabs:
        await tab._reader
        assert tab.ws.close_code == 1001
    assert admin.one("SELECT COUNT(*) FROM yp.socket WHERE uid = %s", alice.uid) == 0
    for (node,) in nodes:
        assert not admin.rows("SELECT 1 FROM yp.node WHERE id = %s", node)
    lines = [json.loads(line) for line in (tmp_path / "service.log").read_text().splitlines()]
    (added,) = [line for line in lines if line.get("service") == "contact.add"]
    assert (added["status"], added["calls"], added["uid"]) == (200, 2, alice.uid)
    assert added["request_id"]
