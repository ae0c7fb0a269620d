"""Commands that work on the files of a checkout."""

from service import IS_CHECKOUT, ROOT
from service.errors import CommandError


def require_checkout(command: str) -> None:
    """Refuse a command that an installed wheel cannot carry out: it has no files to change or to measure."""
    if not IS_CHECKOUT:
        raise CommandError(
            f"{command} works on a checkout of the project; this program is installed in {ROOT.parent}. "
            "Clone the repository to use it."
        )
