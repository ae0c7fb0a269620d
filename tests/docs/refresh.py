"""Copy the examples from the tree to the pages that show them: `python -m tests.docs.refresh`."""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path

from tests.docs.pages import ROOT, Block, blocks_of

MIGRATION = "NNNN"
"""Stands for the number in the title of a migration that is only an example."""


def functions_of(path: Path) -> dict[str, str]:
    """The functions of a module as they stand in the file, by name."""
    text = path.read_text()
    nodes = [n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {node.name: ast.get_source_segment(text, node) or "" for node in nodes}


def original_of(block: Block) -> str:
    """The text of the tree that a block shows. KeyError when its module has no function of that name."""
    path = ROOT / block.title
    if block.language == "sql":
        return path.read_text()
    function = ast.parse(block.text).body[0]
    assert isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
    return functions_of(path)[function.name] + "\n"


def copies() -> list[Block]:
    """The blocks that show a part of the tree."""
    return [block for block in [*blocks_of("python"), *blocks_of("sql")] if MIGRATION not in block.title]


def refresh() -> None:
    """Rewrite the pages whose examples differ from the tree."""
    for block in copies():
        original = original_of(block)
        page = ROOT / block.page
        for indent in ("", "    "):
            before, after = (textwrap.indent(text, indent) for text in (block.text, original))
            page.write_text(page.read_text().replace(before, after))


if __name__ == "__main__":
    refresh()
