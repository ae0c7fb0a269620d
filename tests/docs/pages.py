"""The Markdown pages of the repository, taken apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("docs", "acl", "procedures", "service", "sql", "tests")
"""Folders with pages, besides the root."""
TITLE = re.compile(r'title="([^"]+)"')


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the file it is taken from, its text."""

    page: str
    line: int
    language: str
    title: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Page:
    """A page: its path from the root, and the tokens of its Markdown."""

    name: str
    text: str
    tokens: tuple[Token, ...]

    @property
    def path(self) -> Path:
        """The file."""
        return ROOT / self.name

    @property
    def blocks(self) -> list[Block]:
        """The fenced blocks."""
        return [self._block(token) for token in self.tokens if token.type == "fence"]

    def _block(self, token: Token) -> Block:
        language, _, rest = token.info.strip().partition(" ")
        title = TITLE.search(rest)
        line = token.map[0] + 1 if token.map else 0
        return Block(self.name, line, language, title[1] if title else "", token.content)

    @property
    def anchors(self) -> list[str]:
        """The anchors of the headings, as GitHub and MkDocs make them."""
        titles = [
            inline.content
            for opening, inline in zip(self.tokens, self.tokens[1:], strict=False)
            if opening.type == "heading_open"
        ]
        return [_slug(title) for title in titles]

    @property
    def links(self) -> list[str]:
        """Targets of links and pictures."""
        targets = [child.attrGet("href") or child.attrGet("src") for child in self._inline()]
        return [str(target) for target in targets if target]

    @property
    def code_spans(self) -> list[str]:
        """Texts between single backticks."""
        return [child.content for child in self._inline() if child.type == "code_inline"]

    def _inline(self) -> Iterator[Token]:
        for token in self.tokens:
            yield from token.children or ()


def _slug(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")


@cache
def load_pages() -> dict[str, Page]:
    """All pages by their path from the root."""
    paths = [*ROOT.glob("*.md"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md"))]
    return {name: load_page(name) for name in sorted(str(path.relative_to(ROOT)) for path in paths)}


def load_page(name: str) -> Page:
    """One page by its path from the root."""
    text = (ROOT / name).read_text()
    return Page(name, text, tuple(MarkdownIt("commonmark").enable("table").parse(text)))


def blocks_of(language: str) -> list[Block]:
    """The blocks of one language on all pages."""
    return [block for page in load_pages().values() for block in page.blocks if block.language == language]
