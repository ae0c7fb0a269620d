"""Contacts and conferences for the Drumee frontend, served from MariaDB stored procedures."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The checkout: `acl/`, `sql/` and `procedures/` are read from here."""
