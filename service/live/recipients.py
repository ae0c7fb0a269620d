"""The sockets that get an update, gathered by the process that holds them."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from service.store.database import ResultSet, encode


def by_node(recipients: ResultSet) -> Iterator[tuple[str, str]]:
    """Yield each process once with a JSON array of its sockets, each socket once.

    `recipients` are rows (node, JSON array of socket ids). A routine sends a row for each socket, because
    MariaDB pays more for a group than for the rows, and repeats one that two of its rules name.
    """
    if len(recipients) == 1:
        node, sockets = recipients[0]
        yield node, sockets
        return
    sockets_by_node: dict[str, dict[str, None]] = {}
    for node, sockets in recipients:
        sockets_by_node.setdefault(node, {}).update(dict.fromkeys(orjson.loads(sockets)))
    for node, socket_ids in sockets_by_node.items():
        yield node, encode(list(socket_ids))
