"""Create people, hubs, links and keys in the registry, as an administrator."""

from __future__ import annotations

import secrets
import time
from typing import Any

from service.auth.passwords import hash_password
from service.deploy.guards import check_complete
from service.settings import Settings, database_servers
from service.store.admin import Connection
from service.store.database import document, encode


class Registry:
    """People, hubs and grants, made by the routines that make them for everybody."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._connection = Connection(settings, database_servers(settings.db_admin, "DRUMEE_DB_ADMIN"))
        check_complete(self._connection)

    def call(self, db: str, name: str, *args: Any) -> list[tuple[Any, ...]]:
        """CALL a routine; the rows of its first result set."""
        marks = ", ".join(["%s"] * len(args))
        with self._connection.transaction():
            return self._connection.rows(f"CALL `{db}`.{name}({marks})", *args)

    def exists(self, table: str, key: str) -> bool:
        """Whether an entity of this id was made before."""
        return bool(self.rows(f"SELECT 1 FROM yp.{table} WHERE id = %s", key))  # noqa: S608

    def add_person(
        self,
        email: str,
        firstname: str,
        lastname: str,
        password: str,
        domain: str | None,
        uid: str | None = None,
    ) -> tuple[str, str]:
        """Register a person; (uid, shard)."""
        username = email.partition("@")[0]
        ((new_uid, _wicket, shard),) = self.call(
            "yp",
            "drumate_create",
            uid,
            email,
            username,
            hash_password(password),
            firstname,
            lastname,
            domain,
            None,
        )
        return new_uid, shard

    def add_hub(self, name: str, owner: str, area: str, hub_id: str | None = None) -> str:
        """Make a hub; its id."""
        ((new_id, _owner, _shard),) = self.call("yp", "hub_create", hub_id, name, owner, area)
        return str(new_id)

    def add_link(self, hub: str, title: str, days: int) -> tuple[str, str]:
        """Make a guest link for the home room of a hub: (its secret, the room)."""
        token = secrets.token_urlsafe(16)
        expiry = int(time.time()) + days * 86_400 if days else 0
        ((_hub, room),) = self.call("yp", "dmz_link_create", hub, None, token, title or None, expiry)
        return token, str(room)

    def limit_rooms(self, hub: str, people: int | None, minutes: int | None) -> dict[str, int | None]:
        """Limit the rooms of a hub; return people and minutes. None leaves a limit, -1 takes it away."""
        limits: dict[str, int | None] = document(self.call("yp", "hub_limits", hub, people, minutes))
        return limits

    def set_phone_region(self, uid: str, shard: str, region: str) -> None:
        """Set the country of a user's numbers without a country code; "" takes it away."""
        self.call("yp", "drumate_region", uid, region)
        self.call(shard, "contact_phones_forget", uid)

    def caller_card(self, who: str) -> str | None:
        """Return the JSON of a user with an active account, by email or uid; None: there is none."""
        statement = (
            "SELECT k.data FROM yp.drumate AS d JOIN yp.caller_card AS k ON k.uid = d.id "
            "WHERE d.id = %s OR d.email = LOWER(TRIM(%s))"
        )
        cards = self.rows(statement, who, who)
        return cards[0][0] if cards else None

    def count_contacts(self, db: str, owner: str, boxes: tuple[str, ...]) -> int:
        """Return how many contacts of an address book are in these boxes."""
        statement = f"SELECT COUNT(*) FROM `{db}`.contact WHERE owner_id = %s AND box IN %s"  # noqa: S608
        return int(self.rows(statement, owner, boxes)[0][0])

    def grant(self, hub: str, who: str, level: int) -> None:
        """Give somebody a level on a whole hub."""
        self.call("yp", "permission_grant", hub, "*", who, level, 0)

    def befriend(self, one: str, other: str) -> None:
        """Make two people contacts of each other."""
        for owner, peer in ((one, other), (other, one)):
            ((shard,),) = self.rows("SELECT db_name FROM yp.entity WHERE id = %s", owner)
            contact = document(self.call(shard, "my_contact_add", owner, encode({"invitee_id": peer})))
            self.call(shard, "contact_relate", owner, contact["id"], peer, "active")

    def rows(self, statement: str, *args: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self._connection.rows(statement, *args)
