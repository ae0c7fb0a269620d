"""`make shell` as people use it: in a terminal without autocommit, in a pipe with it."""

from __future__ import annotations

import dataclasses
import os
import pty
import subprocess
import sys

from service import ROOT
from service.settings import Settings
from tests.support.sites import cli_environment

QUERY = b"SELECT CONCAT('auto', @@autocommit, 'commit') AS answer;\n"
COMMAND = [sys.executable, "-m", "service", "shell"]


def test_a_terminal_has_no_autocommit_and_says_so(settings: Settings) -> None:
    master, slave = pty.openpty()
    shell = subprocess.Popen(
        COMMAND, cwd=ROOT, env=cli_environment(settings), stdin=slave, stdout=subprocess.PIPE
    )
    os.close(slave)
    os.write(master, QUERY)
    os.write(master, b"SELECT @@idle_readonly_transaction_timeout, @@idle_write_transaction_timeout;\nexit\n")
    output, _ = shell.communicate(timeout=60)
    os.close(master)
    assert shell.returncode == 0
    assert b"autocommit is off: COMMIT keeps what you change" in output
    assert b"autoOFFcommit" in output
    assert b"600" in output


def test_a_script_in_a_pipe_keeps_autocommit_and_is_told_what_a_routine_needs(settings: Settings) -> None:
    refused = subprocess.run(
        COMMAND,
        cwd=ROOT,
        env=cli_environment(settings),
        input=QUERY + b"CALL yp.session_purge(1);\n",
        capture_output=True,
        check=False,
    )
    assert b"autoONcommit" in refused.stdout
    assert b"autocommit is off" not in refused.stdout
    assert b"NO_TRANSACTION" in refused.stderr
    assert b"START TRANSACTION; CALL ...; COMMIT" in refused.stderr
    assert refused.returncode == 2


def test_a_server_that_does_not_answer_is_named(settings: Settings) -> None:
    away = dataclasses.replace(settings, db_admin="mysql://root@127.0.0.1:1/")
    shell = subprocess.run(
        COMMAND, cwd=ROOT, env=cli_environment(away), input=QUERY, capture_output=True, check=False
    )
    assert (shell.returncode, shell.stdout) == (2, b"")
    assert shell.stderr.startswith(b"no MariaDB server answers: 127.0.0.1:1: ")
    assert shell.stderr.count(b"\n") == 1
