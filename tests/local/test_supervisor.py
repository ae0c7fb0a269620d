"""supervisord with a configuration of ours: any path, any setting, and an end to what cannot start."""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.local.processes import eventually, read_pid
from service.local.supervisor import FAILED, SupervisedProgram, Supervisor

SAYS = "import os, sys, time; print(os.environ['SAID'], flush=True); time.sleep(60)"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    place = tmp_path / "a place" / "100 % #1 ; \u00e9t\u00e9"
    place.mkdir(parents=True)
    return place


@pytest.fixture
def supervisor(place: Path, tmp_path: Path) -> Iterator[Supervisor]:
    made = Supervisor(place, tmp_path)
    yield made
    made.stop()


def program(place: Path, code: str, **environ: str) -> SupervisedProgram:
    command = [sys.executable, "-c", code]
    return SupervisedProgram("test", command, place, place / "test.log", 1, 5, environ)


@pytest.mark.parametrize(
    "text", ["plain", "a b,c=d;e #f", "50 %, %(x)s", 'says "x"', "'both\"", "a\nb", "é ; ü"]
)
def test_a_program_gets_its_settings_letter_for_letter(
    supervisor: Supervisor, place: Path, text: str
) -> None:
    supervisor.start(program(place, SAYS, SAID=text))
    log = place / "test.log"
    assert eventually(lambda: log.exists() and log.read_text() == f"{text}\n", 10), log.read_text()
    assert (place / "test.json").stat().st_mode & 0o777 == 0o600


def test_settings_of_the_command_do_not_stay(
    supervisor: Supervisor, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRUMEE_PORT", "1")
    supervisor.start(program(place, "import os; print([n for n in os.environ if n.startswith('DRUMEE_')])"))
    log = place / "test.log"
    assert eventually(lambda: log.exists() and "[]" in log.read_text(), 10)


def test_what_is_killed_is_started_again_and_what_is_removed_is_not(
    supervisor: Supervisor, place: Path
) -> None:
    supervisor.start(program(place, SAYS, SAID="x"))
    assert eventually(lambda: _pid(supervisor) > 0, 10)
    first = _pid(supervisor)
    os.kill(first, signal.SIGKILL)
    assert eventually(lambda: _pid(supervisor) not in {0, first}, 10)
    # starting it once more changes nothing
    second = _pid(supervisor)
    supervisor.start(program(place, SAYS, SAID="x"))
    assert _pid(supervisor) == second
    assert supervisor.remove("test")
    assert supervisor.state("test") is None
    assert not supervisor.remove("test")
    assert not Path(f"/proc/{second}").exists()


def test_what_shall_stay_dead_is_not_started_again(supervisor: Supervisor, place: Path) -> None:
    mortal = dataclasses.replace(program(place, SAYS, SAID="x"), restarts=False)
    supervisor.start(mortal)
    assert eventually(lambda: _pid(supervisor) > 0, 10)
    os.kill(_pid(supervisor), signal.SIGKILL)
    assert eventually(lambda: _state(supervisor) == "EXITED", 10)
    supervisor.start(mortal)
    assert eventually(lambda: _pid(supervisor) > 0, 10), "unless somebody starts it"


def test_what_cannot_start_is_known_to_have_failed(supervisor: Supervisor, place: Path) -> None:
    supervisor.start(program(place, "raise SystemExit(7)"))
    assert eventually(lambda: _state(supervisor) in FAILED, 10)
    assert "exit status 7" in (place / "supervisord.log").read_text()


def test_several_users_share_one_and_it_stops_everything(
    supervisor: Supervisor, place: Path, tmp_path: Path
) -> None:
    supervisor.start(program(place, SAYS, SAID="x"))
    other = Supervisor(place, tmp_path)
    assert other.pid() == supervisor.pid()
    pid = _pid(supervisor)
    assert other.stop()
    assert not Path(f"/proc/{pid}").exists()
    assert not supervisor.is_alive()
    assert read_pid(place / "supervisord.pid") is None
    assert not supervisor.stop()


def _state(supervisor: Supervisor) -> str:
    return str((supervisor.state("test") or {}).get("statename"))


def _pid(supervisor: Supervisor) -> int:
    state = supervisor.state("test")
    assert state is not None
    return int(state["pid"])
