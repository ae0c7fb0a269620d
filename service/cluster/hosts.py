"""The description of a cluster: which servers run where. All files of the cluster are rendered from it."""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, Field, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from urllib.parse import quote

from service.errors import CommandError

DATABASE_WAYS = ("balancer", "pool")
TYPES: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (int, float)}


class HostsError(CommandError):
    """The description is invalid; the message names the section and the key."""


@dataclass(frozen=True, kw_only=True)
class ClusterServer:
    """One server: its name in the cluster, and the address at which the others reach it."""

    section: ClassVar[str]

    name: str
    host: str


@dataclass(frozen=True, kw_only=True)
class GaleraNode(ClusterServer):
    """MariaDB with Galera."""

    section = "node"

    port: int = 3306
    galera_port: int = 4567
    ist_port: int = 4568
    sst_port: int = 4444

    @property
    def galera(self) -> str:
        """Address for the other nodes."""
        return f"{self.host}:{self.galera_port}"


@dataclass(frozen=True, kw_only=True)
class RedisServer(ClusterServer):
    """Redis; the first one in the description starts as master."""

    section = "redis"

    port: int = 6379


@dataclass(frozen=True, kw_only=True)
class Sentinel(ClusterServer):
    """Sentinel, which elects the Redis master."""

    section = "sentinel"

    port: int = 26379


@dataclass(frozen=True, kw_only=True)
class ServiceHost(ClusterServer):
    """The service of this project."""

    section = "service"

    port: int = 8080


@dataclass(frozen=True, kw_only=True)
class Balancer(ClusterServer):
    """HAProxy, for clients and for the way of the services to the home node."""

    section = "balancer"

    port: int = 80
    database_port: int = 3307
    peer_port: int = 10240


S = TypeVar("S", bound=ClusterServer)


@dataclass(frozen=True, kw_only=True)
class Hosts:
    """A cluster."""

    name: str = "drumee"
    account: str = "drumee_app"
    """Account of the services in MariaDB, `name` or `name:password`."""
    database: str = "balancer"
    """How services find the home node: by the `balancer`, or by their own `pool`."""
    public_url: str = ""
    """URL that browsers use; empty: the first balancer."""
    sst_account: str = "mysql"
    """Account with which a node copies its state for one that joins, `name` or `name:password`."""
    suspect_seconds: float = 2.0
    """A node that is silent for so long is suspected by the others."""
    nodes: tuple[GaleraNode, ...] = field(default=(), metadata={"of": GaleraNode})
    redis: tuple[RedisServer, ...] = field(default=(), metadata={"of": RedisServer})
    sentinels: tuple[Sentinel, ...] = field(default=(), metadata={"of": Sentinel})
    services: tuple[ServiceHost, ...] = field(default=(), metadata={"of": ServiceHost})
    balancers: tuple[Balancer, ...] = field(default=(), metadata={"of": Balancer})

    @property
    def servers(self) -> tuple[ClusterServer, ...]:
        """All servers."""
        return (*self.nodes, *self.redis, *self.sentinels, *self.services, *self.balancers)

    @property
    def quorum(self) -> int:
        """Number of Sentinels that must agree that the master is down."""
        return len(self.sentinels) // 2 + 1

    def balancer_of(self, service: ServiceHost) -> Balancer:
        """Return the balancer on the machine of a service, or else the first one."""
        return next((each for each in self.balancers if each.host == service.host), self.balancers[0])

    def database_url(self, service: ServiceHost) -> str:
        """Return DRUMEE_DB of a service."""
        balancer = self.balancer_of(service)
        addresses = [f"{balancer.host}:{balancer.database_port}"]
        if self.database == "pool":
            addresses = [f"{node.host}:{node.port}" for node in self.nodes]
        return f"mysql://{self.account}@{','.join(addresses)}/"

    @property
    def redis_url(self) -> str:
        """DRUMEE_REDIS of the services."""
        sentinels = ",".join(f"{sentinel.host}:{sentinel.port}" for sentinel in self.sentinels)
        return f"sentinel://{sentinels}/{quote(self.name, safe='')}/0"

    @property
    def url(self) -> str:
        """DRUMEE_PUBLIC_URL of the services."""
        first = self.balancers[0]
        return self.public_url or f"http://{first.host}:{first.port}"

    def donors(self, joiner: GaleraNode) -> list[str]:
        """Return the nodes that may donate their state: the first one, mostly home, comes last."""
        others = [node.name for node in self.nodes if node != joiner]
        return sorted(others, key=lambda name: name == self.nodes[0].name)

    def check(self) -> None:
        """Raise HostsError for a cluster that cannot work."""
        for group, least in (
            ("nodes", 1), ("redis", 1), ("sentinels", 1), ("services", 1), ("balancers", 1)
        ):  # fmt: skip
            if len(getattr(self, group)) < least:
                raise HostsError(f"the description has no [[{_section_of(group)}]]")
        names = [server.name for server in self.servers]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise HostsError(f"two servers have the name {twice[0]}")
        if self.database not in DATABASE_WAYS:
            raise HostsError(f"database={self.database!r} is none of {', '.join(DATABASE_WAYS)}")


def read_hosts(path: Path) -> Hosts:
    """Read a description; HostsError when it is invalid."""
    try:
        tables = tomllib.loads(path.read_text())
    except OSError as exc:
        raise HostsError(f"{path} cannot be read: {exc.strerror}") from exc
    except tomllib.TOMLDecodeError as exc:
        raise HostsError(f"{path} is no TOML: {exc}") from exc
    groups = {f.metadata["of"].section: f for f in fields(Hosts) if "of" in f.metadata}
    values: dict[str, Any] = {}
    for key, value in tables.items():
        group = groups.get(key)
        if group is None:
            values[key] = value
        else:
            servers = value if isinstance(value, list) else [value]
            values[group.name] = tuple(_server(group.metadata["of"], table) for table in servers)
    hosts: Hosts = _make(Hosts, values, "the description", set(groups))
    hosts.check()
    return hosts


def write_hosts(hosts: Hosts) -> str:
    """Return the description as TOML."""
    options = [option.name for option in fields(Hosts) if "of" not in option.metadata]
    lines = [f"{name} = {_toml(getattr(hosts, name))}" for name in options]
    for server in hosts.servers:
        lines += ["", f"[[{server.section}]]"]
        lines += [f"{key} = {_toml(value)}" for key, value in asdict(server).items()]
    return "\n".join(lines) + "\n"


def _toml(value: str | float) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _section_of(group: str) -> str:
    options: dict[str, Field[Any]] = {f.name: f for f in fields(Hosts)}
    return str(options[group].metadata["of"].section)


def _server(kind: type[S], table: Any) -> S:
    if not isinstance(table, dict):
        raise HostsError(f"{kind.section} is a list of tables: [[{kind.section}]]")
    server: S = _make(kind, table, f"[[{kind.section}]]", set())
    return server


def _make(kind: type[Any], values: dict[str, Any], place: str, sections: set[str]) -> Any:
    """Return an instance of a dataclass; HostsError for a key or a value that does not belong there."""
    options = {f.name: f for f in fields(kind)}
    for key, value in values.items():
        if key not in options:
            known = sorted(({name for name, f in options.items() if "of" not in f.metadata}) | sections)
            raise HostsError(f"{place}: {key} is none of {', '.join(known)}")
        types = TYPES.get(str(options[key].type), (tuple,))
        if type(value) not in types:
            raise HostsError(f"{place}: {key} = {value!r} is no {options[key].type}")
    missing = [
        name
        for name, f in options.items()
        if name not in values and f.default is MISSING and f.default_factory is MISSING
    ]
    if missing:
        raise HostsError(f"{place}: {missing[0]} is missing")
    return kind(**values)
