"""Contacts and conferences for the Drumee frontend, served from MariaDB stored procedures."""

import re
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
"""This package, with its templates and translations."""


def _find_root() -> Path:
    """Return the directory that holds `acl/`, `procedures/` and `sql/`.

    In a checkout they stand beside the package. A wheel carries them inside it, as `service/data`:
    pyproject.toml (force-include) puts them there.
    """
    bundled = PACKAGE / "data"
    return bundled if bundled.is_dir() else PACKAGE.parent


ROOT = _find_root()
"""`acl/`, `procedures/` and `sql/` are read from here."""
IS_CHECKOUT = PACKAGE.parent == ROOT
"""Whether this is a checkout, whose files may be changed, rather than an installed wheel."""
WORK_DIR = ROOT if IS_CHECKOUT else Path.cwd()
"""Holds the run directory and what commands write: the checkout, or where an installed program starts."""

PROGRAM = "drumee-contacts"
"""The console command."""


def as_typed(words: str, *, is_checkout: bool = IS_CHECKOUT) -> str:
    """Return how people type a command here: `deploy ALLOW=x` is `make deploy ALLOW=x` in a checkout.

    With an installed wheel it is `drumee-contacts deploy --allow x`.
    """
    options = re.sub(r"\b([A-Z]+)=", lambda match: f"--{match[1].lower()} ", words)
    return f"make {words}" if is_checkout else f"{PROGRAM} {options}"


__version__ = "0.1.0"
"""The only copy of the version: `pyproject.toml` reads it from here."""
