"""`pip install .` gives a program: the wheel in an empty environment deploys, serves and ends."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from service.bench.node import free_port
from service.local.processes import eventually
from service.local.stack import Stack
from tests.support.locks import read_lock

EMAIL, PASSWORD = "ada@wheel.example", "one-two-three-four"
GRACE = {"email": "grace@example.org", "is_default": 1}


@dataclass
class Program:
    """The installed program, and the settings it runs with."""

    path: Path
    place: Path
    environ: dict[str, str]

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command in a directory that has nothing to do with the checkout."""
        return subprocess.Popen(
            [self.path, *words],
            cwd=self.place,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def output(self, *words: str, status: int = 0) -> str:
        """Return what a command prints; it must end with this exit status."""
        with self.start(*words) as process:
            text, _ = process.communicate(timeout=300)
        assert process.returncode == status, text
        return text


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Program]:
    """The wheel of this checkout in an environment of its own, with empty private servers."""
    place = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(place), str(root))
    (wheel,) = place.glob("drumee_contacts-*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place / "venv"], check=True)
    # `make ready` installed them by their hashes, and tests/test_requirements.py compares versions and hashes
    for name in read_lock("service"):
        link_package(name, place / "venv")
    # the lock brought all that the wheel asks for
    pip("--python", str(place / "venv"), "install", "--no-compile", "--no-index", str(wheel))
    own = {"DRUMEE_PORT": str(free_port()), "DRUMEE_WORKERS": "1", "PATH": os.defpath}
    with Stack(tmp_path_factory.mktemp("stack"), durable=False, leashed=True) as stack:
        yield Program(place / "venv/bin/drumee-contacts", place, own | stack.env())


def link_package(name: str, venv: Path) -> None:
    """Give an environment a package of this one, by links."""
    with contextlib.suppress(PackageNotFoundError):  # a package that other systems need
        package = distribution(name)
        source = Path(str(package.locate_file("")))
        (target,) = venv.glob("lib/python*/site-packages")
        for top in {file.parts[0] for file in package.files or ()} - {"..", "__pycache__"}:
            (target / top).symlink_to(source / top)


def pip(*words: str) -> None:
    """Run pip of this environment."""
    quiet = ("--quiet", "--disable-pip-version-check")
    outcome = subprocess.run(
        [sys.executable, "-m", "pip", *quiet, *words], capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stderr


def call(program: Program, name: str, body: dict[str, Any], cookie: str = "") -> tuple[Any, str]:
    """Call a service over HTTP: its data, and the cookie it sets."""
    url = f"http://127.0.0.1:{program.environ['DRUMEE_PORT']}/-/svc/{name}"
    headers = {"Content-Type": "application/json", "Cookie": cookie}
    with urlopen(Request(url, json.dumps(body).encode(), headers), timeout=60) as answer:
        return json.load(answer)["data"], answer.headers.get("Set-Cookie", "").partition(";")[0]


def serves(program: Program) -> bool:
    """Return whether the service answers yet."""
    try:
        urlopen(f"http://127.0.0.1:{program.environ['DRUMEE_PORT']}/-/health", timeout=5).close()
    except OSError:
        return False
    return True


def test_the_wheel_deploys_serves_and_ends(program: Program) -> None:
    assert "deployed: " in program.output("deploy")
    assert "nothing to do" in program.output("deploy")
    program.output("user", "--name", "Ada Lovelace", "--email", EMAIL, "--password", PASSWORD)
    with program.start("serve") as service:
        try:
            assert eventually(lambda: serves(program) or service.poll() is not None, 180)
            login, cookie = call(program, "yp.login", {"vars": {"ident": EMAIL, "password": PASSWORD}})
            assert login["status"] == "ok"
            contact = {"firstname": "Grace", "surname": "Hopper", "email": [GRACE]}
            call(program, "contact.add", contact, cookie)
            contacts, _ = call(program, "contact.show_contact", {}, cookie)
            assert [c["surname"] for c in contacts] == ["Hopper"]
        finally:
            service.send_signal(signal.SIGTERM)
    assert service.returncode == 0


@pytest.mark.parametrize(
    "words", [("lint",), ("adopt", "--file", "procedures/yp/session/session_open.sql"), ("bench",)]
)
def test_the_wheel_names_what_needs_a_checkout(program: Program, words: tuple[str, ...]) -> None:
    text = program.output(*words, status=2)
    assert text.startswith(f"{words[0]} works on a checkout of the project; this program is installed in ")


def test_the_wheel_has_the_headings_of_tables(program: Program) -> None:
    (file,) = program.place.glob("venv/lib/python*/site-packages/service/contacts/headings.csv")
    assert file.stat().st_size > 100_000


def test_the_wheel_deploys_older_routines_from_a_checkout_only(program: Program) -> None:
    assert "REV=main works on a checkout" in program.output("plan", "--rev", "main", status=2)
