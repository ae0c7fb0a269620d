"""The connections and the background work that the parts of a process share."""

from __future__ import annotations

from dataclasses import dataclass

from service.background import Background
from service.live.presence import Presence
from service.live.push import Pusher
from service.live.rooms import Nodes
from service.loops import Loops
from service.settings import Settings
from service.store.database import Database
from service.store.shares import Shares


@dataclass(frozen=True, slots=True)
class Resources:
    """The resources of a process, one of each."""

    settings: Settings
    db: Database
    shares: Shares
    """The places of each person in the pools of `db`."""
    pusher: Pusher
    presence: Presence
    background: Background
    loops: Loops
    nodes: Nodes
    """The details of rooms, cached."""
