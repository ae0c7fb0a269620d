"""Bring the relations of one user in line with what the other users have on their side."""

from __future__ import annotations

from service.store.admin import Connection

MUTUAL = {"active", "informed"}


def mend_relations(connection: Connection, uid: str, db: str) -> None:
    """Make the status of each entry what the other side says now, in the caller's transaction.

    A restore never makes, breaks or withdraws a relation: the other side is not touched.
    """
    other_statuses = _of_others(connection, uid)
    ours = connection.rows(
        f"SELECT id, peer_id, status FROM `{db}`.contact WHERE owner_id = %s AND peer_id IS NOT NULL", uid
    )
    for contact, peer, status in ours:
        wanted = fitting(status, other_statuses.pop(peer, "none"))
        if wanted == "gone":
            connection.run(f"DELETE FROM `{db}`.contact WHERE owner_id = %s AND id = %s", uid, contact)
            connection.rows(f"CALL `{db}`.contact_render(%s, %s)", uid, contact)
        elif wanted != status:
            _relate(connection, uid, db, contact, peer, wanted)
    for peer, status in other_statuses.items():
        if status in {*MUTUAL, "sent"}:
            connection.rows(f"CALL `{db}`.contact_received(%s, %s, NULL)", uid, peer)
            contact = connection.one(f"SELECT `{db}`.my_contact_of(%s, %s)", uid, peer)
            _relate(connection, uid, db, contact, peer, fitting("received", status))


def fitting(status: str, other: str) -> str:
    """Return the status that goes with that of the other side; gone: the entry was an invitation only."""
    if other in MUTUAL:
        return status if status in MUTUAL else "active"
    if other == "sent":
        return status if status in {"received", "invitation"} else "invitation"
    if other in {"received", "invitation"}:
        return "sent"
    return "gone" if status == "received" else "memory"


def _of_others(connection: Connection, uid: str) -> dict[str, str]:
    """Return by user the status of their entry for this one, also of one in the trash."""
    statuses: dict[str, str] = {}
    for (db,) in connection.rows("SELECT name FROM yp.shard WHERE is_open <> 2"):
        statuses |= dict(
            connection.rows(
                "SELECT c.owner_id, COALESCE(a.status, c.status) "
                f"FROM `{db}`.contact AS c "
                f"LEFT JOIN `{db}`.contact_relation_aside AS a ON a.owner_id = c.owner_id AND a.id = c.id "
                "JOIN yp.drumate AS d ON d.id = c.owner_id "
                "WHERE COALESCE(a.peer_id, c.peer_id) = %s",
                uid,
            )
        )
    return statuses


def _relate(connection: Connection, uid: str, db: str, contact: str, peer: str, status: str) -> None:
    connection.rows(f"CALL `{db}`.contact_relate(%s, %s, %s, %s)", uid, contact, peer, status)
    if status == "memory":
        connection.run(
            f"UPDATE `{db}`.contact SET category = 'independant' WHERE owner_id = %s AND id = %s",
            uid,
            contact,
        )
