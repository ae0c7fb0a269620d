"""Settings from the environment: refusals, names of servers, and a manual that lists all of them."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from service.settings import (
    RedisSentinels,
    Settings,
    SettingsError,
    database_servers,
    redis_sentinels,
    redis_urls,
    settings_list,
    settings_table,
)
from tests.support.nodes import NodeMaker
from tests.support.people import People

NAMES = [f.name for f in fields(Settings)]


def refusal(name: str, value: str) -> str:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({name: value})
    return str(caught.value)


def test_without_any_setting_everything_has_its_default() -> None:
    assert Settings.from_env({"PATH": "/bin", "DRUMEE_NO_INSTALL": "1"}) == Settings()
    assert Settings().base_url == "http://127.0.0.1:8080"


def test_values_get_the_type_of_their_setting() -> None:
    settings = Settings.from_env(
        {"DRUMEE_PORT": "81", "DRUMEE_DB_TIMEOUT": "0.5", "DRUMEE_TRUST_PROXY": "yes", "DRUMEE_SMTP": "x"}
    )
    assert (settings.port, settings.db_timeout, settings.trust_proxy, settings.smtp) == (81, 0.5, True, "x")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("DRUMEE_PROT", "DRUMEE_PORT"),
        ("DRUMEE_DB_URL", "DRUMEE_DB"),
        ("DRUMEE_BODYLIMIT", "DRUMEE_BODY_LIMIT"),
        ("DRUMEE_LOGLEVEL", "DRUMEE_LOG_LEVEL"),
        ("DRUMEE_port", "DRUMEE_PORT"),
    ],
)
def test_an_unknown_setting_is_refused_with_the_nearest_known_one(name: str, nearest: str) -> None:
    text = refusal(name, "1")
    assert name in text
    assert text.endswith(f" {nearest}")


@pytest.mark.parametrize("name", ["DRUMEE_", "DRUMEE_XYZZY", "DRUMEE_\U0001f600"])
def test_a_name_like_no_other_is_refused_too(name: str) -> None:
    assert name in refusal(name, "1")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DRUMEE_PORT", "eighty"),
        ("DRUMEE_PORT", ""),
        ("DRUMEE_PORT", "0"),
        ("DRUMEE_PORT", "65536"),
        ("DRUMEE_WORKERS", "0"),
        ("DRUMEE_WORKERS", "1.5"),
        ("DRUMEE_DB_POOL", "-1"),
        ("DRUMEE_DB_TIMEOUT", "-1"),
        ("DRUMEE_DB_TIMEOUT", "nan"),
        ("DRUMEE_SOCKET_KEEPALIVE", "0"),
        ("DRUMEE_PAGE_SIZE", "0"),
        ("DRUMEE_PAGE_SIZE", "101"),
        ("DRUMEE_SESSION_TTL", "0"),
        ("DRUMEE_TRUST_PROXY", "maybe"),
        ("DRUMEE_LOG_LEVEL", "LOUD"),
        ("DRUMEE_COOKIE", "my session"),
        ("DRUMEE_COOKIE", "path"),
        ("DRUMEE_PUBLIC_URL", "drumee.example.org"),
        ("DRUMEE_DB", "postgres://localhost/"),
        ("DRUMEE_DB", "mysql://localhost:port/"),
        ("DRUMEE_REDIS", "http://localhost"),
    ],
)
def test_a_value_that_cannot_work_is_refused_by_name(name: str, value: str) -> None:
    assert name in refusal(name, value)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("DRUMEE_PORT", "eighty", "Not a valid integer."),
        ("DRUMEE_PORT", "８０８０", "Not a valid integer."),  # int() reads it
        ("DRUMEE_PORT", "80_80", "Not a valid integer."),
        ("DRUMEE_PORT", "", "Not a valid integer."),
        ("DRUMEE_DB_TIMEOUT", "５", "Not a valid number."),  # float() reads it
        ("DRUMEE_DB_TIMEOUT", "1_0", "Not a valid number."),
        ("DRUMEE_PORT", "0", "Must be greater than or equal to 1 and less than or equal to 65535."),
        ("DRUMEE_DB_TIMEOUT", "0", "Must be greater than 0."),
        ("DRUMEE_SOCKET_GRACE", "-1", "Must be greater than or equal to 0."),
        ("DRUMEE_TRUST_PROXY", "maybe", "Not a valid boolean."),
        ("DRUMEE_LOG_LEVEL", "LOUD", "Must be one of DEBUG, INFO, WARNING, ERROR."),
    ],
)
def test_a_refusal_names_the_variable_its_value_and_the_reason(name: str, value: str, reason: str) -> None:
    assert refusal(name, value) == f"{name}={value!r}: {reason}"


SECRET = "0123456789abcdef"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"TURN_URLS": "turn:a"}, "DRUMEE_TURN_URLS needs DRUMEE_TURN_SECRET"),
        ({"TURN_SECRET": SECRET}, "DRUMEE_TURN_SECRET needs DRUMEE_TURN_URLS"),
        ({"JITSI_APP_ID": "drumee"}, "DRUMEE_JITSI_APP_ID needs DRUMEE_JITSI_APP_SECRET"),
        ({"JITSI_APP_SECRET": SECRET}, "DRUMEE_JITSI_APP_SECRET needs DRUMEE_JITSI_APP_ID"),
        (
            {"JITSI_APP_ID": "drumee", "JITSI_APP_SECRET": SECRET},
            "DRUMEE_JITSI_APP_ID needs DRUMEE_JITSI_DOMAIN",
        ),
        (
            {"LIVEKIT_URL": "wss://a"},
            "DRUMEE_LIVEKIT_URL needs DRUMEE_LIVEKIT_API_KEY and DRUMEE_LIVEKIT_API_SECRET",
        ),
        (
            {"LIVEKIT_API_KEY": "key", "LIVEKIT_API_SECRET": SECRET},
            "DRUMEE_LIVEKIT_API_KEY needs DRUMEE_LIVEKIT_URL",
        ),
        (
            {"LIVEKIT_URL": "sfu.example.org", "LIVEKIT_API_KEY": "key", "LIVEKIT_API_SECRET": SECRET},
            "DRUMEE_LIVEKIT_URL='sfu.example.org' is not a ws:// or wss:// URL",
        ),
        (
            {"JITSI_DOMAIN": "a", "JITSI_APP_ID": "drumee", "JITSI_APP_SECRET": "short"},
            "DRUMEE_JITSI_APP_SECRET needs at least 16 characters",
        ),
        ({"GOOGLE_CLIENT_ID": "id"}, "DRUMEE_GOOGLE_CLIENT_ID needs DRUMEE_GOOGLE_CLIENT_SECRET"),
    ],
)
def test_credentials_of_which_a_part_is_missing_are_refused(values: dict[str, str], reason: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({f"DRUMEE_{name}": value for name, value in values.items()})
    assert str(caught.value) == reason


def test_every_default_is_within_the_limits_of_its_setting() -> None:
    texts = {f"DRUMEE_{field.name.upper()}": str(field.default) for field in fields(Settings)}
    assert Settings.from_env({name: text for name, text in texts.items() if text}) == Settings()


@pytest.mark.parametrize(("text", "value"), [("1", True), ("ON", True), ("no", False), ("", False)])
def test_switches_are_written_in_many_ways(text: str, value: bool) -> None:
    assert Settings.from_env({"DRUMEE_TRUST_PROXY": text}).trust_proxy is value


# --- servers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "places"),
    [
        ("mysql://app:pw@one/", [("one", 3306)]),
        ("mariadb://app:pw@one:3307/", [("one", 3307)]),
        ("mysql://app:pw@one:3307,two,three:33/", [("one", 3307), ("two", 3306), ("three", 33)]),
        ("mysql://app:pw@[::1]:3307,two/", [("::1", 3307), ("two", 3306)]),
        ("mysql://app:pw@/", [("localhost", 3306)]),
    ],
)
def test_several_database_servers_stay_in_order(url: str, places: list[tuple[str, int]]) -> None:
    servers = database_servers(url)
    assert [(s.host, s.port) for s in servers] == places
    assert {(s.user, s.password, s.unix_socket) for s in servers} == {("app", "pw", None)}


def test_a_database_server_behind_a_socket() -> None:
    (server,) = database_servers("mysql://root@localhost/?unix_socket=/run/my%20sql.sock")
    assert server.connect_args == {"user": "root", "password": "", "unix_socket": "/run/my sql.sock"}


def test_passwords_may_hold_any_character() -> None:
    (server,) = database_servers("mysql://a%40b:p%2F%40%3A%25%C3%A9@host/")
    assert (server.user, server.password, server.host) == ("a@b", "p/@:%é", "host")
    # Both drivers encode the password in Latin 1.
    assert server.connect_args["password"].encode("latin-1") == "p/@:%é".encode()


@pytest.mark.parametrize(
    "url",
    [
        "mysql://adm:geh/eim@host/",
        "mysql://adm:geh?eim@host/",
        "mysql://adm:geh#eim@host/",
        "mysql://adm:geh[eim@host/",
        "mysql://adm:geh]eim@host/",
        "mysql://adm@host:geheim/",
    ],
)
def test_a_password_that_is_not_encoded_is_explained_and_not_shown(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        database_servers(url, "DRUMEE_DB_ADMIN")
    assert str(refused.value).startswith("DRUMEE_DB_ADMIN")
    assert "/ as %2F, ? as %3F" in str(refused.value)
    assert "geh" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_socket_may_have_an_at_in_its_path() -> None:
    (server,) = database_servers("mysql://root@localhost/?unix_socket=/run/a@b.sock")
    assert server.unix_socket == "/run/a@b.sock"


@pytest.mark.parametrize(
    ("url", "urls"),
    [
        ("unix:///run/redis.sock?db=1", ["unix:///run/redis.sock?db=1"]),
        ("redis://one:6379/2", ["redis://one:6379/2"]),
        ("rediss://u:p@one,two:1/0", ["rediss://u:p@one/0", "rediss://u:p@two:1/0"]),
        ("redis://one,two/0?protocol=3", ["redis://one/0?protocol=3", "redis://two/0?protocol=3"]),
    ],
)
def test_several_redis_servers_stay_in_order(url: str, urls: list[str]) -> None:
    assert redis_urls(url) == urls


def test_sentinels_have_addresses_a_master_and_two_accounts() -> None:
    url = "sentinel://u:p%40@one,two:1/site/3?sentinel_user=s&sentinel_password=q"
    sentinels = redis_sentinels(url)
    assert sentinels == RedisSentinels(
        [("one", 26379), ("two", 1)],
        "site",
        {"db": 3, "username": "u", "password": "p@"},
        {"username": "s", "password": "q"},
    )
    assert "p@" not in repr(sentinels)
    assert redis_sentinels("redis://one/0") is None


@pytest.mark.parametrize(
    "rest",
    ["one", "one/", "one/site/x", "one:x/site", ",two/site", "one/site?ssl=1", "one/site?password=secret"],
)
def test_wrong_sentinels_are_refused_without_their_password(rest: str) -> None:
    text = refusal("DRUMEE_REDIS", f"sentinel://:secret@{rest}")
    assert "DRUMEE_REDIS" in text
    assert "secret" not in text


# --- what follows from them --------------------------------------------------------------------


def test_the_public_url_decides_names_and_origins() -> None:
    settings = Settings(
        public_url="https://drumee.example.org/", allowed_origins="https://a.example/, http://b.example:81"
    )
    assert (settings.base_url, settings.public_host) == ("https://drumee.example.org", "drumee.example.org")
    assert settings.origins == {"https://drumee.example.org", "https://a.example", "http://b.example:81"}


async def test_lists_have_the_page_size_unless_the_caller_says(make_node: NodeMaker, people: People) -> None:
    server = await make_node(page_size=2)
    alice = await people("Alice", base=server.make_url("/"))
    for number in range(4):
        email = [{"email": f"{number}@page.example", "is_default": 1}]
        await alice.ok("contact.add", surname=f"Page {number}", email=email)
    for name, args in (
        ("contact.show_contact", {}),
        ("contact.my_contacts", {"value": "page"}),
        ("contact.search", {"key": "page"}),
    ):
        assert len(await alice.ok(name, **args)) == 2, name
        assert len(await alice.ok(name, **args, pagelength=3)) == 3, name


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_terminal_gets_every_setting_within_its_width(width: int) -> None:
    lines = settings_list(width).splitlines()
    names = [line for line in lines if not line.startswith("    ")]
    assert [line.partition("=")[0] for line in names] == [f"DRUMEE_{n.upper()}" for n in NAMES]
    assert "DRUMEE_PORT=8080" in names
    meanings = [line for line in lines if line.startswith("    ")]
    assert max(map(len, meanings)) <= width
    assert " ".join(" ".join(meanings).split()) == " ".join(f.metadata["doc"] for f in fields(Settings))


def test_the_manual_has_every_setting(root: Path) -> None:
    table = settings_table().splitlines()
    assert [line.split("`")[1] for line in table[2:]] == [f"DRUMEE_{n.upper()}" for n in NAMES]
    manual = (root / "docs/settings.md").read_text()
    missing = [line for line in table if line not in manual]
    assert not missing, "docs/settings.md lacks, of `python -m service settings`:\n" + "\n".join(missing)
