"""Webhooks: types of events, addresses they may go to, and their delivery (docs/decisions/webhooks.md)."""
