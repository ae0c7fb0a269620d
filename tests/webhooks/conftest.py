"""Nodes that deliver to this machine at once, and receivers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from yarl import URL

from service.webhooks import deliverer
from tests.support.admin import Admin
from tests.support.nodes import NodeMaker
from tests.support.receiver import Receiver, ReceiverMaker


@pytest.fixture
def no_other_webhooks(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Begin and end without webhooks, and look for due events all the time."""
    monkeypatch.setattr(deliverer, "POLL_SECONDS", 0.05)
    yield
    for table in ("webhook", "webhook_delivery"):
        admin.rows(f"DELETE FROM yp.{table}")


@pytest.fixture
async def node(make_node: NodeMaker, no_other_webhooks: None) -> URL:
    """Return the base URL of a node that may deliver to this machine."""
    return (await make_node(webhook_private="loopback")).make_url("/")


@pytest.fixture
async def make_receiver(no_other_webhooks: None) -> AsyncIterator[ReceiverMaker]:
    """Start receivers."""
    made: list[Receiver] = []

    async def make() -> Receiver:
        receiver = Receiver()
        await receiver.server.start_server()
        made.append(receiver)
        return receiver

    yield make
    for receiver in made:
        receiver.hang.set()
        await receiver.server.close()


@pytest.fixture
async def receiver(make_receiver: ReceiverMaker) -> Receiver:
    """Return one receiver."""
    return await make_receiver()
