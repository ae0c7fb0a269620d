"""The page of a frontend that starts again in it, as the real one does after a sign-in and a sign-up."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.support.browsers import needs_chromium
from tests.support.builds import HASH, write_build
from tests.support.nodes import NodeMaker

SCRIPT = """
window.starts = [];
window.Drumee = {
  on(name, handler) { this[name] = handler; },
  start() { this["before:start"]?.(); window.starts.push(window.location.hash); },
};
window.Drumee.start();
document.dispatchEvent(new Event("drumee:app:started"));
window.Drumee.start();
"""
"""A frontend that notes where it starts."""

pytestmark = needs_chromium("the page of the frontend")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("#/welcome/signup/c2VjcmV0", "#/desk"),
        ("#/welcome/signin", "#/desk"),
        ("#/dmz/meeting/c2VjcmV0", "#/dmz/meeting/c2VjcmV0"),
        ("", ""),
    ],
)
async def test_a_frontend_that_starts_again_starts_at_the_desk(
    make_node: NodeMaker, browser: Browser, tmp_path: Path, first: str, second: str
) -> None:
    build = write_build(tmp_path / "build")
    (build / "app" / f"main-{HASH}.js").write_text(SCRIPT)
    for packed in ("gz", "br"):
        (build / "app" / f"main-{HASH}.js.{packed}").unlink()
    node = await make_node(frontend_dir=str(build))
    page = await browser.new_page()
    await page.goto(f"{node.make_url('/')}{first}")
    assert await page.evaluate("starts") == [first, second]
    await page.close()
