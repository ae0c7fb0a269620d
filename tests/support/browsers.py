"""The Chromium of the distribution, for tests of pages."""

from __future__ import annotations

import os
import shutil

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
SWITCHES = [
    "--use-fake-ui-for-media-stream",
    # Few pictures: a meeting of three encodes six videos on the cores that the service needs.
    "--use-fake-device-for-media-stream=fps=5",
    # A container has no mDNS, and both browsers are on this machine.
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    *(["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []),
]


def needs_chromium(page: str) -> pytest.MarkDecorator:
    """Return the mark of tests of a page: without Chromium they are skipped, and the run says so."""
    return pytest.mark.skipif(CHROMIUM is None, reason=f"{page}: there is no Chromium here (make browser)")
