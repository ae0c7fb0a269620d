"""Webhooks of the site: the file that DRUMEE_WEBHOOKS names, and the subscriptions that follow it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from service import server
from service.admin.registry import Registry
from service.admin.webhooks import change_or_list
from service.errors import CommandError
from service.ids import to_wire
from service.settings import Settings, SettingsError
from service.store.database import Database
from service.webhooks.deliverer import overview_table
from service.webhooks.site import follow_settings, site_webhooks, webhook_id
from tests.docs.pages import blocks_of
from tests.support.admin import Admin
from tests.support.nodes import serving
from tests.support.people import People, Person
from tests.support.receiver import Receiver
from tests.support.waiting import until

SECRETS = [f"whsec_{letter * 32}" for letter in "AB"]


def entry(name: str, url: str, secret: str = SECRETS[0], events: str = '["contact.created"]') -> str:
    """Return one table of the file."""
    return f'[[webhook]]\nname = "{name}"\nurl = "{url}"\nevents = {events}\nsecret = "{secret}"\n'


@pytest.fixture
def of_site(settings: Settings, tmp_path: Path) -> Any:
    """Return a function that writes the file, and returns the settings that name it."""
    path = tmp_path / "webhooks.toml"

    def write(*entries: str) -> Settings:
        path.write_text("\n".join(entries))
        return replace(settings, webhooks=str(path), webhook_private="loopback")

    return write


@pytest.fixture
async def db(settings: Settings, no_other_webhooks: None) -> AsyncIterator[Database]:
    database = Database(settings)
    yield database
    await database.close()


def subscriptions(admin: Admin) -> list[Any]:
    """Return name, state, URL and secrets of all webhooks of the site."""
    return admin.rows("SELECT label, state, url, secret, old_secret FROM yp.webhook WHERE uid = ''")


async def add_contact(person: Person) -> None:
    address = f"{secrets.token_hex(5)}@x.example"
    await person.ok("contact.add", firstname="X", email=[{"email": address, "is_default": 1}])


async def test_a_webhook_of_the_settings_gets_the_events_of_all_until_it_is_removed(
    people: People, receiver: Receiver, db: Database, of_site: Any, registry: Registry, admin: Admin
) -> None:
    await follow_settings(db, of_site(entry("crm", receiver.url)))
    owners = [await people(name) for name in ("Ada", "Bo")]
    for person in owners:
        await add_contact(person)
    await until(lambda: len(receiver.received) == 2)
    assert {each.verified(SECRETS[0])["data"]["user_id"] for each in receiver.received} == {
        to_wire(person.uid) for person in owners
    }
    table = change_or_list(registry, 0, "")
    # webhooks of other tests may stand before it
    (row,) = [line for line in table.splitlines() if line.startswith(webhook_id("crm"))]
    assert row.startswith(f"{webhook_id('crm')}  active     0 wait  the site (crm)  127.0.0.1")
    assert SECRETS[0] not in table
    number = int(receiver.received[0].event_id.removeprefix("msg_"))
    assert change_or_list(registry, number, "") == f"{number} is delivered again"
    await until(lambda: len(receiver.received) == 3)
    await follow_settings(db, of_site())
    await add_contact(owners[0])
    assert webhook_id("crm") not in change_or_list(registry, 0, "")
    assert overview_table([]) == "There are no webhooks."
    assert admin.rows("SELECT id FROM yp.webhook_delivery WHERE state = 'pending'") == []


async def test_the_registry_follows_each_change_of_the_file(db: Database, of_site: Any, admin: Admin) -> None:
    first, second = SECRETS
    for entries, expected in (
        ([entry("a", "https://a.example/")], [("a", "active", "https://a.example/", first, None)]),
        ([entry("a", "https://b.example/")], [("a", "active", "https://b.example/", first, None)]),
        ([entry("a", "https://b.example/", second)], [("a", "active", "https://b.example/", second, first)]),
        (
            [entry("a", "https://b.example/", second), entry("b", "https://b.example/")],
            [
                ("a", "active", "https://b.example/", second, first),
                ("b", "active", "https://b.example/", first, None),
            ],
        ),
        ([entry("b", "https://b.example/")], [("b", "active", "https://b.example/", first, None)]),
    ):
        for _ in range(2):
            await follow_settings(db, of_site(*entries))
            assert sorted(subscriptions(admin)) == expected


async def test_a_start_without_changes_writes_nothing_and_resumes_those_that_have_failed(
    db: Database, of_site: Any, admin: Admin, registry: Registry
) -> None:
    settings = of_site(entry("a", "https://a.example/"))
    await follow_settings(db, settings)
    admin.rows("UPDATE yp.webhook SET mtime = 7")
    await follow_settings(db, settings)
    assert admin.rows("SELECT mtime FROM yp.webhook") == [(7,)]
    for resume in (
        lambda: follow_settings(db, settings),
        lambda: change_or_list(registry, 0, "a"),
    ):
        admin.rows("UPDATE yp.webhook SET state = 'failed', failures = 9, failing_since = 5")
        outcome = resume()
        if not isinstance(outcome, str):
            await outcome
        assert admin.rows("SELECT state, failures FROM yp.webhook") == [("active", 0)]
    with pytest.raises(CommandError, match=r"^RESUME=b is no webhook of the site$"):
        change_or_list(registry, 0, "b")


async def test_a_webhook_that_is_put_back_at_once_goes_on(
    db: Database, of_site: Any, admin: Admin, people: People
) -> None:
    await follow_settings(db, of_site(entry("a", "https://a.example/")))
    await add_contact(await people("Ada"))
    await follow_settings(db, of_site())
    await follow_settings(db, of_site(entry("a", "https://a.example/")))
    await db.call("yp", "webhook_expire", 1000)
    assert [row[:2] for row in subscriptions(admin)] == [("a", "active")]
    assert admin.rows("SELECT type, state FROM yp.webhook_delivery") == [("contact.created", "pending")]


async def test_the_program_follows_its_settings_when_it_starts(
    of_site: Any, admin: Admin, no_other_webhooks: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = of_site(entry("a", "https://a.example/"))
    for name, path, expected in (
        ("with", settings.webhooks, [("a", "active", "https://a.example/", SECRETS[0], None)]),
        ("without", "", []),
    ):
        monkeypatch.setenv("DRUMEE_WEBHOOKS", path)
        (tmp_path / name).mkdir()
        async with serving(settings, tmp_path / name, workers=2):
            assert subscriptions(admin) == expected
        lines = (tmp_path / name / "service.log").read_text()
        assert lines.count("the webhooks of the site follow the settings") == 1
        assert SECRETS[0] not in lines


async def test_the_example_of_the_manual_is_taken(db: Database, of_site: Any, admin: Admin) -> None:
    (block,) = blocks_of("toml")
    assert "whsec_…" in block.text, "no secret stands in an example"
    settings = of_site(block.text.replace("whsec_…", SECRETS[0]))
    await follow_settings(db, replace(settings, webhook_private=""))
    assert subscriptions(admin) == [("crm", "active", "https://hooks.example/contacts", SECRETS[0], None)]


GOOD = "https://a.example/"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (entry("a", "http://a.example/"), "webhook 'a': url must begin with https://"),
        (entry("a", "https://127.0.0.1/"), "webhook 'a': url is an address that is not allowed"),
        (
            entry("a", GOOD, events='["contact.*", "contact.made"]'),
            "webhook 'a': events: must be among * con",
        ),
        (entry("a", GOOD, events="[]"), "webhook 'a': events: must name an event"),
        (entry("a", GOOD, events='"contact.*"'), "webhook 'a': events: Not a valid list"),
        (entry("a b", GOOD), "webhook 'a b': name: must be 1 to 32 of a-z, 0-9 and -"),
        (entry("a", GOOD) + entry("a", GOOD), "webhook 'a': its name stands there twice"),
        (entry("a", GOOD) + 'sekret = "x"', "webhook 'a': sekret: Unknown field"),
        (
            '[[webhook]]\nname = "a"',
            "'a': url: Missing data for required field; secret: Missing data for required field",
        ),
        ('[[webhook]]\nurl = "https://a.example/"', "webhook 1: name: Missing data for required field"),
        ("webhook = [1]", "it may hold tables [[webhook]] only"),
        ("[webhook]\nname = 'a'", "it may hold tables [[webhook]] only"),
        ("[[webhooks]]\nname = 'a'", "it may hold tables [[webhook]] only"),
        ("[[webhook]\n", "it is not TOML: "),
    ],
)
def test_a_file_that_cannot_work_is_refused_with_the_reason(
    settings: Settings, tmp_path: Path, text: str, reason: str
) -> None:
    path = tmp_path / "webhooks.toml"
    path.write_text(text)
    refused = replace(settings, webhooks=str(path), webhook_private="")
    with pytest.raises(SettingsError) as caught:
        server.serve(refused)
    assert reason in str(caught.value)
    assert str(caught.value).startswith(f"DRUMEE_WEBHOOKS='{path}': ")


@pytest.mark.parametrize(
    "secret",
    ["short", "whsec_c2hvcnQ=", "A" * 32, "whsec_" + "A" * 60, "whsec_" + "!" * 32, "whsec_ä" + "A" * 31],
)
def test_a_secret_that_is_none_is_refused_and_not_shown(
    settings: Settings, tmp_path: Path, secret: str
) -> None:
    path = tmp_path / "webhooks.toml"
    path.write_text(entry("a", GOOD, secret))
    with pytest.raises(SettingsError) as caught:
        site_webhooks(replace(settings, webhooks=str(path)))
    assert "secret: must be whsec_ and 24 to 42 random bytes in base64" in str(caught.value)
    assert secret not in str(caught.value).replace("secret: must be whsec_ and", "")


def test_a_file_that_cannot_be_read_is_refused(settings: Settings, tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(SettingsError, match=reason):
            site_webhooks(replace(settings, webhooks=str(path)))
    (tmp_path / "latin").write_bytes(b"# \xe4")
    with pytest.raises(SettingsError, match="it is not UTF-8"):
        site_webhooks(replace(settings, webhooks=str(tmp_path / "latin")))
