"""The RPC: /-/svc/<module>.<method>, declared in acl/."""
