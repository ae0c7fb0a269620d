"""Sounds for a frontend whose folder has none: it opens a dialog each time that it cannot play one."""

from __future__ import annotations

import io
import math
import wave
from functools import cache

from aiohttp import hdrs, web

PATHS = ("/-/static/musics/{kind}/{name}.mp3", "/-/musics/{kind}/{name}.mp3")
"""The frontend names files of MP3; browsers go by the type of the answer."""
RATE = 8000
"""Samples a second, of eight bits."""
MIDDLE, VOLUME = 128, 40
RINGING, NOTICE = (425, 1.0, 2.0), (880, 0.2, 0.0)
"""Pitch in Hz, seconds of the tone, seconds of silence after it: the frontend repeats rings."""
TONES = {
    ("ringtones", "piano"): RINGING,
    ("dialtones", "ring-back"): RINGING,
    ("dialtones", "busy-line-std"): (425, 0.5, 0.5),
    ("dialtones", "offline-seagull"): (330, 0.5, 0.5),
    ("dialtones", "bip"): NOTICE,
    ("notifications", "owl"): (660, 0.2, 0.0),
    ("notifications", "drip"): NOTICE,
}
"""By folder and name, as the frontend asks for them."""


def add_sounds(router: web.UrlDispatcher) -> None:
    """Add the paths of the sounds."""
    for path in PATHS:
        router.add_get(path, _sound)


async def _sound(request: web.Request) -> web.Response:
    sound = TONES.get((request.match_info["kind"], request.match_info["name"]))
    if sound is None:
        raise web.HTTPNotFound
    headers = {hdrs.CACHE_CONTROL: "max-age=86400"}
    return web.Response(body=tone(*sound), content_type="audio/wav", headers=headers)


@cache
def tone(pitch: int, seconds: float, pause: float) -> bytes:
    """Return a WAV file of one tone, with a pause after it."""
    wave_of_one = (math.sin(2 * math.pi * pitch * sample / RATE) for sample in range(int(seconds * RATE)))
    samples = bytes(MIDDLE + round(VOLUME * height) for height in wave_of_one)
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(1)
        writer.setframerate(RATE)
        writer.writeframes(samples + bytes([MIDDLE]) * int(pause * RATE))
    return file.getvalue()
