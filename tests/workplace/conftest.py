"""Provide a node that serves the frontend of DRUMEE_FRONTEND_DIR, and a browser."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright
from yarl import URL

from tests.support.browsers import CHROMIUM, SWITCHES
from tests.support.mail import Postman
from tests.support.nodes import NodeMaker
from tests.support.people import Person
from tests.workplace.desk import Desk, DeskOpener

# A person would have clicked somewhere before the first sound.
SOUNDS = "--autoplay-policy=no-user-gesture-required"


@pytest.fixture(scope="session")
def frontend_dir() -> str:
    """Return the folder of a built frontend; skip where there is none."""
    folder = os.environ.get("DRUMEE_FRONTEND_DIR", "")
    if not folder:
        pytest.skip("the real frontend: DRUMEE_FRONTEND_DIR names no folder with a built one")
    if CHROMIUM is None:
        pytest.skip("the real frontend: there is no Chromium here (make browser)")
    return folder


@pytest.fixture
async def node(make_node: NodeMaker, frontend_dir: str, postman: Postman) -> URL:
    """Return the base URL of a node that serves the frontend and sends mails."""
    node = await make_node(
        frontend_dir=frontend_dir,
        jitsi_domain="meet.localhost",
        jitsi_user="media",
        mail_from="Drumee <noreply@drumee.example>",
        smtp=postman.url,
    )
    return node.make_url("/")


@pytest.fixture
async def browser(frontend_dir: str) -> AsyncIterator[Browser]:
    """Start the headless Chromium of the distribution."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*SWITCHES, SOUNDS])
        yield running
        await running.close()


@pytest.fixture
async def open_desk(browser: Browser) -> AsyncIterator[DeskOpener]:
    """Sign people in, each in a browser profile of their own; at the end no page may have failed."""
    desks: list[Desk] = []

    async def opened(person: Person, base: URL | None = None) -> Desk:
        desk = await Desk.open(browser, base or person.base)
        desks.append(desk)
        await desk.sign_in(person.email)
        return desk

    yield opened
    errors = [error for desk in desks for error in desk.errors]
    for desk in desks:
        await desk.page.context.close()
    assert errors == []
