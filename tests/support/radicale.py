"""Radicale, another CardDAV server, in this process: the same requests go to it and to ours."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

from radicale import config
from radicale.app import Application

from tests.support.dav import NAMESPACES, DavAnswer

USER = "alice"
BOOK = f"/{USER}/contacts/"
MAKE_BOOK = (
    f"<D:mkcol {NAMESPACES}><D:set><D:prop><D:resourcetype><D:collection/><C:addressbook/></D:resourcetype>"
    "</D:prop></D:set></D:mkcol>"
)


class OtherServer:
    """Radicale with one empty address book."""

    def __init__(self, folder: Path) -> None:
        settings = config.load()
        settings.update(
            {
                "storage": {"filesystem_folder": str(folder), "_filesystem_fsync": "False"},
                "auth": {"type": "none"},
                "logging": {"level": "critical"},
            },
            "test",
            privileged=True,
        )
        self._application = Application(settings)
        assert self.send("MKCOL", BOOK, MAKE_BOOK).status == 201

    def send(
        self, method: str, path: str, body: str = "", headers: dict[str, str] | None = None
    ) -> DavAnswer:
        """Send a request; `path` is absolute, or the name of a card, as it is decoded."""
        content, started = body.encode(), []
        pair = base64.b64encode(f"{USER}:x".encode()).decode()
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path if path.startswith("/") else BOOK + path,
            "HTTP_AUTHORIZATION": f"Basic {pair}",
            "CONTENT_LENGTH": str(len(content)),
            "CONTENT_TYPE": "text/vcard" if method == "PUT" else "application/xml",
            "wsgi.input": io.BytesIO(content),
            "wsgi.errors": io.StringIO(),
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.url_scheme": "http",
        }
        for name, value in (headers or {}).items():
            environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
        raw = b"".join(self._application(environ, lambda status, fields: started.append((status, fields))))
        ((status, fields),) = started
        return DavAnswer(int(status.split()[0]), raw, dict(fields))
