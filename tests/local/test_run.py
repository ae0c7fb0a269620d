"""Run `make up`, kill servers below the service, run `make down`, in a run directory of their own."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from service import ROOT
from service.bench.node import free_port
from service.local.processes import eventually, read_pid


@dataclass
class Site:
    """A run directory and its port."""

    run_dir: Path
    url: str
    environ: dict[str, str]

    def command(self, *words: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run `python -m service …` to its end."""
        return subprocess.run(
            [sys.executable, "-m", "service", *words],
            cwd=ROOT,
            env=self.environ | changes,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def health(self) -> str:
        """Return the current answer of /-/health."""
        with urllib.request.urlopen(f"{self.url}/-/health", timeout=60) as answer:
            return str(json.load(answer)["status"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Start a site."""
    place, port = tmp_path_factory.mktemp("site"), free_port()
    own = {"DRUMEE_RUN_DIR": str(place), "DRUMEE_PORT": str(port), "DRUMEE_WORKERS": "1"}
    outside = {key: value for key, value in os.environ.items() if not key.startswith("DRUMEE_")}
    made = Site(place, f"http://127.0.0.1:{port}", outside | own)
    outcome = made.command("up")
    try:
        assert outcome.returncode == 0, outcome.stdout
        assert f"Serving on {made.url}" in outcome.stdout
        yield made
    finally:
        made.command("down")


def test_up_says_when_it_is_up_already(site: Site) -> None:
    again = site.command("up")
    assert (again.returncode, again.stdout.split(" (")[0]) == (0, f"It is already up on {site.url}")


def test_up_elsewhere_is_not_taken_for_up_here(site: Site) -> None:
    elsewhere = site.command("up", DRUMEE_PORT="1")
    assert elsewhere.returncode == 1
    assert "make down" in elsewhere.stdout


def test_up_refuses_bad_settings_even_when_it_is_up(site: Site) -> None:
    refused = site.command("up", DRUMEE_PROT="8081")
    assert refused.returncode == 2
    assert "DRUMEE_PORT" in refused.stdout


@pytest.mark.parametrize("server", ["redis", "mariadb", "service", "supervisord"])
def test_a_process_that_is_killed_comes_back(site: Site, server: str) -> None:
    killed = read_pid(site.run_dir / f"{server}.pid")
    assert killed
    os.kill(killed, signal.SIGKILL)
    assert eventually(lambda: read_pid(site.run_dir / f"{server}.pid") not in {None, killed}, 60)
    assert eventually(lambda: _well(site), 60)
    name = {"redis": "Redis", "mariadb": "MariaDB", "service": "The service"}.get(server, server)
    assert eventually(lambda: f"{name} had ended: started again." in _log(site), 30)


def test_the_log_of_the_service_is_that_of_run(site: Site) -> None:
    with urllib.request.urlopen(f"{site.url}/-/health?marked", timeout=60):
        pass
    (site.run_dir / "service.log").rename(site.run_dir / "service.log.1")
    with (site.run_dir / "service.log").open("w") as log:
        log.write("a line after the rotation\n")
    assert eventually(lambda: "a line after the rotation" in _log(site), 10)
    assert '"level":"INFO"' in _log(site)


def test_up_takes_over_from_a_run_that_was_killed(site: Site) -> None:
    (holder,) = (int(word) for word in (site.run_dir / "run.lock").read_text().split())
    mariadb, service = (read_pid(site.run_dir / f"{name}.pid") for name in ("mariadb", "service"))
    os.kill(holder, signal.SIGKILL)
    again = site.command("up")
    assert (again.returncode, f"Serving on {site.url}" in again.stdout) == (0, True)
    assert read_pid(site.run_dir / "mariadb.pid") == mariadb
    assert read_pid(site.run_dir / "service.pid") not in {None, service}
    assert f"Stopping process {service}, left over" in _log(site)


def test_listen_finds_the_service_whatever_its_port(site: Site) -> None:
    environ = {key: value for key, value in site.environ.items() if key != "DRUMEE_PORT"}
    command = [sys.executable, "-m", "service", "listen", "--user", "alice@example.org"]
    command += ["--password", "demo-password"]
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE) as listener:
        assert listener.stdout
        assert json.loads(listener.stdout.readline())["service"] == "sys.hello"
        listener.send_signal(signal.SIGINT)


def test_down_leaves_no_process(site: Site) -> None:
    pids = [read_pid(site.run_dir / f"{name}.pid") for name in ("service", "redis", "mariadb", "supervisord")]
    assert site.command("down").stdout == "Stopped.\n"
    assert all(pids)
    assert not any(map(_is_alive, pids))
    assert site.command("down").stdout == "Nothing is running.\n"


def _is_alive(pid: int | None) -> bool:
    # one whose parent was killed may wait as a zombie for another one that takes no notice
    return bool(psutil.pid_exists(pid or 0) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)


def _log(site: Site) -> str:
    return (site.run_dir / "run.log").read_text()


def _well(site: Site) -> bool:
    try:
        return site.health() == "ok"
    except OSError:
        return False
