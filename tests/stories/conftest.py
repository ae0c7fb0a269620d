"""Provide servers that a story may stop, and a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from service.admin import demo
from service.deploy.deployer import Deployer
from service.local.stack import Stack
from service.settings import Settings
from tests.support.browsers import CHROMIUM, SWITCHES
from tests.support.demo_page import DemoPage, ServeDemo
from tests.support.nodes import NodeMaker


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[tuple[Stack, Settings]]:
    """Start servers that this test may stop."""
    with Stack(tmp_path / "stack", durable=False, leashed=True) as stack:
        env = stack.env()
        settings = Settings(
            db=env["DRUMEE_DB"],
            db_admin=env["DRUMEE_DB_ADMIN"],
            redis=env["DRUMEE_REDIS"],
            run_dir=str(tmp_path),
        )
        Deployer(settings, say=lambda _: None, examples=False).deploy()
        yield stack, settings


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Start the headless Chromium of the distribution; each person has cookies of their own (`browse`)."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield running
        await running.close()


@pytest.fixture
def serve_demo(make_node: NodeMaker, settings: Settings) -> ServeDemo:
    """Return what serves the demo page, with the people of `make demo`."""
    demo.load(settings)

    async def serve(close_grace: int) -> DemoPage:
        # Other tests have tried wrong passwords for the same people, from the same address.
        limits = {"login_attempts": 100_000, "login_attempts_address": 100_000}
        node = await make_node(socket_grace=3, socket_close_grace=close_grace, **limits)
        return DemoPage(str(node.make_url("/-/demo/")))

    return serve


@pytest.fixture
async def demo_page(serve_demo: ServeDemo) -> DemoPage:
    """Serve the demo page; one that is loaded anew has time on a busy machine as well."""
    return await serve_demo(60)
