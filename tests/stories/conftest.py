"""Provide servers that a story may stop, and a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from service.deploy.deployer import Deployer
from service.local.stack import Stack
from service.settings import Settings
from tests.support.browsers import CHROMIUM, SWITCHES


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
        Deployer(settings, say=lambda _: None).deploy()
        yield stack, settings


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Start the headless Chromium of the distribution."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield running
        await running.close()
