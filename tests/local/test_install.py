"""Decide on installations, and explain to the user when none is allowed. No test installs anything."""

import ast
import os
import re
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from service import ROOT
from service.local import install
from service.local.install import InstallError

SCRIPT = Path(install.__file__)
WRK = install.WRK


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pretend a machine without any program; return the directory that is its PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(install, "SERVER_DIRS", ())
    for name in ("DRUMEE_NO_INSTALL", "DRUMEE_DB", "DRUMEE_REDIS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def put(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


# --- when it may not install -------------------------------------------------------------------


@pytest.mark.usefixtures("bare")
def test_the_message_lists_missing_programs_and_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DRUMEE_NO_INSTALL", "1")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert install.main(["--with", "bench"]) == 2
    text = capsys.readouterr().err
    assert "mariadbd, mariadb-install-db, mariadb, redis-server, wrk" in text
    assert "DRUMEE_NO_INSTALL" in text
    apt = "sudo apt-get install --no-install-recommends mariadb-server redis-server wrk\n"
    assert apt in text
    assert "sudo dnf install mariadb-server valkey wrk\n" in text
    assert "brew install mariadb redis wrk\n" in text


def test_the_command_for_root_has_no_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "sudo" not in install.instructions([WRK], "Why")


@pytest.mark.usefixtures("bare")
def test_a_system_without_apt_gets_a_message() -> None:
    with pytest.raises(InstallError, match="has no apt-get"):
        install.ensure_programs([WRK])


@pytest.mark.parametrize("sudo", [None, "exit 1"])
def test_only_root_installs(bare: Path, monkeypatch: pytest.MonkeyPatch, sudo: str | None) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    put(bare / "apt-get", "echo must not run; touch $0.ran")
    if sudo:
        put(bare / "sudo", sudo)
    with pytest.raises(InstallError, match="takes root"):
        install.ensure_programs([WRK])
    assert not (bare / "apt-get.ran").exists()


@pytest.mark.parametrize("value", ["", "0"])
def test_an_empty_prohibition_is_none(bare: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("DRUMEE_NO_INSTALL", value)
    put(bare / "apt-get", "exit 0")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert install._obstacle() is None


# --- what is needed ----------------------------------------------------------------------------


def test_external_servers_need_none_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRUMEE_DB", "mysql://elsewhere/")
    monkeypatch.setenv("DRUMEE_REDIS", "redis://elsewhere")
    assert install.wanted_programs([]) == []
    assert install.wanted_programs(["bench"]) == [WRK]
    assert install.wanted_programs(["test", "bench"]) == [*install.SERVERS, WRK]


def test_a_server_outside_path_is_found(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sbin = bare / "sbin"
    sbin.mkdir()
    put(sbin / "mysqld", "exit 0")
    assert install.find_program("mariadbd", "mysqld") is None
    monkeypatch.setattr(install, "SERVER_DIRS", (str(sbin),))
    assert install.find_program("mariadbd", "mysqld") == str(sbin / "mysqld")


# --- apt ---------------------------------------------------------------------------------------


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Fake an apt-get that installs only after an update; return the file of its calls."""
    calls = tmp_path / "calls"
    policy = tmp_path / "policy-rc.d"
    fake = f"""
        {policy}; echo "$1 policy=$?" >> {calls}
        [ "$1" = update ] && touch {tmp_path}/updated
        [ -e {tmp_path}/updated ] || {{ echo "E: Unable to locate package"; exit 100; }}
    """
    monkeypatch.setattr(install, "APT", (str(put(tmp_path / "apt-get", fake)),))
    monkeypatch.setattr(install, "POLICY", policy)
    monkeypatch.setattr(install, "_as_root", list)
    return calls


def test_updates_the_lists_only_when_needed(apt: Path) -> None:
    install._apt_install(["wrk"])
    install._apt_install(["wrk"])
    assert apt.read_text().split()[::2] == ["install", "update", "install", "install"]


def test_no_service_is_started_meanwhile(apt: Path) -> None:
    install._apt_install(["wrk"])
    assert set(apt.read_text().split()[1::2]) == {"policy=101"}
    assert not install.POLICY.exists()


def test_a_policy_of_the_machine_stays(apt: Path) -> None:
    put(install.POLICY, "exit 104")
    install._apt_install(["wrk"])
    assert "policy=104" in apt.read_text()
    assert install.POLICY.exists()


@pytest.mark.usefixtures("apt")
def test_a_failing_apt_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(install, "APT", (str(put(tmp_path / "broken", "echo no space; exit 1")),))
    with pytest.raises(InstallError, match=r"(?s)could not install wrk.*no space"):
        install._apt_install(["wrk", "wrk"])
    assert not install.POLICY.exists()


# --- the virtual environment -------------------------------------------------------------------


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Fake a project whose commands are recorded, not run."""
    noted: list[str] = []

    def note(command: Sequence[str]) -> None:
        noted.append(command[2] if command[2] == "venv" else command[-1])
        (tmp_path / ".venv" / "bin").mkdir(parents=True, exist_ok=True)
        (tmp_path / ".venv" / "bin" / "python").touch(0o755)

    monkeypatch.setattr(install, "ROOT", tmp_path)
    monkeypatch.setattr(install, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(install, "STAMP", tmp_path / ".venv" / ".ready")
    monkeypatch.setattr(install, "_step", note)
    (tmp_path / "pyproject.toml").write_text("[project]")
    (tmp_path / "requirements").mkdir()
    (tmp_path / install.LOCK).touch()
    return noted


PACKAGES = [install.LOCK, "."]
"""The last words of the commands that bring the packages."""


def test_the_environment_is_made_once(steps: list[str]) -> None:
    install.ensure_venv()
    install.ensure_venv()
    assert steps == ["venv", *PACKAGES]


@pytest.mark.parametrize("name", ["pyproject.toml", install.LOCK])
def test_new_requirements_are_installed_into_it(steps: list[str], name: str) -> None:
    install.ensure_venv()
    (install.ROOT / name).write_text("[project]\nname = 'x'")
    install.ensure_venv()
    assert steps == ["venv", *PACKAGES, *PACKAGES]


def test_packages_are_compared_with_their_hashes(monkeypatch: pytest.MonkeyPatch, steps: list[str]) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(install, "_step", lambda command: commands.append(list(command)))
    with pytest.raises(OSError, match=r"\.ready"):  # nothing has made the directory
        install.ensure_venv()
    _, packages, project = commands
    assert packages[-3:] == ["--require-hashes", "-r", install.LOCK]
    # the project has no hash, so nothing else may come with it
    assert {"--no-deps", "--no-build-isolation"} <= set(project)


def test_a_folder_without_a_lock_is_no_checkout(steps: list[str]) -> None:
    (install.ROOT / install.LOCK).unlink()
    with pytest.raises(InstallError, match="is no checkout of the project"):
        install.ensure_venv()
    assert steps == []


@pytest.mark.parametrize("damage", [".ready", "bin/python"])
def test_a_damaged_one_is_repaired(steps: list[str], damage: str) -> None:
    install.ensure_venv()
    steps.clear()
    (install.VENV / damage).unlink()
    install.ensure_venv()
    assert steps == ["venv", *PACKAGES]


@pytest.fixture
def python(steps: list[str]) -> Path:
    """Return the Python of the environment, which prints its version."""
    path = install.VENV / "bin" / "python"
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\necho 3.11\n")
    path.chmod(0o755)
    return path


def test_another_python_in_the_path_leaves_it_alone(
    steps: list[str], python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install.ensure_venv()
    steps.clear()
    monkeypatch.setattr(sys, "version", "3.99")
    install.ensure_venv()
    install.check_venv()
    assert steps == []


def test_an_upgrade_of_its_python_gets_another_one(steps: list[str], python: Path) -> None:
    install.ensure_venv()
    steps.clear()
    python.write_text("#!/bin/sh\necho 3.12\n")
    install.ensure_venv()
    assert steps == ["venv", *PACKAGES]


@pytest.mark.parametrize("damage", [".ready", "bin/python", "../pyproject.toml"])
def test_a_check_installs_nothing_and_names_the_command(steps: list[str], damage: str) -> None:
    install.ensure_venv()
    install.check_venv()
    steps.clear()
    if damage.endswith("toml"):
        (install.VENV / damage).write_text("[project]\nname = 'x'")
    else:
        (install.VENV / damage).unlink()
    with pytest.raises(InstallError, match="`make ready` does"):
        install.check_venv()
    assert steps == []


def test_commands_for_databases_install_nothing() -> None:
    schema = (ROOT / "Makefile").read_text().partition("##@ Schema")[2].partition("##@ Cluster")[0]
    assert re.findall(r"^([a-z-]+): ready\b", schema, re.MULTILINE) == ["up"]
    assert len(re.findall(r"^[a-z-]+: installed\b", schema, re.MULTILINE)) > 20


def test_a_failing_step_is_quoted() -> None:
    with pytest.raises(InstallError, match=r"(?s)python -c .*failed.*no network"):
        install._step([sys.executable, "-c", "import sys; sys.exit('no network')"])


# --- old Pythons -------------------------------------------------------------------------------


def test_an_old_python_can_read_the_script() -> None:
    ast.parse(SCRIPT.read_text(), feature_version=(3, 7))


def test_an_old_python_gets_a_message(
    bare: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # A version manager's stub for a version that is not there.
    put(bare / "python3.13", "exit 127")
    monkeypatch.setattr(install, "OLDEST", (3, 99))
    assert install.main([]) == 2
    assert "needs Python 3.99 or newer" in capsys.readouterr().err


def test_the_script_runs_by_itself() -> None:
    command = [sys.executable, "-I", str(SCRIPT), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "--with {bench,test,chaos,cluster,online,browser}" in done.stdout


def test_packages_and_venv_are_installed_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2)
    monkeypatch.setattr(install, "ensure_programs", lambda _: both.wait(60))
    monkeypatch.setattr(install, "ensure_venv", lambda: both.wait(60))
    install.ensure_all([])


def test_what_fails_beside_the_venv_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> None:
        raise install.InstallError("no such package")

    monkeypatch.setattr(install, "ensure_programs", fail)
    monkeypatch.setattr(install, "ensure_venv", lambda: None)
    assert install.main([]) == 2
    assert "no such package" in capsys.readouterr().err
