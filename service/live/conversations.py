"""Private conversations: messages for both sides; what is read on one side is seen on the other."""

from __future__ import annotations

import secrets
from typing import Any, NamedTuple

from service.store.database import (
    ResultSet,
    RoutineCaller,
    Transaction,
    document,
    documents,
    encode,
)


class Reading(NamedTuple):
    """A conversation that was marked as read."""

    counts: dict[str, Any]
    """entity_id, message_id, room and total: what is unread now."""
    reader_socket_rows: ResultSet
    seen: list[dict[str, Any]]
    """The messages that the reader had not read before, as their author has them."""
    author_socket_rows: ResultSet


def new_message(received_us: int, message: str, metadata: dict[str, Any]) -> dict[str, Any]:
    """Return a message as routines take it; `received_us` is its time, microseconds since 1970."""
    # Begins with the time, so that messages of the same second keep their order.
    message_id = f"{received_us:013x}{secrets.token_hex(2)[:3]}"
    ctime = received_us // 1_000_000
    return {"message_id": message_id, "message": message, "ctime": ctime, "metadata": metadata}


async def mark_read(
    db: RoutineCaller, shard: str, reader: str, peer: str | None, message_id: str | None
) -> Reading:
    """Mark a conversation as read up to a message, or all of it, and its messages as seen for their author.

    `peer` is a uid, an address or a contact id; None: the other side of the message.
    """

    async def unit(tx: Transaction) -> Reading:
        count_rows, reader_socket_rows, author_rows = await tx.call(
            shard, "acknowledge_message", reader, peer, message_id
        )
        reading = Reading(document(count_rows), reader_socket_rows, [], [])
        for author in documents(author_rows):
            seen_rows, socket_rows = await tx.call(
                author["db"], "message_seen", author["author_id"], reader, author["until"]
            )
            reading = reading._replace(seen=documents(seen_rows), author_socket_rows=socket_rows)
        return reading

    return await db.transaction("acknowledge_message", unit)


class Post(NamedTuple):
    """A message as one side has it."""

    message: dict[str, Any]
    """As `chat.post` shows it."""
    socket_rows: ResultSet


async def post(
    db: RoutineCaller, shard: str, author: str, peer: str, message: dict[str, Any]
) -> tuple[Post, Post]:
    """Write a message into both copies of a conversation; return that of the author, and that of the peer.

    `message` has message_id, message, ctime and metadata.
    """

    async def unit(tx: Transaction) -> tuple[Post, Post]:
        own_rows, own_socket_rows, peer_rows, peer_socket_rows = await tx.call(
            shard, "message_post", author, peer, encode(message)
        )
        other = document(peer_rows)
        copy = encode([{**message, "author_id": author}])
        (message_rows,) = await tx.call(other["db"], "contact_greet", other["uid"], author, copy)
        return Post(document(own_rows), own_socket_rows), Post(document(message_rows), peer_socket_rows)

    return await db.transaction("message_post", unit)


class Deletion(NamedTuple):
    """Messages that are gone from one copy of a conversation."""

    messages: list[dict[str, Any]]
    """message_id, entity_id, peer_id, room and total of each: what is unread now."""
    socket_rows: ResultSet


async def delete(
    db: RoutineCaller, shard: str, owner: str, messages: list[str], option: str
) -> list[Deletion]:
    """Delete messages for the owner, with the option `all` for the other sides too; the owner comes first."""

    async def unit(tx: Transaction) -> list[Deletion]:
        own_rows, own_socket_rows, own_file_rows, peer_rows = await tx.call(
            shard, "message_delete", owner, encode(messages), option
        )
        await _release(tx, owner, own_file_rows)
        deletions = [Deletion(documents(own_rows), own_socket_rows)]
        for peer in documents(peer_rows):
            dropped_rows, socket_rows, file_rows = await tx.call(
                peer["db"], "message_drop", peer["uid"], encode(peer["messages"]), owner
            )
            await _release(tx, peer["uid"], file_rows)
            deletions.append(Deletion(documents(dropped_rows), socket_rows))
        return deletions

    return await db.transaction("message_delete", unit)


async def _release(tx: Transaction, holder: str, file_rows: ResultSet) -> None:
    """Give up the files of messages that a side has deleted; the last side deletes them."""
    for files in documents(file_rows):
        await tx.call(files["db"], "attachment_release", files["owner_id"], holder, encode(files["messages"]))
