"""Handlers of the RPC: one module for each file in `acl/`."""
