"""A file that a browser sends as the body: read only as far as it may be long."""

from __future__ import annotations

from fastapi import Request

from server.api.problems import Problem

JUDGED_HERE = 2**40  # as `max_body_size` of a route that reads its body by `body_of`, which knows better
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


async def body_of(request: Request, most: int) -> bytes:
    """Return the body; refuse one that is too large as soon as that is known, without keeping it."""
    too_large = Problem(413, "Too large", f"文件太大，最多 {most // 1_000_000} MB")
    said = request.headers.get("content-length", "")
    if said.isdigit() and int(said) > most:
        raise too_large
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > most:
            raise too_large
    return bytes(content)
