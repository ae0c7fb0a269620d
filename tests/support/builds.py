"""Built frontends, small and made up."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

HASH = "902a170ce11e281dfa79"
OTHER_FILES = (
    "letters.woff2",
    "letters.ttf",
    "main.js.map",
    "tune.ogg",
    "page.webp",
    "drawing.svg",
    "odd.xyz",
)
SCRIPT = b"document.title = 'Drumee';\n" * 100


def write_build(folder: Path, build_hash: str = HASH) -> Path:
    """Write a build that holds a file of each kind; return the folder."""
    app = folder / "app"
    app.mkdir(parents=True, exist_ok=True)
    for name in (f"main-{build_hash}.js", f"17-{build_hash}.js", "plain.js"):
        (app / name).write_bytes(SCRIPT)
    # The tests do not unpack the second one: its name decides.
    (app / f"main-{build_hash}.js.gz").write_bytes(gzip.compress(SCRIPT))
    (app / f"main-{build_hash}.js.br").write_bytes(b"made by brotli")
    for name in OTHER_FILES:
        (app / name).write_bytes(b"content")
    (app / "index.json").write_text(json.dumps({"hash": build_hash, "no_hash": 0, "version": "3.1.11"}))
    return folder
