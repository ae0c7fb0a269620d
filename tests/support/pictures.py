"""First bytes of pictures, and of files that are not pictures."""

from __future__ import annotations

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20

JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 20

GIF = b"GIF89a" + b"\0" * 20

WEBP = b"RIFF\x10\0\0\0WEBPVP8 " + b"\0" * 20

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'

HTML = b"<!doctype html><script>alert(1)</script>"
