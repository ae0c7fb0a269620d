"""`make site` builds every page, and a built page loads nothing from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks_of, load_pages

LOADED = re.compile(r'<(?:script|img|iframe|link)\b[^>]*\b(?:src|href)="(?:https?:)?//[^"]*"')


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built pages. --strict ends with an error for a link or an anchor that leads nowhere."""
    place = tmp_path_factory.mktemp("site")
    run = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(place)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout + run.stderr) == (0, "")
    return place


def _built(site: Path, name: str) -> Path:
    inside = name.removeprefix("docs/") if name.startswith("docs/") else f"tree/{name}"
    return site / re.sub(r"(?:README|(\w[\w-]*))\.md$", lambda m: f"{m[1] or 'index'}.html", inside)


def test_every_page_is_built(site: Path) -> None:
    missing = [name for name in load_pages() if not _built(site, name).exists()]
    assert not missing


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 30
    loaded = {str(page): LOADED.findall(page.read_text()) for page in pages}
    assert not {page: addresses for page, addresses in loaded.items() if addresses}


def test_pictures_are_drawn(site: Path) -> None:
    pictures = blocks_of("mermaid")
    assert pictures
    for page in {block.page for block in pictures}:
        drawn = _built(site, page).read_text().count('<div style="min-width: 28rem; background: #fff"><svg')
        assert drawn == sum(block.page == page for block in pictures)
