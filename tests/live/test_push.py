"""Live updates between processes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from service.admin.demo import WRITE
from service.admin.registry import Registry
from service.settings import Settings
from tests.support.admin import Admin
from tests.support.nodes import NodeMaker, serving
from tests.support.people import People, Tab


async def test_two_nodes_deliver_to_each_others_sockets(
    make_node: NodeMaker, people: People, registry: Registry
) -> None:
    first, second = [(await make_node()).make_url("/") for _ in range(2)]
    alice, bob = await people("Alice", base=first), await people("Bob", base=second)
    hub = registry.add_hub("Team", alice.uid, "private")
    registry.grant(hub, bob.uid, WRITE)
    alice_tab, bob_tab = await alice.tab(), await bob.tab()
    joined = await alice.ok(
        "conference.join", hub_id=hub, socket_id=alice_tab.id, metadata={"type": "meeting"}
    )
    room = joined["user"]["room_id"]
    await bob.ok(
        "conference.join", hub_id=hub, room_id=room, socket_id=bob_tab.id, metadata={"type": "meeting"}
    )
    assert (await alice_tab.expect("conference.join"))["model"]["uid"] == bob.uid
    await alice.ok(
        "conference.broadcast", hub_id=hub, socket_id=alice_tab.id, event="HELLO", payload={"id": "a"}
    )
    assert (await bob_tab.expect("conference.broadcast"))["model"] == {"id": "a"}
    await bob_tab.cut()
    assert (await alice_tab.expect("conference.leave"))["model"]["uid"] == bob.uid


async def test_two_processes_deliver_count_and_stop_gracefully(
    settings: Settings, people: People, admin: Admin, tmp_path: Path
) -> None:
    async with serving(settings, tmp_path, workers=2) as (url, _pid):
        alice = await people("Alice", base=url)
        tabs: list[Tab] = []
        nodes: list[tuple[Any, ...]] = []
        # The kernel chooses the process that takes a connection.
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
        assert 'drumee_calls_total{outcome="ok",routine="shard.my_contact_store"} 1.0' in text
        assert f"drumee_sockets {len(tabs)}.0" in text
        # In memory: a file that is mapped from a full disk kills its process.
        shared = (tmp_path / "metrics").resolve()
        assert shared.is_relative_to("/dev/shm") or not os.access("/dev/shm", os.W_OK)
        assert list(shared.glob("counter_*.db"))
    assert not shared.exists()
    # After the stop, sockets were closed properly, and the registry waits for their pages.
    for tab in tabs:
        await tab._reader
        assert tab.ws.close_code == 1001
    assert admin.rows("SELECT DISTINCT state FROM yp.socket WHERE uid = %s", alice.uid) == [("lost",)]
    for (node,) in nodes:
        assert not admin.rows("SELECT 1 FROM yp.node WHERE id = %s", node)
    lines = [json.loads(line) for line in (tmp_path / "service.log").read_text().splitlines()]
    (added,) = [line for line in lines if line.get("service") == "contact.add"]
    assert (added["status"], added["calls"], added["uid"]) == (200, 2, alice.uid)
    assert added["request_id"]
