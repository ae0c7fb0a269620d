"""Translate the texts of mails and pages.

Each language is a file `service/locale/<language>.po`; English is in the source.
"""

from __future__ import annotations

from functools import cache
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

from service import PACKAGE

LOCALE = PACKAGE / "locale"
DEFAULT = "en"


@cache
def texts(lang: str | None) -> NullTranslations:
    """Return the translations into a language such as `fr` or `fr-CA`; English for an unknown one."""
    path = LOCALE / f"{(lang or DEFAULT)[:2].lower()}.po"
    if path not in _catalogs():
        return NullTranslations()
    compiled = BytesIO()
    with path.open("rb") as source:
        write_mo(compiled, read_po(source))
    compiled.seek(0)
    return Translations(compiled)


@cache
def _catalogs() -> frozenset[Path]:
    """Return the paths of all translations: a language from a request must not become a path unchecked."""
    return frozenset(LOCALE.glob("*.po"))
