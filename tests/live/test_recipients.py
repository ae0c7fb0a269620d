"""Who gets an update: rows of sockets, one message for each process."""

from __future__ import annotations

from service.live.recipients import by_node


def test_a_process_gets_one_message_with_each_socket_once() -> None:
    recipients = [
        ("a", '["1"]'),
        ("b", '["2"]'),
        ("a", '["3"]'),
        ("a", '["1"]'),
        ("b", '["2"]'),
        ("a", '["5", "6"]'),
    ]
    assert list(by_node(recipients)) == [("a", '["1","3","5", "6"]'), ("b", '["2"]')]


def test_rows_of_one_process_or_of_nobody_stay_as_they_are() -> None:
    assert list(by_node([("a", '["1", "2"]')])) == [("a", '["1", "2"]')]
    assert list(by_node([])) == []
