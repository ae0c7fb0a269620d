"""All settings, read once from `DRUMEE_*` environment variables.

The metadata of each field is its entry in the manual: `python -m service settings` prints the table,
and a test compares it with docs/settings.md.
"""

from __future__ import annotations

import difflib
import os
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from http.cookies import Morsel
from ipaddress import ip_network
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from service import as_typed
from service.errors import CommandError
from service.tls import OPTIONS, TLS, TLSError

PREFIX = "DRUMEE_"
COOKIE_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")
SIGNUP_INVITED, SIGNUP_OPEN, SIGNUP_CLOSED = "invited", "open", "closed"
OTHER_NAMES = {"DRUMEE_NO_INSTALL": "read by service/local/install.py only"}
TOGETHER = (
    ("turn_urls", "turn_secret"),
    ("jitsi_app_id", "jitsi_app_secret"),
    ("livekit_url", "livekit_api_key", "livekit_api_secret"),
    ("google_client_id", "google_client_secret"),
)
"""Settings of which one without the others means nothing."""
SIGNING_SECRET = 16
"""Characters of a secret that signs tokens: everybody with a token can try out shorter ones."""


class SettingsError(CommandError):
    """A setting is unknown or invalid; the message names it and the reason."""


def _setting(default: Any, doc: str, **limits: Any) -> Any:
    """Declare one setting; `limits` are those of Environment.read."""
    return field(default=default, metadata={"doc": doc, "limits": limits})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The effective settings of one process."""

    host: str = _setting("127.0.0.1", "address to listen on")
    port: int = _setting(8080, "port to listen on", at_least=1, at_most=65535)
    workers: int = _setting(
        min(os.cpu_count() or 1, 4),
        "service processes; the default is the number of cores, at most 4",
        at_least=1,
    )
    public_url: str = _setting("", "URL that browsers use; empty: the host and port above")
    allowed_origins: str = _setting(
        "", "more origins whose pages may call and open the WebSocket, `https://host`, separated by commas"
    )
    trust_proxy: bool = _setting(
        False, "take the caller's address from X-Forwarded-For, and the scheme from DRUMEE_PUBLIC_URL"
    )
    db: str = _setting(
        "",
        "MariaDB for the service, `mysql://user:password@host:port,host2:port2/`, or "
        "`mysql://user@localhost/?unix_socket=/path`, with TLS `mysql://user:password@host/?ssl_ca=/path`; "
        "empty: the private server of `make run`",
    )
    db_admin: str = _setting("", "the same for `make deploy`, with an account that may create databases")
    db_command_timeout: float = _setting(
        300.0,
        "seconds that a statement of `make plan`, `deploy`, `drift`, `backup` and their like may take; those "
        "that change big tables or copy the data of users have no limit; 0: none has",
        at_least=0,
    )
    db_pool: int = _setting(8, "connections of one process for writing, and as many for reading", at_least=1)
    db_timeout: float = _setting(5.0, "seconds a CALL may take (max_statement_time)", above=0)
    request_timeout: float = _setting(
        5.0,
        "seconds in which a request is answered, with an error if need be; services that take longer by "
        "nature declare it (`timeout` in acl/)",
        above=0,
    )
    upload_timeout: float = _setting(600.0, "seconds in which a client must have sent a file", above=0)
    person_calls: int = _setting(
        3, "CALLs of one person, or one address, that a process has in the database at once", at_least=1
    )
    person_queue: int = _setting(100, "more of them that wait; the next one gets 429", at_least=0)
    db_shard: str = _setting("shard1", "name of the shard that the first deploy makes")
    schema_ignore: str = _setting(
        "",
        "file with objects of the site's own in our databases, which `make drift` passes over: lines such as "
        "`table shard1.copy_*`",
    )
    big_table_mb: int = _setting(
        64,
        "MB of a table, rows and keys, from which on a deploy does not make writers wait until it is copied",
        at_least=0,
    )
    redis: str = _setting(
        "",
        "Redis, `redis://host:port,host2:port2/0`, `unix:///path`, or its Sentinels, "
        "`sentinel://host:port,host2:port2/name-of-master/0`; empty: the private one",
    )
    cookie: str = _setting("regsid", "name of the session cookie")
    cookie_domain: str = _setting(
        "", "domain whose hosts all get the session cookie; empty: only the host of the page"
    )
    session_ttl: int = _setting(30 * 86400, "seconds a session lives without being used", at_least=1)
    session_lifetime: int = _setting(
        90 * 86400, "seconds after which a session ends even when it is used, in all APIs", at_least=1
    )
    sessions: int = _setting(
        50, "sessions of one person in each API; a new one ends the one unused for longest", at_least=1
    )
    login_attempts: int = _setting(
        10,
        "failed sign-ins of one account from one address, or from one browser that is known, in 15 minutes",
        at_least=1,
    )
    login_attempts_address: int = _setting(
        50,
        "failed sign-ins from one address in 15 minutes before its attempts must wait for each other",
        at_least=1,
    )
    login_attempts_account: int = _setting(
        100,
        "failed sign-ins of one account from all addresses in 15 minutes before each must wait between two",
        at_least=1,
    )
    guest_sessions: int = _setting(
        1000, "sessions of guests that one link opens in a day; the next one is answered 429", at_least=1
    )
    guest_sessions_address: int = _setting(50, "the same for one address in an hour", at_least=1)
    visitor_sessions_address: int = _setting(
        300, "sessions of visitors, who are not signed in, that one address opens in an hour", at_least=1
    )
    drain_seconds: float = _setting(
        3.0,
        "seconds for which a process that is stopped answers 503 to `/-/ready` before it closes anything, "
        "when a balancer asks there: until the balancer has noticed",
        at_least=0,
    )
    successor_seconds: float = _setting(
        10.0,
        "longest wait of a process that is stopped, before that, for another one that takes over its sockets",
        at_least=0,
    )
    rate_limit: int = _setting(
        6000,
        "requests a minute of one person, key or address, in each service process; 20 ms in the database "
        "count as one more; 0: any number",
        at_least=0,
    )
    body_limit: int = _setting(1024 * 1024, "bytes of a request body", at_least=1)
    import_limit: int = _setting(
        256 * 1024 * 1024, "bytes of an address book file (contact.load)", at_least=1
    )
    upload_dir: str = _setting(
        "", "where uploaded files wait, a directory that all nodes share; empty: uploads in DRUMEE_RUN_DIR"
    )
    upload_quota: int = _setting(
        1024 * 1024 * 1024, "bytes of one person's files that wait there", at_least=1
    )
    upload_ttl: int = _setting(86400, "seconds a file waits there", at_least=1)
    attachment_limit: int = _setting(
        25 * 1024 * 1024, "bytes of one file that a message carries", at_least=1, at_most=2**31
    )
    attachment_quota: int = _setting(
        512 * 1024 * 1024,
        "bytes of all files in the messages of one author, or of one hub; they are in the database",
        at_least=1,
    )
    page_size: int = _setting(45, "rows of a list page when the caller does not say", at_least=1, at_most=100)
    socket_queue: int = _setting(
        256, "frames waiting for one WebSocket before it is disconnected as too slow", at_least=1
    )
    socket_frames: int = _setting(
        600, "frames a minute that one WebSocket may send; the next one closes it with 1008", at_least=1
    )
    session_sockets: int = _setting(
        100, "WebSockets of one session in one process; the next one is closed with 1008", at_least=1
    )
    person_sockets: int = _setting(
        300, "WebSockets of one person in one process; the next one is closed with 1008", at_least=1
    )
    anonymous_sockets: int = _setting(
        1000,
        "WebSockets without a session in one process; the next one takes the place of one of the address "
        "with most of them, or is closed with 1013",
        at_least=1,
    )
    anonymous_sockets_address: int = _setting(
        100, "the same of one address; the next one is closed with 1013", at_least=1
    )
    socket_lookups: int = _setting(
        300,
        "WebSockets a minute that one address may open with a session or token that does not exist, in each "
        "process; the next one is answered 429, unless the process knows its session; 0: any number",
        at_least=0,
    )
    socket_rooms: int = _setting(100, "conferences that one WebSocket may be in", at_least=1)
    room_people: int = _setting(0, "participants of one conference; 0: no limit", at_least=0)
    room_minutes: int = _setting(0, "minutes that a conference lasts; 0: no limit", at_least=0)
    socket_keepalive: float = _setting(
        25.0, "seconds between sys.keepalive frames; a client silent for half of them is lost", above=0
    )
    invite_mails: int = _setting(50, "invitation mails that one person may cause in 24 hours", at_least=0)
    invite_mails_new: int = _setting(10, "the same while the account is new", at_least=0)
    invite_new_days: int = _setting(7, "days for which an account is new", at_least=0)
    signup: str = _setting(
        SIGNUP_INVITED,
        "who gets an account by mail: `invited` (whoever has an invitation), `open` (everybody) or `closed`",
        one_of=(SIGNUP_INVITED, SIGNUP_OPEN, SIGNUP_CLOSED),
    )
    account_mails_address: int = _setting(
        20, "mails with a link for an account or a password that one address asks for in an hour", at_least=1
    )
    password_choices_address: int = _setting(
        60, "new passwords that one address tries in an hour, by links and in the account", at_least=1
    )
    frontend_dir: str = _setting(
        "", "folder of a built frontend, which is then served at `/-/` (docs/frontend.md); empty: none"
    )
    frontend_url: str = _setting(
        "",
        "URL of the frontend that the links in mails open; empty: that of DRUMEE_FRONTEND_DIR, else pages of "
        "the service itself",
    )
    smtp: str = _setting("", "mail server, `smtp://user:password@host:port`; empty: mails are not sent")
    mail_from: str = _setting("noreply@localhost", "sender of mails")
    phone_region: str = _setting(
        "", "country (two letters, DE) of phone numbers without a country code, so that +49 171 finds 0171"
    )
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
    jitsi_user: str = _setting("", "name of the XMPP account of clients; a domain after an @ is left out")
    jitsi_password: str = _setting("", "its password")
    jitsi_app_id: str = _setting(
        "", "`app_id` of the token plug-in of that Jitsi: everybody gets a token for their room; empty: none"
    )
    jitsi_app_secret: str = _setting("", "its `app_secret`, of at least 16 characters")
    livekit_url: str = _setting("", "LiveKit, `wss://host`: everybody gets a token for their room")
    livekit_api_key: str = _setting("", "name of a key of that LiveKit")
    livekit_api_secret: str = _setting("", "its secret, of at least 16 characters")
    media_ttl: int = _setting(
        600,
        "seconds a token for Jitsi or LiveKit is good; `conference.room` gives a new one",
        at_least=60,
        at_most=86400,
    )
    stun_urls: str = _setting("", "STUN servers for browsers, `stun:host:port`, separated by commas")
    turn_urls: str = _setting("", "TURN servers, `turn:host:port?transport=udp`, separated by commas")
    turn_secret: str = _setting("", "`static-auth-secret` of those TURN servers")
    turn_ttl: int = _setting(3600, "seconds a TURN password is good", at_least=1)
    ring_seconds: int = _setting(30, "seconds a call rings before it is missed", at_least=1)
    socket_grace: int = _setting(
        28, "seconds from the last sign of life for which a WebSocket that broke keeps its seats", at_least=0
    )
    socket_close_grace: int = _setting(
        4, "the same for a WebSocket that its page has closed: a reload is back in 2 seconds", at_least=0
    )
    webhooks: str = _setting(
        "", "file of the webhooks of the site, TOML (docs/api/webhooks.md#for-the-whole-site); empty: none"
    )
    webhook_private: str = _setting(
        "",
        "private networks to which webhooks may go, also by http and to any port, `10.0.0.0/8`, separated by "
        "commas; `loopback`: this machine",
    )
    metrics_from: str = _setting(
        "loopback",
        "networks that may read /-/metrics, `10.0.0.0/8`, separated by commas; `loopback`: this machine",
    )
    log_level: str = _setting(
        "INFO", "DEBUG, INFO, WARNING or ERROR", one_of=("DEBUG", "INFO", "WARNING", "ERROR")
    )
    run_dir: str = _setting(".run", "where `make run` keeps its private servers, logs and pid files")

    @property
    def base_url(self) -> str:
        """Return the URL that browsers use, without a slash at the end."""
        return self.public_url.rstrip("/") or f"http://{self.host}:{self.port}"

    @property
    def frontend_home(self) -> str:
        """Return the URL of the frontend, without a slash at the end; "" when there is none."""
        return self.frontend_url.rstrip("/") or (self.base_url if self.frontend_dir else "")

    @property
    def public_host(self) -> str:
        """Return the host name of `base_url`."""
        return urlsplit(self.base_url).hostname or ""

    @property
    def origins(self) -> frozenset[str]:
        """Return the origins (scheme, host, port) whose pages may call and open the WebSocket."""
        parts = urlsplit(self.base_url)
        listed = (origin.rstrip("/") for origin in parse_list(self.allowed_origins))
        return frozenset({f"{parts.scheme}://{parts.netloc}", *listed})

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read the settings; SettingsError names an unknown or invalid one."""
        env = os.environ if env is None else env
        known = {PREFIX + f.name.upper(): f for f in fields(cls)}
        for name in env:
            if name.startswith(PREFIX) and name not in known and name not in OTHER_NAMES:
                nearest = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0)
                raise SettingsError(f"unknown setting {name}; the nearest known one is {nearest[0]}")
        settings = cls(**_values(env, known.values()))
        settings.check()
        return settings

    def check(self) -> None:
        """Raise SettingsError for combinations and texts that would fail later."""
        self._check_credentials()
        if not re.fullmatch(r"([A-Za-z]{2})?", self.phone_region):
            raise SettingsError(f"DRUMEE_PHONE_REGION={self.phone_region!r} is no country, such as DE")
        if not usable_cookie_name(self.cookie):
            raise SettingsError(f"DRUMEE_COOKIE={self.cookie!r} cannot be the name of a cookie")
        if urlsplit(self.base_url).scheme not in {"http", "https"} or not self.public_host:
            raise SettingsError(f"DRUMEE_PUBLIC_URL={self.public_url!r} is not an http:// or https:// URL")
        if self.frontend_url and urlsplit(self.frontend_url).scheme not in {"http", "https"}:
            raise SettingsError(f"DRUMEE_FRONTEND_URL={self.frontend_url!r} is not an http(s):// URL")
        if self.cookie_domain and not f".{self.public_host}".endswith(f".{self.cookie_domain}"):
            reason = f"browsers refuse it from {self.public_host}, which is not part of it"
            raise SettingsError(f"DRUMEE_COOKIE_DOMAIN={self.cookie_domain!r}: {reason}")
        for name in filter(lambda n: getattr(self, n), ("db", "db_admin")):
            database_servers(getattr(self, name), PREFIX + name.upper())
        if self.redis and not redis_sentinels(self.redis):
            redis_urls(self.redis)
        for name in ("metrics_from", "webhook_private"):
            for network in filter(lambda entry: entry != "loopback", parse_list(getattr(self, name))):
                try:
                    ip_network(network)
                except ValueError as exc:
                    raise SettingsError(f"{PREFIX}{name.upper()}: {exc}") from exc

    def _check_credentials(self) -> None:
        """Refuse credentials of which a part is missing, or that anybody could imitate."""
        for names in TOGETHER:
            present = [name for name in names if getattr(self, name)]
            missing = [PREFIX + name.upper() for name in names if name not in present]
            if present and missing:
                raise SettingsError(f"{PREFIX}{present[0].upper()} needs {' and '.join(missing)}")
        if self.jitsi_app_id and not self.jitsi_domain:
            raise SettingsError("DRUMEE_JITSI_APP_ID needs DRUMEE_JITSI_DOMAIN")
        if self.livekit_url and urlsplit(self.livekit_url).scheme not in {"ws", "wss"}:
            raise SettingsError(f"DRUMEE_LIVEKIT_URL={self.livekit_url!r} is not a ws:// or wss:// URL")
        for name in ("jitsi_app_secret", "livekit_api_secret"):
            # Without the value: it is a secret.
            if 0 < len(getattr(self, name).encode()) < SIGNING_SECRET:
                raise SettingsError(f"{PREFIX}{name.upper()} needs at least {SIGNING_SECRET} characters")


def _values(env: Mapping[str, str], settings: Iterable[Field[Any]]) -> dict[str, Any]:
    """Return the value of each setting by name."""
    from service.environment import Environment  # here: the table of settings is printed without it

    environment = Environment(env, PREFIX)
    values = {}
    for setting in settings:
        name = setting.name.upper()
        try:
            values[setting.name] = environment.read(
                name, str(setting.type), setting.default, setting.metadata["limits"]
            )
        except ValueError as exc:
            raise SettingsError(f"{PREFIX}{name}={env[PREFIX + name]!r}: {exc}") from exc
    return values


def parse_list(text: str) -> list[str]:
    """Return the entries of a list that is separated by commas."""
    return [entry for part in text.split(",") if (entry := part.strip())]


def usable_cookie_name(name: str) -> bool:
    """Return whether browsers and the standard library accept a name for a cookie."""
    return bool(COOKIE_NAME.fullmatch(name)) and not Morsel().isReservedKey(name)


@dataclass(frozen=True)
class DatabaseServer:
    """Address of one MariaDB server, and our account there."""

    user: str
    password: str = field(repr=False)
    host: str
    port: int
    unix_socket: str | None
    tls: TLS | None = None

    @property
    def connect_args(self) -> dict[str, Any]:
        """Keyword arguments of aiomysql.connect, asyncmy.connect and pymysql.connect. Raises TLSError."""
        # Both drivers encode it in Latin 1; the server has hashed the bytes of UTF-8.
        password = self.password.encode().decode("latin-1")
        args: dict[str, Any] = {"user": self.user, "password": password}
        if self.unix_socket:
            return args | {"unix_socket": self.unix_socket}
        args |= {"host": self.host, "port": self.port}
        return args | {"ssl": self.tls.context()} if self.tls else args

    @property
    def client_options(self) -> list[str]:
        """Options of mariadb and mariadb-dump; not the password, which everybody on the machine would see."""
        user = f"--user={self.user}"
        if self.unix_socket:
            return [f"--socket={self.unix_socket}", user]
        tls = self.tls.client_options if self.tls else []
        return ["--protocol=tcp", f"--host={self.host}", f"--port={self.port}", *tls, user]


IN_PASSWORDS = (
    "in a user or password, write / as %2F, ? as %3F, # as %23, @ as %40, : as %3A, [ as %5B, ] as %5D, "
    "% as %25"
)


DATABASE_OPTIONS = ("unix_socket", *OPTIONS)


def database_servers(url: str, name: str = "DRUMEE_DB") -> list[DatabaseServer]:
    """Return the servers of a `mysql://…` URL, in the order of preference."""
    try:
        parts = urlsplit(url)
    except ValueError:  # a bracket in the password
        raise SettingsError(f"{name} is no URL: {IN_PASSWORDS}") from None
    if parts.scheme not in {"mysql", "mariadb"}:
        raise SettingsError(f"{name} must start with mysql:// (see `{as_typed('settings')}`)")
    credentials, _, hosts = parts.netloc.rpartition("@")
    query = parse_qs(parts.query)
    if "@" in parts.path or parts.fragment or ("@" in parts.query and "unix_socket" not in query):
        raise SettingsError(f"{name}: the host ends before the @: {IN_PASSWORDS}")
    user, _, password = credentials.partition(":")
    options = _database_options(query, name)
    socket = options.get("unix_socket")
    try:
        tls = TLS.of(options)
    except TLSError as exc:
        raise SettingsError(f"{name}: {exc}") from None
    if tls and socket:
        raise SettingsError(f"{name}: a unix_socket needs no TLS: leave the options ssl_… out")
    servers = []
    for number, address in enumerate(hosts.split(","), 1):
        try:
            place = urlsplit(f"//{address}")
            host, port = place.hostname or "localhost", place.port or 3306
        except ValueError:
            # Without the value: it may be the beginning of a password.
            raise SettingsError(
                f"{name}: address {number} after the @ is not a host, or host:port; {IN_PASSWORDS}"
            ) from None
        servers.append(DatabaseServer(unquote(user), unquote(password), host, port, socket, tls))
    return servers


def _database_options(query: Mapping[str, list[str]], name: str) -> dict[str, str]:
    """Return the options after the ? of a database URL. Raise SettingsError for an unknown one."""
    for option in query:
        if option not in DATABASE_OPTIONS:
            raise SettingsError(
                f"{name}: the option after the ? is none of {', '.join(DATABASE_OPTIONS)}; {IN_PASSWORDS}"
            )
    return {option: values[0] for option, values in query.items()}


def redis_urls(url: str) -> list[str]:
    """One URL per Redis server, in the order of preference."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return [url]
    if parts.scheme not in {"redis", "rediss"}:
        raise SettingsError("DRUMEE_REDIS must start with redis://, rediss://, unix:// or sentinel://")
    credentials, at, hosts = parts.netloc.rpartition("@")
    query = f"?{parts.query}" if parts.query else ""
    return [f"{parts.scheme}://{credentials}{at}{host}{parts.path}{query}" for host in hosts.split(",")]


@dataclass(frozen=True)
class RedisSentinels:
    """Addresses of the Sentinels that know which Redis is the master, and our accounts."""

    addresses: list[tuple[str, int]]
    master: str
    """Name under which the Sentinels watch the master."""
    account: dict[str, Any] = field(repr=False)
    """Arguments of a client of Redis: db, username, password."""
    sentinel_account: dict[str, Any] = field(repr=False)
    """Arguments of a client of a Sentinel: username, password."""


def redis_sentinels(url: str) -> RedisSentinels | None:
    """Return the Sentinels of a `sentinel://…` URL; None for another one.

    The user and the password before the hosts are those of Redis, `sentinel_user` and `sentinel_password` in
    the query those of the Sentinels.
    """
    parts = urlsplit(url)
    if parts.scheme != "sentinel":
        return None
    credentials, _, hosts = parts.netloc.rpartition("@")
    master, _, db = parts.path.strip("/").partition("/")
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    if not master or not (db or "0").isdecimal() or set(query) - {"sentinel_user", "sentinel_password"}:
        # Without the value: it may hold a password.
        raise SettingsError(
            "DRUMEE_REDIS: with Sentinel it is sentinel://host:port,host2:port2/name-of-master/0, "
            "with sentinel_user and sentinel_password in its query"
        )
    user, _, password = credentials.partition(":")
    return RedisSentinels(
        [_sentinel_address(address) for address in hosts.split(",")],
        unquote(master),
        {"db": int(db or 0), **_account(unquote(user), unquote(password))},
        _account(query.get("sentinel_user", ""), query.get("sentinel_password", "")),
    )


def _sentinel_address(address: str) -> tuple[str, int]:
    try:
        place = urlsplit(f"//{address}")
        host, port = place.hostname, place.port or 26379
    except ValueError:
        host = None
    if not host:
        raise SettingsError("DRUMEE_REDIS: the address of a Sentinel is not a host, or host:port")
    return host, port


def _account(user: str, password: str) -> dict[str, Any]:
    return {"username": user or None, "password": password or None}


def settings_table() -> str:
    """Return the manual's table of settings, in Markdown."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for name, default, doc in _entries():
        lines.append(f"| `{name}` | {f'`{default}`' if default else '(empty)'} | {doc} |")
    return "\n".join(lines)


def settings_list(width: int) -> str:
    """Return the settings for a terminal of so many columns: name and default, below them the meaning."""
    lines = []
    for name, default, doc in _entries():
        lines.append(f"{name}={default}")
        lines += textwrap.wrap(
            doc, width, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False
        )
    return "\n".join(lines)


def _entries() -> Iterator[tuple[str, str, str]]:
    """Yield variable, default and meaning of each setting."""
    for setting in fields(Settings):
        default = "number of cores" if setting.name == "workers" else str(setting.default)
        yield PREFIX + setting.name.upper(), default, setting.metadata["doc"]
