"""vdirsyncer, a CardDAV client: it finds the book from the root, and copies both ways.

khard edits the copy.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.support.dav import DavClient, DavMaker, card, group_card
from tests.support.people import People

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
KHARD_CONFIG = """
[addressbooks]
[[contacts]]
path = {folder}
[general]
editor = {editor}
merge_editor = {editor}
"""
NEW_CONTACT = """
First name: Grace
Last name: Hopper
Email: {home: grace@x.example}
Phone: {cell: "+1 555 0100"}
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
        status, text = await run_module("vdirsyncer", "-c", str(config), command)
        assert status == 0 or "changed on both sides" in text, text
        return text

    async def khard(self, *arguments: str) -> str:
        """Run a command of khard over the folder of cards; return what it prints. It must succeed."""
        config = self.folder / "khard.conf"
        config.write_text(KHARD_CONFIG.format(folder=self.cards, editor=sys.executable))
        status, text = await run_module("khard", "-c", str(config), *arguments)
        assert status == 0, text
        return text

    def texts(self) -> list[str]:
        return sorted(path.read_text() for path in self.cards.iterdir())


async def run_module(*arguments: str) -> tuple[int | None, str]:
    """Run a Python module as a program that is answered yes; return its status and what it prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate(b"y\n" * 5)
    return process.returncode, output.decode()


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


async def test_groups_are_copied_both_ways(dav_of: DavMaker, people: People, tmp_path: Path) -> None:
    alice = await dav_of(person=await people("Alice"))
    device = Vdirsyncer(alice, tmp_path)
    await device.run("discover")
    device.cards.mkdir(parents=True, exist_ok=True)
    (device.cards / "ada.vcf").write_text(card("uid-ada", "Ada Byron"))
    (device.cards / "poets.vcf").write_text(group_card("uid-poets", "Poets", "uid-ada", "X-MOON:full"))
    group = await alice.person.ok("contact.create_group", name="Engines")
    await device.run("sync")
    assert sorted((await alice.sync()).names) == [f"{group['id']}.vcf", "uid-ada.vcf", "uid-poets.vcf"]
    (engines,) = [path for path in device.cards.iterdir() if "FN:Engines" in path.read_text()]
    lines = engines.read_text().splitlines()
    assert {"X-ADDRESSBOOKSERVER-KIND:group", "FN:Engines"} <= set(lines)

    engines.write_text("\n".join([*lines[:-1], "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:uid-ada", lines[-1], ""]))
    (ada,) = await alice.person.ok("contact.show_contact")
    poets = (await alice.person.ok("contact.show_groups", name="Poets"))[0]["group_id"]
    await alice.person.ok("contact.remove_from_group", group_id=poets, contact_id=[ada["id"]])
    await device.run("sync")
    members = await alice.person.ok("contact.show_members", group_id=group["id"])
    assert [row["firstname"] for row in members] == ["Ada"]
    text = (device.cards / "poets.vcf").read_text()
    assert ("X-MOON:full" in text, "MEMBER" in text) == (True, False)

    engines.unlink()
    await alice.person.ok("contact.delete_group", group_id=poets)
    await device.run("sync")
    assert ["FN:Ada Byron" in path.read_text() for path in device.cards.iterdir()] == [True]
    assert await alice.person.ok("contact.show_groups") == []
    assert "vcf" not in await device.run("sync"), "nothing is left to do"


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


async def test_khard_lists_shows_edits_and_adds_contacts(device: Vdirsyncer) -> None:
    alice = device.client
    lines = ("EMAIL;TYPE=HOME:ada@x.example", "X-MOON:full")
    await alice.put("ada.vcf", card("uid-ada", "Ada Byron", *lines))
    await device.run("discover")
    await device.run("sync")
    assert "Ada Byron" in await device.khard("list")
    assert "ada@x.example" in await device.khard("show", "uid:uid-ada")

    edit = device.folder / "edit.yaml"
    edit.write_text((await device.khard("show", "--format", "yaml", "uid:uid-ada")).replace("Byron", "King"))
    await device.khard("edit", "-i", str(edit), "uid:uid-ada")
    new = device.folder / "new.yaml"
    new.write_text(NEW_CONTACT)
    await device.khard("new", "-a", "contacts", "-i", str(new))
    await device.run("sync")
    ada = (await alice.send("GET", "ada.vcf")).raw.decode()
    assert {"FN:Ada King", "X-MOON:full"} <= set(ada.split("\r\n"))
    (grace,) = [name for name in (await alice.sync()).names if name != "ada.vcf"]
    assert b"FN:Grace Hopper" in (await alice.send("GET", grace)).raw

    await device.khard("remove", "--force", "uid:uid-ada")
    await device.run("sync")
    assert (await alice.sync()).names == [grace]
