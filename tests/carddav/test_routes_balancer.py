"""CardDAV through the balancer of a cluster, where HAProxy is installed."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

from yarl import URL

from service.cluster.files import render
from service.cluster.hosts import ServiceHost
from service.cluster.machine import loopback_hosts
from service.local.install import find_program
from tests.support.dav import DavMaker, card

BYTES = 10_000_000
"""Of the largest body of a PUT."""


async def test_cards_of_any_size_and_all_methods_pass_the_balancer(dav_of: DavMaker, tmp_path: Path) -> None:
    haproxy = find_program("haproxy")
    if haproxy is None:
        return  # `make cluster` installs it
    direct = await dav_of()
    hosts = loopback_hosts()
    service = ServiceHost(name="a", host="127.0.0.1", port=direct.base.port or 0)
    (balancer,) = hosts.balancers
    hosts = dataclasses.replace(hosts, services=(service,))
    file = tmp_path / "haproxy.cfg"
    file.write_text(render(hosts, stats_socket=str(tmp_path / "stats.sock"))[f"{balancer.name}/haproxy.cfg"])
    process = await asyncio.create_subprocess_exec(
        haproxy, "-db", "-f", str(file), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        base = URL(f"http://{balancer.host}:{balancer.port}")
        alice = await dav_of(person=direct.person, base=base)
        await until_it_listens(balancer.host, balancer.port)
        for method in ("OPTIONS", "PROPFIND", "PROPPATCH", "REPORT", "GET"):
            answer = await alice.send(method, "/.well-known/carddav")
            assert (answer.status, answer.headers["Location"]) == (301, "/dav/"), method
        text = card("uid-ada", "Ada Byron", "PHOTO;ENCODING=b:")
        body = text.replace("ENCODING=b:", f"ENCODING=b:{'A' * (BYTES - len(text))}")
        assert len(body) == BYTES
        assert (await alice.put("ada.vcf", body)).status == 201
        assert (await alice.propfind(f"{alice.book}ada.vcf", "D:getetag")).status == 207
        assert (await alice.sync()).names == ["ada.vcf"]
        assert (await alice.put("ada.vcf", body + "x")).status == 413
        assert (await alice.delete("ada.vcf")).status == 204
        assert (await direct.sync()).names == []
    finally:
        process.terminate()
        await process.wait()


async def until_it_listens(host: str, port: int) -> None:
    """Wait until a server takes connections."""
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            return
