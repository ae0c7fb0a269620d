"""Scheduled meetings: the links by which guests come in."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode

SECRET_BYTES = 18


def link_secret(signing_secret: bytes, hub: str, room: str) -> str:
    """Return the secret in the link into a room: always the same one, and good only while it is stored."""
    digest = hmac.digest(signing_secret, f"meeting {hub} {room}".encode(), hashlib.sha256)
    return urlsafe_b64encode(digest[:SECRET_BYTES]).decode()


def link_url(base_url: str, secret: str) -> str:
    """Return the page of the frontend that lets a guest in."""
    return f"{base_url}/-/?area=dmz#/dmz/meeting/{secret}"
