"""A signal ends a command, and waits for its clean-up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from service import ROOT
from service.local.ending import ended_by_signals, shielded


def clean_up(done: list[str]) -> None:
    """Get a signal in the middle of a clean-up."""
    with ended_by_signals():
        with shielded():
            os.kill(os.getpid(), signal.SIGTERM)
            done.append("cleaned up")
        done.append("and went on")


def test_a_signal_waits_for_the_clean_up() -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        clean_up(done)
    assert done == ["cleaned up"]


IMPORTING = """
import os, signal, sys
from service.local.ending import ended_by_signals
try:
    with ended_by_signals():
        exec("os.kill(os.getpid(), signal.SIGTERM); signal.pause()")
except KeyboardInterrupt:
    sys.exit(2)
"""
"""A dataclass makes its methods by such an exec of a text, while its module is imported."""


def test_a_signal_in_an_exec_of_a_text_changes_no_exit_status(tmp_path: Path) -> None:
    (tmp_path / "importing.py").write_text(IMPORTING)
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{tmp_path}"}
    done = subprocess.run([sys.executable, "-m", "importing"], env=environment, check=False)
    assert done.returncode == 2


def test_ctrl_c_during_the_imports_prints_no_trace(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    done = subprocess.run(
        ["env", "--default-signal=INT", sys.executable, "-m", "service", "--help"],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")
