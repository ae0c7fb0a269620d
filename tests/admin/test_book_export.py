"""Write an address book to a file from the shell, load it for another user, and refuse what is wrong."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from service.admin.book_export import complete_or_none
from service.errors import CommandError
from service.settings import Settings
from tests.support.address_files import HARD_TEXTS, export, unrevised
from tests.support.commands import run
from tests.support.people import People


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def test_a_book_goes_through_a_file_to_another_user(
    settings: Settings, people: People, tmp_path: Path
) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    for number, text in enumerate(HARD_TEXTS):
        entry = {"email": f"p{number}@x.example", "is_default": 1, "category": "priv"}
        await alice.ok("contact.add", firstname="P", lastname=str(number), email=[entry], comment=text)
    kinds: dict[str, dict[str, str]] = {
        "vcf": {}, "jcard": {"format": "jcard"}, "old": {"version": "2.1"},
        "csv": {"format": "csv", "charset": "utf-16", "separator": "tab"},
    }  # fmt: skip
    for name, args in kinds.items():
        file = tmp_path / f"out.{name}"
        options = [word for key, value in args.items() for word in (f"--{key}", value)]
        ended = await run(settings, "export", "--file", file, "--user", alice.email, *options)
        size = file.stat().st_size
        line = f"{file}: {len(HARD_TEXTS)} contacts of {alice.email}, {size} bytes\n"
        assert (ended.status, ended.out, ended.err) == (0, line, f"writing out.{name}: 100 %\n")
        assert file.stat().st_mode & 0o777 == 0o600
        assert unrevised(file.read_bytes()) == unrevised(await export(alice, **args)), name
    assert names_in(tmp_path) == {f"out.{name}" for name in kinds}

    loaded = await run(settings, "import", "--file", tmp_path / "out.vcf", "--user", bob.uid)
    assert f"{len(HARD_TEXTS)} new, 0 updated, 0 known, 0 rejected" in loaded.out
    assert unrevised(await export(bob)) == unrevised(await export(alice))


async def test_a_wrong_export_writes_nothing(settings: Settings, people: People, tmp_path: Path) -> None:
    alice = await people("Alice")
    file = tmp_path / "out.vcf"
    file.write_text("kept")
    cases: list[tuple[list[str | Path], str]] = [
        (["--file", file], "FORCE=1 writes over it"),
        (["--file", tmp_path], "is a folder"),
        (["--file", tmp_path / "none" / "out.vcf"], "No such file or directory"),
        (["--file", file, "--format", "xls"], "FORMAT=xls is none of vcf csv jcard"),
        (["--file", file, "--charset", "utf-16"], "belong to FORMAT=csv"),
    ]
    for words, reason in cases:
        ended = await run(settings, "export", *words, "--user", alice.email)
        assert (ended.status, ended.out) == (2, ""), words
        assert reason in ended.err, words
        assert "Traceback" not in ended.err, ended.err
    nobody = await run(settings, "export", "--file", file, "--user", "nobody@x.example", "--force")
    assert (nobody.status, "is no user" in nobody.err) == (2, True)
    assert (file.read_text(), names_in(tmp_path)) == ("kept", {"out.vcf"})
    assert (await run(settings, "export", "--file", file, "--user", alice.email, "--force")).status == 0
    assert file.read_text() == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("former", [signal.default_int_handler, signal.SIG_IGN])
def test_an_export_that_is_ended_leaves_no_file(tmp_path: Path, number: signal.Signals, former: Any) -> None:
    """SIGINT is ignored in the background of a shell."""
    before = signal.signal(signal.SIGINT, former)

    async def write_slowly(file: BinaryIO) -> None:
        file.write(b"BEGIN:VCARD\r\n")
        assert len(names_in(tmp_path)) == 1
        os.kill(os.getpid(), number)
        await asyncio.sleep(60)

    try:
        with pytest.raises(CommandError, match="interrupted; nothing is written"):
            asyncio.run(complete_or_none(tmp_path / "out.vcf", write_slowly, force=False))
    finally:
        signal.signal(signal.SIGINT, before)
    assert names_in(tmp_path) == set()
