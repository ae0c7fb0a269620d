"""Name the events of this API."""

FRAMES = {
    "created": "contact.created",
    "updated": "contact.updated",
    "deleted": "contact.deleted",
    "restored": "contact.restored",
    "purged": "contact.deleted",
}
"""Frames on /ws by the event that a shard records."""
