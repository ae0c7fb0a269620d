"""Bring the databases to what `sql/` and `procedures/` say."""
