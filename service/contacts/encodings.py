"""Decide in which encoding a file is written, and decode its values.

A value that is UTF-8 is read as UTF-8. For all others, chardetng decides from all of them together, unless
charset_evidence.py knows better. Of 24 legacy encodings with 30 names each it is right about 24, and about
22 with five names (chardet 7.7.0: 20 and 23, charset-normalizer 3.5.2: 18 and 15, cchardet 2.4.0: 15 and 16;
tests/contacts/test_encodings.py).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from service.contacts.charset_doubt import FEW, doubt_of
from service.contacts.charset_evidence import encoding_of_names

CHUNK_BYTES = 65_536
LINE_BYTES = 4_000_000
"""Bytes of a line that are read: more than a contact may have."""
WIDE_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
SUPERSETS = {
    "shift_jis": "cp932",
    "x-sjis": "cp932",
    "euc-kr": "cp949",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "big5": "big5hkscs",
    "iso-8859-1": "cp1252",
    "latin-1": "cp1252",
    "us-ascii": "utf-8",
    "iso-8859-8-i": "iso-8859-8",
    "windows-874": "cp874",
    "windows-31j": "cp932",
    "x-gbk": "gb18030",
    "x-euc-jp": "euc_jp",
    "x-mac-roman": "mac_roman",
}
"""The encoding that programs mean when they name another one."""
MULTIBYTE = {"cp932", "cp949", "gb18030", "big5hkscs", "euc_jp", "iso2022_jp", "cp874"}
"""Encodings in which a short name may be valid UTF-8 by accident."""
SEVEN_BITS = "iso2022_jp"
"""An encoding in which all bytes are those of ASCII."""
SHIFT = re.compile(rb"\x1b\$[@B]")
"""The start of Japanese letters in it."""
NO_CHARSETS = {"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape"}
"""Codecs that are no encoding of a file. The time of some grows with the square of a text."""
FALLBACK = "cp1252"
LINE_END = re.compile(rb"[\r\n]")


def codec_of(name: str) -> str | None:
    """Return the name of the codec for an encoding; None when there is none for text."""
    try:
        codec = codecs.lookup(SUPERSETS.get(name.strip().lower(), name.strip()))
    except (LookupError, ValueError):
        return None
    # Python has codecs that are no encodings, as hex and rot13.
    return codec.name if codec._is_text_encoding and codec.name not in NO_CHARSETS else None


def wide_encoding_of(sample: bytes) -> str | None:
    """Return the name of UTF-16 or UTF-32, detected from the start of a file; None for any other."""
    for bom, name in WIDE_BOMS:
        if sample.startswith(bom):
            return name
    for start, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        if len(sample) >= 4 and sample[start::2].count(0) > len(sample) // 4:
            return name
    return None


class Decoder:
    """Decodes the values of one file. `encoding` is the one for values that are not UTF-8."""

    def __init__(self, encoding: str, utf8_first: bool = True, name: str = "") -> None:
        self.encoding = encoding
        self.doubt: dict[str, list[str]] = {}
        """Names in the two likeliest readings, by encoding, when the encoding is a guess."""
        self.name = name or encoding
        self.utf8_first = utf8_first

    @classmethod
    def of(cls, values: Iterable[bytes]) -> Decoder:
        """Return the decoder for a file with these values."""
        # here: few files need it, and each import starts a reader
        from chardetng_py import EncodingDetector

        detector = EncodingDetector()
        counts = {True: 0, False: 0}
        samples: dict[bytes, None] = {}
        for value in values:
            if value.isascii():
                continue
            valid = is_utf8(value)
            counts[valid] += 1
            if not valid:
                detector.feed(value + b"\n", last=False)
                if len(samples) <= FEW:
                    samples[value] = None
        if not counts[False]:
            return cls("utf-8")
        detector.feed(b"", last=True)
        encoding = codec_of(detector.guess(tld=None, allow_utf8=False)) or FALLBACK
        encoding = encoding_of_names(samples, encoding)
        decoder = cls(encoding, encoding not in MULTIBYTE or counts[True] > counts[False])
        decoder.doubt = doubt_of(samples, encoding)
        return decoder

    def decode(self, value: bytes, charset: str = "") -> str:
        """Return the text of a value. `charset`: the encoding that the value names itself."""
        if value.isascii() and not charset and self.encoding != SEVEN_BITS:
            return value.decode("ascii")
        for name in self._candidates(charset):
            try:
                return value.decode(name)
            except UnicodeError:
                continue
        return value.decode(self.encoding, errors="replace")

    def _candidates(self, charset: str) -> Iterator[str]:
        """Yield the encodings to try, likeliest first."""
        own = codec_of(charset) if charset else None
        if own:
            yield own
        if self.utf8_first:
            yield "utf-8"
        yield self.encoding
        yield "utf-8"
        yield FALLBACK


def is_utf8(value: bytes) -> bool:
    """Return whether bytes are valid UTF-8."""
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def is_plain(source: BinaryIO) -> bool:
    """Return whether a file is UTF-8 throughout, also within values in quoted-printable: it has none."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    tail = b""
    try:
        for chunk in chunks_of(source):
            decoder.decode(chunk)
            if b"QUOTED-PRINTABLE" in (tail + chunk).upper():
                return False
            tail = chunk[-20:]
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def is_shifted(source: BinaryIO) -> bool:
    """Return whether a file has Japanese letters in seven bits."""
    return any(SHIFT.search(chunk) for chunk in raw_chunks(source))


def raw_chunks(source: BinaryIO) -> Iterator[bytes]:
    """Yield the bytes of a file from its start."""
    source.seek(0)
    while chunk := source.read(CHUNK_BYTES):
        yield chunk


def chunks_of(source: BinaryIO) -> Iterator[bytes]:
    """Yield the bytes of a file from its start, in UTF-8 when it is UTF-16 or UTF-32."""
    decoder = None
    for number, chunk in enumerate(raw_chunks(source)):
        wide = wide_encoding_of(chunk) if number == 0 else None
        if wide:
            decoder = codecs.getincrementaldecoder(wide)(errors="replace")
        yield decoder.decode(chunk).encode(errors="replace") if decoder else chunk


def lines_of(source: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a file with their ends, from its start."""
    rest = b""
    for chunk in chunks_of(source):
        if LINE_END.search(rest[-1:] + chunk):
            *lines, rest = (rest + chunk).splitlines(keepends=True)
            yield from lines
        elif len(rest) < LINE_BYTES:
            rest += chunk
        if rest.endswith(b"\n"):
            # After \r, the other half of the end may be in the next chunk.
            yield rest
            rest = b""
    if rest:
        yield rest


def text_lines(source: BinaryIO, decoder: Decoder) -> Iterator[str]:
    """Yield the lines of a file as text, each decoded by itself."""
    for line in lines_of(source):
        yield decoder.decode(line)
