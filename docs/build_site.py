"""Hooks of MkDocs: pages from outside docs/, and Mermaid pictures that are drawn while the site is built."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

import mermaidx
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("acl", "procedures", "service", "sql", "tests")
TREE = "tree/"
"""Where the site has the pages and files of the repository that lie outside docs/."""
PAPER = "min-width: 28rem; background: #fff"
"""Style of a picture."""
LINK = re.compile(r"\]\(([^)#:]+)(#[\w-]+)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the root and of the folders, and the licence."""
    pages = [*ROOT.glob("*.md"), ROOT / "LICENSE"]
    pages += [path for folder in FOLDERS for path in (ROOT / folder).rglob("README.md")]
    for path in pages:
        name = str(path.relative_to(ROOT))
        text = _relinked(path.read_text(), name, TREE + name)
        files.append(File.generated(config, TREE + name, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Point the links of a page in docs/ that leave the folder to where the site has their targets."""
    name = page.file.src_uri
    return markdown if name.startswith(TREE) else _relinked(markdown, f"docs/{name}", name)


def _relinked(text: str, name: str, place: str) -> str:
    """The text of the file `name`, whose links are relative to it, for the place that it has on the site."""

    def relink(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), match[1]))
        on_site = target.removeprefix("docs/") if target.startswith("docs/") else TREE + target
        link = posixpath.relpath(on_site, posixpath.dirname(place) or ".")
        return f"]({link}{match[2] or ''})"

    return LINK.sub(relink, text)


def mermaid(source: str, *_: Any, **__: Any) -> str:
    """Draw a picture as SVG while the site is built, so that the page loads no script for it."""
    picture = mermaidx.render(source).svg()
    # On a phone the picture scrolls by itself; its lines are dark in the dark scheme too.
    return f'<div style="overflow-x: auto"><div style="{PAPER}">{picture}</div></div>'
