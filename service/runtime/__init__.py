"""The context of a handler, the same for all APIs."""
