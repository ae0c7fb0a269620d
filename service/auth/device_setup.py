"""Describe a CardDAV account to a device: a configuration profile for Apple's, and a QR code for others."""

from __future__ import annotations

import plistlib
import re
import uuid
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import segno

NO_XML = re.compile("[\ufffe\uffff]")
"""Characters that no document may hold; control characters never get here."""
PROFILE_TYPE = "application/x-apple-aspen-config"


@dataclass(frozen=True, slots=True)
class CardDavAccount:
    """An account as one device gets it."""

    server: str
    """Base URL of the service; clients find the address book from there (RFC 6764)."""
    email: str
    password: str
    """An app password made for this device."""
    key_id: str
    """Its id, which makes the identifiers of the profile unique."""
    name: str
    """Name of the device."""

    @property
    def uri(self) -> str:
        """Return the account as a URI, which DAVx5 opens: `carddavs://user:password@host/`."""
        parts = urlsplit(self.server)
        scheme = "carddavs" if parts.scheme == "https" else "carddav"
        user = f"{quote(self.email, safe='')}:{quote(self.password, safe='')}"
        return f"{scheme}://{user}@{parts.netloc}{parts.path}/"

    @property
    def qr_code(self) -> str:
        """Return the URI as a QR code: the data URI of an SVG picture, dark on light."""
        return segno.make(self.uri, error="m").svg_data_uri(scale=4, border=4, light="#fff")

    def profile(self) -> bytes:
        """Return the configuration profile (.mobileconfig) for iOS and macOS."""
        parts = urlsplit(self.server)
        is_secure = parts.scheme == "https"
        organization = parts.hostname or ""
        payload = {
            "PayloadType": "com.apple.carddav.account",
            "CardDAVAccountDescription": f"Contacts ({organization})",
            "CardDAVHostName": organization,
            "CardDAVPort": parts.port or (443 if is_secure else 80),
            "CardDAVUseSSL": is_secure,
            "CardDAVUsername": self.email,
            "CardDAVPassword": self.password,
            **self._header("carddav"),
        }
        profile = {
            "PayloadType": "Configuration",
            "PayloadDisplayName": f"Contacts ({organization})",
            "PayloadDescription": f"Adds the address book of {self.email} to {NO_XML.sub('', self.name)}.",
            "PayloadOrganization": organization,
            "PayloadRemovalDisallowed": False,
            "PayloadContent": [payload],
            **self._header("profile"),
        }
        return plistlib.dumps(profile)

    def _header(self, part: str) -> dict[str, object]:
        """Return the keys that identify a part of the profile: a new profile replaces no other one."""
        host = ".".join(reversed((urlsplit(self.server).hostname or "localhost").split(".")))
        identifier = f"{host}.contacts.{self.key_id}.{part}"
        return {
            "PayloadIdentifier": identifier,
            "PayloadUUID": str(uuid.uuid5(uuid.NAMESPACE_DNS, identifier)).upper(),
            "PayloadVersion": 1,
        }
