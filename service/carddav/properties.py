"""The properties of resources: their values, PROPFIND's request for them, and its answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from xml.etree.ElementTree import Element

from service.auth.session import Caller
from service.carddav.errors import bad_xml, dav_error
from service.carddav.filters import COLLATIONS, VERSIONS, AddressData
from service.carddav.incoming import MAX_BYTES
from service.carddav.resources import Resource, ResourceKind
from service.carddav.xml import calendar_server, carddav, dav, element, text

SYNC_PREFIX = "urn:x-drumee:sync-2:"
"""Tokens are URIs (RFC 6578, 3.2), one for each book: that of another user is none. 2: with groups."""
SYNC_STATE = re.compile(r"(\d{1,18})(?::(\d{1,18}))?", re.ASCII)
MOST_NAMES = 200
MOST_CHARACTERS = 20_000
"""Of the names of properties in a request: the answer repeats them for each card."""
CARD_TYPE = "text/vcard; charset=utf-8"
READ = ("read", "read-current-user-privilege-set")
WRITE = ("write", "write-properties", "write-content", "bind", "unbind")
OF_CARDS = (carddav("addressbook-query"), carddav("addressbook-multiget"))
REPORTS = {ResourceKind.BOOK: (*OF_CARDS, dav("sync-collection")), ResourceKind.CARD: OF_CARDS}


@dataclass(frozen=True)
class View:
    """A resource as an answer shows it."""

    resource: Resource
    caller: Caller
    token: int | None = None
    """State of the address book, when a property needs it."""
    etag: str = ""
    card: str | None = None
    """Text of a card, when a property needs it."""

    @property
    def kind(self) -> ResourceKind:
        """The kind of the resource."""
        return self.resource.kind


@dataclass(frozen=True)
class Wanted:
    """The properties that a request asks for."""

    names: Sequence[str]
    address_data: AddressData | None = None
    only_names: bool = False
    """Whether the values stay out."""
    skips_unknown: bool = False
    """Whether properties without a value are left out instead of named with 404."""

    @property
    def needs_token(self) -> bool:
        """Whether one of them is the state of the address book."""
        return not TOKENS.isdisjoint(self.names)

    @cached_property
    def unknown(self) -> str:
        """The elements of properties that no resource has, made once for all resources of an answer."""
        return "".join(element(name) for name in self.names if name not in PROPERTIES)


TOKENS = {dav("sync-token"), calendar_server("getctag")}


def sync_token(uid: str, token: int, start: int = 0) -> str:
    """Return the URI of a state of the address book of a user.

    `start`: revision at which a first synchronisation began that has not ended.
    """
    return f"{SYNC_PREFIX}{uid}:{token}" + (f":{start}" if start else "")


def read_sync_token(uri: str, uid: str) -> tuple[int, int] | None:
    """Return (token, start) of a URI; None when it is not one of this user."""
    prefix = f"{SYNC_PREFIX}{uid}:"
    match = SYNC_STATE.fullmatch(uri, len(prefix)) if uri.startswith(prefix) else None
    return (int(match[1]), int(match[2] or 0)) if match else None


def href(path: str) -> str:
    """Return the element of a path."""
    return f"<D:href>{text(path)}</D:href>"


def status(code: int) -> str:
    """Return the element of a status."""
    return f"<D:status>HTTP/1.1 {code} {HTTPStatus(code).phrase}</D:status>"


def _resource_type(view: View) -> str:
    types = {
        ResourceKind.PRINCIPAL: "<D:collection/><D:principal/>",
        ResourceKind.BOOK: "<D:collection/><C:addressbook/>",
        ResourceKind.CARD: "",
    }
    return types.get(view.kind, "<D:collection/>")


def _display_name(view: View) -> str | None:
    names = {
        ResourceKind.ROOT: "Address books",
        ResourceKind.PRINCIPAL: view.caller.public_name or view.caller.email or "",
        ResourceKind.HOME: "Address books",
        ResourceKind.BOOK: "Contacts",
    }
    return text(names[view.kind]) if view.kind in names else None


def _principal(view: View) -> str:
    return href(Resource(ResourceKind.PRINCIPAL, view.caller.uid).href)


def _home(view: View) -> str:
    return href(Resource(ResourceKind.HOME, view.caller.uid).href)


def _privileges(view: View) -> str:
    is_writable = view.kind in {ResourceKind.BOOK, ResourceKind.CARD}
    names = (*READ, *WRITE) if is_writable else READ
    return "".join(f"<D:privilege><D:{name}/></D:privilege>" for name in names)


def _reports(view: View) -> str:
    names = REPORTS.get(view.kind, ())
    return "".join(
        f"<D:supported-report><D:report>{element(name)}</D:report></D:supported-report>" for name in names
    )


def _only(kind: ResourceKind, value: str) -> Callable[[View], str | None]:
    """Return the function of a property that resources of one kind have, always with this value."""
    return lambda view: value if view.kind is kind else None


def _token(view: View) -> str | None:
    return None if view.token is None else sync_token(view.caller.uid, view.token)


def _etag(view: View) -> str | None:
    return text(view.etag) or None


def _card_length(view: View) -> str | None:
    return None if view.card is None else str(len(view.card.encode()))


def _card(view: View) -> str | None:
    return None if view.card is None else text(view.card)


ADDRESS_TYPES = "".join(
    f'<C:address-data-type content-type="text/vcard" version="{version}"/>' for version in VERSIONS
)
COLLATION_NAMES = "".join(
    f"<C:supported-collation>{name}</C:supported-collation>" for name in COLLATIONS if name != "default"
)
PROPERTIES: dict[str, Callable[[View], str | None]] = {
    dav("resourcetype"): _resource_type,
    dav("displayname"): _display_name,
    dav("getetag"): _etag,
    dav("getcontenttype"): _only(ResourceKind.CARD, CARD_TYPE),
    dav("getcontentlength"): _card_length,
    dav("owner"): _principal,
    dav("current-user-principal"): _principal,
    dav("principal-URL"): _principal,
    dav("principal-collection-set"): lambda view: href(Resource(ResourceKind.ROOT).href),
    dav("current-user-privilege-set"): _privileges,
    dav("supported-report-set"): _reports,
    dav("sync-token"): _token,
    calendar_server("getctag"): _token,
    carddav("addressbook-home-set"): _home,
    carddav("max-resource-size"): _only(ResourceKind.BOOK, str(MAX_BYTES)),
    carddav("supported-address-data"): _only(ResourceKind.BOOK, ADDRESS_TYPES),
    carddav("supported-collation-set"): _only(ResourceKind.BOOK, COLLATION_NAMES),
    carddav("address-data"): _card,
}
"""A function for each property: returns its value as XML, or None when a resource does not have it."""
OF_ALLPROP = (
    dav("resourcetype"), dav("displayname"), dav("getetag"), dav("getcontenttype"), dav("sync-token"),
    calendar_server("getctag"),
)  # fmt: skip
"""The properties of allprop: RFC 6352 and 3744 keep theirs out of it."""
NAMES = tuple(name for name in PROPERTIES if name != carddav("address-data"))


def read_propfind(root: Element | None) -> Wanted:
    """Return what a PROPFIND asks for: without a body, all properties."""
    if root is None:
        return Wanted(OF_ALLPROP, skips_unknown=True)
    kinds = [each.tag for each in root if each.tag in {dav("prop"), dav("propname"), dav("allprop")}]
    if root.tag != dav("propfind") or len(kinds) != 1:
        raise bad_xml()
    if root.find(dav("propname")) is not None:
        return Wanted(NAMES, only_names=True, skips_unknown=True)
    if root.find(dav("allprop")) is not None:
        include = root.find(dav("include"))
        more = [] if include is None else names_of([include])
        return Wanted((*OF_ALLPROP, *more), skips_unknown=True)
    return Wanted(names_of(root.findall(dav("prop"))))


def names_of(props: Iterable[Element]) -> list[str]:
    """Return the names in lists of properties, each once; RequestError 400 when they are too many."""
    names = list(dict.fromkeys(each.tag for prop in props for each in prop))
    if len(names) > MOST_NAMES or sum(map(len, names)) > MOST_CHARACTERS:
        raise dav_error(400, "TOO_MANY_PROPERTIES", f"A request names at most {MOST_NAMES} properties")
    return names


def response(view: View, wanted: Wanted, path: str = "") -> str:
    """Return the response element of a resource; `path` is the one that the request has named it by."""
    values, missing = [], [wanted.unknown] if wanted.unknown else []
    for name in wanted.names:
        if name not in PROPERTIES:
            continue
        value = PROPERTIES[name](view)
        if value is None:
            missing.append(element(name))
        else:
            values.append(element(name, "" if wanted.only_names else value))
    stats = [_propstat(values, 200)] if values or wanted.skips_unknown or not missing else []
    if missing and not wanted.skips_unknown:
        stats.append(_propstat(missing, 404))
    return f"<D:response>{href(path or view.resource.href)}{''.join(stats)}</D:response>\n"


def _propstat(elements: Iterable[str], code: int) -> str:
    return f"<D:propstat><D:prop>{''.join(elements)}</D:prop>{status(code)}</D:propstat>"


def status_response(path: str, code: int, condition: str = "") -> str:
    """Return the response element of a resource that has a status instead of properties."""
    error = f"<D:error>{element(condition)}</D:error>" if condition else ""
    return f"<D:response>{href(path)}{status(code)}{error}</D:response>\n"


def refused_patch(root: Element, resource: Resource) -> str:
    """Return the response of a PROPPATCH: no property of ours can be changed, so none is (RFC 4918, 9.2)."""
    if root.tag != dav("propertyupdate"):
        raise bad_xml()
    actions = [each for each in root if each.tag in {dav("set"), dav("remove")}]
    names = names_of(prop for action in actions for prop in action.findall(dav("prop")))
    if not names:
        raise bad_xml()
    stat = (
        f"<D:propstat><D:prop>{''.join(map(element, names))}</D:prop>{status(403)}"
        f"<D:error>{element(dav('cannot-modify-protected-property'))}</D:error></D:propstat>"
    )
    return f"<D:response>{href(resource.href)}{stat}</D:response>\n"
