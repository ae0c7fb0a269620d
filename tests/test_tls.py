"""Connections with TLS: to a MariaDB whose accounts need a client certificate."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pymysql
import pytest

from service import ROOT
from service.bench.node import free_port
from service.deploy import online
from service.deploy.backup import backup
from service.deploy.deployer import Deployer
from service.deploy.restore import restore
from service.errors import CommandError
from service.local.servers import MariaDB
from service.local.stack import Stack
from service.settings import Settings, database_servers
from service.store import connection as connections
from service.store.admin import Connection
from service.store.nodes import Agreement, Probe, propose
from tests.support.certificates import make_authority, make_certificate
from tests.support.sites import cli_environment
from tests.support.tcp_proxy import tcp_proxy

ACCOUNT = "'ops'@'127.0.0.1'"
CLIENT = "&ssl_cert={0}/client.pem&ssl_key={0}/client.key"


@dataclass(frozen=True)
class Place:
    """A server that listens, and the folder of the certificates."""

    port: int
    folder: Path

    def settings(self, options: str = "", port: int = 0) -> Settings:
        """Return settings with these options of the URL; {0} stands for the folder."""
        url = f"mysql://ops:pw@127.0.0.1:{port or self.port}/{options.format(self.folder)}"
        return Settings(db=url, db_admin=url)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder, port = tmp_path_factory.mktemp("tls"), free_port()
    for authority in ("ca", "other"):
        make_authority(folder, authority)
    make_certificate(folder, "server", "ca", "IP:127.0.0.1")
    make_certificate(folder, "client", "ca", "DNS:client.example.org")

    class Listening(MariaDB):
        """Listens with TLS."""

        def command(self) -> list[str]:
            return [
                *super().command(), "--skip-networking=0", f"--port={port}", "--bind-address=127.0.0.1",
                f"--ssl-ca={folder}/ca.pem", f"--ssl-cert={folder}/server.pem",
                f"--ssl-key={folder}/server.key",
            ]  # fmt: skip

    with Stack(tmp_path_factory.mktemp("server"), durable=False, kinds=[Listening], leashed=True) as running:
        root = Connection(Settings(db_admin=running.env()["DRUMEE_DB_ADMIN"]))
        root.run(f"CREATE USER {ACCOUNT} IDENTIFIED BY 'pw' REQUIRE X509")
        root.run(f"GRANT ALL ON *.* TO {ACCOUNT} WITH GRANT OPTION")
        yield Place(port, folder)
        root.close()


def test_the_tools_sign_in_with_a_client_certificate(place: Place, tmp_path: Path) -> None:
    settings = place.settings("?ssl_ca={0}/ca.pem" + CLIENT)
    connection = Connection(settings)
    assert connection.rows("SHOW STATUS LIKE 'Ssl_cipher'")[0][1]
    connection.close()
    assert Deployer(settings, lambda _: None, examples=False).deploy().status == 0
    archive = tmp_path / "all.tar.gz"
    assert backup(settings, archive)["databases"] == ["yp", "shard1"]
    connection = Connection(settings)
    online.change(connection, "shard1", "message", "ADD COLUMN tls INT", lambda _: None, lambda: None)
    assert connection.rows("SHOW COLUMNS FROM shard1.message LIKE 'tls'")
    for db in ("shard1", "yp"):
        connection.run(f"DROP DATABASE {db}")
    connection.close()
    assert restore(settings, archive).failed == {}
    shell = [sys.executable, "-m", "service", "shell"]
    ended = subprocess.run(
        shell, cwd=ROOT, env=cli_environment(settings), input="SHOW STATUS LIKE 'Ssl_cipher'", text=True,
        stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    assert ended.stdout.split()[-1].startswith("TLS")


async def test_the_service_and_its_probe_sign_in_with_a_client_certificate(place: Place) -> None:
    (server,) = database_servers(place.settings("?ssl_ca={0}/ca.pem" + CLIENT).db)
    connection = await connections.connect(server, autocommit=True, session="SET @a = 1", seconds=20)
    assert (await connection.query("SHOW STATUS LIKE 'Ssl_cipher'"))[0][0][1]
    connection.close()
    node = Probe(server)
    assert (await node.look()).rank
    node.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("?ssl_ca={0}/other.pem" + CLIENT, "was not accepted by ssl_ca={0}/other.pem"),
        ("?ssl_ca={0}/none.pem", "ssl_ca={0}/none.pem cannot be read: No such file"),
        ("?ssl_ca={0}/ca.pem&ssl_cert={0}", "ssl_cert={0} cannot be read: Is a directory"),
        ("?ssl_ca={0}/client.csr", "ssl_ca={0}/client.csr has no certificate"),
        ("?ssl_cert={0}/client.pem&ssl_key={0}/other.key", "its key ({0}/other.key) are no pair"),
        ("?ssl_cert={0}/client.pem", "its key (in the same file) are no pair"),
        ("?ssl_ca={0}/ca.pem&ssl_cert={0}/other.pem&ssl_key={0}/other.key", "may not accept ssl_cert={0}"),
        ("?ssl_ca={0}/ca.pem", "Access denied"),
        ("?ssl_verify=maybe", "DRUMEE_DB_ADMIN: ssl_verify is none of full, ca, none"),
        ("?ssl_key={0}/client.key", "DRUMEE_DB_ADMIN: ssl_key needs ssl_cert"),
        ("?ssl-ca={0}/ca.pem", "DRUMEE_DB_ADMIN: the option after the ? is none of"),
        ("?unix_socket=/run/s.sock&ssl_ca=/a", "a unix_socket needs no TLS"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_without_the_password(place: Place, options: str, message: str) -> None:
    with pytest.raises(CommandError) as refused:
        Connection(place.settings(options))
    assert message.format(place.folder) in str(refused.value)
    assert "pw" not in str(refused.value)


def test_the_name_of_the_host_is_checked_unless_the_authority_is_enough(place: Place) -> None:
    url = place.settings("?ssl_ca={0}/ca.pem" + CLIENT).db_admin.replace("127.0.0.1", "localhost")
    with pytest.raises(CommandError, match="Hostname mismatch"):
        Connection(Settings(db_admin=url))
    Connection(Settings(db_admin=f"{url}&ssl_verify=ca")).close()


async def test_the_service_says_which_file_is_missing(place: Place) -> None:
    (server,) = database_servers(place.settings("?ssl_ca={0}/none.pem").db)
    with pytest.raises(OSError, match=r"ssl_ca=.*none\.pem cannot be read"):
        await connections.connect(server, autocommit=True, session="SET @a = 1", seconds=20)


async def test_nobody_goes_on_without_tls(settings: Settings) -> None:
    socket = database_servers(settings.db)[0].unix_socket
    assert socket
    async with tcp_proxy(socket) as proxy:
        (server,) = database_servers(f"mysql://drumee_app@127.0.0.1:{proxy.port}/?ssl_verify=none")
        with pytest.raises(pymysql.err.OperationalError, match="no TLS"):
            await connections.connect(server, autocommit=True, session="SET @a = 1", seconds=20)
        with pytest.raises(pymysql.err.OperationalError, match="no TLS"):
            await propose(server, Agreement())
