"""What the service says to people, in their language.

One `service/locale/<language>.po` a language; English is in the source. A new language is one more file.
"""

from __future__ import annotations

from functools import cache
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

LOCALE = Path(__file__).with_name("locale")
DEFAULT = "en"


@cache
def texts(lang: str | None) -> NullTranslations:
    """Translations into a language such as `fr` or `fr-CA`; English for one that we do not speak."""
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
    """A language that a person asks for is never put together to a path of our disk unseen."""
    return frozenset(LOCALE.glob("*.po"))
