"""The mail outbox, its templates and translations."""
