"""The archive of a backup: sections of a dump, cut into parts, and a manifest with the hash of each part.

Nothing of an archive lies on the disk in plain text, and an archive that is not complete has no name: a
process that is killed leaves nothing behind.
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import orjson

from service import as_typed
from service.local.whole_file import cannot_write
from service.store.admin import DeployError

MANIFEST = "manifest.json"
PART_BYTES = 16 << 20
"""Size of a part; a writer holds one in memory."""
PIECE_BYTES = 1 << 20
HEAD = "head"
"""Section with the settings of the dump's session, which each of the others needs."""
SINGLE_DUMP = "databases.sql"
"""The one part of archives that were made before 2026-11-28."""


class ArchiveWriter:
    """Writes sections into an archive as they come."""

    def __init__(self, stream: IO[bytes], made: int) -> None:
        self._archive = tarfile.open(fileobj=stream, mode="w:gz", compresslevel=3)  # noqa: SIM115
        self._made = made
        self._section = ""
        self._buffer = bytearray()
        self.hashes: dict[str, str] = {}
        """Digest of each part, by its name; the names stand in the order of the dump."""

    def begin(self, section: str) -> None:
        """End the last section, and begin another one."""
        self._flush()
        self._section = section

    def write(self, content: bytes) -> None:
        """Append to the section."""
        self._buffer += content
        while len(self._buffer) >= PART_BYTES:
            self._flush()

    def close(self, manifest: dict[str, Any]) -> None:
        """Write the manifest, and end the archive."""
        self._flush()
        content = orjson.dumps({**manifest, "files": self.hashes}, option=orjson.OPT_INDENT_2)
        self._add(MANIFEST, content)
        self._archive.close()

    def _flush(self) -> None:
        content = bytes(self._buffer[:PART_BYTES])
        del self._buffer[:PART_BYTES]
        if content:
            name = f"{len(self.hashes):06d}-{self._section}.sql"
            self.hashes[name] = hashlib.sha256(content).hexdigest()
            self._add(name, content)

    def _add(self, name: str, content: bytes) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mtime = len(content), self._made
        self._archive.addfile(entry, io.BytesIO(content))


def section_of(part: str) -> str:
    """Return the section that a part belongs to."""
    return part.partition("-")[2].removesuffix(".sql")


class Archive:
    """A complete archive, whose hashes were compared."""

    def __init__(self, path: Path) -> None:
        """Read it once. Raise DeployError for a file that is none, or that is damaged."""
        self.path = path
        hashes: dict[str, str] = {}
        content = b""
        try:
            for name, stream in self._members():
                if name == MANIFEST:
                    content = stream.read()
                else:
                    hashes[name] = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
            self.manifest: dict[str, Any] = orjson.loads(content)
            wanted: dict[str, str] = self.manifest["files"]
        except FileNotFoundError:
            raise DeployError(f"F={path}: there is no such file") from None
        except (OSError, EOFError, tarfile.TarError, ValueError, KeyError) as exc:
            raise DeployError(f"{path} is no archive that `{as_typed('backup')}` has made: {exc}") from exc
        damaged = sorted(name for name, digest in wanted.items() if hashes.get(name) != digest)
        if damaged:
            raise DeployError(f"{path} is damaged: {', '.join(damaged)} is not what the manifest says")
        self._parts = set(wanted)

    @property
    def has_sections(self) -> bool:
        """Return whether a database can be read by itself."""
        return SINGLE_DUMP not in self._parts

    def pieces(self, *sections: str) -> Iterator[bytes]:
        """Return the content of these sections, or of all, in pieces."""
        for name, stream in self._members():
            if name in self._parts and (not sections or section_of(name) in sections):
                while piece := stream.read(PIECE_BYTES):
                    yield piece

    def _members(self) -> Iterator[tuple[str, IO[bytes]]]:
        with tarfile.open(self.path, "r|*") as archive:
            for member in archive:
                if stream := archive.extractfile(member):
                    with stream:
                        yield member.name, stream


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """Return a file without a name, which gets this one when the block ends well.

    Only its owner can read it. Raise CommandError when it cannot be written.
    """
    with cannot_write(path), tempfile.TemporaryFile(dir=path.parent) as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())
        new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            _name(stream, new)
            new.replace(path)
        finally:
            new.unlink(missing_ok=True)


def _name(stream: IO[bytes], path: Path) -> None:
    """Give a name to a file that has none; copy it where the file system cannot do that."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # With a folder, Python calls linkat(), which follows the link in /proc.
        os.link(f"/proc/self/fd/{stream.fileno()}", path.name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        stream.seek(0)
        with path.open("xb") as copy:
            path.chmod(0o600)
            shutil.copyfileobj(stream, copy)
            copy.flush()
            os.fsync(copy.fileno())
    finally:
        os.close(folder)
