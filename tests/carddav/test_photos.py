"""Pictures of phones: every form in which they come, and what is no picture."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image

from service.carddav.photos import small_jpeg, with_photo_in_one_line, with_small_photo
from service.contacts.card_lines import cut_cards
from service.contacts.encodings import Decoder, lines_of
from service.contacts.values import values_of
from service.contacts.whole_cards import picture_of


def noise(format_: str = "JPEG", orientation: int = 1) -> bytes:
    """Return a picture of more than a megabyte, lying."""
    image = Image.effect_noise((2000, 1500), 100).convert("RGB")
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(out, format_, quality=95, exif=exif)
    return out.getvalue()


def folded(line: str) -> bytes:
    """Return a line as programs fold it."""
    return "\r\n ".join(line[i : i + 74] for i in range(0, len(line), 74)).encode()


@pytest.mark.parametrize(
    "head",
    [
        "PHOTO;ENCODING=b;TYPE=JPEG:",
        "item1.PHOTO;TYPE=JPEG;ENCODING=BASE64:",
        "PHOTO:data:image/jpeg;base64,",
        "PHOTO;VALUE=URI:data:image/jpeg;base64\\,",
        "PHOTO;VALUE=uri:",
    ],
)
def test_a_large_picture_is_stored_small_in_whatever_form_it_comes(head: str) -> None:
    line = folded(head + base64.b64encode(noise()).decode())
    body = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:A\r\n" + line + b"\r\nNOTE:after\r\nEND:VCARD\r\n"
    small = with_small_photo(body)
    (card,) = cut_cards(lines_of(io.BytesIO(small)))
    values = values_of(card, Decoder("utf-8"))
    picture, reason = picture_of(values)
    assert picture is not None, reason
    with Image.open(io.BytesIO(base64.b64decode(picture.content))) as image:
        assert (image.format, image.size) == ("JPEG", (512, 384))
    assert values.first("NOTE") == "after"


@pytest.mark.parametrize("fold", ["\r\n ", "\r\n\t", "\n ", "\n\t"])
def test_only_the_picture_of_a_card_is_put_into_one_line(fold: str) -> None:
    head = f"BEGIN:VCARD\r\nNOTE:PHOTO{fold}folded\r\nitem1.photo;ENCODING=b:"
    tail = f"\r\nX-PHOTO:{fold}x\r\nNOTE:{fold}PHOTO:{fold}a\r\nEND:VCARD\r\n"
    body = f"{head}{fold}AAAA{fold}BBBB{fold}{tail}".encode()
    assert with_photo_in_one_line(body) == f"{head}AAAABBBB{tail}".encode()


def test_a_picture_is_turned_upright() -> None:
    small = small_jpeg(noise(orientation=6))
    assert small is not None
    with Image.open(io.BytesIO(small)) as image:
        assert image.size == (384, 512)


@pytest.mark.parametrize("content", [b"", b"no picture", noise()[:1000], b"\x89PNG\r\n\x1a\n" + b"\0" * 100])
def test_what_is_no_picture_is_none(content: bytes) -> None:
    assert small_jpeg(content) is None


@pytest.mark.parametrize(
    ("format_", "width"), [("PNG", 5001), ("WEBP", 5001), ("GIF", 5001), ("JPEG", 20_000)]
)
def test_a_picture_that_needs_too_much_memory_is_none(format_: str, width: int) -> None:
    out = io.BytesIO()
    Image.new("L", (width, 4000)).save(out, format_)
    assert small_jpeg(out.getvalue()) is None


def test_a_progressive_jpeg_is_bounded_as_other_kinds_are() -> None:
    kinds = {}
    for is_progressive in (False, True):
        out = io.BytesIO()
        Image.new("L", (5001, 4000)).save(out, "JPEG", progressive=is_progressive)
        kinds[is_progressive] = small_jpeg(out.getvalue()) is not None
    assert kinds == {False: True, True: False}


@pytest.mark.parametrize("format_", ["TIFF", "BMP", "TGA", "PPM", "ICO", "PCX"])
def test_a_kind_of_picture_that_no_phone_sends_is_none(format_: str) -> None:
    out = io.BytesIO()
    Image.new("RGB", (200, 100)).save(out, format_)
    assert small_jpeg(out.getvalue()) is None


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_pictures_of_every_mode_become_small(mode: str) -> None:
    out = io.BytesIO()
    Image.new("RGB", (1000, 600), "red").convert(mode).save(out, "JPEG" if mode == "CMYK" else "PNG")
    small = small_jpeg(out.getvalue())
    assert small is not None
    with Image.open(io.BytesIO(small)) as image:
        assert (image.mode, image.size) == ("RGB", (512, 307))


def test_a_card_whose_picture_can_be_stored_stays_the_same_object() -> None:
    body = b"BEGIN:VCARD\r\nFN:A\r\nPHOTO;ENCODING=b:R0lGODlh\r\nEND:VCARD\r\n"
    assert with_small_photo(body) is body
    long = body.replace(b"FN:A", b"NOTE:" + b"x" * 1_100_000)
    assert with_small_photo(long) is long
