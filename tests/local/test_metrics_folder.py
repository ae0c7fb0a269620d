"""Folders with the numbers of a service: killed services leave none behind, and others keep theirs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from service import ROOT
from service.local import metrics_folder
from service.local.metrics_folder import share_metrics

SERVICE = """
import os, sys, time
from pathlib import Path
from service.local import metrics_folder
metrics_folder.MEMORY = Path(sys.argv[1])
metrics_folder.share_metrics(Path(sys.argv[2]))
if os.fork() == 0:
    print(os.getpid(), os.environ["PROMETHEUS_MULTIPROC_DIR"], flush=True)
time.sleep(60)
"""


class Service:
    """A process that shares its numbers, with a child."""

    def __init__(self, memory: Path, link: Path) -> None:
        self.parent = subprocess.Popen(
            [sys.executable, "-c", SERVICE, memory, link], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert self.parent.stdout is not None
        pid, folder = self.parent.stdout.readline().split()
        self.child, self.folder = int(pid), Path(folder)
        (self.folder / "counter_1.db").touch()

    def kill_parent(self) -> None:
        self.parent.kill()
        self.parent.wait()

    def kill(self) -> None:
        self.kill_parent()
        os.kill(self.child, 9)
        # the pipe ends when the last process has let it go
        assert self.parent.stdout is not None
        self.parent.stdout.read()
        self.parent.stdout.close()


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "memory"
    folder.mkdir()
    monkeypatch.setattr(metrics_folder, "MEMORY", folder)
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    yield folder
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)


def test_the_folder_of_a_killed_service_is_removed_by_the_next_start(memory: Path, tmp_path: Path) -> None:
    service = Service(memory, tmp_path / "metrics")
    other = Service(memory, tmp_path / "other")
    assert (tmp_path / "metrics").resolve() == service.folder
    service.kill()
    share_metrics(tmp_path / "metrics")
    own = (tmp_path / "metrics").resolve()
    assert set(memory.iterdir()) == {own, other.folder}
    assert os.environ["PROMETHEUS_MULTIPROC_DIR"] == str(own)
    other.kill()


def test_a_folder_stays_as_long_as_one_process_of_its_service_lives(memory: Path, tmp_path: Path) -> None:
    service = Service(memory, tmp_path / "metrics")
    service.kill_parent()
    share_metrics(tmp_path / "next")
    assert (service.folder / "counter_1.db").exists()
    service.kill()
    share_metrics(tmp_path / "last")
    assert not service.folder.exists()


def test_a_folder_of_a_version_without_locks_stays(memory: Path, tmp_path: Path) -> None:
    older = memory / "drumee-metrics-older"
    older.mkdir()
    share_metrics(tmp_path / "metrics")
    assert older.exists()
