"""argon2id password hashes. Verifying takes tens of milliseconds of CPU, so it has two threads of its own."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP's second choice: 19 MiB, two passes; with two threads at most 38 MiB at a time
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_threads = ThreadPoolExecutor(2, thread_name_prefix="argon2")


def hash_password(password: str) -> str:
    """An argon2id hash."""
    return _hasher.hash(password)


_NOBODYS_HASH = hash_password("nobody has this password")
"""Made at start: made at the first unknown account, that one would take longer than others."""


async def verify_password(password: str, password_hash: str | None) -> bool:
    """Whether the password is right. Without an account (None) it takes just as long to say no."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_threads, _verify, password, password_hash)


def _verify(password: str, password_hash: str | None) -> bool:
    try:
        return _hasher.verify(password_hash or _NOBODYS_HASH, password) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False
