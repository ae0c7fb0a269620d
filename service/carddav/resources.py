"""The tree below /dav/: five kinds of resource, their paths and their methods."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from urllib.parse import quote, unquote_to_bytes, urlsplit

ROOT = "dav"
BOOK_NAME = "contacts"
LONGEST_NAME = 255
"""Characters in the name of a card."""


class ResourceKind(Enum):
    """A kind of resource."""

    ROOT = "root"
    PRINCIPAL = "principal"
    HOME = "home"
    BOOK = "book"
    CARD = "card"


METHODS = {
    **dict.fromkeys(ResourceKind, ("OPTIONS", "PROPFIND", "PROPPATCH", "REPORT")),
    ResourceKind.CARD: ("OPTIONS", "GET", "HEAD", "PUT", "DELETE", "PROPFIND", "PROPPATCH", "REPORT"),
}


@dataclass(frozen=True)
class Resource:
    """One resource: its kind, the user whose it is, and the name of a card."""

    kind: ResourceKind
    uid: str = ""
    name: str = ""

    @property
    def href(self) -> str:
        """The path of the resource."""
        match self.kind:
            case ResourceKind.ROOT:
                return f"/{ROOT}/"
            case ResourceKind.PRINCIPAL:
                return f"/{ROOT}/p/{self.uid}/"
            case ResourceKind.HOME:
                return f"/{ROOT}/a/{self.uid}/"
            case ResourceKind.BOOK:
                return book_href(self.uid)
        return book_href(self.uid) + quote(self.name, safe="")


def book_href(uid: str) -> str:
    """Return the path of the address book of a user."""
    return f"/{ROOT}/a/{uid}/{BOOK_NAME}/"


def find_resource(raw_path: str) -> Resource | None:
    """Return the resource of a path that is still encoded; None when the tree has no such path.

    Names are compared decoded: `%40` and `@` are one name. A slash at the end counts only after a card.
    """
    try:
        parts = [unquote_to_bytes(part).decode() for part in raw_path.split("/")]
    except UnicodeDecodeError:
        return None
    if parts[:2] != ["", ROOT]:
        return None
    is_collection = parts[-1] == ""
    match parts[2:-1] if is_collection else parts[2:]:
        case []:
            return Resource(ResourceKind.ROOT)
        case ["p", uid] if uid:
            return Resource(ResourceKind.PRINCIPAL, uid)
        case ["a", uid] if uid:
            return Resource(ResourceKind.HOME, uid)
        case ["a", uid, name] if uid and name == BOOK_NAME:
            return Resource(ResourceKind.BOOK, uid)
        case ["a", uid, book, name] if uid and book == BOOK_NAME and is_name(name) and not is_collection:
            return Resource(ResourceKind.CARD, uid, name)
    return None


def is_name(name: str) -> bool:
    """Return whether a card may have this name."""
    return (
        0 < len(name) <= LONGEST_NAME and name.isprintable() and name not in {".", ".."} and "/" not in name
    )


def find_card(href: str, uid: str) -> str | None:
    """Return the name of the card of a user that a path or a URL stands for, or None."""
    try:
        path = urlsplit(href.strip()).path
    except ValueError:
        return None
    resource = find_resource(path)
    if resource is None or resource.kind is not ResourceKind.CARD or resource.uid != uid:
        return None
    return resource.name
