"""The sockets that get an update, gathered by the process that holds them."""

from __future__ import annotations

from collections.abc import Iterator

from service.store.database import ResultSet


def by_node(recipients: ResultSet) -> Iterator[tuple[str, str]]:
    """Yield each process once with a JSON array of its sockets, each socket once.

    `recipients` are rows (node, JSON array of socket ids). Most routines send a row for each socket, because
    MariaDB pays more for a group than for the rows, and repeat one that two of their rules name. Those whose
    arrays have several sockets repeat none. The arrays are joined as texts: a room has a hundred of them.
    """
    arrays: dict[str, dict[str, None]] = {}
    for node, sockets in recipients:
        arrays.setdefault(node, {})[sockets[1:-1]] = None
    for node, inner_texts in arrays.items():
        yield node, f"[{','.join(inner_texts)}]"
