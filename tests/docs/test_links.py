"""Links lead to a file that exists, and to a heading that it has."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import ROOT, load_page, load_pages

SOURCES = {".py", ".sql", ".json"}
REFERENCE = re.compile(r"\bdocs/[\w/-]+\.md(?:#[\w-]+)?")
OUTSIDE = ("http://", "https://", "mailto:")
"""Addresses of other sites are not looked at: the tests need no network."""


def _problem(page: str, link: str) -> str | None:
    target, _, anchor = link.partition("#")
    path = (ROOT / page).parent / target if target else ROOT / page
    if not path.exists():
        return f"{page}: {link}: there is no such file"
    name = str(path.resolve().relative_to(ROOT))
    if anchor and anchor not in load_page(name).anchors:
        return f"{page}: {link}: {name} has the headings {load_page(name).anchors}"
    return None


def test_links_lead_somewhere() -> None:
    links = [(name, link) for name, page in load_pages().items() for link in page.links]
    inside = [(name, link) for name, link in links if not link.startswith(OUTSIDE)]
    assert len(inside) > 50
    problems = [problem for name, link in inside if (problem := _problem(name, link))]
    assert not problems, "\n".join(problems)


def test_comments_refer_to_headings_that_exist() -> None:
    folders = ("acl", "procedures", "service", "sql", "tests")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in SOURCES]
    links = [(path, link) for path in files for link in REFERENCE.findall(path.read_text())]
    assert len(links) > 25
    problems = [
        f"{path.relative_to(ROOT)}: {problem}"
        for path, link in links
        if (problem := _problem("README.md", link))
    ]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("name", sorted(load_pages()))
def test_headings_of_a_page_have_different_anchors(name: str) -> None:
    anchors = load_page(name).anchors
    if name != "CHANGELOG.md":
        assert len(set(anchors)) == len(anchors)


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, new = set[str](), {"README.md"}
    while new:
        reached |= new
        links = [(name, link.partition("#")[0]) for name in new for link in load_page(name).links]
        targets = {
            ((ROOT / name).parent / link).resolve() for name, link in links if link and "://" not in link
        }
        new = {str(path.relative_to(ROOT)) for path in targets if path.suffix == ".md"} - reached
    assert load_pages().keys() == reached
