"""Browsers that have signed in to an account before, known by a cookie.

The cookie signs nobody in. It exempts its browser from the limits that strangers use up: see OWASP, "Slow
Down Online Guessing Attacks with Device Cookies". No library has them.
"""

from __future__ import annotations

import hmac
import re
import secrets
import time

from service.auth.secret import SigningSecret
from service.store.database import RoutineCaller

COOKIE = "known_device"
COOKIE_SECONDS = 365 * 86_400
MAX_ACCOUNTS = 5
"""Accounts of one browser; the one that signed in first is forgotten."""
ENTRY = re.compile(r"[0-9a-f]{16}\.[0-9]{10}\.[0-9a-f]{64}")
SEPARATOR = "~"


class Devices:
    """Issues and verifies the cookie: an id, an expiry and a signature for each account of the browser.

    The account is part of what is signed, but not of the cookie.
    """

    def __init__(self, db: RoutineCaller) -> None:
        self._secret = SigningSecret(db)

    async def find(self, cookie: str, uid: str) -> str:
        """Return the name of the browser at this account, "" when it has not signed in to it before."""
        for entry in _entries(cookie):
            device, expiry, signature = entry.split(".")
            expected = await self._sign(uid, device, expiry)
            if int(expiry) > time.time() and hmac.compare_digest(signature, expected):
                return f"{uid} {device}"
        return ""

    async def issue(self, cookie: str, uid: str) -> str:
        """Return the cookie with an entry for this account, besides those of other accounts."""
        device, expiry = secrets.token_hex(8), str(int(time.time()) + COOKIE_SECONDS)
        entry = f"{device}.{expiry}.{await self._sign(uid, device, expiry)}"
        others = [other for other in _entries(cookie) if not await self.find(other, uid)]
        return SEPARATOR.join([entry, *others][:MAX_ACCOUNTS])

    async def _sign(self, uid: str, device: str, expiry: str) -> str:
        text = f"device cookie {uid} {device} {expiry}"
        return hmac.digest(await self._secret.get(), text.encode(), "sha256").hex()


def _entries(cookie: str) -> list[str]:
    return [entry for entry in cookie.split(SEPARATOR)[:MAX_ACCOUNTS] if ENTRY.fullmatch(entry)]
