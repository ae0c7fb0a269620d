"""The secret that all nodes sign with."""

from __future__ import annotations

from service.store.database import RoutineCaller


class SigningSecret:
    """Read from the registry once."""

    def __init__(self, db: RoutineCaller) -> None:
        self._db = db
        self._secret = b""

    async def get(self) -> bytes:
        """Return 32 random bytes."""
        if not self._secret:
            ((row,),) = await self._db.call("yp", "api_secret_get")
            self._secret = bytes.fromhex(row[0])
        return self._secret
