"""Hash and verify passwords with argon2id, on two threads: each hash takes tens of milliseconds of CPU."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

T = TypeVar("T")

# The second option of OWASP: 19 MiB, two passes. Two threads use at most 38 MiB.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_threads = ThreadPoolExecutor(2, thread_name_prefix="argon2")


def hash_password(password: str) -> str:
    """Return an argon2id hash."""
    return _hasher.hash(password)


_DUMMY_HASH = hash_password("nobody has this password")
"""Verified for accounts that do not exist. Computed at start, so that the first one takes no longer."""


async def verify_password(password: str, password_hash: str | None) -> bool:
    """Return whether the password is right. Takes as long for an account that does not exist (None)."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_threads, _verify, password, password_hash)


async def make_hash(password: str) -> str:
    """Return an argon2id hash, made on a thread."""
    return await on_thread(lambda: hash_password(password))


async def on_thread(work: Callable[[], T]) -> T:
    """Run work that takes tens of milliseconds of CPU on one of the two threads for passwords."""
    return await asyncio.get_running_loop().run_in_executor(_threads, work)


def _verify(password: str, password_hash: str | None) -> bool:
    try:
        return _hasher.verify(password_hash or _DUMMY_HASH, password) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False
