"""Pages are short where people enter, and say who has checked each block."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import ROOT, load_pages

README_WORDS = 700
FOLDER_LINES = 40
CONTRIBUTING_LINES = 60
LANGUAGES = {
    "console": "tests/docs/test_console.py",
    "json": "tests/docs/test_examples.py",
    "mermaid": "tests/docs/test_site.py",
    "python": "tests/docs/test_examples.py",
    "sql": "tests/docs/test_examples.py",
    "text": "tests/docs/test_examples.py",
    "toml": "tests/webhooks/test_site.py",
}
"""Languages of blocks, and the test that holds each of them."""


def test_the_readme_is_short() -> None:
    assert len(load_pages()["README.md"].text.split()) <= README_WORDS


def test_contributing_is_short() -> None:
    assert len(load_pages()["CONTRIBUTING.md"].text.splitlines()) <= CONTRIBUTING_LINES


@pytest.mark.parametrize("name", sorted(n for n in load_pages() if n.endswith("/README.md")))
def test_folder_pages_are_short(name: str) -> None:
    assert len(load_pages()[name].text.splitlines()) <= FOLDER_LINES


def test_blocks_have_a_language_that_is_checked() -> None:
    blocks = [block for page in load_pages().values() for block in page.blocks]
    unknown = [f"{block}: {block.language or 'no language'}" for block in blocks]
    unknown = [text for text in unknown if text.rpartition(" ")[2] not in LANGUAGES]
    assert not unknown, "\n".join(unknown)
    assert all(Path(ROOT / test).exists() for test in LANGUAGES.values())


@pytest.mark.parametrize("folder", ["procedures", "sql", "acl", "service", "tests"])
def test_people_who_enter_a_folder_find_a_page(folder: str) -> None:
    assert f"{folder}/README.md" in load_pages()
