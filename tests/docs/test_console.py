"""The commands of every page, typed one after the other into a shell beside a served site."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.docs.not_run import NOT_RUN
from tests.docs.pages import blocks_of, load_page, load_pages
from tests.docs.site import FRAME_SECONDS, SHOWN_URL, Shell, Site, background
from tests.docs.transcript import Bindings, Step, steps_of

PAGES = list(dict.fromkeys(block.page for block in blocks_of("console")))
ENDLESS = "make listen"


def _words(command: str) -> str:
    """A command without its comment."""
    return command.partition("  #")[0].strip()


class Reader:
    """Somebody who types what a page shows."""

    def __init__(self, running: tuple[Site, str], place: Path, stack: ExitStack) -> None:
        self.site, self.printed_by_run = running
        self.place = place
        self.stack = stack
        self.bindings = Bindings()
        self.shell = Shell(self.site)
        stack.callback(self.shell.close)
        self.listened = ""
        self.output = place / "background.txt"

    def follow(self, step: Step) -> None:
        """Type the command; fail when it prints something else than the page shows."""
        expected = self.site.localize(step.output)
        if not step.command:
            self.listened += f"\n…{expected}"
            self._hear()
        elif _words(step.command) == "make run":
            assert self.bindings.match(expected, self.printed_by_run, whole=False), self.printed_by_run
        elif step.command.startswith(ENDLESS):
            command = self.site.localize(self.bindings.fill(step.command))
            self.stack.enter_context(background(f"exec {command}", self.site, self.output))
            self.listened = expected
            self._hear()
        elif _words(step.command) not in NOT_RUN:
            status, printed = self.shell.run(self.site.localize(self.bindings.fill(step.command)))
            assert status == 0, f"{step.command}\nexits with {status}:\n{printed}"
            if expected:
                same = self.bindings.match(expected, printed)
                assert same, f"{step.command}\nprints\n{printed}\ninstead of\n{expected}"

    def _hear(self) -> None:
        """Wait for what the command in the background has to print."""
        deadline = time.monotonic() + FRAME_SECONDS
        while not self.bindings.match(self.listened, self.output.read_text(), whole=False):
            heard = self.output.read_text()
            assert time.monotonic() < deadline, f"printed\n{heard}\ninstead of\n{self.listened}"
            time.sleep(0.05)


@pytest.fixture
def reader(running: tuple[Site, str], tmp_path: Path) -> Iterator[Reader]:
    """A reader with a fresh shell."""
    with ExitStack() as stack:
        yield Reader(running, tmp_path, stack)


@pytest.mark.parametrize("page", PAGES)
def test_commands_print_what_the_page_shows(reader: Reader, page: str) -> None:
    for block in load_page(page).blocks:
        if block.language == "console":
            for step in steps_of(block.text):
                reader.follow(step)


def test_links_to_the_running_service_work(running: tuple[Site, str]) -> None:
    site, _ = running
    prefix = f"http://{SHOWN_URL}"
    links = {link for page in load_pages().values() for link in page.links if link.startswith(prefix)}
    assert links
    for link in links:
        with urllib.request.urlopen(site.localize(link), timeout=60) as answer:
            assert answer.status == 200


def test_commands_that_are_not_run_are_on_a_page() -> None:
    commands = {_words(step.command) for block in blocks_of("console") for step in steps_of(block.text)}
    assert commands >= NOT_RUN.keys()
