"""The Chromium of the distribution, for tests of pages."""

from __future__ import annotations

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
SWITCHES = [
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    # A container has no mDNS, and both browsers are on this machine.
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    *(["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []),
]
