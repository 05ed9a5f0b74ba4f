"""The screens' files as a phone on a slow line gets them."""

from __future__ import annotations

import gzip

import aiohttp
import pytest

from coordinator.gateway import screens
from tests.server import InProcess


async def test_a_phone_gets_the_screens_packed_and_they_are_the_same(room: InProcess) -> None:
    """On a line of 240 kbit/s the page came in 17 s: three quarters of it was what packing takes away."""
    index, how = screens.folder() / "index.html", screens.folder().parent / "vite.config.ts"
    if not index.is_file() or index.stat().st_mtime < how.stat().st_mtime:
        pytest.skip("the screens are not built as they stand (`make screens` builds them)")
    built = [file for file in screens.folder().glob("assets/*") if file.suffix in {".js", ".css"}]
    assert built
    for file in built:
        whole = file.read_bytes()
        url = f"{room.url}/console/assets/{file.name}"
        async with aiohttp.ClientSession(auto_decompress=False) as http:
            async with http.get(url, headers={"Accept-Encoding": "gzip"}) as answer:
                packed = await answer.read()
                assert answer.headers["Content-Encoding"] == "gzip"
                assert answer.content_type in {"text/javascript", "application/javascript", "text/css"}
                assert "Accept-Encoding" in answer.headers["Vary"]
                assert "immutable" in answer.headers["Cache-Control"]
            async with http.get(url, headers={"Accept-Encoding": "identity"}) as answer:
                assert await answer.read() == whole
        assert gzip.decompress(packed) == whole
        assert len(packed) < len(whole) / 2
