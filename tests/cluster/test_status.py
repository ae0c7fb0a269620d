"""The picture of a cluster."""

from __future__ import annotations

from service.cluster.status import StatusLine, draw


def test_the_picture_shows_who_is_what() -> None:
    lines = [
        StatusLine("HAProxy", "balancer", "runs"),
        StatusLine("service", "a", "runs", "ready, health ok", {"heartbeat": "1 s", "sockets": "2"}),
        StatusLine("MariaDB", "db1", "dead"),
        StatusLine("MariaDB", "db2", "runs", "Synced, Primary, home", {"members": "2"}),
    ]
    assert draw("http://127.0.0.1:80", lines).splitlines() == [
        "clients  http://127.0.0.1:80",
        "   |",
        "HAProxy",
        "  balancer   runs",
        "   |",
        "service",
        "  a          runs    ready, health ok           heartbeat 1 s  sockets 2",
        "   |",
        "MariaDB",
        "  db1        dead",
        "  db2        runs    Synced, Primary, home      members 2",
    ]
