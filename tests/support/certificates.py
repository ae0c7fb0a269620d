"""Certificates of an authority of our own, made by openssl."""

from __future__ import annotations

import subprocess
from pathlib import Path


def _openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)


def make_authority(folder: Path, name: str) -> None:
    """Write name.pem and name.key of an authority."""
    key, cert = folder / f"{name}.key", folder / f"{name}.pem"
    _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2",
             "-subj", f"/CN={name}")  # fmt: skip


def make_certificate(folder: Path, name: str, authority: str, places: str) -> None:
    """Write name.pem and name.key, signed by an authority, for these places (`IP:127.0.0.1`)."""
    key, request, extensions = (folder / f"{name}.{end}" for end in ("key", "csr", "ext"))
    extensions.write_text(f"subjectAltName={places}\n")
    _openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj", f"/CN={name}")
    _openssl("x509", "-req", "-in", request, "-CA", folder / f"{authority}.pem",
             "-CAkey", folder / f"{authority}.key", "-CAcreateserial", "-days", "2",
             "-extfile", extensions, "-out", folder / f"{name}.pem")  # fmt: skip
