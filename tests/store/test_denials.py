"""Errors of MariaDB as sentences, with the right that is missing."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import pymysql
import pytest

from service.deploy.history import history
from service.settings import Settings, database_servers
from service.store.admin import Connection, DeployError, connect
from service.store.denials import explain
from tests.support.admin import Admin


@pytest.fixture
def ops(settings: Settings, admin: Admin) -> Settings:
    """Return settings with an administrator who has no rights."""
    admin.rows("CREATE OR REPLACE USER ops@localhost IDENTIFIED BY 'a password'")
    url = urlsplit(settings.db_admin)
    return replace(settings, db_admin=url._replace(netloc="ops:a%20password@localhost").geturl())


@pytest.mark.parametrize(
    ("statement", "grant"),
    [
        (
            "SELECT * FROM performance_schema.setup_consumers",
            r"ON `performance\_schema`.* TO 'ops'@'localhost'",
        ),
        ("SELECT id FROM yp.drumate", "GRANT SELECT ON `yp`.* TO 'ops'@'localhost';"),
        ("CALL yp.mail_list(1)", "GRANT EXECUTE ON `yp`.* TO 'ops'@'localhost';"),
        ("SET SESSION sql_log_bin = 0", "GRANT SUPER ON *.* TO"),
    ],
)
def test_a_denial_names_the_grant(ops: Settings, statement: str, grant: str) -> None:
    connection = connect(database_servers(ops.db_admin))
    with pytest.raises(pymysql.err.MySQLError) as caught, connection.cursor() as cursor:
        cursor.execute(statement)
    assert grant in explain(caught.value)


def test_an_error_without_a_right_says_what_to_do_if_anything() -> None:
    assert explain(pymysql.err.InterfaceError(0, "")) == "the connection was lost"
    for number in (1049, 1146, 1305, 1449):
        text = explain(pymysql.err.OperationalError(number, "yp.drumate does not exist"))
        assert text.startswith("yp.drumate does not exist. `make deploy` installs what is missing")
    assert explain(pymysql.err.ProgrammingError(1064, "You have an error")) == "You have an error"


def test_a_server_that_only_reads_is_named() -> None:
    text = "The MariaDB server is running with the --read-only option so it cannot execute this statement"
    message = explain(pymysql.err.OperationalError(1290, text))
    assert message.endswith("or run SET GLOBAL read_only = OFF if this is it")
    other = "The MariaDB server is running with the --secure-file-priv option"
    assert explain(pymysql.err.OperationalError(1290, other)) == other


def test_history_does_not_take_hidden_tables_for_missing_ones(ops: Settings) -> None:
    with pytest.raises(pymysql.err.MySQLError, match="command denied"):
        list(history(Connection(ops)))


def test_a_wrong_password_is_no_silence(ops: Settings, admin: Admin) -> None:
    admin.rows("ALTER USER ops@localhost IDENTIFIED BY 'another one'")
    with pytest.raises(DeployError, match="MariaDB refuses the account") as caught:
        connect(database_servers(ops.db_admin))
    assert "password?" in str(caught.value)
    assert "a password" not in str(caught.value)
