"""A site as its readers start it, and a shell in which they type."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from aiohttp.test_utils import unused_port

from tests.docs.pages import ROOT

SHOWN_URL = "127.0.0.1:8080"
SHOWN_RUN_DIR = ".run/"
READY = "Ctrl-C stops everything."
START_SECONDS = 400
COMMAND_SECONDS = 300
FRAME_SECONDS = 60
END = "--- end of output"


@dataclass
class Site:
    """A site as `make run` serves it, in a run directory of its own."""

    run_dir: Path
    host: str
    environ: dict[str, str]

    def localize(self, text: str) -> str:
        """A text of a page with the address and the run directory of this site."""
        return text.replace(SHOWN_URL, self.host).replace(SHOWN_RUN_DIR, f"{self.run_dir}/")


@contextmanager
def background(command: str, site: Site, output: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command that does not end by itself; its output goes to a file."""
    with output.open("wb") as file:
        process = subprocess.Popen(
            ["bash", "-c", command],
            cwd=ROOT,
            env=site.environ,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # A shell starts its background jobs deaf to Ctrl-C, and the tests may run in one.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(COMMAND_SECONDS)


def wait_for(output: Path, text: str, seconds: float) -> bool:
    """Whether a text appears in the output of a command in the background."""
    deadline = time.monotonic() + seconds
    while text not in output.read_text():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@contextmanager
def served(place: Path) -> Iterator[tuple[Site, str]]:
    """A site that is up, and what `make run` has printed."""
    port, run_dir = unused_port(), place / "run"
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    own = {"DRUMEE_RUN_DIR": str(run_dir), "DRUMEE_PORT": str(port), "PATH": programs}
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("DRUMEE_", "MAKE"))}
    site = Site(run_dir, f"127.0.0.1:{port}", outside | own)
    output = place / "make-run.txt"
    with background("make run", site, output):
        assert wait_for(output, READY, START_SECONDS), output.read_text()
        yield site, output.read_text()


class Shell:
    """bash, in which the commands of one page run one after the other."""

    def __init__(self, site: Site) -> None:
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=ROOT,
            env=site.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command: str) -> tuple[int, str]:
        """The exit status and the output of a command."""
        assert self._process.stdin
        assert self._process.stdout
        timer = threading.Timer(COMMAND_SECONDS, self._process.kill)
        timer.start()
        print(
            f"{{ {command}\n}} </dev/null\nprintf '\\n{END} %s\\n' $?", file=self._process.stdin, flush=True
        )
        lines: list[str] = []
        for line in self._process.stdout:
            if line.startswith(END):
                break
            lines.append(line)
        timer.cancel()
        assert self._process.poll() is None, f"{command} ended the shell, or took too long"
        return int(line.split()[-1]), "".join(lines)

    def close(self) -> None:
        """End the shell."""
        self._process.kill()
        self._process.wait()
