"""Sign in with HTTP Basic: the email address of a user, and one of their app passwords."""

from __future__ import annotations

import binascii
from base64 import b64decode

from aiohttp import web

from service.auth.app_passwords import AppPasswords
from service.auth.session import Caller
from service.carddav.errors import dav_error, unauthorized
from service.web.address import AddressKey


def credentials(request: web.Request) -> tuple[str, str] | None:
    """Return the user name and the password of a request, or None."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        pair = b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    name, colon, password = pair.partition(":")
    return (name.strip(), password.strip()) if colon else None


async def open_app_password(request: web.Request, passwords: AppPasswords, address: AddressKey) -> Caller:
    """Return the caller of a request: one CALL. RequestError 401 without a valid app password.

    429 when this address has sent too many wrong ones. A right one is never refused.
    """
    pair = credentials(request)
    if pair is None:
        raise unauthorized()
    sign_in = await passwords.open(*pair, address)
    if sign_in.retry_after:
        raise dav_error(
            429,
            "TOO_MANY_ATTEMPTS",
            "Too many wrong app passwords",
            headers={"Retry-After": str(sign_in.retry_after)},
        )
    if sign_in.caller is None:
        raise unauthorized()
    return sign_in.caller
