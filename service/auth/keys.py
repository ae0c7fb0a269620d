"""API keys and app passwords: one form, told apart by their scope in the registry."""

from __future__ import annotations

import re
import secrets

KEY = re.compile(r"clk_[0-9a-f]{32}")


def new_key() -> str:
    """Return a new key, of 128 random bits."""
    return f"clk_{secrets.token_hex(16)}"
