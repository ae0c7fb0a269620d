"""Load files from the shell: the report, the history, what cannot begin, and Ctrl-C."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.settings import Settings
from tests.support.address_files import table
from tests.support.admin import Admin
from tests.support.commands import end_of, press_ctrl_c, run, start
from tests.support.people import People
from tests.support.rest import ClientMaker
from tests.support.waiting import until

HEAD = "Name,Email,Phone,Company\n"


async def test_a_file_is_loaded_and_reported(
    settings: Settings, client_of: ClientMaker, people: People, tmp_path: Path
) -> None:
    alice = await people("Alice")
    api, tab = await client_of(person=alice), await alice.tab()
    file = tmp_path / "people.csv"
    file.write_text(f"{HEAD}Ana Ruiz,ana@x.example,,\n")
    first = await run(settings, "import", "--file", file, "--user", alice.email.upper())
    assert (first.status, first.out.splitlines()[0]) == (
        0,
        "done: 1 read, 1 new, 0 updated, 0 known, 0 rejected",
    )
    assert first.err == "loading people.csv: 100 %\n"
    import_id = first.out.splitlines()[-1].removeprefix("import ")
    (contact,) = (await api.get("/contacts")).data
    (event,) = (await api.get(f"/contacts/{contact['id']}/history")).data
    assert (event["api"], event["change_set"]) == ("shell", import_id)
    report = (await api.get(f"/imports/{import_id}")).data
    assert (report["api"], report["filename"], report["update"]) == ("shell", "people.csv", "add")
    # The service tells the tabs, though another process did it.
    await until(lambda: any(f["model"]["state"] == "done" for f in tab.updates("contact.import_progress")))

    file.write_text(
        f"{HEAD}Ana Ruiz,ana@x.example,+34 612345671,Acme\nBo B,bo@x.example,,\nNo\x1b[2J One,,,\n"
    )
    second = await run(settings, "import", "--file", file, "--user", alice.uid)
    assert second.status == 0
    assert second.out.splitlines()[:3] == [
        "done: 3 read, 1 new, 1 updated, 0 known, 1 rejected",
        "rejected, line 4: No [2J One: no email address",
        "known, line 2: Ana Ruiz: added company Acme; mobile +34 612345671",
    ]
    third = await run(settings, "import", "--file", file, "--user", alice.uid, "--update", "skip")
    assert "done: 3 read, 0 new, 0 updated, 2 known, 1 rejected\n" in third.out
    assert "known, line 3: Bo B: nothing new\n" in third.out


async def test_without_redis_one_sentence_says_what_open_tabs_miss(
    settings: Settings, people: People, tmp_path: Path
) -> None:
    alice = await people("Alice")
    await alice.tab()
    file = tmp_path / "people.csv"
    file.write_text(f"{HEAD}Ana Ruiz,ana@x.example,,\n")
    loaded = await run(
        settings, "import", "--file", file, "--user", alice.uid, DRUMEE_REDIS="redis://127.0.0.1:1/0"
    )
    assert (loaded.status, loaded.out.splitlines()[0]) == (
        0,
        "done: 1 read, 1 new, 0 updated, 0 known, 0 rejected",
    )
    assert loaded.err.splitlines() == [
        "loading people.csv: 100 %",
        "no Redis answers at DRUMEE_REDIS: open tabs show the change when they are loaded again",
    ]


async def test_what_cannot_begin_ends_with_2_and_changes_nothing(
    settings: Settings, client_of: ClientMaker, people: People, tmp_path: Path
) -> None:
    alice = await people("Alice")
    api = await client_of(person=alice)
    empty, big, picture = tmp_path / "empty.vcf", tmp_path / "big.csv", tmp_path / "picture.vcf"
    empty.touch()
    big.write_bytes(table(40_000))
    picture.write_bytes(b"\x00\x01\x02\x03" * 100)
    cases: list[tuple[list[str | Path], int, str]] = [
        (["--file", tmp_path / "none.vcf"], 2, "there is no such file"),
        (["--file", tmp_path], 2, "is no file"),
        (["--file", empty], 2, "is empty"),
        (["--file", big], 2, "DRUMEE_IMPORT_LIMIT allows 1048576"),
        (["--file", big, "--update", "all"], 2, "UPDATE=all is none of add, replace, skip"),
        (["--file", big, "--charset", "klingon"], 2, "CHARSET=klingon is no known encoding"),
        (["--file", picture], 1, "is not loaded: the file is neither a vCard nor a table"),
    ]
    for words, status, reason in cases:
        ended = await run(settings, "import", *words, "--user", alice.email, DRUMEE_IMPORT_LIMIT="1048576")
        assert (ended.status, ended.out) == (status, ""), words
        assert reason in ended.err, words
        assert "Traceback" not in ended.err, ended.err
    ended = await run(settings, "import", "--file", picture, "--user", "nobody@x.example")
    assert (ended.status, ended.out) == (2, "")
    assert "USER=nobody@x.example is no user" in ended.err
    assert (await api.get("/imports")).data == []


@pytest.mark.parametrize("signalled", ["Ctrl-C", "SIGTERM"])
async def test_an_import_that_is_ended_says_how_much_is_stored(
    signalled: str,
    settings: Settings,
    client_of: ClientMaker,
    people: People,
    admin: Admin,
    tmp_path: Path,
) -> None:
    alice = await people("Alice")
    api, tab = await client_of(person=alice), await alice.tab()
    file = tmp_path / "many.csv"
    file.write_bytes(table(8_000))
    process = await start(settings, "import", "--file", file, "--user", alice.email)
    await until(lambda: any(f["model"]["loaded"] for f in tab.updates("contact.import_progress")))
    if signalled == "Ctrl-C":
        press_ctrl_c(process)
    else:
        process.terminate()
    ended = await end_of(process)
    (report,) = (await api.get("/imports")).data
    assert (await api.get(f"/imports/{report['id']}")).data["state"] == "cancelled"
    assert (await alice.ok("contact.load_report", import_id=report["id"]))["loaded"] == report["loaded"]
    assert 0 < report["loaded"] < 8_000
    counts = f"{report['total']} read, {report['loaded']} new, 0 updated, 0 known, 0 rejected"
    assert (ended.status, ended.out.splitlines()) == (1, [f"cancelled: {counts}", f"import {report['id']}"])
    assert "Traceback" not in ended.err
    stored = admin.one("SELECT COUNT(*) FROM shard1.contact WHERE owner_id = %s", alice.uid)
    assert stored == report["loaded"]
