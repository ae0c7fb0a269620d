"""Read the contacts of a Google account with OAuth 2 (PKCE) and the People API. No token is stored."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client

from service.contacts.cleaning import clean
from service.contacts.vocabulary import split_number
from service.errors import RequestError
from service.settings import Settings

SCOPE = "https://www.googleapis.com/auth/contacts.readonly"
FIELDS = (
    "names,nicknames,emailAddresses,phoneNumbers,addresses,biographies,organizations,"
    "birthdays,events,imClients,relations,urls"
)
PAGE = 1000
PAGES = 25
"""An account has at most 25,000 contacts."""
TIMEOUT_SECONDS = 20.0


def redirect_uri(settings: Settings) -> str:
    """Return the URL to which Google sends the browser back."""
    return f"{settings.base_url}/-/svc/butler.google_callback"


@asynccontextmanager
async def client(settings: Settings) -> AsyncIterator[Any]:
    """Lend an OAuth client; RequestError 412 without credentials in the settings."""
    if not (settings.google_client_id and settings.google_client_secret):
        raise RequestError(412, "GOOGLE_NOT_CONFIGURED", "this site has no credentials for Google")
    oauth_client = AsyncOAuth2Client(
        settings.google_client_id,
        settings.google_client_secret,
        scope=SCOPE,
        redirect_uri=redirect_uri(settings),
        code_challenge_method="S256",
        timeout=TIMEOUT_SECONDS,
    )
    async with oauth_client:
        yield oauth_client


async def authorization_url(settings: Settings, state: str, verifier: str) -> str:
    """Return the URL where the user grants access."""
    async with client(settings) as google:
        url, _ = google.create_authorization_url(
            settings.google_auth_url, state=state, code_verifier=verifier
        )
    return str(url)


async def contacts(settings: Settings, code: str, verifier: str) -> list[dict[str, Any]]:
    """Return all contacts of the account, cleaned; RequestError 502 when Google fails."""
    result: list[dict[str, Any]] = []
    try:
        async with client(settings) as google:
            await google.fetch_token(settings.google_token_url, code=code, code_verifier=verifier)
            page = ""
            for _ in range(PAGES):
                params = {"personFields": FIELDS, "pageSize": PAGE, **({"pageToken": page} if page else {})}
                answer = await google.get(settings.google_people_url, params=params)
                answer.raise_for_status()
                body = answer.json()
                result += [clean(_contact(person)) for person in body.get("connections", [])]
                page = body.get("nextPageToken", "")
                if not page:
                    break
    except (OAuthError, httpx2.HTTPError, ValueError) as exc:
        raise RequestError(
            502, "GOOGLE_FAILED", f"Google did not give the contacts ({type(exc).__name__})", protocol=False
        ) from exc
    return result


def _contact(person: Mapping[str, Any]) -> dict[str, Any]:
    """Return a contact from a person of the People API."""
    name: dict[str, Any] = next(iter(person.get("names", [])), {})
    nickname: dict[str, Any] = next(iter(person.get("nicknames", [])), {})
    work: dict[str, Any] = next(iter(person.get("organizations", [])), {})
    return {
        "company": work.get("name", ""),
        "job_title": work.get("title", ""),
        "firstname": name.get("givenName", ""),
        "lastname": name.get("familyName", ""),
        "surname": nickname.get("value", ""),
        "comment": next((b.get("value", "") for b in person.get("biographies", [])), ""),
        "email": [{"email": e.get("value", ""), **_kind(e)} for e in person.get("emailAddresses", [])],
        "mobile": [{**split_number(p.get("value", "")), **_kind(p)} for p in person.get("phoneNumbers", [])],
        "address": [
            {
                "street": a.get("streetAddress", ""),
                "city": a.get("city", ""),
                "state": a.get("region", ""),
                "postal_code": a.get("postalCode", ""),
                "country": a.get("country", ""),
                **_kind(a),
            }
            for a in person.get("addresses", [])
        ],
        "extra": _extra(person, name, work),
    }


def _extra(person: Mapping[str, Any], name: Mapping[str, Any], work: Mapping[str, Any]) -> dict[str, Any]:
    """Return what no column holds, under the names of vCard properties."""
    entries = [
        ("middle_name", name.get("middleName"), None),
        ("prefix", name.get("honorificPrefix"), None),
        ("suffix", name.get("honorificSuffix"), None),
        ("department", work.get("department"), None),
        *(("org", o.get("name"), None) for o in person.get("organizations", [])[1:]),
        *(("bday", _date(b) or b.get("text"), None) for b in person.get("birthdays", [])),
        *((_event(e), _date(e), e.get("formattedType")) for e in person.get("events", [])),
        *(("url", u.get("value"), u.get("formattedType")) for u in person.get("urls", [])),
        *(("impp", i.get("username"), i.get("formattedProtocol")) for i in person.get("imClients", [])),
        *(("related", r.get("person"), r.get("formattedType")) for r in person.get("relations", [])),
    ]
    extra: dict[str, Any] = {}
    for key, value, label in entries:
        if value:
            extra.setdefault(key, []).append({"value": value, **({"label": label} if label else {})})
    return extra


def _event(event: Mapping[str, Any]) -> str:
    return "anniversary" if event.get("type") == "anniversary" else "x-abdate"


def _date(entry: Mapping[str, Any]) -> str:
    """Return the date of an entry as vCard 4.0 writes it, also one without its year; "" for none."""
    date = entry.get("date") or {}
    if not (date.get("month") and date.get("day")):
        return ""
    month, day = int(date["month"]), int(date["day"])
    return f"{int(date['year']):04}-{month:02}-{day:02}" if date.get("year") else f"--{month:02}{day:02}"


def _kind(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return category and is_default of an entry."""
    primary = (entry.get("metadata") or {}).get("primary")
    return {"category": "prof" if entry.get("type") == "work" else "priv", "is_default": int(bool(primary))}
