"""The log says what happened and to whom, and shows no secrets: not even those in the texts of exceptions."""

from __future__ import annotations

import asyncio
import logging
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pymysql
import pytest
from yarl import URL

from service.log import JsonFormatter, kind_of, trace_of
from tests.support.people import PASSWORD, People
from tests.support.secrecy import SECRECY, LogHandler, Secrecy
from tests.support.waiting import until

SECRET = "geheimes wort"


def failure() -> ValueError:
    """Return an error whose own text, cause and context have the secret."""
    try:
        try:
            raise pymysql.err.IntegrityError(1062, f"Duplicate entry '{SECRET}' for key 'email'")
        except pymysql.err.IntegrityError as exc:
            raise KeyError(SECRET) from exc
    except KeyError:
        try:
            raise ValueError(SECRET)
        except ValueError as exc:
            return exc


def formatted(message: str, name: str = "service", **fields: object) -> str:
    """Return the line of a record that has the failure."""
    exc = failure()
    record = logging.makeLogRecord(
        {"name": name, "msg": message, "exc_info": (type(exc), exc, None), **fields}
    )
    return JsonFormatter().format(record)


def test_a_line_names_the_kinds_of_exceptions_and_never_their_texts() -> None:
    line = formatted("unexpected error")
    assert SECRET not in line
    trace = orjson.loads(line)["exception"]
    kinds = ("IntegrityError 1062\n", "KeyError from IntegrityError 1062\n", "ValueError\n")
    positions = [trace.index(kind) for kind in kinds]
    assert positions == sorted(positions)
    assert "in failure" in trace
    assert kind_of(ConnectionRefusedError(111, SECRET)) == "ConnectionRefusedError 111"


def test_an_exception_may_be_its_own_cause() -> None:
    exc = failure()
    exc.__cause__ = exc
    assert kind_of(exc) == "ValueError"
    assert trace_of(exc).endswith("ValueError\n")


def test_a_group_of_exceptions_is_shown_as_its_parts() -> None:
    trace = trace_of(ExceptionGroup(SECRET, [failure(), OSError(5, SECRET)]))
    assert SECRET not in trace
    assert trace.index("ValueError") < trace.index("OSError 5") < trace.index("ExceptionGroup")


def test_a_lost_task_is_named_without_its_exception() -> None:
    message = f"Task exception was never retrieved\nfuture: <Task exception=ValueError('{SECRET}')>"
    line = formatted(message, "asyncio")
    assert SECRET not in line
    assert orjson.loads(line)["message"] == "Task exception was never retrieved"


@pytest.mark.parametrize(
    "text",
    [
        b"GET /api/authentication/login?username=alice&password=geheimes wort HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /api/authentication/login?username=alice&password=gehéimes HTTP/1.1\r\n\r\n".encode(),
        b"GET /api/v1/auth/me HTTP/1.1\r\nAuthorization: Bearer clk_TOPSECRET\x01\r\n\r\n",
        b"POST /-/svc/yp.login HTTP/1.1\r\nContent-Length: geheimes wort\r\n\r\n",
        b"geheimes wort\r\n\r\n",
    ],
)
async def test_a_request_that_cannot_be_read_leaves_its_kind(node: URL, text: bytes) -> None:
    SECRECY.note("geheimes", "gehéimes", "clk_TOPSECRET", SECRET)
    before = len(SECRECY.lines)
    reader, writer = await asyncio.open_connection(node.host, node.port)
    writer.write(text)
    assert b" 400 " in await reader.readline()
    writer.close()
    (line,) = [orjson.loads(line) for line in SECRECY.lines[before:]]
    assert (line["level"], line["message"]) == ("INFO", "request cannot be read")
    assert line["error"] in {
        "BadStatusLine",
        "BadHttpMessage",
        "InvalidHeader",
        "BadHttpMethod",
        "InvalidURLError",
    }


# --- the test of the whole run can fail ----------------------------------------------------------


@pytest.fixture
def run() -> Iterator[Secrecy]:
    """Watch the log on one's own, so that a leak is seen by this test only."""
    secrecy = Secrecy()
    handler, log = LogHandler(secrecy), logging.getLogger("elsewhere")
    log.propagate = False
    log.addHandler(handler)
    yield secrecy
    log.removeHandler(handler)


async def test_what_people_use_is_noted(people: People) -> None:
    alice = await people("Alice")
    token = (await alice.ok("bootstrap.authn"))["token"]
    login = {"username": "somebody@else.example", "password": "wrong-password"}
    async with alice.http.get(alice.base / "api/authentication/login", params=login) as response:
        assert response.status == 200
    headers = {"Authorization": "Bearer clk_of-nobody"}
    async with alice.http.get(alice.base / "api/v1/auth/me", headers=headers) as response:
        assert response.status == 401
    await until(lambda: _is_noted("clk_of-nobody"))
    cookie = next(cookie for cookie in alice.http.cookie_jar if cookie.key == "regsid")
    assert {alice.email, PASSWORD, token, cookie.value, *login.values()} <= SECRECY.new
    assert any('"service":"yp.login"' in line for line in SECRECY.lines)


async def _is_noted(secret: str) -> bool:
    return secret in SECRECY.new


@pytest.mark.parametrize("place", ["message", "field", "path"])
def test_a_secret_in_a_line_is_found(run: Secrecy, tmp_path: Path, place: str) -> None:
    # A token of letters alone, one in a hundred, counts as a word.
    secret, log = f"{secrets.token_urlsafe(16)}-1", logging.getLogger("elsewhere")
    run.note(secret)
    log.error("nothing")
    assert (run.leaks(), run.leaks_of_run([])) == ([], [])
    if place == "message":
        log.error(f"no such session: {secret}")
    elif place == "field":
        log.error("no such session", extra={"sid": secret})
    else:
        log.error("unexpected error", extra={"path": f"/?otak={secret}&x=1"})
    assert len(run.leaks()) == 1
    run.begin()
    assert run.leaks() == []
    assert run.leaks_of_run([]) == [f"{secret}: a line of the run"]


def test_a_secret_in_a_file_is_found(run: Secrecy, tmp_path: Path) -> None:
    path = tmp_path / "service.txt"
    path.write_text(f'{{"message": "sent to ada.{sys.platform}@math.example"}}\n')
    run.note_text(f'{{"email": "ada.{sys.platform}@math.example"}}')
    address = f"ada.{sys.platform}@math.example"
    assert run.leaks_of_run([path]) == [f"{address}: {path}: {path.read_text().rstrip()}"]
    run.database_logs.add(path)
    assert run.leaks_of_run([path]) == []
