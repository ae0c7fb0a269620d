"""vdirsyncer, a CardDAV client: it finds the book from the root, and copies both ways."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.support.dav import DavClient, DavMaker, card

CONFIG = """
[general]
status_path = "{folder}/status/"
[pair book]
a = "local"
b = "remote"
collections = ["from b"]
conflict_resolution = {resolution}
[storage local]
type = "filesystem"
path = "{folder}/local/"
fileext = ".vcf"
[storage remote]
type = "carddav"
url = "{url}"
username = "{user}"
password = "{password}"
"""


class Vdirsyncer:
    """One device, with a folder of cards."""

    def __init__(self, client: DavClient, folder: Path) -> None:
        self.client = client
        self.folder = folder
        self.cards = folder / "local" / "contacts"

    async def run(self, command: str, resolution: str = "null") -> str:
        """Run a command; return what it prints. It must succeed, unless there is a conflict to resolve."""
        config = self.folder / "config"
        config.write_text(
            CONFIG.format(
                folder=self.folder,
                resolution=resolution,
                url=self.client.base.origin(),
                user=self.client.person.email,
                password=self.client.password,
            )
        )
        arguments = ("-m", "vdirsyncer", "-c", str(config), command)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate(b"y\n" * 5)
        text = output.decode()
        assert process.returncode == 0 or "changed on both sides" in text, text
        return text

    def texts(self) -> list[str]:
        return sorted(path.read_text() for path in self.cards.iterdir())


@pytest.fixture
async def device(dav_of: DavMaker, tmp_path: Path) -> Vdirsyncer:
    return Vdirsyncer(await dav_of(), tmp_path)


async def test_a_device_and_the_book_become_the_same(device: Vdirsyncer) -> None:
    alice = device.client
    assert '"contacts" ("Contacts")' in await device.run("discover")
    device.cards.mkdir(parents=True, exist_ok=True)
    (device.cards / "grace.vcf").write_text(card("uid-grace", "Grace Hopper", "X-RANK:Rear Admiral"))
    await alice.put("ada.vcf", card("uid-ada", "Ada Byron"))
    await device.run("sync")
    assert [text.splitlines()[3] for text in device.texts()] == ["FN:Ada Byron", "FN:Grace Hopper"]
    assert sorted((await alice.sync()).names) == ["ada.vcf", "uid-grace.vcf"]
    assert b"X-RANK:Rear Admiral" in (await alice.send("GET", "uid-grace.vcf")).raw

    (device.cards / "grace.vcf").write_text(card("uid-grace", "Grace Brewster", "X-RANK:Rear Admiral"))
    await alice.delete("ada.vcf")
    await device.run("sync")
    assert [text.splitlines()[3] for text in device.texts()] == ["FN:Grace Brewster"]
    assert b"FN:Grace Brewster" in (await alice.send("GET", "uid-grace.vcf")).raw
    assert "grace" not in await device.run("sync"), "nothing is left to do"


async def test_a_conflict_is_seen_and_resolved(device: Vdirsyncer) -> None:
    alice = device.client
    await alice.put("ada.vcf", card("uid-ada", "Ada Byron"))
    await device.run("discover")
    await device.run("sync")
    (path,) = device.cards.iterdir()
    path.write_text(card("uid-ada", "Ada King"))
    await alice.put("ada.vcf", card("uid-ada", "Ada Lovelace"))
    assert "changed on both sides" in await device.run("sync")
    assert b"FN:Ada Lovelace" in (await alice.send("GET", "ada.vcf")).raw
    await device.run("sync", '"a wins"')
    assert b"FN:Ada King" in (await alice.send("GET", "ada.vcf")).raw
