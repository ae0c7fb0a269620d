"""TLS to MariaDB: the files that a database URL names, and how the certificate of the server is checked."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from service.errors import CommandError

FULL, AUTHORITY, NOTHING = "full", "ca", "none"
LEVELS = (FULL, AUTHORITY, NOTHING)
OPTIONS = ("ssl_ca", "ssl_cert", "ssl_key", "ssl_verify")


class TLSError(CommandError):
    """An option of TLS is wrong, or a file cannot be read; the message names it."""


@dataclass(frozen=True)
class TLS:
    """The options of TLS of one URL."""

    ca: str = ""
    """File with the authorities that may sign the server's certificate; empty: those of the system."""
    cert: str = ""
    """File with our certificate, for accounts that REQUIRE X509."""
    key: str = ""
    """File with its key; empty: it is in the same file."""
    verify: str = FULL
    """full: the authority and the name of the host; ca: the authority; none."""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> TLS | None:
        """Return the options of the query of a URL; None without any. Raise TLSError."""
        options = {name.removeprefix("ssl_"): query[name] for name in OPTIONS if name in query}
        if not options:
            return None
        tls = cls(**options)
        if tls.verify not in LEVELS:
            raise TLSError(f"ssl_verify is none of {', '.join(LEVELS)}")
        if tls.key and not tls.cert:
            raise TLSError("ssl_key needs ssl_cert")
        if tls.ca and tls.verify == NOTHING:
            raise TLSError("ssl_verify=none does not look at ssl_ca: leave one of them out")
        return tls

    def context(self) -> ssl.SSLContext:
        """Return a context for one connection: files that were renewed are read again. Raise TLSError."""
        for name in ("ca", "cert", "key"):
            _check_readable(f"ssl_{name}", getattr(self, name))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = self.verify == FULL
        context.verify_mode = ssl.CERT_NONE if self.verify == NOTHING else ssl.CERT_REQUIRED
        if self.ca:
            _load(
                f"ssl_ca={self.ca} has no certificate in PEM", lambda: context.load_verify_locations(self.ca)
            )
        elif self.verify != NOTHING:
            context.load_default_certs()
        if self.cert:
            _load(
                f"ssl_cert={self.cert} and its key ({self.key or 'in the same file'}) are no pair in PEM "
                "without a passphrase",
                # an encrypted key would ask on the terminal
                lambda: context.load_cert_chain(self.cert, self.key or None, password=""),
            )
        return context

    @property
    def client_options(self) -> list[str]:
        """Return the options of mariadb and mariadb-dump."""
        named = {"--ssl-ca": self.ca, "--ssl-cert": self.cert, "--ssl-key": self.key or self.cert}
        options = ["--ssl", *(f"{option}={path}" for option, path in named.items() if path)]
        return [*options, "--ssl-verify-server-cert"] if self.verify == FULL else options


def _check_readable(name: str, path: str) -> None:
    if not path:
        return
    try:
        with Path(path).open("rb"):
            pass
    except OSError as exc:
        raise TLSError(f"{name}={path} cannot be read: {exc.strerror}") from exc


def _load(fault: str, load: Callable[[], None]) -> None:
    try:
        load()
    except (ssl.SSLError, ValueError) as exc:
        raise TLSError(fault) from exc
