"""Start, share and stop the private servers, and recover them after every kind of death."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from service import ROOT
from service.local import servers as servers_module
from service.local.directories import StackError, make_private
from service.local.processes import eventually, read_pid
from service.local.servers import MariaDB, Redis
from service.local.stack import Stack, ensure_stack_env


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """Return a run directory, and stop whatever a failing test leaves running in it."""
    yield tmp_path / "run"
    Stack(tmp_path / "run").halt()


def pids(place: Path) -> list[int | None]:
    return [read_pid(place / f"{key}.pid") for key in ("mariadb", "redis")]


def is_alive(pid: int | None) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid or 2**22, 0)
        # One that was killed may wait as a zombie for a parent that takes no notice.
        stat = Path(f"/proc/{pid}/stat")
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def query(place: Path, sql: str) -> str:
    socket = Stack(place).env()["DRUMEE_DB_ADMIN"].partition("unix_socket=")[2]
    command = ["mariadb", "--no-defaults", f"--socket={socket}", "-uroot", "-Nse", sql]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def kill(pid: int | None) -> None:
    assert pid
    os.kill(pid, signal.SIGKILL)


# --- one user ----------------------------------------------------------------------------------


def test_servers_start_and_stop(place: Path) -> None:
    with Stack(place, durable=False) as stack:
        running = pids(place)
        assert all(map(is_alive, running))
        assert query(place, "SELECT @@skip_networking, @@collation_server") == ("1\tutf8mb4_unicode_520_ci")
        assert place.stat().st_mode & 0o777 == 0o700
    assert not any(map(is_alive, running))
    assert not list(place.glob("*.pid"))
    assert not list(place.glob("*.sock"))
    assert stack.stop()


def test_settings_name_the_sockets(place: Path) -> None:
    settings = Stack(place).env()
    assert set(settings) == {"DRUMEE_DB", "DRUMEE_DB_ADMIN", "DRUMEE_REDIS"}
    assert settings["DRUMEE_REDIS"] == f"unix://{place}/redis.sock"
    database = urlsplit(settings["DRUMEE_DB"])
    assert (database.scheme, database.username, database.hostname) == (
        "mysql",
        "drumee_app",
        "localhost",
    )
    assert parse_qs(database.query) == {"unix_socket": [f"{place}/mariadb.sock"]}


def test_data_survives_a_restart(place: Path) -> None:
    with Stack(place, durable=False):
        query(place, "CREATE DATABASE kept")
    with Stack(place, durable=False):
        assert query(place, "SHOW DATABASES LIKE 'kept'") == "kept"


def test_only_the_servers_asked_for(place: Path) -> None:
    with Stack(place, kinds=[Redis]) as stack:
        assert set(stack.env()) == {"DRUMEE_REDIS"}
        assert not (place / "mariadb").exists()


def test_a_place_with_spaces_and_accents(tmp_path: Path) -> None:
    with Stack(tmp_path / "a b" / "été", kinds=[Redis]) as stack:
        assert stack.env()["DRUMEE_REDIS"].endswith("/a%20b/%C3%A9t%C3%A9/redis.sock")


def test_a_long_place_gets_short_sockets(tmp_path: Path) -> None:
    place = tmp_path / ("deep" * 30)
    with Stack(place, durable=False) as stack:
        socket = Path(urlsplit(stack.env()["DRUMEE_REDIS"]).path)
        assert socket.is_socket()
        assert socket.parent != place
        assert socket.parent.stat().st_mode & 0o777 == 0o700
        assert stack.env() == Stack(place).env()
        assert query(place, "SELECT 1") == "1"
    assert not socket.parent.exists()


# --- several users -----------------------------------------------------------------------------


def test_a_second_one_uses_the_first_ones_servers(place: Path) -> None:
    with Stack(place, durable=False):
        running = pids(place)
        with Stack(place, durable=False):
            assert pids(place) == running
        assert all(map(is_alive, running))
    assert not any(map(is_alive, running))


def test_the_last_one_out_stops_them(place: Path) -> None:
    first, second = Stack(place, kinds=[Redis]), Stack(place, kinds=[Redis])
    first.start()
    second.start()
    running = read_pid(place / "redis.pid")
    assert not first.stop()
    assert is_alive(running)
    assert second.stop()
    assert not is_alive(running)


def test_halt_stops_them_for_everybody(place: Path) -> None:
    stack = Stack(place, kinds=[Redis])
    assert not stack.halt()
    stack.start()
    running = read_pid(place / "redis.pid")
    assert Stack(place).halt()
    assert not is_alive(running)
    assert not Stack(place).halt()
    stack.stop()


def test_a_command_starts_them_only_if_nobody_has(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DRUMEE_REDIS", raising=False)
    monkeypatch.setenv("DRUMEE_DB", "mysql://somebody@elsewhere/")
    with ensure_stack_env(place) as settings:
        assert set(settings) == {"DRUMEE_REDIS"}
        running = read_pid(place / "redis.pid")
        assert is_alive(running)
    assert not is_alive(running)
    monkeypatch.setenv("DRUMEE_REDIS", "redis://elsewhere")
    with ensure_stack_env(place) as settings:
        assert settings == {}


def test_an_administrator_of_no_server_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deploy would go to a private server, and say that all is well."""
    monkeypatch.delenv("DRUMEE_DB", raising=False)
    monkeypatch.setenv("DRUMEE_DB_ADMIN", "mysql://root:secret@elsewhere/")
    with pytest.raises(StackError, match="set both") as caught, ensure_stack_env(place):
        pass
    assert "secret" not in str(caught.value)
    assert not (place / "redis.pid").exists()


# --- after a death -----------------------------------------------------------------------------


def test_recovers_when_the_servers_were_killed(place: Path) -> None:
    stack = Stack(place, durable=False)
    stack.start()
    killed = pids(place)
    for pid in killed:
        kill(pid)
    with Stack(place, durable=False):
        assert query(place, "SELECT 1") == "1"
        assert set(pids(place)).isdisjoint(killed)
    stack.stop()


def test_ended_servers_are_revived(place: Path) -> None:
    with Stack(place, durable=False) as stack:
        assert stack.revive() == []
        mariadb, redis = pids(place)
        kill(redis)
        assert eventually(lambda: not is_alive(redis), 5)
        # supervisord learns of it a moment later
        assert eventually(lambda: stack.revive() == ["Redis"], 5)
        assert pids(place)[0] == mariadb
        assert is_alive(pids(place)[1])


@pytest.mark.skipif(not shutil.which("setpriv"), reason="this system cannot leash a process to its parent")
def test_leashed_servers_die_with_a_killed_process(place: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from service.local.servers import Redis; "
        "from service.local.stack import Stack\n"
        f"Stack(Path({str(place)!r}), kinds=[Redis], leashed=True).start(); "
        "print('up', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"up\n"
        redis = read_pid(place / "redis.pid")
        assert is_alive(redis)
        process.kill()
    assert eventually(lambda: not is_alive(redis), 5)


def test_adopts_the_servers_of_a_killed_process(place: Path) -> None:
    starter = (
        "import os, pathlib, service.local.stack as s;"
        f"s.Stack(pathlib.Path({str(place)!r}), durable=False).start();"
        "os.kill(os.getpid(), 9)"
    )
    died = subprocess.run([sys.executable, "-c", starter], cwd=ROOT, check=False)
    assert died.returncode == -signal.SIGKILL
    orphans = pids(place)
    assert all(map(is_alive, orphans))
    with Stack(place, durable=False):
        assert pids(place) == orphans
    assert eventually(lambda: not any(map(is_alive, orphans)), 5)


@pytest.mark.parametrize("content", ["4194303\n", "", "nonsense\n"])
def test_a_stale_pid_file_is_no_obstacle(place: Path, content: str) -> None:
    place.mkdir()
    (place / "redis.pid").write_text(content)
    with Stack(place, kinds=[Redis]):
        assert is_alive(read_pid(place / "redis.pid"))


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_a_lost_pid_file_loses_no_server(place: Path) -> None:
    stack = Stack(place, kinds=[Redis])
    stack.start()
    running = read_pid(place / "redis.pid")
    (place / "redis.pid").unlink()
    assert Stack(place).halt()
    assert not is_alive(running)
    stack.stop()


def test_a_reused_pid_is_left_alone(place: Path) -> None:
    place.mkdir()
    with subprocess.Popen(["sleep", "60"]) as stranger:
        (place / "redis.pid").write_text(f"{stranger.pid}\n")
        with Stack(place, kinds=[Redis]):
            assert read_pid(place / "redis.pid") != stranger.pid
        assert stranger.poll() is None
        stranger.kill()


def test_a_server_that_hangs_is_named(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers_module, "READY_SECONDS", 0.2)
    (place / "redis").mkdir(parents=True)
    with subprocess.Popen(["sleep", "60"], cwd=place / "redis") as hanging:
        (place / "redis.pid").write_text(f"{hanging.pid}\n")
        with pytest.raises(StackError, match=f"kill {hanging.pid}"):
            Redis(place, place, durable=True).begin()
        hanging.kill()


def test_the_installation_writes_nothing_outside(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system directory is shared: another installation may empty it."""
    monkeypatch.setenv("TMPDIR", "/nowhere")
    with Stack(place, durable=False, kinds=[MariaDB]):
        assert query(place, "SELECT COUNT(*) > 0 FROM mysql.user") == "1"


def test_a_half_made_data_directory_is_made_again(place: Path) -> None:
    (place / "mariadb.new-abc").mkdir(parents=True)
    (place / "mariadb").mkdir()
    (place / "mariadb" / "ibdata1").write_bytes(b"something")
    with Stack(place, durable=False):
        assert query(place, "SELECT 1") == "1"
    assert not (place / "mariadb.new-abc").exists()
    (aside,) = place.glob("mariadb.incomplete-*")
    assert (aside / "ibdata1").read_bytes() == b"something"


def test_an_installation_without_room_says_so_and_leaves_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = "[ERROR] InnoDB: preallocating 134217728 bytes for file ./ib_logfile101 failed with error 28"
    advice = "seq 30"
    monkeypatch.setattr(
        MariaDB, "_install_command", lambda *_: ["sh", "-c", f"echo '{error}'; {advice}; exit 1"]
    )
    with pytest.raises(StackError, match=f"could not make its data directory: the disk of {place} is full"):
        Stack(place, kinds=[MariaDB]).start()
    assert not list(place.glob("mariadb.new-*"))


def test_a_start_killed_at_any_moment_is_no_obstacle(place: Path) -> None:
    starter = (
        "import pathlib; from service.local.stack import Stack; "
        f"Stack(pathlib.Path({str(place)!r}), durable=False).start()"
    )
    for seconds in (0.15, 0.3, 0.45, 0.6):
        with subprocess.Popen([sys.executable, "-c", starter], cwd=ROOT) as starting:
            time.sleep(seconds)
            starting.kill()
    with Stack(place, durable=False):
        assert query(place, "SELECT 1") == "1"
    assert not any(is_alive(pid) for pid in pids(place))


# --- refusals ----------------------------------------------------------------------------------


def test_a_server_that_fails_shows_its_log_and_stops_the_other(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = MariaDB.command
    monkeypatch.setattr(MariaDB, "command", lambda self: [*command(self), "--no-such-option"])
    with pytest.raises(StackError, match=r"(?s)ended while starting.*no-such-option"):
        Stack(place, durable=False).start()
    assert not list(place.glob("*.pid"))


def test_a_missing_program_names_its_package(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers_module, "find_program", lambda *_names: None)
    with pytest.raises(StackError, match=r"(?s)redis-server.*apt-get install.*dnf.*brew"):
        Stack(place, kinds=[Redis]).start()


def test_somebody_elses_directory_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: place.stat().st_uid + 1)
    with pytest.raises(StackError, match="belongs to user id"):
        make_private(place)


def test_a_planted_link_is_refused(place: Path, tmp_path: Path) -> None:
    place.symlink_to(tmp_path)
    with pytest.raises(StackError, match="not a directory"):
        make_private(place)
    place.unlink()


def test_a_stranger_on_the_socket_is_refused(place: Path) -> None:
    with Stack(place, kinds=[Redis]):
        (place / "redis").rename(place / "elsewhere")
        with pytest.raises(StackError, match="not started from here"):
            Redis(place, place, durable=True).begin()
        (place / "elsewhere").rename(place / "redis")
