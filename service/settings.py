"""All settings, read once from `DRUMEE_*` environment variables.

The metadata of each field is its entry in the manual: `python -m service settings` prints the table,
and a test compares it with README.md.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from http.cookies import Morsel
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

PREFIX = "DRUMEE_"
COUNTS = (
    "workers",
    "db_pool",
    "page_size",
    "socket_queue",
    "socket_rooms",
    "socket_frames",
    "session_sockets",
    "anonymous_sockets",
    "session_ttl",
    "body_limit",
    "import_limit",
    "upload_quota",
    "upload_ttl",
    "login_attempts",
    "login_attempts_address",
    "ring_seconds",
    "turn_ttl",
)
COOKIE_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")
OTHER_NAMES = {"DRUMEE_NO_INSTALL": "read by service/install.py only"}


class SettingsError(ValueError):
    """A setting is unknown or has a value that cannot be used; the message says which and why."""


def _setting(default: Any, doc: str) -> Any:
    return field(default=default, metadata={"doc": doc})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The effective settings of one process."""

    host: str = _setting("127.0.0.1", "address to listen on")
    port: int = _setting(8080, "port to listen on")
    workers: int = _setting(
        min(os.cpu_count() or 1, 4),
        "service processes; the default is the number of cores, at most 4",
    )
    public_url: str = _setting("", "URL that browsers use; empty: the host and port above")
    allowed_origins: str = _setting(
        "", "more origins whose pages may open the WebSocket, separated by commas"
    )
    trust_proxy: bool = _setting(False, "take the caller's address from X-Forwarded-For")
    db: str = _setting(
        "",
        "MariaDB for the service, `mysql://user:password@host:port,host2:port2/`, or "
        "`mysql://user@localhost/?unix_socket=/path`; empty: the private server of `make run`",
    )
    db_admin: str = _setting("", "the same for `make deploy`, with an account that may create databases")
    db_pool: int = _setting(8, "connections of one process for writing, and as many for reading")
    db_timeout: float = _setting(5.0, "seconds a CALL may take (max_statement_time)")
    db_shard: str = _setting("shard1", "name of the shard that the first deploy makes")
    redis: str = _setting(
        "", "Redis, `redis://host:port,host2:port2/0` or `unix:///path`; empty: the private one"
    )
    cookie: str = _setting("regsid", "name of the session cookie")
    session_ttl: int = _setting(30 * 86400, "seconds a session lives without being used")
    login_attempts: int = _setting(10, "failed sign-ins of one account in 15 minutes before it must wait")
    login_attempts_address: int = _setting(50, "the same for one address")
    rate_limit: int = _setting(
        6000, "requests a minute of one person, key or address, in each service process; 0: any number"
    )
    body_limit: int = _setting(1024 * 1024, "bytes of a request body")
    import_limit: int = _setting(256 * 1024 * 1024, "bytes of an address book file (contact.load)")
    upload_dir: str = _setting(
        "", "where uploaded files wait, a directory that all nodes share; empty: uploads in DRUMEE_RUN_DIR"
    )
    upload_quota: int = _setting(1024 * 1024 * 1024, "bytes of one person's files that wait there")
    upload_ttl: int = _setting(86400, "seconds a file waits there")
    page_size: int = _setting(45, "rows of a list page when the caller does not say")
    socket_queue: int = _setting(
        256, "frames waiting for one WebSocket before it is disconnected as too slow"
    )
    socket_frames: int = _setting(
        600, "frames a minute that one WebSocket may send; the next one closes it with 1008"
    )
    session_sockets: int = _setting(
        100, "WebSockets of one session in one process; the next one is closed with 1008"
    )
    anonymous_sockets: int = _setting(
        1000, "WebSockets without a session in one process; the next one is closed with 1013"
    )
    socket_rooms: int = _setting(100, "conferences that one WebSocket may be in")
    socket_keepalive: float = _setting(25.0, "seconds between sys.keepalive frames and pings")
    smtp: str = _setting("", "mail server, `smtp://user:password@host:port`; empty: mails are not sent")
    mail_from: str = _setting("noreply@localhost", "sender of mails")
    google_client_id: str = _setting("", "OAuth client of this site at Google, to import contacts from there")
    google_client_secret: str = _setting("", "its secret")
    google_auth_url: str = _setting(
        "https://accounts.google.com/o/oauth2/v2/auth", "where people allow the import"
    )
    google_token_url: str = _setting("https://oauth2.googleapis.com/token", "where the code becomes a token")
    google_people_url: str = _setting(
        "https://people.googleapis.com/v1/people/me/connections", "where the contacts are"
    )
    jitsi_domain: str = _setting("", "domain of the Jitsi deployment that carries audio and video")
    jitsi_user: str = _setting("", "XMPP account that clients use there, `login@domain`")
    jitsi_password: str = _setting("", "its password")
    stun_urls: str = _setting("", "STUN servers for browsers, `stun:host:port`, separated by commas")
    turn_urls: str = _setting("", "TURN servers, `turn:host:port?transport=udp`, separated by commas")
    turn_secret: str = _setting("", "`static-auth-secret` of those TURN servers")
    turn_ttl: int = _setting(3600, "seconds a TURN password is good")
    ring_seconds: int = _setting(30, "seconds a call rings before it is missed")
    socket_grace: int = _setting(30, "seconds a WebSocket that dropped keeps its place in a meeting; 0: none")
    log_level: str = _setting("INFO", "DEBUG, INFO, WARNING or ERROR")
    run_dir: str = _setting(".run", "where `make run` keeps its private servers, logs and pid files")

    @property
    def base_url(self) -> str:
        """The URL that browsers use, without a slash at the end."""
        return self.public_url.rstrip("/") or f"http://{self.host}:{self.port}"

    @property
    def public_host(self) -> str:
        """Host name of `base_url`."""
        return urlsplit(self.base_url).hostname or ""

    @property
    def origins(self) -> frozenset[str]:
        """Origins (scheme, host, port) whose pages may open the WebSocket."""
        parts = urlsplit(self.base_url)
        listed = (o.strip().rstrip("/") for o in self.allowed_origins.split(","))
        return frozenset({f"{parts.scheme}://{parts.netloc}", *filter(None, listed)})

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read the settings; SettingsError names what is unknown or unusable."""
        env = os.environ if env is None else env
        known = {PREFIX + f.name.upper(): f for f in fields(cls)}
        values: dict[str, Any] = {}
        for name, text in env.items():
            if not name.startswith(PREFIX) or name in OTHER_NAMES:
                continue
            if name not in known:
                nearest = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0)
                raise SettingsError(f"unknown setting {name}; the nearest known one is {nearest[0]}")
            values[known[name].name] = _convert(name, str(known[name].type), text)
        settings = cls(**values)
        settings.check()
        return settings

    def check(self) -> None:
        """Refuse values that would fail later, with the reason."""
        if not 0 < self.port < 65536:
            raise SettingsError(f"DRUMEE_PORT={self.port} is not a port (1 to 65535)")
        for name in COUNTS:
            if getattr(self, name) < 1:
                raise SettingsError(f"{PREFIX}{name.upper()} must be at least 1")
        for name in ("db_timeout", "socket_keepalive"):
            if not 0 < getattr(self, name) < float("inf"):
                raise SettingsError(f"{PREFIX}{name.upper()} must be a number of seconds above 0")
        if self.rate_limit < 0:
            raise SettingsError(f"{PREFIX}RATE_LIMIT is a number of requests, or 0")
        if self.socket_grace < 0:
            raise SettingsError(f"{PREFIX}SOCKET_GRACE is a number of seconds, or 0")
        if self.turn_urls and not self.turn_secret:
            raise SettingsError(f"{PREFIX}TURN_URLS needs {PREFIX}TURN_SECRET")
        if self.page_size > 100:
            raise SettingsError("DRUMEE_PAGE_SIZE is at most 100")
        if self.log_level not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise SettingsError(f"DRUMEE_LOG_LEVEL={self.log_level} is none of DEBUG, INFO, WARNING, ERROR")
        if not usable_cookie_name(self.cookie):
            raise SettingsError(f"DRUMEE_COOKIE={self.cookie!r} cannot be the name of a cookie")
        if urlsplit(self.base_url).scheme not in {"http", "https"} or not self.public_host:
            raise SettingsError(f"DRUMEE_PUBLIC_URL={self.public_url!r} is not an http:// or https:// URL")
        for name in filter(lambda n: getattr(self, n), ("db", "db_admin")):
            database_servers(getattr(self, name), PREFIX + name.upper())
        if self.redis:
            redis_urls(self.redis)


def _convert(name: str, kind: str, text: str) -> Any:
    if kind == "bool":
        if text.lower() in {"1", "true", "yes", "on"}:
            return True
        if text.lower() in {"0", "false", "no", "off", ""}:
            return False
        raise SettingsError(f"{name}={text!r} is neither 1 nor 0")
    try:
        return {"int": int, "float": float}.get(kind, str)(text)
    except ValueError:
        raise SettingsError(f"{name}={text!r} is not a number") from None


def usable_cookie_name(name: str) -> bool:
    """Whether browsers and the standard library take it for a cookie's name."""
    return bool(COOKIE_NAME.fullmatch(name)) and not Morsel().isReservedKey(name)


@dataclass(frozen=True)
class Server:
    """Where one MariaDB server is and who we are there."""

    user: str
    password: str
    host: str
    port: int
    unix_socket: str | None

    @property
    def connect_args(self) -> dict[str, Any]:
        """Keyword arguments of aiomysql.connect and pymysql.connect."""
        args: dict[str, Any] = {"user": self.user, "password": self.password}
        if self.unix_socket:
            return args | {"unix_socket": self.unix_socket}
        return args | {"host": self.host, "port": self.port}


def database_servers(url: str, name: str = "DRUMEE_DB") -> list[Server]:
    """The servers of a `mysql://…` URL, in the order of preference."""
    parts = urlsplit(url)
    if parts.scheme not in {"mysql", "mariadb"}:
        raise SettingsError(f"{name} must start with mysql:// (see `make settings`)")
    credentials, _, hosts = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    socket = parse_qs(parts.query).get("unix_socket", [None])[0]
    servers = []
    for address in hosts.split(","):
        try:
            place = urlsplit(f"//{address}")
            host, port = place.hostname or "localhost", place.port or 3306
        except ValueError:
            raise SettingsError(f"{name}: {address!r} is not a host, or host:port") from None
        servers.append(Server(unquote(user), unquote(password), host, port, socket))
    return servers


def redis_urls(url: str) -> list[str]:
    """One URL per Redis server, in the order of preference."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return [url]
    if parts.scheme not in {"redis", "rediss"}:
        raise SettingsError("DRUMEE_REDIS must start with redis://, rediss:// or unix://")
    credentials, at, hosts = parts.netloc.rpartition("@")
    query = f"?{parts.query}" if parts.query else ""
    return [f"{parts.scheme}://{credentials}{at}{host}{parts.path}{query}" for host in hosts.split(",")]


def settings_table() -> str:
    """The manual's table of settings, in Markdown."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for f in fields(Settings):
        default = "number of cores" if f.name == "workers" else str(f.default)
        shown = f"`{default}`" if default else "(empty)"
        lines.append(f"| `{PREFIX}{f.name.upper()}` | {shown} | {f.metadata['doc']} |")
    return "\n".join(lines)
